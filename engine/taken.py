"""What goes into the intake and what comes out of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime

from engine.model.alert import AlertEvent
from engine.model.disposition import Outcome
from engine.outbox import Publishing
from engine.store import InboxKey


@dataclass(frozen=True, slots=True)
class Arrived:
    """One message as a transport delivered it; ``source`` is its queue, or file and number."""

    body: bytes
    source: str


@dataclass(frozen=True, slots=True)
class Taken:
    """How one message ended, for the log, the metrics and a replay's output.

    ``fault`` is an unexpected exception that quarantined the message: a defect of the engine.
    """

    key: InboxKey
    source: str
    message_type: str
    outcome: Outcome
    observations: int = 0
    results: int = 0
    persons: tuple[str, ...] = ()
    events: tuple[AlertEvent, ...] = ()
    warnings: tuple[str, ...] = ()
    fault: Exception | None = None


@dataclass(frozen=True, slots=True)
class IntakeOptions:
    """What is taken in, and where alerts go.

    ``clock`` None means that the messages are the clock (replay): MSH-7, else the newest time before.
    Messages after ``until`` are ignored by name. ``keep_untreated`` false keeps no result of people who
    have never had a thiopurine (privacy); their baseline is then unknown when they start.
    """

    publishing: Publishing = field(default_factory=Publishing)
    processing_ids: frozenset[str] = frozenset({"P"})
    clock: Callable[[], datetime] | None = None
    max_message_bytes: int = 10_000_000
    until: datetime | None = None
    keep_untreated: bool = True
