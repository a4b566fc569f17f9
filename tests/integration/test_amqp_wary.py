"""A consumer for a process that a message may end, on a real RabbitMQ."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from time import monotonic

import pytest

from engine.transports import Consumer, Delivery
from tests.support.private_broker import PrivateBroker
from tests.support.transport_worlds import RabbitWorld

pytestmark = pytest.mark.broker

NEVER = 60.0
LIMIT = 3


@pytest.fixture
def rabbit(broker: PrivateBroker) -> Iterator[RabbitWorld]:
    """Queues of a broker, gone after the test."""
    world = RabbitWorld(broker)
    yield world
    world.close()


def until(consumer: Consumer, enough: Callable[[list[Delivery]], bool]) -> list[Delivery]:
    """What comes, unacknowledged, until it is enough."""
    found: list[Delivery] = []
    deadline = monotonic() + NEVER
    while not enough(found):
        assert monotonic() < deadline, [one.body for one in found]
        found += consumer.next_batch(100, 0.2)
    return found


def numbers(count: int) -> list[bytes]:
    """So many bodies."""
    return [b"%d" % number for number in range(count)]


def test_many_come_at_a_time_once_something_new_is_acknowledged(rabbit: RabbitWorld) -> None:
    """In the order of the queue and each once: nothing is on its way to the subscription that ends."""
    queue = rabbit.queue()
    rabbit.fill(queue, *numbers(60))
    consumer = rabbit.consumer(queue, prefetch=50, warily=True)

    first = until(consumer, bool) + consumer.next_batch(100, 0.3)
    consumer.ack(first)
    rest = until(consumer, lambda found: len(found) == 50) + consumer.next_batch(100, 0.3)

    assert [one.body for one in first + rest] == numbers(51)
    assert not any(one.redelivered for one in rest)


def test_the_delivery_limit_counts_out_what_ends_the_process_alone(rabbit: RabbitWorld) -> None:
    """Each time it ends, the innocents that were in hand come back; only the first time there are any."""
    dead = rabbit.queue()
    queue = rabbit.name("limited")
    rabbit.declare_queue(
        queue,
        {
            "x-queue-type": "quorum",
            "x-delivery-limit": LIMIT,
            "x-dead-letter-exchange": "",
            "x-dead-letter-routing-key": dead,
        },
        durable=True,
    )
    rabbit.fill(queue, b"first", *numbers(10), b"poison", *numbers(40)[10:])
    judged: list[bytes] = []
    returns: list[int] = []
    ends = 0

    while len(judged) < 41 or ends <= LIMIT:
        consumer = rabbit.consumer(queue, prefetch=50, warily=True)
        ended = False
        while not ended and (len(judged) < 41 or ends <= LIMIT):
            batch = consumer.next_batch(100, 0.2)
            ended = any(one.body == b"poison" for one in batch)
            if not ended:
                judged += [one.body for one in batch]
                returns += [one.delivery_count for one in batch]
                consumer.ack(batch)
            elif not ends:
                assert len(batch) > 1
            else:
                assert len(batch) == 1
        consumer.close()
        ends += ended

    assert sorted(judged) == sorted([b"first", *numbers(40)])
    assert max(returns) == 1
    assert ends == LIMIT + 1
    assert rabbit.take(dead).body == b"poison"


def test_each_queue_is_trusted_by_itself(rabbit: RabbitWorld) -> None:
    """What is suspect in one queue does not slow down the other, nor is it hidden by what is new there."""
    suspect, sound = rabbit.queue(), rabbit.queue()
    rabbit.fill(suspect, *numbers(5))
    before = rabbit.consumer(suspect)
    until(before, lambda found: len(found) == 5)
    before.close()
    rabbit.wait_for_depth(suspect, 5)
    rabbit.fill(sound, *numbers(20))
    consumer = rabbit.consumer(suspect, sound, prefetch=50, warily=True)

    both = until(consumer, lambda found: len(found) == 2)
    consumer.ack([one for one in both if one.queue == sound])
    more = until(consumer, lambda found: len(found) == 19) + consumer.next_batch(100, 0.3)

    assert {one.queue for one in both} == {suspect, sound}
    assert {one.queue for one in more} == {sound}
