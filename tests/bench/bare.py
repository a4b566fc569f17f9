"""The yardsticks: what pika does with the same queue and nothing around it.

Durable quorum queue, one process, one connection, the prefetch of the engine.
``python -m tests.bench.bare URL FROM TO`` is the echo of the latency measurement.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from typing import Any

import pika

from engine.transports import OutboundMessage, PublishOutcome
from engine.transports.amqp import AmqpPublisher
from tests.bench.common import Spent, Stopwatch

PREFETCH = 300
ACK_EVERY = 100
_PERSISTENT = pika.BasicProperties(delivery_mode=2)


def declare(url: str, *queues: str) -> None:
    """Durable quorum queues, empty."""
    connection = pika.BlockingConnection(pika.URLParameters(url))
    channel = connection.channel()
    for queue in queues:
        channel.queue_declare(queue, durable=True, arguments={"x-queue-type": "quorum"})
        channel.queue_purge(queue)
    connection.close()


def fill(url: str, queue: str, bodies: Sequence[bytes]) -> None:
    """Put ``bodies`` into a queue, confirmed."""
    publisher = AmqpPublisher(url, window=1000)
    publisher.open()
    receipts = publisher.publish(
        [OutboundMessage("", queue, body, "text/plain", str(number)) for number, body in enumerate(bodies)]
    )
    publisher.close()
    if any(receipt.outcome is not PublishOutcome.CONFIRMED for receipt in receipts):
        raise RuntimeError("the queue could not be filled")


def consume(url: str, queue: str, count: int) -> Spent:
    """Consume so many messages, one acknowledgement for each hundred."""
    seen = 0
    watch = Stopwatch()

    def on_message(channel: Any, method: Any, _properties: Any, _body: bytes) -> None:
        nonlocal seen, watch
        if not seen:
            watch = Stopwatch()
        seen += 1
        if seen % ACK_EVERY == 0 or seen == count:
            channel.basic_ack(method.delivery_tag, multiple=True)
        if seen == count:
            channel.connection.close()

    _run(url, queue, on_message, lambda _: None)
    return watch.spent(seen)


def pass_through(url: str, source: str, target: str, count: int | None) -> Spent:
    """Publish each message to another queue, and acknowledge it when that is confirmed; many in flight.

    Ends after ``count``, never where it is None.
    """
    published = confirmed = 0
    waiting: set[int] = set()
    watch: Stopwatch | None = None

    def on_message(channel: Any, _method: Any, _properties: Any, body: bytes) -> None:
        nonlocal watch, published
        if watch is None:
            watch = Stopwatch()
        published += 1
        waiting.add(published)
        channel.basic_publish("", target, body, _PERSISTENT, mandatory=True)

    def on_channel(channel: Any) -> None:
        def on_confirm(frame: Any) -> None:
            # Messages are published in the order of their delivery, on this one channel: the numbers agree.
            nonlocal confirmed
            tag, multiple = frame.method.delivery_tag, frame.method.multiple
            channel.basic_ack(tag, multiple=multiple)
            done = {number for number in waiting if number <= tag} if multiple else {tag}
            waiting.difference_update(done)
            confirmed += len(done)
            if confirmed == count:
                channel.connection.close()

        channel.confirm_delivery(on_confirm)

    _run(url, source, on_message, on_channel)
    if watch is None:
        raise RuntimeError("nothing came")
    return watch.spent(confirmed)


def _run(url: str, queue: str, on_message: Callable[..., None], on_channel: Callable[[Any], None]) -> None:
    def opened(channel: Any) -> None:
        on_channel(channel)
        channel.basic_qos(prefetch_count=PREFETCH)
        channel.basic_consume(queue, on_message)

    connection = pika.SelectConnection(
        pika.URLParameters(url),
        on_open_callback=lambda made: made.channel(on_open_callback=opened),
        on_close_callback=lambda closed, _reason: closed.ioloop.stop(),
    )
    connection.ioloop.start()


if __name__ == "__main__":
    pass_through(sys.argv[1], sys.argv[2], sys.argv[3], None)
