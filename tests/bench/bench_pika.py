"""The yardstick: what bare pika consumes and acks, and what our consumer does with the same queue.

Durable quorum queue, prefetch 300, an ack for every 100 messages, 2 KB bodies, one process. Every rate
of the bench is given as a ratio to this one, measured in the same run: machines differ, ratios less.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pika

from engine.transports import OutboundMessage, PublishOutcome
from engine.transports.amqp import AmqpConsumer, AmqpPublisher

PREFETCH = 300
ACK_EVERY = 100


@dataclass(frozen=True, slots=True)
class Rate:
    """``messages`` in ``seconds`` of wall clock and ``cpu_seconds`` of this process."""

    messages: int
    seconds: float
    cpu_seconds: float

    @property
    def per_second(self) -> float:
        """Messages a second."""
        return self.messages / self.seconds

    @property
    def cpu_microseconds(self) -> float:
        """CPU of the client per message."""
        return self.cpu_seconds / self.messages * 1e6

    def __str__(self) -> str:
        return f"{self.per_second:8.0f} msg/s  {self.cpu_microseconds:6.1f} us CPU per message"


class Stopwatch:
    """Wall clock and CPU since it was made."""

    def __init__(self) -> None:
        self._started = time.perf_counter(), time.process_time()

    def rate(self, messages: int) -> Rate:
        """The rate of ``messages`` until now."""
        return Rate(messages, time.perf_counter() - self._started[0], time.process_time() - self._started[1])


def fill(url: str, queue: str, bodies: Sequence[bytes]) -> None:
    """Declare a durable quorum queue, empty it, and put ``bodies`` into it."""
    connection = pika.BlockingConnection(pika.URLParameters(url))
    channel = connection.channel()
    channel.queue_declare(queue, durable=True, arguments={"x-queue-type": "quorum"})
    channel.queue_purge(queue)
    connection.close()
    publisher = AmqpPublisher(url, window=1000)
    publisher.open()
    receipts = publisher.publish(
        [OutboundMessage("", queue, body, "text/plain", str(number)) for number, body in enumerate(bodies)]
    )
    publisher.close()
    if any(receipt.outcome is not PublishOutcome.CONFIRMED for receipt in receipts):
        raise RuntimeError("the queue could not be filled")


def consume_with_bare_pika(url: str, queue: str, count: int) -> Rate:
    """Consume and ack ``count`` messages with a SelectConnection and nothing around it."""
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
            connection.close()

    def on_channel(channel: Any) -> None:
        channel.basic_qos(prefetch_count=PREFETCH)
        channel.basic_consume(queue, on_message)

    connection = pika.SelectConnection(
        pika.URLParameters(url),
        on_open_callback=lambda opened: opened.channel(on_open_callback=on_channel),
        on_close_callback=lambda closed, _reason: closed.ioloop.stop(),
    )
    connection.ioloop.start()
    return watch.rate(seen)


def consume_with_our_consumer(url: str, queue: str, count: int) -> Rate:
    """Consume and ack ``count`` messages through the engine's own consumer."""
    consumer = AmqpConsumer(url, [queue], prefetch=PREFETCH)
    consumer.open()
    batch = consumer.next_batch(ACK_EVERY, 10.0)
    watch = Stopwatch()
    seen = 0
    while batch:
        consumer.ack(batch)
        seen += len(batch)
        if seen >= count:
            break
        batch = consumer.next_batch(ACK_EVERY, 10.0)
    rate = watch.rate(seen)
    consumer.close()
    return rate
