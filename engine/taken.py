"""What goes into the intake and what comes out of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from engine.errors import ContentError
from engine.hl7 import Message
from engine.model.alert import AlertEvent
from engine.model.disposition import Outcome, Reason
from engine.model.purpose import Purpose, purpose_of
from engine.outbox import Publishing
from engine.store import InboxKey
from engine.terminology import Terminology

# MSH-11 component 2 (table 0207): archive, initial load and restore fill the record and page nobody.
HISTORY_MODES = frozenset({"A", "I", "R"})
_IGNORED_PURPOSES: Mapping[Purpose, Reason] = {
    Purpose.NONE: Reason.TYPE_NOT_USED,
    Purpose.REFILL_REQUEST: Reason.REFILL_REQUEST,
}
IGNORED_REASONS = frozenset({Reason.NOTHING_MONITORED, Reason.OTHER_DRUG, Reason.DRUG_UNMAPPED})


def type_of(message: Message | ContentError) -> str:
    """``ORU^R01``; empty for what could not be read."""
    return "" if isinstance(message, ContentError) else f"{message.type}^{message.trigger}"


def time_of(message: Message | ContentError, terminology: Terminology) -> datetime | None:
    """When a message was sent (MSH-7), by the time zone of its sender; None where that cannot be read."""
    if isinstance(message, ContentError):
        return None
    site = terminology.site(message.sending_application, message.sending_facility)
    sent_at = message.time(site.time_zone)
    return None if sent_at is None else sent_at.at


@dataclass(frozen=True, slots=True)
class Arrived:
    """One message as a transport delivered it; ``source`` is its queue, or file and number."""

    body: bytes
    source: str


@dataclass(frozen=True, slots=True)
class Taken:
    """How one message ended, for the log, the metrics and a replay's output.

    ``fault`` is an unexpected exception that quarantined the message, or was met while time was
    judged before it: a defect of the engine. ``swept`` is
    what time had brought about before it, where messages are the clock. ``at`` is when it was taken
    in, by that clock.
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
    swept: tuple[AlertEvent, ...] = ()
    at: datetime | None = None


@dataclass(frozen=True, slots=True)
class IntakeOptions:
    """What is taken in, and where alerts go.

    ``clock`` None means that the messages are the clock (replay): see :mod:`engine.message_clock`;
    ``leap`` is how far one message alone may carry the time.
    Messages after ``until`` are ignored by name. ``keep_untreated`` false keeps no result of people who
    have never had a thiopurine (privacy); their baseline is then unknown when they start. ``sweep_every``:
    how often time is judged.
    """

    publishing: Publishing = field(default_factory=Publishing)
    processing_ids: frozenset[str] = frozenset({"P"})
    clock: Callable[[], datetime] | None = None
    leap: timedelta = timedelta(days=731)
    max_message_bytes: int = 10_000_000
    until: datetime | None = None
    keep_untreated: bool = True
    sweep_every: timedelta = timedelta(minutes=10)


def why_unused(
    message: Message, options: IntakeOptions, terminology: Terminology, now: datetime
) -> Reason | None:
    """Why a message is ignored by name, or None for one that we use."""
    if options.until is not None and (time_of(message, terminology) or now) > options.until:
        return Reason.AFTER_UNTIL
    if message.sending_application == options.publishing.render.sending_application:
        return Reason.OWN_MESSAGE
    if message.processing_id and message.processing_id not in options.processing_ids:
        return Reason.NOT_PRODUCTION
    if not message.type:
        return None
    return _IGNORED_PURPOSES.get(purpose_of(message.type, message.trigger))
