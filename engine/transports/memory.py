"""Consumer and publisher of the in-memory twin of RabbitMQ; the broker is in ``memory_broker``."""

from __future__ import annotations

import time
from collections.abc import Sequence

from engine.errors import ConfigError, TransientError
from engine.transports import (
    Delivery,
    LinkState,
    OutboundMessage,
    PublishOutcome,
    Receipt,
    StateCallback,
    ignore_state,
)
from engine.transports.memory_broker import Channel, MemoryBroker

__all__ = ["MemoryBroker", "MemoryConsumer", "MemoryPublisher"]


class MemoryConsumer:
    """A :class:`engine.transports.Consumer` on a :class:`MemoryBroker`."""

    def __init__(
        self,
        broker: MemoryBroker,
        queues: Sequence[str],
        *,
        prefetch: int = 300,
        on_state: StateCallback = ignore_state,
    ) -> None:
        self._broker = broker
        self._queues = tuple(queues)
        self._prefetch = prefetch
        self._on_state = on_state
        self._epoch = 0
        self._channel: Channel | None = None
        self._opened = False
        self._woken = False
        self._reported: tuple[str, str] = ("", "")

    def open(self) -> None:
        """As ``Consumer.open``; a stopped broker is a TransientError at once."""
        self._report(LinkState.CONNECTING, "memory broker")
        self._channel = self._broker.subscribe(self._queues, self._prefetch, self._epoch + 1)
        self._epoch += 1
        self._opened = True
        self._report(LinkState.OPEN, "memory broker")

    def next_batch(self, max_messages: int, max_wait_seconds: float) -> list[Delivery]:
        """As ``Consumer.next_batch``."""
        deadline = time.monotonic() + max_wait_seconds
        with self._broker.changed:
            while True:
                channel = self._live_channel()
                count = len(channel.inbox) if channel is not None else 0
                remaining = deadline - time.monotonic()
                if count or remaining <= 0 or self._woken:
                    break
                self._broker.changed.wait(remaining)
            self._woken = False
            if channel is None:
                return []
            return [channel.inbox.popleft() for _ in range(min(count, max_messages))]

    def wake(self) -> None:
        """As ``Consumer.wake``."""
        with self._broker.changed:
            self._woken = True
            self._broker.changed.notify_all()

    def ack(self, deliveries: Sequence[Delivery]) -> None:
        """As ``Consumer.ack``."""
        channel = self._channel
        if channel is not None and channel.alive:
            self._broker.settle(channel, [d.tag for d in deliveries if d.epoch == channel.epoch])

    def waiting(self) -> dict[str, int]:
        """As ``Consumer.waiting``."""
        return {queue: self._broker.depth(queue) for queue in self._queues}

    def close(self) -> None:
        """As ``Consumer.close``."""
        self._opened = False
        if self._channel is not None:
            self._broker.drop(self._channel)
            self._channel = None
            self._report(LinkState.CLOSED, "")

    def _live_channel(self) -> Channel | None:
        if not self._opened or (self._channel is not None and self._channel.alive):
            return self._channel
        if self._channel is not None:
            self._channel = None
            self._report(LinkState.LOST, "connection lost")
        try:
            self.open()
        except TransientError as error:
            self._report(LinkState.LOST, str(error))
        except ConfigError as error:
            self._report(LinkState.REFUSED, str(error))
        return self._channel

    def _report(self, state: LinkState, detail: str) -> None:
        if (state, detail) != self._reported and not (
            state is LinkState.CONNECTING and self._reported[0] in (LinkState.LOST, LinkState.REFUSED)
        ):
            self._reported = (state, detail)
            self._on_state(state, detail)


class MemoryPublisher:
    """A :class:`engine.transports.Publisher` on a :class:`MemoryBroker`."""

    def __init__(
        self,
        broker: MemoryBroker,
        *,
        confirm_timeout_seconds: float = 10.0,
        on_state: StateCallback = ignore_state,
    ) -> None:
        self._broker = broker
        self._confirm_timeout_seconds = confirm_timeout_seconds
        self._on_state = on_state
        self._opened = False

    def open(self) -> None:
        """As ``Publisher.open``."""
        if not self._broker.running:
            raise TransientError("broker is not running")
        self._opened = True
        self._on_state(LinkState.OPEN, "memory broker")

    def publish(self, messages: Sequence[OutboundMessage]) -> list[Receipt]:
        """As ``Publisher.publish``; an alarm is waited out up to the time allowed for confirms."""
        if messages and not self._wait_until_usable():
            reason = (
                "publishing is blocked by an alarm of the broker" if self._broker.blocked else "not connected"
            )
            return [Receipt(message.message_id, PublishOutcome.LOST, reason) for message in messages]
        return [self._broker.accept(message) for message in messages]

    def close(self) -> None:
        """As ``Publisher.close``."""
        if self._opened:
            self._opened = False
            self._on_state(LinkState.CLOSED, "")

    def _wait_until_usable(self) -> bool:
        """Whether the broker runs unblocked, now or before the time allowed for confirms is over."""

        def usable() -> bool:
            return self._broker.running and not self._broker.blocked

        with self._broker.changed:
            if usable():
                return self._opened
            if self._broker.blocked:
                self._on_state(LinkState.BLOCKED, "alarm of the memory broker")
            if not self._broker.changed.wait_for(usable, self._confirm_timeout_seconds):
                return False
            self._on_state(LinkState.UNBLOCKED, "")
            return self._opened
