"""What every publisher does, on the in-memory twin and on a real RabbitMQ."""

from __future__ import annotations

from time import monotonic

import pytest

from engine.transports import OutboundMessage
from tests.support.transport_worlds import States, World, message, outcomes


def test_a_message_arrives_as_it_was_given(world: World) -> None:
    """Body and properties reach the receiver unchanged: it drops copies by id and routes by header."""
    queue = world.queue()
    exchange = world.exchange(bind_to=queue, routing_key="alert.#")
    sent = OutboundMessage(
        exchange,
        "alert.critical.start",
        b"MSH|^~\\&|AZAWATCH\r",
        "application/hl7-v2+er7",
        "AZW-1",
        "alert-1",
        {"rule": "a01", "severity": "critical"},
    )

    receipts = world.publisher().publish([sent])

    assert outcomes(receipts) == [("AZW-1", "confirmed")]
    assert sent == world.take(queue)


def test_many_messages_are_confirmed_and_kept_in_order(world: World) -> None:
    """A long outbox goes out in its order, with one receipt for each message."""
    queue = world.queue()
    publisher = world.publisher()
    numbers = [str(number).encode() for number in range(1000)]

    receipts = publisher.publish([message(queue, number) for number in numbers])

    assert [(number.decode(), "confirmed") for number in numbers] == outcomes(receipts)
    world.wait_for_depth(queue, 1000)
    assert [world.take(queue).body for _ in range(3)] == [b"0", b"1", b"2"]


def test_what_no_queue_takes_is_returned_and_nothing_else(world: World) -> None:
    """An alert that would vanish unread is reported as such, one by one, among others that arrive."""
    queue = world.queue()
    exchange = world.exchange(bind_to=queue, routing_key="alert.*.start")
    publisher = world.publisher()
    keys = ["alert.critical.start", "alert.critical.end", "alert.urgent.start", "other"]

    receipts = publisher.publish([message(key, key.encode(), exchange) for key in keys])

    assert [str(r.outcome) for r in receipts] == ["confirmed", "returned", "confirmed", "returned"]
    assert exchange in receipts[1].detail
    world.wait_for_depth(queue, 2)


@pytest.mark.parametrize(
    ("pattern", "routed", "returned"),
    [
        ("alert.#", ["alert", "alert.critical.start"], ["alerts", ""]),
        ("alert.*", ["alert.critical"], ["alert", "alert.critical.start"]),
        ("alert.*.start", ["alert.critical.start", "alert..start"], ["alert.critical.end"]),
        ("#.start", ["start", "alert.critical.start"], ["alert.start.again"]),
        ("#.critical.#", ["critical", "alert.critical", "critical.start"], ["alert.Critical"]),
        ("#", ["", "a.b"], []),
        ("*", ["alert"], ["", "alert.critical"]),
    ],
)
def test_topics_route_as_amqp_says(
    world: World, pattern: str, routed: list[str], returned: list[str]
) -> None:
    """A site's own binding takes the same alerts on the twin, in tests, as it will on the broker."""
    exchange = world.exchange(bind_to=world.queue(), routing_key=pattern)
    keys = routed + returned

    receipts = world.publisher().publish([message(key, b"", exchange, message_id=f"<{key}>") for key in keys])

    assert [receipt.message_id for receipt in receipts if receipt.outcome == "confirmed"] == [
        f"<{key}>" for key in routed
    ]


def test_a_queue_that_does_not_exist_is_a_return(world: World) -> None:
    """A misspelt queue name loses nothing and is told apart from a broker that is away."""
    missing = world.name("missing")

    assert outcomes(world.publisher().publish([message(missing, b"1")])) == [("1", "returned")]


def test_a_missing_exchange_does_not_hold_up_the_others(world: World) -> None:
    """Alerts go out although the exchange for quarantined messages has not been made yet."""
    queue, missing = world.queue(), world.name("missing")
    publisher = world.publisher()

    receipts = publisher.publish(
        [
            message(queue, b"1"),
            message("key", b"2", missing),
            message(queue, b"3"),
            message("key", b"4", missing),
        ]
    )
    later = publisher.publish([message(queue, b"5")])

    assert outcomes(receipts) == [
        ("1", "confirmed"),
        ("2", "returned"),
        ("3", "confirmed"),
        ("4", "returned"),
    ]
    assert missing in receipts[1].detail
    assert outcomes(later) == [("5", "confirmed")]
    arrived = {world.take(queue).message_id for _ in range(world.depth(queue))}
    assert {"1", "3", "5"} == arrived


def test_a_full_queue_refuses_and_what_it_confirmed_it_has(world: World) -> None:
    """A queue at its limit refuses openly; a refused message is not in it, a confirmed one is."""
    queue = world.queue(x_max_length=3, x_overflow="reject-publish")
    publisher = world.publisher()

    receipts = [publisher.publish([message(queue, str(number).encode())])[0] for number in range(12)]

    confirmed = [receipt.message_id for receipt in receipts if receipt.outcome == "confirmed"]
    assert {"confirmed", "nacked"} == {str(receipt.outcome) for receipt in receipts}
    world.wait_for_depth(queue, len(confirmed))
    assert confirmed == [world.take(queue).message_id for _ in confirmed]


def test_two_copies_with_one_id_are_both_confirmed(world: World) -> None:
    """A repeated id in one call is not mixed up: each copy has its receipt."""
    queue = world.queue()
    publisher = world.publisher()

    receipts = publisher.publish(
        [message(queue, b"1", message_id="same"), message("nowhere", b"2", message_id="same")] * 2
    )

    assert [str(r.outcome) for r in receipts] == ["confirmed", "returned", "confirmed", "returned"]


def test_nothing_to_publish_is_nothing(world: World) -> None:
    """An empty outbox costs no round trip."""
    assert world.publisher().publish([]) == []


def test_an_alarm_holds_messages_back_and_its_end_lets_them_go(world: World) -> None:
    """While the broker is short of memory nothing is claimed as sent; afterwards all goes on by itself."""
    queue = world.queue()
    states = States()
    publisher = world.publisher(confirm_timeout_seconds=0.7, on_state=states)
    assert outcomes(publisher.publish([message(queue, b"0")])) == [("0", "confirmed")]

    world.block()
    held = publisher.publish([message(queue, b"1"), message(queue, b"2")])
    held_again = publisher.publish([message(queue, b"3")])
    states.wait_for("blocked")
    world.unblock()
    deadline = monotonic() + 60.0
    while "confirmed" not in (sent := [str(r.outcome) for r in publisher.publish([message(queue, b"4")])]):
        assert monotonic() < deadline

    assert outcomes(held) == [("1", "lost"), ("2", "lost")]
    assert outcomes(held_again) == [("3", "lost")]
    assert "block" in held_again[0].detail
    assert sent == ["confirmed"]


def test_publishing_goes_on_after_a_lost_connection(world: World) -> None:
    """A connection lost between two publications costs nothing but the time to connect again."""
    queue = world.queue()
    publisher = world.publisher()
    publisher.publish([message(queue, b"1")])

    world.drop_connections()
    receipts = publisher.publish([message(queue, b"2")])

    assert outcomes(receipts) == [("2", "confirmed")]
    world.wait_for_depth(queue, 2)


def test_delivery_limit_sends_to_the_dead_letter_exchange(world: World) -> None:
    """A message that no engine survives ends in quarantine, with its body, and is not lost."""
    quarantine = world.queue()
    exchange = world.exchange("fanout", bind_to=quarantine)
    queue = world.queue(x_delivery_limit=1, x_dead_letter_exchange=exchange)
    world.fill(queue, b"poison")

    for _ in range(2):
        world.wait_for_depth(queue, 1)
        consumer = world.consumer(queue)
        assert [delivery.body for delivery in consumer.next_batch(1, 10.0)] == [b"poison"]
        consumer.close()

    world.wait_for_depth(quarantine, 1)
    assert world.take(quarantine).body == b"poison"
    assert world.depth(queue) == 0
