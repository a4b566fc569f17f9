"""What goes into the intake and what comes out of it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from engine.decide import Decision
from engine.errors import ContentError
from engine.hl7 import Message, read_moment
from engine.model.alert import AlertEvent
from engine.model.codes import CodeKind, Coding, DrugMatch
from engine.model.disposition import Outcome, Reason
from engine.model.frozen import frozen
from engine.model.purpose import Purpose, purpose_of
from engine.model.record import Record
from engine.outbox import Publishing
from engine.people import People
from engine.results import Header, Reported
from engine.store import InboxKey
from engine.telling import Occasion
from engine.terminology import Terminology
from engine.therapy import OrderMessage, OrdersRead

# MSH-11 component 2 (table 0207): archive, initial load and restore fill the record and page nobody.
HISTORY_MODES = frozenset({"A", "I", "R"})
_IGNORED_PURPOSES: Mapping[Purpose, Reason] = {
    Purpose.NONE: Reason.TYPE_NOT_USED,
    Purpose.REFILL_REQUEST: Reason.REFILL_REQUEST,
}
TAKEN_BEFORE = "taken_in_before"
"""The warning about a message that is held already, when somebody asks why."""
_OURS = frozenset({CodeKind.ANALYTE, CodeKind.QUESTION})
IGNORED_REASONS = frozenset({Reason.NOTHING_MONITORED, Reason.OTHER_DRUG, Reason.DRUG_UNMAPPED})


def type_of(message: Message | ContentError) -> str:
    """``ORU^R01``; empty for what could not be read."""
    return "" if isinstance(message, ContentError) else f"{message.type}^{message.trigger}"


def charset_of(message: Message | ContentError) -> str:
    """The Python codec that a message was read with; empty for what could not be read."""
    return "" if isinstance(message, ContentError) else message.charset


def time_of(message: Message | ContentError, terminology: Terminology) -> datetime | None:
    """When a message was sent (MSH-7), by the time zone of its sender; None where that cannot be read."""
    if isinstance(message, ContentError):
        return None
    site = terminology.site(message.sending_application, message.sending_facility)
    sent_at = message.time(site.time_zone)
    return None if sent_at is None else sent_at.at


@frozen()
class Arrived:
    """One message as a transport delivered it; ``source`` is its queue, or file and number.

    ``at``: the time to judge it at, where somebody has read the clock of the whole archive; ``leaps``:
    that is not its own. ``read``: what has been read of it already.
    """

    body: bytes
    source: str
    at: datetime | None = None
    leaps: bool = False
    read: tuple[InboxKey, Message | ContentError] | None = field(default=None, compare=False, repr=False)


@frozen()
class Look:
    """What time has brought about for one person: due ``since``, judged ``at`` the step of a sweep.

    Looks of different persons are told in the order of :attr:`place`, whoever else was looked at.
    """

    at: datetime
    since: datetime
    root: str
    events: tuple[AlertEvent, ...] = ()
    fault: Exception | None = None

    @property
    def place(self) -> tuple[datetime, datetime, str]:
        """Where it comes among the looks before one message."""
        return self.at, self.since, self.root


@dataclass(slots=True)
class Work:
    """One message on its way: what was read of it, and its changes, held back until all is decided.

    ``reported``, ``ordered`` and ``decisions`` are kept for who asks how it came about; ``met`` are the
    records that were read on, as they were before.
    """

    message: Message
    header: Header
    occasion: Occasion
    people: People
    reason: Reason
    observations: int = 0
    results: int = 0
    events: list[AlertEvent] = field(default_factory=list)
    reported: list[Reported] = field(default_factory=list)
    ordered: list[OrdersRead] = field(default_factory=list)
    met: list[Record] = field(default_factory=list)
    decisions: list[Decision] = field(default_factory=list)

    def read(self, reported: Reported, record: Record) -> None:
        """Take note of what the observations of one patient amount to."""
        self.observations += reported.observations
        self.reported.append(reported)
        self.met.append(record)

    def read_orders(self, told: OrdersRead, record: Record) -> None:
        """Take note of what the orders of one patient tell."""
        self.ordered.append(told)
        self.met.append(record)

    def orders(self, drug: Callable[[Iterable[Coding]], DrugMatch | None]) -> OrderMessage:
        """What reading the orders of this message needs to know of it."""
        zone, offset = self.header.site.time_zone, self.header.default_offset
        return OrderMessage(
            type=self.message.type,
            trigger=self.message.trigger,
            sent=self.header.sent_at,
            site=self.header.site,
            drug=drug,
            read_time=lambda text: read_moment(text, zone, offset),
        )


def sightings(work: Work) -> Iterator[tuple[str, str, str, str]]:
    """The codes of ours in a message, and the units of its values, each on the day on which it was sent."""
    sent_at = work.header.sent_at
    day = (work.occasion.now if sent_at is None else sent_at.at.astimezone(UTC)).date().isoformat()
    for reported in work.reported:
        for _, match in reported.identified:
            if match.kind in _OURS:
                name = f"{match.code} ({match.analyte})" if match.analyte else match.code
                yield day, "code", work.header.sender, name
                if match.analyte and match.unit:
                    yield day, "unit", work.header.sender, f"{match.analyte} {match.unit}"


@frozen()
class Taken:
    """How one message ended, for the log, the metrics and a replay's output.

    ``fault`` is an unexpected exception that quarantined the message: a defect of the engine. ``looks`` are
    what time had brought about before it, where messages are the clock. ``at`` is when it was taken
    in, by that clock. ``charset`` is the Python codec that it was read with, empty where it could not be.
    ``late``: it was sent so long before that it tells of a backlog. ``sightings`` are the codes and units of
    ours that came, where somebody counts them: day of sending, kind, sender, name.
    ``work`` is how it came about, where the options ask for it.
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
    looks: tuple[Look, ...] = ()
    at: datetime | None = None
    charset: str = ""
    late: bool = False
    sightings: tuple[tuple[str, str, str, str], ...] = field(default=(), compare=False, repr=False)
    work: Work | None = field(default=None, compare=False, repr=False)

    @property
    def swept(self) -> tuple[AlertEvent, ...]:
        """The events of the looks."""
        return tuple(event for look in self.looks for event in look.events)


@frozen()
class IntakeOptions:
    """What is taken in, and where alerts go.

    ``clock`` None means that the messages are the clock (replay): see :mod:`engine.message_clock`;
    ``leap`` is how far one message alone may carry the time.
    Messages after ``until`` are ignored by name. ``keep_untreated`` false keeps no result of people who
    have never had a thiopurine (privacy); their baseline is then unknown when they start. ``sweep_every``:
    how often time is judged. ``traced`` keeps how each outcome came about, for ``explain``.
    ``late_after``: what a message tells that was sent so long ago is held back for at most ``hold_for``, for
    more of its kind may end it; None: never. See :mod:`engine.catching_up`.
    ``timed`` is told of each batch how many seconds deciding took, and making it durable.
    """

    publishing: Publishing = field(default_factory=Publishing)
    processing_ids: frozenset[str] = frozenset({"P"})
    clock: Callable[[], datetime] | None = None
    leap: timedelta = timedelta(days=731)
    max_message_bytes: int = 10_000_000
    until: datetime | None = None
    keep_untreated: bool = True
    sweep_every: timedelta = timedelta(minutes=10)
    traced: bool = False
    late_after: timedelta | None = None
    hold_for: timedelta = timedelta(minutes=10)
    timed: Callable[[float, float], None] | None = None

    def is_late(self, work: Work | None, now: datetime) -> bool:
        """Whether a message was sent long ago; one that does not say when is taken for new."""
        sent_at = None if work is None else work.header.sent_at
        if self.late_after is None or self.clock is None or sent_at is None:
            return False
        return now - sent_at.at >= self.late_after


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
