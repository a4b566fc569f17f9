"""What the transport does when RabbitMQ or the network misbehaves, and what it says about it."""

from __future__ import annotations

import secrets
import socket
from collections.abc import Iterator
from functools import reduce
from time import monotonic, sleep

import pika.data
import pytest
from pika import BasicProperties, BlockingConnection, URLParameters

from engine.errors import ConfigError, TransientError
from engine.transports import Delivery, OutboundMessage, Publisher
from engine.transports.amqp import AmqpConsumer, AmqpPublisher
from tests.support.private_broker import PrivateBroker
from tests.support.tcp_proxy import TcpProxy
from tests.support.transport_worlds import RabbitWorld, States, message, outcomes

pytestmark = pytest.mark.broker

# No figure of speed: it only tells a wait with an end from one without.
NEVER = 60.0


@pytest.fixture
def rabbit(broker: PrivateBroker) -> Iterator[RabbitWorld]:
    world = RabbitWorld(broker)
    yield world
    world.close()


def collect(consumer: AmqpConsumer, count: int, seconds: float = NEVER) -> list[Delivery]:
    """Take and ack until ``count`` different messages have come."""
    deadline = monotonic() + seconds
    found: dict[str, Delivery] = {}
    while len(found) < count:
        assert monotonic() < deadline, f"only {len(found)} of {count} came"
        batch = consumer.next_batch(50, 0.2)
        found |= {delivery.message_id: delivery for delivery in batch}
        consumer.ack(batch)
    return list(found.values())


def publish_until(publisher: Publisher, queue: str, outcome: str) -> None:
    """Publish one message after the other until one comes back so."""
    deadline = monotonic() + NEVER
    while outcomes(publisher.publish([message(queue, b"1")])) != [("1", outcome)]:
        assert monotonic() < deadline, f"no {outcome}"


# --- accounts and addresses ------------------------------------------------------------------------


def test_a_wrong_password_is_told_and_not_repeated(broker: PrivateBroker) -> None:
    """The operator reads that the password is wrong, and nobody reads which one it was."""
    with pytest.raises(ConfigError) as caught:
        AmqpPublisher(broker.url_of("guest", "s3cret")).open()

    assert f"127.0.0.1:{broker.port}" in str(caught.value)
    assert "does not accept this user name and password (ACCESS_REFUSED)" in str(caught.value)
    assert "s3cret" not in str(caught.value)


def test_a_missing_virtual_host_is_told(broker: PrivateBroker) -> None:
    """A misspelt virtual host is told apart from a wrong password."""
    with pytest.raises(ConfigError, match="vhost nowhere not found"):
        AmqpPublisher(broker.url_of("guest", "guest", "nowhere")).open()


def test_tls_to_a_port_without_tls_is_told(broker: PrivateBroker) -> None:
    """An amqps URL on the plain port is a wrong address, not a broker that is away."""
    with pytest.raises(ConfigError, match="does this port speak TLS at all"):
        AmqpPublisher(broker.url.replace("amqp:", "amqps:")).open()


@pytest.mark.parametrize(
    "url",
    [
        "http://localhost/",
        "amqp://",
        "amqp://user:p@ss/w0rd@localhost:5672/",
        "amqp://localhost:port/",
        "amqp://h/%2F?heartbeat=x",
        "amqp://user:w0rd@one:5672,two:port/",
        "amqp://user:w0rd@one:5672,/",
    ],
)
def test_what_is_no_amqp_url_is_told_without_quoting_it(url: str) -> None:
    """A URL with a mistake in it still holds a password."""
    with pytest.raises(ConfigError, match="not a usable AMQP URL") as caught:
        AmqpConsumer(url, ["queue"])

    assert "w0rd" not in str(caught.value)


def test_a_broker_that_is_away_is_worth_waiting_for() -> None:
    """Nobody listening is no configuration error: the broker may be starting."""
    with socket.create_server(("127.0.0.1", 0)) as unused:
        port = unused.getsockname()[1]
    states = States()
    started = monotonic()

    with pytest.raises(TransientError, match="Connection refused"):
        AmqpPublisher(f"amqp://127.0.0.1:{port}/", open_timeout_seconds=1.0, on_state=states).open()

    assert monotonic() - started < NEVER
    assert states.names == ["connecting", "lost", "closed"]


def test_a_server_that_never_answers_is_given_up_in_time() -> None:
    """A firewall that swallows everything does not keep the engine from saying so."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        publisher = AmqpPublisher(f"amqp://127.0.0.1:{silent.getsockname()[1]}/", open_timeout_seconds=1.0)
        started = monotonic()

        with pytest.raises(TransientError):
            publisher.open()

    assert monotonic() - started < NEVER


def test_of_several_hosts_any_that_is_well_will_do(broker: PrivateBroker) -> None:
    """Neither a node that is down nor one that swallows everything keeps the engine from the others."""
    with socket.create_server(("127.0.0.1", 0)) as unused:
        down = unused.getsockname()[1]
    with socket.create_server(("127.0.0.1", 0)) as silent:
        hosts = f"127.0.0.1:{down},127.0.0.1:{silent.getsockname()[1]},127.0.0.1:{broker.port}"
        url = f"amqp://guest:guest@{hosts}/"
        for _ in range(4):  # the first to be tried is drawn by lot
            states = States()
            publisher = AmqpPublisher(url, open_timeout_seconds=NEVER, on_state=states)
            publisher.open()
            publisher.close()

            assert states.seen[0] == ("connecting", f"amqp broker {hosts.replace(',', ', ')}, virtual host /")
            assert states.wait_for("open") == f"amqp broker 127.0.0.1:{broker.port}, virtual host /"
            assert "guest" not in str(states.seen)


def test_a_lost_host_is_named_and_the_next_one_taken(broker: PrivateBroker) -> None:
    """When a node dies the engine goes on with another one at once, and the log says which one it was."""
    with TcpProxy(broker.port) as one, TcpProxy(broker.port) as other:
        states = States()
        url = f"amqp://guest:guest@127.0.0.1:{one.port},127.0.0.1:{other.port}/"
        publisher = AmqpPublisher(url, on_state=states)
        publisher.open()
        first, second = (one, other) if f":{one.port}," in states.wait_for("open") else (other, one)
        first.reset()

        assert states.wait_for("lost").startswith(f"127.0.0.1:{first.port}: ")
        assert f":{second.port}," in states.wait_for("open", count=2)
        publisher.close()


# --- the network -----------------------------------------------------------------------------------


def test_resets_under_load_lose_nothing(broker: PrivateBroker, rabbit: RabbitWorld) -> None:
    """A network that cuts connections again and again delays messages and loses none, in either direction."""
    queue = rabbit.queue()
    with TcpProxy(broker.port) as proxy:
        publisher = AmqpPublisher(proxy.url(broker.url))
        consumer = AmqpConsumer(proxy.url(broker.url), [queue], prefetch=50)
        publisher.open()
        consumer.open()
        outbox = {f"{number}": message(queue, b"%d" % number) for number in range(2000)}
        received: set[str] = set()
        deadline = monotonic() + 60.0
        for cut in range(1000):
            if not outbox and len(received) == 2000:
                break
            assert monotonic() < deadline
            pending = list(outbox.values())[:300]
            if cut in (1, 3, 5):
                proxy.reset()
            for receipt in publisher.publish(pending):
                if receipt.outcome == "confirmed":
                    del outbox[receipt.message_id]
            for _ in range(5):
                batch = consumer.next_batch(100, 0.05)
                if cut in (2, 4):
                    proxy.reset()
                received |= {delivery.message_id for delivery in batch}
                consumer.ack(batch)
        consumer.close()
        publisher.close()

    assert outbox == {}
    assert received == {str(number) for number in range(2000)}


def test_a_connection_that_swallows_everything_is_given_up_for_a_new_one(
    broker: PrivateBroker, rabbit: RabbitWorld
) -> None:
    """Confirms that do not come have a deadline of ours: the half-open connection is not waited for."""
    queue = rabbit.queue()
    states = States()
    with TcpProxy(broker.port) as proxy:
        publisher = AmqpPublisher(proxy.url(broker.url), confirm_timeout_seconds=1.0, on_state=states)
        publisher.open()
        proxy.swallow(on=True)
        started = monotonic()
        lost = publisher.publish([message(queue, b"1"), message(queue, b"2")])
        took = monotonic() - started
        proxy.swallow(on=False)
        states.wait_for("open", count=2)
        sent = publisher.publish([message(queue, b"1")])
        publisher.close()

    assert outcomes(lost) == [("1", "lost"), ("2", "lost")]
    assert took < NEVER
    assert states.wait_for("lost") == "no confirm in time"
    assert outcomes(sent) == [("1", "confirmed")]


def test_close_is_quick_although_the_broker_does_not_answer(
    broker: PrivateBroker, rabbit: RabbitWorld
) -> None:
    """SIGTERM is answered in time whatever state the network is in."""
    queue = rabbit.queue()
    with TcpProxy(broker.port) as proxy:
        publisher = AmqpPublisher(proxy.url(broker.url))
        consumer = AmqpConsumer(proxy.url(broker.url), [queue])
        publisher.open()
        consumer.open()
        proxy.swallow(on=True)

        started = monotonic()
        consumer.close()
        first = monotonic() - started
        publisher.close()
        second = monotonic() - started - first

    assert first < NEVER
    assert second < NEVER


def test_close_is_quick_in_an_alarm(rabbit: RabbitWorld) -> None:
    """A broker that reads nothing from us any more does not hold up our end."""
    queue = rabbit.queue()
    states = States()
    publisher = rabbit.publisher(confirm_timeout_seconds=0.5, on_state=states)
    consumer = rabbit.consumer(queue)
    rabbit.block()
    publisher.publish([message(queue, b"1")])
    states.wait_for("blocked")

    started = monotonic()
    publisher.close()
    consumer.close()

    assert monotonic() - started < NEVER


def test_a_queue_whose_limit_is_lifted_takes_messages_again(rabbit: RabbitWorld) -> None:
    """The broker refuses for ever on a channel on which it has once refused: there must be another one."""
    queue = rabbit.queue()
    states = States()
    publisher = rabbit.publisher(on_state=states)
    rabbit.broker.ctl("set_policy", "full", f"^{queue}$", '{"max-length": 1, "overflow": "reject-publish"}')
    publish_until(publisher, queue, "nacked")
    rabbit.broker.ctl("clear_policy", "full")
    publish_until(publisher, queue, "confirmed")

    assert states.names == ["connecting", "open"]


def test_the_feed_goes_on_in_an_alarm(rabbit: RabbitWorld) -> None:
    """While the broker takes no alerts it still hands out results, and takes their acks."""
    queue, alerts = rabbit.queue(), rabbit.queue()
    rabbit.fill(queue, *(b"%d" % number for number in range(500)))
    publisher = rabbit.publisher(confirm_timeout_seconds=0.5)
    consumer = AmqpConsumer(rabbit.broker.url, [queue], prefetch=20)
    consumer.open()
    rabbit.block()
    held = publisher.publish([message(alerts, b"alert")])
    found = collect(consumer, 500)
    consumer.close()

    assert outcomes(held) == [("alert", "lost")]
    assert [delivery.body for delivery in found] == [b"%d" % number for number in range(500)]
    rabbit.wait_for_depth(queue, 0)


# --- the broker itself -----------------------------------------------------------------------------


def test_a_broker_killed_and_started_again_loses_nothing_that_it_confirmed() -> None:
    """After a power cut the engine finds its way back by itself, and what was confirmed is there."""
    with PrivateBroker() as broker:
        rabbit = RabbitWorld(broker)
        queue = rabbit.queue()
        consumer_states, publisher_states = States(), States()
        consumer = AmqpConsumer(broker.url, [queue], on_state=consumer_states)
        publisher = AmqpPublisher(broker.url, confirm_timeout_seconds=1.0, on_state=publisher_states)
        consumer.open()
        publisher.open()
        before = publisher.publish([message(queue, b"%d" % number) for number in range(200)])
        unacked = consumer.next_batch(10, 10.0)
        assert unacked

        # a quorum queue younger than this may come back from a kill unusable: Ra writes its name late
        sleep(1.5)
        broker.kill9()
        during = publisher.publish([message(queue, b"200")])
        consumer_states.wait_for("lost")
        assert consumer.next_batch(10, 0.1) == []
        broker.start()
        consumer_states.wait_for("open", count=2)
        publisher_states.wait_for("open", count=2)
        after = publisher.publish([message(queue, b"200")])
        found = collect(consumer, 201)
        consumer.close()
        publisher.close()

    assert {str(receipt.outcome) for receipt in before + after} == {"confirmed"}
    assert outcomes(during) == [("200", "lost")]
    assert {delivery.message_id for delivery in found} == {str(number) for number in range(201)}


@pytest.mark.parametrize(
    "value",
    [
        b"T" + (1_700_000_000_000).to_bytes(8),
        reduce(lambda inner, _: b"A" + len(inner).to_bytes(4) + inner, range(5000), b"V"),
    ],
    ids=["a time in milliseconds", "lists in lists"],
)
def test_a_header_that_the_library_cannot_read_does_not_stop_the_feed(
    rabbit: RabbitWorld, monkeypatch: pytest.MonkeyPatch, value: bytes
) -> None:
    """Reading it ended the connection, again and again, and nothing behind that message ever came."""
    queue = rabbit.queue()
    rabbit.fill(queue, b"before")
    with monkeypatch.context() as patched, BlockingConnection(URLParameters(rabbit.broker.url)) as sender:
        patched.setattr(pika.data, "encode_value", lambda pieces, _value: pieces.append(value) or len(value))
        headers = {"sent-at": "replaced by what pika would not write"}
        sender.channel().basic_publish("", queue, b"it", BasicProperties(headers=headers, message_id="it"))
    rabbit.fill(queue, b"after")

    consumer = AmqpConsumer(rabbit.broker.url, [queue])
    consumer.open()
    found = collect(consumer, 3)
    consumer.close()

    assert [(one.body, one.redelivered) for one in found] == [
        (b"before", False),
        (b"it", False),
        (b"after", False),
    ]


def test_large_messages_are_taken_one_at_a_time_and_small_ones_many_again(rabbit: RabbitWorld) -> None:
    """Three hundred images in PDF do not fill the memory; a feed of results is fast again after them."""
    queue = rabbit.queue()
    publisher = rabbit.publisher()
    large, small = b"L" * 1_200_000, b"s"
    sizes = [small] * 5 + [large] * 12 + [small] * 300
    receipts = publisher.publish(
        [OutboundMessage("", queue, body, "t", str(number)) for number, body in enumerate(sizes)]
    )
    assert {str(receipt.outcome) for receipt in receipts} == {"confirmed"}
    consumer = AmqpConsumer(
        rabbit.broker.url, [queue], prefetch=300, held_bytes=2_000_000, batch_bytes=2_000_000
    )
    consumer.open()

    found: dict[str, bytes] = {}
    largest_batch_of_large = 0
    largest_batch_of_small = 0
    deadline = monotonic() + 60.0
    while len(found) < len(sizes):
        assert monotonic() < deadline
        sleep(0.02)  # what came before is dealt with, while more comes
        batch = consumer.next_batch(300, 0.3)
        count = sum(delivery.body == large for delivery in batch)
        largest_batch_of_large = max(largest_batch_of_large, count)
        if not count and len(found) > 17:
            largest_batch_of_small = max(largest_batch_of_small, len(batch))
        found |= {delivery.message_id: delivery.body for delivery in batch}
        consumer.ack(batch)
    consumer.close()

    assert found == {str(number): body for number, body in enumerate(sizes)}
    assert largest_batch_of_large <= 2
    assert largest_batch_of_small > 100
    rabbit.wait_for_depth(queue, 0)


def test_a_listener_that_fails_does_not_end_the_feed(rabbit: RabbitWorld) -> None:
    """A defect in logging costs a log line, not the connection."""

    def fail(state: str, detail: str) -> None:
        raise RuntimeError(state + detail)

    queue = rabbit.queue()
    rabbit.fill(queue, b"1")
    consumer = rabbit.consumer(queue, on_state=fail)

    assert [delivery.body for delivery in consumer.next_batch(1, 10.0)] == [b"1"]


def test_the_broker_shows_who_is_connected(rabbit: RabbitWorld) -> None:
    """On the broker's side an administrator sees which connection is the engine's, and for what."""
    rabbit.consumer(rabbit.queue())
    rabbit.publisher()

    names = rabbit.broker.ctl("list_connections", "client_properties")

    assert "azawatch consumer" in names
    assert "azawatch publisher" in names


def test_deletion_of_a_queue_between_reconnects_is_refused_by_name(rabbit: RabbitWorld) -> None:
    """Every missing queue is asked for by name on each new connection, not only at the start."""
    name = f"queue-{secrets.token_hex(4)}"
    rabbit.queue(name)
    states = States()
    rabbit.consumer(name, on_state=states)

    rabbit.delete_queue(name)

    assert states.wait_for("lost") == "a queue was deleted or moved"
    assert name in states.wait_for("refused")


def test_a_defect_in_the_input_and_output_thread_costs_a_connection_only(rabbit: RabbitWorld) -> None:
    """Whatever goes wrong in a callback, ours or the library's, the feed comes back by itself."""
    queue = rabbit.queue()
    rabbit.fill(queue, b"1")
    states = States()
    consumer = AmqpConsumer(rabbit.broker.url, [queue], on_state=states)
    consumer.open()
    (before,) = consumer.next_batch(1, 10.0)

    nothing: dict[str, None] = {}
    consumer._link.call(lambda: nothing["here"])
    states.wait_for("open", count=2)
    consumer.ack([before])
    after = collect(consumer, 1)
    consumer.close()

    assert states.wait_for("lost") == "internal error: KeyError"
    assert [delivery.body for delivery in after] == [b"1"]
