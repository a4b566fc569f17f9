"""Consuming from RabbitMQ: deliveries are taken by the I/O thread, handed over and acked in batches."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Sequence
from functools import partial
from queue import Empty, SimpleQueue
from typing import Any

from engine.errors import TransientError
from engine.transports import Delivery, StateCallback, ignore_state
from engine.transports.acks import AckLedger
from engine.transports.amqp.admin import require_queues
from engine.transports.amqp.failures import Refusal
from engine.transports.amqp.link import Channel, Frame, Link

# Prefetch counts messages, not bytes: 300 messages of 10 MB would be 3 GB. Once this much is held we take
# one message at a time, until so many in a row say that all of a prefetch would fit.
HELD_BYTES = 32_000_000
SAMPLE = 32
# What is judged takes several times its size in memory.
BATCH_BYTES = 4_000_000


class AmqpConsumer:
    """A :class:`engine.transports.Consumer` on RabbitMQ.

    Nothing is held beyond ``prefetch`` messages per queue, nor beyond ``held_bytes`` but for the message that
    reaches it and one more per queue; a batch has at most ``batch_bytes``, or one message. With ``warily``,
    for a process that a message may end, each queue gives one message at a time after each connection,
    until one that was not delivered before has been acknowledged. ``on_state`` is called in the I/O thread.
    """

    def __init__(
        self,
        url: str,
        queues: Sequence[str],
        *,
        prefetch: int = 300,
        open_timeout_seconds: float = 10.0,
        held_bytes: int = HELD_BYTES,
        batch_bytes: int = BATCH_BYTES,
        warily: bool = False,
        on_state: StateCallback = ignore_state,
    ) -> None:
        self._url = url
        self._queues = tuple(queues)
        self._prefetch = prefetch
        self._open_timeout_seconds = open_timeout_seconds
        self._held_bytes = held_bytes
        self._batch_bytes = batch_bytes
        self._wary = warily and prefetch > 1
        self._link = Link(url, "consumer", self, on_state)
        self._on_state = on_state
        # Shared by both threads. Appending to and popping from a deque, and reading or setting an
        # attribute, are atomic; the I/O thread signals only when somebody waits.
        self._inbox: deque[Delivery] = deque()
        self._waited_for = False
        self._signal: SimpleQueue[None] = SimpleQueue()
        self._woken = False
        self._epoch = 0
        self._waiting: dict[str, int] = {}
        # Of the I/O thread.
        self._channel: Channel = None
        self._ledger = AckLedger()
        self._consumer_tags: dict[str, str] = {}  # by queue
        self._subscribing = 0  # queues whose subscription the broker has not granted yet
        self._sizes: dict[int, int] = {}  # of what is not acknowledged, by tag
        self._held = 0
        self._narrow = False  # one message at a time from every queue, for their sizes
        self._suspected: set[str] = set()  # queues that give one message at a time
        self._proof: dict[int, str] = {}  # their queue, by the tag of what is new
        self._sample: list[int] = []  # sizes of messages taken one at a time
        self._asking = 0  # queues whose depth the broker has not told yet

    # -- Consumer, for the thread of the application

    def open(self) -> None:
        """As ``Consumer.open``."""
        deadline = time.monotonic() + self._open_timeout_seconds
        require_queues(self._url, self._queues, self._open_timeout_seconds, self._on_state)
        self._link.open(max(1.0, deadline - time.monotonic()))

    def next_batch(self, max_messages: int, max_wait_seconds: float) -> list[Delivery]:
        """As ``Consumer.next_batch``."""
        inbox = self._inbox
        if not inbox:
            self._wait(time.monotonic() + max_wait_seconds)
        self._woken = False
        batch: list[Delivery] = []
        try:
            size = len(inbox[0].body)
            while len(batch) < max_messages and (size <= self._batch_bytes or not batch):
                batch.append(inbox.popleft())
                size += len(inbox[0].body)
        except IndexError:  # the I/O thread empties the inbox when the connection is lost
            pass
        if not batch and self._link.ended:
            raise TransientError("the I/O thread of the consumer has ended")
        return batch

    def wake(self) -> None:
        """As ``Consumer.wake``."""
        self._woken = True
        self._signal.put(None)  # reentrant, unlike the locks of threading

    def ack(self, deliveries: Sequence[Delivery]) -> None:
        """As ``Consumer.ack``."""
        epoch = self._epoch
        tags = [delivery.tag for delivery in deliveries if delivery.epoch == epoch]
        if tags:
            self._link.call(partial(self._send_acks, epoch, tags))

    def waiting(self) -> dict[str, int]:
        """As ``Consumer.waiting``."""
        self._link.call(self._ask_depths)
        return dict(self._waiting)

    def close(self) -> None:
        """As ``Consumer.close``."""
        self._link.close()
        self._inbox.clear()

    def _wait(self, deadline: float) -> None:
        """Wait until a delivery is there, the time is over, or we were woken."""
        inbox, signal = self._inbox, self._signal
        while True:
            while not signal.empty():
                try:
                    signal.get_nowait()
                except Empty:
                    break
            # Announce first, look then: a delivery between the two is signalled, not missed.
            self._waited_for = True
            remaining = deadline - time.monotonic()
            if inbox or self._woken or remaining <= 0:
                self._waited_for = False
                return
            try:
                signal.get(timeout=remaining)
            except Empty:
                continue

    # -- Worker, in the I/O thread

    def channel_opened(self, channel: Channel) -> None:
        """Check that the queues are there, then consume from them."""
        self._ledger = AckLedger()
        self._sizes = {}
        self._held = 0
        self._narrow = False
        # What has ended a process before comes first. Each return counts towards the delivery limit of the
        # queue: so nothing else is in hand until something new has been judged.
        self._suspected = set(self._queues) if self._wary else set()
        self._proof = {}
        self._sample = []
        self._asking = 0
        self._subscribing = 0
        self._channel = channel
        self._epoch += 1
        channel.add_on_cancel_callback(lambda _frame: self._link.recycle("a queue was deleted or moved"))
        for queue in self._queues[:-1]:
            channel.queue_declare(queue, passive=True)
        channel.queue_declare(
            self._queues[-1],
            passive=True,
            callback=lambda _frame: self._consume(self._link.ready),
        )

    def channel_lost(self, refusal: Refusal | None) -> bool:
        """Forget what was not handed over: the broker has it again."""
        del refusal
        self._channel = None
        self._epoch += 1
        self._inbox.clear()
        self._waiting = {}
        return False

    def blocked(self, reason: str) -> None:
        """Only publishing is blocked by an alarm; this connection publishes nothing."""

    def _consume(self, ready: Callable[[], None]) -> None:
        """Subscribe to every queue, and say so when the broker has granted the last subscription."""
        for queue in self._queues:
            self._subscribe(queue, ready)

    def _subscribe(self, queue: str, ready: Callable[[], None] = lambda: None) -> None:
        """Subscribe with the prefetch of now: RabbitMQ applies one to new consumers only."""

        def granted(_frame: Frame) -> None:
            self._subscribing -= 1
            if not self._subscribing:
                ready()

        self._subscribing += 1
        narrow = self._narrow or queue in self._suspected
        self._channel.basic_qos(prefetch_count=1 if narrow else self._prefetch)
        self._consumer_tags[queue] = self._channel.basic_consume(
            queue, self._receiver(queue, self._epoch), callback=granted
        )

    def _receiver(self, queue: str, epoch: int) -> Callable[[Channel, Frame, Frame, bytes], None]:
        """What pika calls per delivery; the fewer lookups here, the more messages a second."""
        inbox, ledger, sizes, most = self._inbox, self._ledger, self._sizes, self._held_bytes
        suspected = self._suspected

        def receive(_channel: Channel, method: Frame, properties: Frame, body: bytes) -> None:
            tag = method.delivery_tag
            ledger.delivered(tag)
            sizes[tag] = size = len(body)
            self._held += size
            redelivered = method.redelivered
            inbox.append(
                Delivery(
                    tag,
                    body,
                    redelivered,
                    _delivery_count(properties.headers) if redelivered else 0,
                    queue,
                    properties.message_id or "",
                    epoch,
                )
            )
            if suspected and not redelivered and queue in suspected:
                self._proof[tag] = queue
            if self._narrow:
                self._widen_when_small(size)
            elif self._held > most:
                self._narrow = True
                self._consume_anew()
            if self._waited_for:
                # in this order, else the announcement of a new wait could be overwritten unsignalled
                self._waited_for = False
                self._signal.put(None)

        return receive

    def _send_acks(self, epoch: int, tags: Sequence[int]) -> None:
        if epoch != self._epoch or self._channel is None or not self._channel.is_open:
            return
        self._held -= sum(self._sizes.pop(tag, 0) for tag in tags)
        proven = self._proven(tags)
        # Cancelled first: else the next one would be on its way to a consumer that is no longer there.
        for queue in proven:
            self._channel.basic_cancel(self._consumer_tags[queue], callback=lambda _frame: None)
        for tag, multiple in self._ledger.settle(tags):
            self._channel.basic_ack(tag, multiple)
        if epoch != self._epoch:
            return
        for queue in proven:
            self._subscribe(queue)

    def _ask_depths(self) -> None:
        """Declare each queue passively, which needs no right and answers with its depth."""
        if self._channel is None or not self._channel.is_open or self._asking:
            return
        self._asking = len(self._queues)
        for queue in self._queues:
            self._channel.queue_declare(queue, passive=True, callback=self._note_depth)

    def _note_depth(self, frame: Frame) -> None:
        self._asking -= 1
        self._waiting = self._waiting | {frame.method.queue: frame.method.message_count}

    def _widen_when_small(self, size: int) -> None:
        """Take many messages again when a prefetch of such as came last would fit."""
        self._sample.append(size)
        if len(self._sample) < SAMPLE:
            return
        expected = sum(self._sample) * self._prefetch * len(self._queues) // SAMPLE
        self._sample.clear()
        if self._held + expected <= self._held_bytes:
            self._narrow = False
            self._consume_anew()

    def _proven(self, tags: Sequence[int]) -> list[str]:
        """Queues that give more from now on, for something new has been judged, and the process lives."""
        found = {self._proof.pop(tag, "") for tag in tags} & self._suspected if self._proof else set()
        # A request would wait in pika behind those that are not answered yet, an acknowledgement would not.
        if not found or self._asking or self._subscribing:
            return []
        self._suspected -= found
        return [] if self._narrow else sorted(found)

    def _consume_anew(self) -> None:
        """Change the prefetch, which RabbitMQ applies to new consumers only.

        What the broker has sent meanwhile to the cancelled consumers pika rejects unseen, back to the
        queue; the ledger finds those tags missing. Requests on a channel are answered in their order,
        and pika sends the next only after the answer to the one before.
        """
        for queue in self._queues:
            self._channel.basic_cancel(self._consumer_tags[queue], callback=lambda _frame: None)
        self._consume(lambda: None)


def _delivery_count(headers: dict[str, Any] | None) -> int:
    """Earlier deliveries by the broker's count; a classic queue does not count: 1, for there was one.

    From RabbitMQ 4.3 on x-acquired-count counts those that ended without a rejection too.
    """
    counts = [(headers or {}).get(name, 0) for name in ("x-delivery-count", "x-acquired-count")]
    return max(1, *(int(count) for count in counts if isinstance(count, int)))
