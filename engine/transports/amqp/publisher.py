"""Publishing to RabbitMQ: many in flight, each confirmed, returned, refused or lost, none in doubt."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Sequence
from contextlib import suppress
from functools import partial
from itertools import takewhile
from queue import Empty, SimpleQueue

import pika
from pika.exceptions import AMQPError

from engine.transports import (
    OutboundMessage,
    PublishOutcome,
    Receipt,
    StateCallback,
    ignore_state,
)
from engine.transports.amqp.admin import require_exchanges
from engine.transports.amqp.failures import Refusal
from engine.transports.amqp.link import Channel, Frame, Link

# Of 200 messages in flight, more than this is sent only when the broker has confirmed some.
BYTES_IN_FLIGHT = 16_000_000
# How long the I/O thread may take to answer the application; it never works for as long as this.
_GIVE_UP_SECONDS = 2.0


class _Job:
    """One call of ``publish``: what is still to send, and the receipts so far."""

    def __init__(self, messages: Sequence[OutboundMessage], window: int) -> None:
        self.messages = messages
        self.window = window
        self.to_send = deque(range(len(messages)))
        self.receipts: list[Receipt | None] = [None] * len(messages)
        self.open_count = len(messages)
        self.progress_at = time.monotonic()
        self.done: SimpleQueue[None] = SimpleQueue()

    def settle(self, index: int, outcome: PublishOutcome, detail: str = "") -> None:
        """Note one outcome; the first counts."""
        if self.receipts[index] is None:
            self.receipts[index] = Receipt(self.messages[index].message_id, outcome, detail)
            self.open_count -= 1
            self.progress_at = time.monotonic()
            if not self.open_count:
                self.done.put(None)

    def all_receipts(self, detail: str) -> list[Receipt]:
        """One receipt per message; ``lost`` with ``detail`` where there is none."""
        return [
            receipt or Receipt(message.message_id, PublishOutcome.LOST, detail)
            for message, receipt in zip(self.messages, self.receipts, strict=True)
        ]


class AmqpPublisher:
    """A :class:`engine.transports.Publisher` on RabbitMQ.

    ``exchanges`` are those that must be there. ``window`` is the largest number of messages in flight,
    and of copies after a crash. ``confirm_timeout_seconds`` is how long to go on without any answer.
    ``on_state`` is called in the I/O thread.
    """

    def __init__(
        self,
        url: str,
        *,
        exchanges: Sequence[str] = (),
        window: int = 200,
        confirm_timeout_seconds: float = 10.0,
        open_timeout_seconds: float = 10.0,
        on_state: StateCallback = ignore_state,
    ) -> None:
        self._url = url
        self._exchanges = tuple(exchanges)
        self._window = window
        self._confirm_timeout_seconds = confirm_timeout_seconds
        self._open_timeout_seconds = open_timeout_seconds
        self._link = Link(url, "publisher", self, on_state)
        self._on_state = on_state
        # Of the I/O thread.
        self._channel: Channel = None
        self._block_reason = ""
        self._job: _Job | None = None
        self._last_tag = 0
        self._in_flight: dict[int, int] = {}  # delivery tag -> index in the job
        self._index_of: dict[str, int] = {}  # message id in flight -> index in the job
        self._bytes_in_flight = 0
        self._returned: dict[int, str] = {}  # index in the job -> why the broker returned it
        self._refused = False

    # -- Publisher, for the thread of the application

    def open(self) -> None:
        """As ``Publisher.open``; checks that the ``exchanges`` are there."""
        deadline = time.monotonic() + self._open_timeout_seconds
        if self._exchanges:
            require_exchanges(self._url, self._exchanges, self._open_timeout_seconds, self._on_state)
        self._link.open(max(1.0, deadline - time.monotonic()))

    def publish(self, messages: Sequence[OutboundMessage]) -> list[Receipt]:
        """As ``Publisher.publish``."""
        if not messages:
            return []
        job = _Job(messages, self._window)
        self._link.call(partial(self._begin, job))
        while True:
            try:
                job.done.get(timeout=job.progress_at + self._confirm_timeout_seconds - time.monotonic())
                return job.all_receipts("")
            except (Empty, ValueError):  # ValueError: the time is over already
                if time.monotonic() - job.progress_at < self._confirm_timeout_seconds:
                    continue
            self._link.call(partial(self._give_up, job))
            with suppress(Empty):  # not open, or the I/O thread is in trouble of its own
                job.done.get(timeout=_GIVE_UP_SECONDS)
            return job.all_receipts("not connected")

    def close(self) -> None:
        """As ``Publisher.close``."""
        self._link.close()

    # -- Worker, in the I/O thread

    def channel_opened(self, channel: Channel) -> None:
        """Switch confirms on, and go on with what is still to send."""
        self._forget_in_flight()
        self._last_tag = 0
        self._refused = False
        channel.add_on_return_callback(self._on_return)
        channel.confirm_delivery(self._on_confirm, callback=lambda _frame: self._begin_sending(channel))

    def channel_lost(self, refusal: Refusal | None) -> bool:
        """Settle what was in flight.

        The broker closes the channel over a single message (exchange missing, no permission, too
        large) without saying which one. So those in flight are sent again one at a time, and the one
        that costs the channel alone is the one refused; the others must not wait for it.
        """
        self._channel = None
        job, indexes = self._job, list(self._in_flight.values())
        self._forget_in_flight()
        if refusal is None:
            self._block_reason = ""
        if job is None or not indexes:
            return False
        if refusal is None:
            for index in indexes:
                job.settle(index, PublishOutcome.LOST, "connection lost before the confirm")
            return False
        if len(indexes) == 1:
            missing = refusal.code == 404
            outcome = PublishOutcome.RETURNED if missing else PublishOutcome.NACKED
            job.settle(indexes[0], outcome, refusal.text)
        else:
            job.window = 1
            job.to_send.extendleft(reversed(indexes))
        return True

    def blocked(self, reason: str) -> None:
        """Hold back while the broker is in an alarm: it would not read what we send."""
        self._block_reason = reason
        self._send()

    def _begin_sending(self, channel: Channel) -> None:
        self._channel = channel
        self._link.ready()
        self._send()

    def _begin(self, job: _Job) -> None:
        self._job = job
        self._send()

    def _send(self) -> None:
        """Send as much of the job as the window allows."""
        job = self._job
        if job is None or self._channel is None or self._block_reason:
            return
        while job.to_send and len(self._in_flight) < job.window:
            message = job.messages[job.to_send[0]]
            # A returned message is known by its id only, so an id is in flight once at a time.
            if self._in_flight and (
                self._bytes_in_flight > BYTES_IN_FLIGHT or message.message_id in self._index_of
            ):
                break
            index = job.to_send.popleft()
            try:
                self._channel.basic_publish(
                    message.exchange, message.routing_key, message.body, _properties(message), mandatory=True
                )
            except AMQPError as error:
                job.settle(index, PublishOutcome.NACKED, f"cannot be sent: {type(error).__name__}")
                continue
            self._last_tag += 1
            self._in_flight[self._last_tag] = index
            self._index_of[message.message_id] = index
            self._bytes_in_flight += len(message.body)

    def _on_return(self, _channel: Channel, method: Frame, properties: Frame, _body: bytes) -> None:
        """A message that no queue takes comes back, and its confirm follows."""
        index = self._index_of.get(properties.message_id or "")
        if index is not None:
            place = method.exchange or "(default)"
            self._returned[index] = (
                f"{method.reply_code} {method.reply_text}: exchange {place} has no queue for it"
            )

    def _on_confirm(self, frame: Frame) -> None:
        """An ack or nack of one tag or, with ``multiple``, of all up to it; in any order."""
        method = frame.method
        acked = isinstance(method, pika.spec.Basic.Ack)
        last = method.delivery_tag
        tags = list(takewhile(lambda tag: tag <= last, self._in_flight)) if method.multiple else [last]
        for tag in tags:
            index = self._in_flight.pop(tag, None)
            if index is not None and self._job is not None:
                self._confirm(self._job, index, acked=acked)
        self._refused = self._refused or not acked
        if self._refused and self._job is not None and not self._job.open_count:
            self._leave_channel()
        self._send()

    def _leave_channel(self) -> None:
        """Have another channel after a refusal.

        RabbitMQ 3.10 goes on refusing on a channel on which a full quorum queue has refused once, also when
        the limit has been lifted.
        """
        self._channel = None
        self._link.renew_channel()

    def _confirm(self, job: _Job, index: int, *, acked: bool) -> None:
        message = job.messages[index]
        del self._index_of[message.message_id]
        self._bytes_in_flight -= len(message.body)
        returned = self._returned.pop(index, None)
        if not acked:
            job.settle(index, PublishOutcome.NACKED, "the broker refused it: a queue is full or has failed")
        elif returned is not None:
            job.settle(index, PublishOutcome.RETURNED, returned)
        else:
            job.settle(index, PublishOutcome.CONFIRMED)

    def _give_up(self, job: _Job) -> None:
        """Nothing was confirmed for too long: settle the rest, and do not trust this connection again."""
        if job is not self._job:
            return
        sent = bool(self._in_flight)
        reason = (
            f"blocked by the broker: {self._block_reason}" if self._block_reason else "no confirm in time"
        )
        if self._channel is None:
            reason = "not connected"
        self._job = None
        self._forget_in_flight()
        for index in range(len(job.messages)):
            job.settle(index, PublishOutcome.LOST, reason)
        if sent and not self._block_reason:
            self._link.recycle(reason)

    def _forget_in_flight(self) -> None:
        self._in_flight.clear()
        self._index_of.clear()
        self._returned.clear()
        self._bytes_in_flight = 0


def _properties(message: OutboundMessage) -> pika.BasicProperties:
    return pika.BasicProperties(
        content_type=message.content_type,
        delivery_mode=pika.DeliveryMode.Persistent.value,
        message_id=message.message_id,
        correlation_id=message.correlation_id or None,
        headers=dict(message.headers),
    )
