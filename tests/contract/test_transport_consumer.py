"""What every consumer does, on the in-memory twin and on a real RabbitMQ."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from time import monotonic

import pytest

from engine.errors import ConfigError
from engine.transports import Consumer, Delivery
from tests.support.transport_worlds import States, World

# No figure of speed: it only tells a wait that was ended from one that ran its whole length.
NEVER = 60.0


def receive(consumer: Consumer, count: int, seconds: float = NEVER) -> list[Delivery]:
    """Collect deliveries until there are ``count``."""
    deadline = monotonic() + seconds
    found: list[Delivery] = []
    while len(found) < count:
        assert monotonic() < deadline, f"only {len(found)} of {count} came"
        found += consumer.next_batch(count - len(found), 0.2)
    return found


def bodies(deliveries: Sequence[Delivery]) -> list[bytes]:
    """The bodies of deliveries."""
    return [delivery.body for delivery in deliveries]


def test_messages_come_in_queue_order_with_what_the_broker_knows_about_them(world: World) -> None:
    """A fresh message is delivered once, in order, with its id and queue and no sign of repetition."""
    queue = world.queue()
    world.fill(queue, b"one", b"two", b"three")

    deliveries = receive(world.consumer(queue), 3)

    assert bodies(deliveries) == [b"one", b"two", b"three"]
    assert [delivery.tag for delivery in deliveries] == [1, 2, 3]
    assert {(False, 0, queue)} == {(d.redelivered, d.delivery_count, d.queue) for d in deliveries}
    assert [delivery.message_id for delivery in deliveries] == ["one", "two", "three"]


def test_an_empty_queue_costs_the_time_allowed_and_gives_nothing(world: World) -> None:
    """With nothing to deliver the engine gets control back after the wait it asked for, no later."""
    consumer = world.consumer(world.queue())

    started = monotonic()
    batch = consumer.next_batch(10, 0.3)

    assert batch == []
    assert 0.3 <= monotonic() - started < NEVER


def test_a_batch_is_never_larger_than_asked(world: World) -> None:
    """A transaction has a limited size however long the queue is; the rest comes with the next batch."""
    queue = world.queue()
    world.fill(queue, b"1", b"2", b"3", b"4", b"5")
    consumer = world.consumer(queue)

    batches: list[list[bytes]] = []
    while sum(map(len, batches)) < 5:
        batches.append(bodies(consumer.next_batch(2, NEVER)))

    assert max(map(len, batches)) <= 2
    assert [body for batch in batches for body in batch] == [b"1", b"2", b"3", b"4", b"5"]


def test_a_single_message_waits_for_no_company(world: World) -> None:
    """One critical result is not held up until a batch is full."""
    queue = world.queue()
    world.fill(queue, b"critical")
    consumer = world.consumer(queue)

    started = monotonic()
    batch = consumer.next_batch(50, 2 * NEVER)

    assert bodies(batch) == [b"critical"]
    assert monotonic() - started < NEVER


def test_acked_messages_are_gone_and_others_come_again_marked(world: World) -> None:
    """After a stop in the middle of work, exactly what was not acked is delivered again, and says so."""
    queue = world.queue()
    world.fill(queue, b"1", b"2", b"3", b"4")
    first = world.consumer(queue)
    deliveries = receive(first, 4)

    first.ack(deliveries[:2])
    first.close()
    world.wait_for_depth(queue, 2)
    again = receive(world.consumer(queue), 2)

    assert bodies(again) == [b"3", b"4"]
    assert [(d.redelivered, d.delivery_count) for d in again] == [(True, 1), (True, 1)]


def test_acks_may_come_in_any_order_and_twice(world: World) -> None:
    """Whatever order the engine commits in, every acked message is gone and no other is."""
    queue = world.queue()
    world.fill(queue, b"1", b"2", b"3", b"4", b"5")
    consumer = world.consumer(queue)
    one, two, three, four, five = receive(consumer, 5)

    consumer.ack([three])
    consumer.ack([five, three])
    consumer.ack([one])
    consumer.ack([one, two])
    world.fill(queue, b"6")
    consumer.ack(receive(consumer, 1))  # the channel still stands
    consumer.close()
    world.wait_for_depth(queue, 1)

    assert [four.body] == bodies(receive(world.consumer(queue), 1))


def test_a_lost_connection_delivers_again_and_old_acks_are_dropped(world: World) -> None:
    """A batch that was being worked on when the connection broke comes again; its late ack harms nothing."""
    queue = world.queue()
    world.fill(queue, b"1", b"2", b"3")
    states = States()
    consumer = world.consumer(queue, on_state=states)
    before = receive(consumer, 3)

    world.drop_connections()
    after = receive(consumer, 3)
    consumer.ack(before)
    consumer.ack(after[:1])
    consumer.close()
    world.wait_for_depth(queue, 2)

    assert bodies(after) == [b"1", b"2", b"3"]
    assert {True} == {delivery.redelivered for delivery in after}
    assert {1} == {delivery.delivery_count for delivery in after}
    assert before[0].epoch < after[0].epoch
    assert states.names == ["connecting", "open", "lost", "open", "closed"]


def test_no_more_than_the_prefetch_is_held(world: World) -> None:
    """An engine that is slow holds a bounded number of messages; acks let the next ones in."""
    queue = world.queue()
    world.fill(queue, *(str(number).encode() for number in range(8)))
    consumer = world.consumer(queue, prefetch=3)

    held = receive(consumer, 3)
    nothing = consumer.next_batch(10, 0.3)
    consumer.ack(held)

    assert nothing == []
    assert bodies(receive(consumer, 3)) == [b"3", b"4", b"5"]


def test_wake_ends_a_wait_at_once(world: World) -> None:
    """SIGTERM does not have to wait until the next message comes."""
    consumer = world.consumer(world.queue())
    timer = threading.Timer(0.2, consumer.wake)
    timer.start()

    started = monotonic()
    batch = consumer.next_batch(10, 2 * NEVER)

    assert batch == []
    assert monotonic() - started < NEVER
    timer.join()


def test_a_wake_before_the_wait_is_not_missed(world: World) -> None:
    """A signal that arrives between two batches ends the next wait."""
    consumer = world.consumer(world.queue())
    consumer.wake()

    started = monotonic()

    assert consumer.next_batch(10, 2 * NEVER) == []
    assert monotonic() - started < NEVER


def test_missing_queues_are_named_with_the_command_that_makes_them(world: World) -> None:
    """On a fresh broker the operator reads which queues are missing and what to type."""
    there, missing, gone = world.queue(), world.name("missing"), world.name("gone")

    with pytest.raises(ConfigError) as caught:
        world.consumer(there, missing, gone)

    text = str(caught.value)
    assert f"queue {missing} is missing" in text
    assert f"queue {gone} is missing" in text
    assert there not in text
    assert "azawatch topology apply" in text


def test_a_queue_that_would_lose_messages_is_refused(world: World) -> None:
    """A queue that does not survive a restart of the broker is not a place for results."""
    queue = world.name("transient")
    world.declare_queue(queue, {"x-queue-type": "classic"}, durable=False)

    with pytest.raises(ConfigError, match="not durable"):
        world.consumer(queue)


def test_a_durable_classic_queue_is_accepted(world: World) -> None:
    """A site with classic queues can be served; repetition shows as a count of one there."""
    queue = world.name("classic")
    world.declare_queue(queue, {"x-queue-type": "classic"}, durable=True)
    world.fill(queue, b"1")
    first = world.consumer(queue)
    receive(first, 1)
    first.close()
    world.wait_for_depth(queue, 1)

    (again,) = receive(world.consumer(queue), 1)

    assert (again.redelivered, again.delivery_count) == (True, 1)


def test_several_queues_are_consumed_together(world: World) -> None:
    """Results, orders and merges may come on queues of their own."""
    results, orders = world.queue(), world.queue()
    world.fill(results, b"result")
    world.fill(orders, b"order")

    consumer = world.consumer(results, orders)
    deliveries = receive(consumer, 2)
    consumer.ack(deliveries)
    consumer.close()

    assert {(results, b"result"), (orders, b"order")} == {(d.queue, d.body) for d in deliveries}
    world.wait_for_depth(results, 0)
    world.wait_for_depth(orders, 0)


def test_consumers_share_a_queue_without_doubling(world: World) -> None:
    """Two engines on one queue get every message once between them."""
    queue = world.queue()
    numbers = [str(number).encode() for number in range(20)]
    first, second = world.consumer(queue, prefetch=5), world.consumer(queue, prefetch=5)
    world.fill(queue, *numbers)

    found: list[bytes] = []
    deadline = monotonic() + NEVER
    while len(found) < len(numbers) and monotonic() < deadline:
        for consumer in (first, second):
            batch = consumer.next_batch(5, 0.1)
            found += bodies(batch)
            consumer.ack(batch)

    assert sorted(numbers) == sorted(found)


def test_a_deleted_queue_is_reported_and_taken_up_again_when_it_is_back(world: World) -> None:
    """Repairing the topology is enough; the engine need not be restarted, and says what it waits for."""
    queue = world.queue()
    states = States()
    consumer = world.consumer(queue, on_state=states)

    world.delete_queue(queue)
    for _ in range(10):
        consumer.next_batch(1, 0.1)
    detail = states.wait_for("refused")
    world.queue(queue)
    world.fill(queue, b"back")

    assert bodies(receive(consumer, 1)) == [b"back"]
    assert queue in detail


def test_a_closed_consumer_can_be_opened_again(world: World) -> None:
    """Close and open begin a new connection with new tags, and old acks do not touch it."""
    queue = world.queue()
    world.fill(queue, b"1")
    consumer = world.consumer(queue)
    before = receive(consumer, 1)
    consumer.close()
    consumer.close()
    world.wait_for_depth(queue, 1)

    consumer.open()
    after = receive(consumer, 1)
    consumer.ack(before)
    consumer.close()

    assert before[0].epoch < after[0].epoch
    world.wait_for_depth(queue, 1)


def test_how_many_messages_wait_is_told_of_each_queue(world: World) -> None:
    """The lag of the feed: what no consumer has yet, without what was delivered and not acknowledged."""
    queue, empty = world.queue(), world.queue()
    consumer = world.consumer(queue, empty, prefetch=2)
    world.fill(queue, *(b"%d" % number for number in range(5)))
    receive(consumer, 2)

    deadline = monotonic() + NEVER
    while consumer.waiting() != {queue: 3, empty: 0}:
        assert monotonic() < deadline, consumer.waiting()
        consumer.next_batch(1, 0.02)
