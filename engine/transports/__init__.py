"""How messages come in and go out: two protocols, a RabbitMQ side, an in-memory twin, an archive reader.

``amqp`` and ``memory`` implement :class:`Consumer` and :class:`Publisher`; one contract suite runs on
both. Nothing of the broker's library leaves this package: what goes wrong becomes a state reported to
``on_state``, a :class:`Receipt`, a ``TransientError`` (broker away) or a ``ConfigError`` (broker,
account or topology not as needed; the text says what is missing and the command to type).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol


class LinkState(StrEnum):
    """What a consumer or publisher tells ``on_state`` about its connection."""

    CONNECTING = "connecting"
    OPEN = "open"
    LOST = "lost"  # connection or channel gone; reconnecting with back-off
    REFUSED = "refused"  # the broker answers but does not let us work: account, queue, exchange
    BLOCKED = "blocked"  # memory or disk alarm of the broker: nothing can be published
    UNBLOCKED = "unblocked"
    CLOSED = "closed"


StateCallback = Callable[[str, str], None]
"""``on_state(state, detail)``; may be called from the transport's own thread, and must not block."""


def ignore_state(state: str, detail: str) -> None:
    """The default ``on_state``: nobody is interested."""


@dataclass(frozen=True, slots=True)
class Delivery:
    """One message as the broker handed it over, not yet acknowledged.

    ``tag`` is valid within its ``epoch`` (connection generation) only. ``redelivered`` false means
    surely never seen before, true means maybe. ``delivery_count`` is the number of earlier deliveries
    as far as the broker counts them (quorum queues); on queues that do not count, 1 when redelivered.
    """

    tag: int
    body: bytes
    redelivered: bool
    delivery_count: int
    queue: str
    message_id: str
    epoch: int


@dataclass(frozen=True, slots=True)
class OutboundMessage:
    """A message to publish; always sent persistent and mandatory.

    ``message_id`` must be stable under repetition: receivers drop copies by it. ``exchange`` ``""`` is
    the default exchange, where ``routing_key`` is the name of a queue.
    """

    exchange: str
    routing_key: str
    body: bytes
    content_type: str
    message_id: str
    correlation_id: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)


class PublishOutcome(StrEnum):
    """What became of one published message; only ``confirmed`` may be marked as sent."""

    CONFIRMED = "confirmed"  # routed to at least one queue and safe there
    RETURNED = "returned"  # no queue or no exchange takes this routing key: alarm, keep the row
    NACKED = "nacked"  # the broker refused it: queue full, not permitted, too large
    LOST = "lost"  # no answer in time or connection lost: may or may not have arrived, send again


@dataclass(frozen=True, slots=True)
class Receipt:
    """The outcome of one message; ``detail`` is for the log and holds no content of the message."""

    message_id: str
    outcome: PublishOutcome
    detail: str = ""


class Consumer(Protocol):
    """Takes messages from one or several queues; used by one thread.

    Between ``open`` and ``close`` it reconnects by itself, for ever, with jittered back-off, and reports
    each change through ``on_state``.
    """

    def open(self) -> None:
        """Connect, check every queue, begin to receive.

        Raises ConfigError (refused account, missing or unsafe queue) at once, and TransientError when
        the broker could not be reached within the time for opening; open may then be called again.
        """

    def next_batch(self, max_messages: int, max_wait_seconds: float) -> list[Delivery]:
        """Wait for deliveries; at most ``max_messages``, in the order received, ``[]`` for none in time.

        Returns with what is there as soon as anything is: while it is dealt with, more comes together.
        """

    def wake(self) -> None:
        """Make a running or the following ``next_batch`` return at once; safe in a signal handler."""

    def ack(self, deliveries: Sequence[Delivery]) -> None:
        """Tell the broker that these are dealt with for good; call after the commit only.

        Deliveries of an earlier epoch, and repeats, are dropped silently: the broker has them again.
        """

    def waiting(self) -> dict[str, int]:
        """How many messages of each queue nobody has yet, as the broker said last; safe from any thread.

        Asking makes the broker say it anew, for who asks next. Nothing is said of a queue before the first
        answer, nor after a connection was lost.
        """

    def close(self) -> None:
        """Stop receiving, send the pending acks, disconnect; at most 5 seconds; may be repeated.

        What was delivered and not acked goes back to its queue.
        """


class Publisher(Protocol):
    """Publishes messages with confirms; used by one thread."""

    def open(self) -> None:
        """Connect. Raises ConfigError and TransientError as ``Consumer.open``."""

    def publish(self, messages: Sequence[OutboundMessage]) -> list[Receipt]:
        """Send all, many in flight at a time, and return one receipt each, in the same order.

        Never raises for what the broker does. When nothing is confirmed for the time allowed for
        confirms (broker away, blocked by an alarm), the rest comes back as ``lost``.
        """

    def close(self) -> None:
        """Disconnect; at most 5 seconds; may be repeated."""
