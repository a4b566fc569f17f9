"""One order, or the roster, walked through in time: when its drug was taken, held, and at which dose.

Events of one instant are taken in the order stop, hold, then whatever begins, changes or releases: where
two statements contradict each other, the drug counts as taken and monitoring goes on.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import StrEnum

from engine.model.therapy import TherapyEvent, TherapyEventKind

_BEGINNING = frozenset(
    {
        TherapyEventKind.START,
        TherapyEventKind.DOSE,
        TherapyEventKind.RELEASE,
        TherapyEventKind.RESTART,
    }
)
_ENDING = frozenset({TherapyEventKind.STOP, TherapyEventKind.REPLACE, TherapyEventKind.VOID})


class Ending(StrEnum):
    """How a stretch of taking the drug came to its end."""

    STOPPED = "stopped"
    REPLACED = "replaced"  # another order was to take over
    LAPSED = "lapsed"  # the order ran to its planned end


@dataclass(frozen=True, slots=True)
class Interval:
    """The drug was taken (or held) from ``begin`` until just before ``end``; ``restart``: said to be one."""

    begin: datetime
    end: datetime | None = None
    ending: Ending | None = None
    restart: bool = False

    def covers(self, instant: datetime) -> bool:
        """Whether the drug was taken at that instant."""
        return self.begin <= instant and (self.end is None or instant < self.end)


@dataclass(frozen=True, slots=True)
class DoseStatement:
    """From ``at`` on, this dose; None where somebody changed it and did not say to what."""

    at: datetime
    mg_per_day: Decimal | None


@dataclass(frozen=True, slots=True)
class Track:
    """What one order, or the roster, says by itself; everything ascends in time."""

    roster: bool
    intervals: tuple[Interval, ...]
    holds: tuple[tuple[datetime, datetime | None], ...]
    doses: tuple[DoseStatement, ...]

    def interval_at(self, instant: datetime) -> Interval | None:
        """The stretch of taking that covers the instant."""
        return next((interval for interval in self.intervals if interval.covers(instant)), None)

    def held_at(self, instant: datetime) -> bool:
        """Whether a hold covers the instant."""
        return any(begin <= instant and (end is None or instant < end) for begin, end in self.holds)

    def taking_at(self, instant: datetime) -> bool:
        """Whether the drug was taken, and not held, at the instant."""
        return self.interval_at(instant) is not None and not self.held_at(instant)

    def dose_at(self, instant: datetime) -> DoseStatement | None:
        """The newest statement about the dose."""
        return next((dose for dose in reversed(self.doses) if dose.at <= instant), None)

    def instants(self) -> set[datetime]:
        """Every instant at which something changes."""
        changes = {interval.begin for interval in self.intervals} | {dose.at for dose in self.doses}
        changes |= {interval.end for interval in self.intervals if interval.end is not None}
        return changes | {instant for hold in self.holds for instant in hold if instant is not None}


@dataclass(frozen=True, slots=True)
class Step:
    """An event as it acts on one track.

    ``passed_on``: told of something else (the parent order, the roster, the last open order); it acts
    only where the drug is being taken, and begins nothing.
    """

    event: TherapyEvent
    kind: TherapyEventKind
    passed_on: bool = False

    @property
    def at(self) -> datetime:
        """When it takes effect."""
        return self.event.effective.at

    @property
    def order(self) -> tuple[datetime, int, str, str]:
        """Sorts the steps of a track; equal only for one and the same event."""
        rank = 0 if self.kind in _ENDING else 1 if self.kind is TherapyEventKind.HOLD else 2
        return (self.at, rank, self.event.version, self.event.event_id)


def walk(steps: Iterable[Step], *, roster: bool) -> Track:
    """Follow the events of one order (or of the roster) in time."""
    told = tuple(steps)
    walker = _Walker(
        roster=roster, begins=any(step.kind in _BEGINNING and not step.passed_on for step in told)
    )
    for step in _standing(told, roster=roster):
        walker.take(step)
    return walker.finished()


def without_reverted(events: Iterable[TherapyEvent]) -> tuple[TherapyEvent, ...]:
    """The events of one order without requests that could not be carried out.

    "Unable to ..." takes back the newest request of its kind that was told before it; a request that was
    made again afterwards stands.
    """
    standing = list(events)
    reverts = [event for event in standing if event.kind is TherapyEventKind.REVERT]
    for revert in sorted(reverts, key=lambda event: (event.version, event.event_id)):
        codes = revert.reverts.split()
        earlier = [
            event.version for event in standing if event.control in codes and event.version <= revert.version
        ]
        newest = max(earlier, default=None)
        standing = [event for event in standing if event.control not in codes or event.version != newest]
    return tuple(event for event in standing if event.kind is not TherapyEventKind.REVERT)


def _standing(steps: Sequence[Step], *, roster: bool) -> list[Step]:
    """In order of time, without beginnings that a later told end of the order has called off.

    A discontinuation "affects the order and all future occurrences" (table 0119, DC): an order or a
    change of dose that was to come, and was told before, does not come. What is told after the end is
    a change of mind and stands. Roster rows carry no telling time: they act by their dates alone.
    """
    ordered = sorted(steps, key=lambda step: step.order)
    if roster:
        return ordered
    ends = [step for step in ordered if step.kind in _ENDING and step.event.order]
    return [
        step
        for step in ordered
        if step.kind not in _BEGINNING
        or not any(end.at <= step.at and step.event.version < end.event.version for end in ends)
    ]


class _Walker:
    """The state while walking: since when taken, since when held, until when planned.

    ``begins``: somebody told of a beginning, be it one that was called off; else the therapy is older
    than our knowledge of it.
    """

    def __init__(self, *, roster: bool, begins: bool) -> None:
        self._roster = roster
        self._begins = begins
        self._begin: datetime | None = None
        self._restart = False
        self._held: datetime | None = None
        self._planned: datetime | None = None
        self._pending_hold = ""
        self._intervals: list[Interval] = []
        self._holds: list[tuple[datetime, datetime | None]] = []
        self._doses: list[DoseStatement] = []

    def take(self, step: Step) -> None:
        if self._begin is not None and self._planned is not None and self._planned <= step.at:
            self._close(self._planned, Ending.LAPSED)
        if step.kind in _ENDING:
            self._end(step)
        elif step.kind is TherapyEventKind.HOLD:
            self._hold(step)
        elif step.kind in _BEGINNING:
            self._start(step)

    def finished(self) -> Track:
        if self._begin is not None and self._planned is not None:
            self._close(self._planned, Ending.LAPSED)
        if self._begin is not None:
            self._intervals.append(Interval(self._begin, restart=self._restart))
            if self._held is not None:
                self._holds.append((self._held, None))
        return Track(self._roster, tuple(self._intervals), tuple(self._holds), tuple(self._doses))

    def _start(self, step: Step) -> None:
        event = step.event
        restart = step.kind is TherapyEventKind.RESTART
        if step.passed_on:
            self._release(step.at)
            return
        if restart:
            # whoever writes "restart" says that it had not been taken, whatever the row before it is called
            self._close(step.at, Ending.STOPPED)
        begins = self._begin is None
        if begins:
            self._begin, self._restart, self._planned = step.at, restart, None
            if event.version < self._pending_hold and not self._roster:
                self._held = step.at
            self._pending_hold = ""
        elif self._roster or step.kind is TherapyEventKind.RELEASE:
            self._release(step.at)
        if event.ends is not None and event.ends.at > step.at:
            self._planned = event.ends.at
        elif step.kind is not TherapyEventKind.RELEASE:
            self._planned = None
        # An order restated without a dose keeps the one it had; a change, or a new course, does not.
        unknown = step.kind is TherapyEventKind.DOSE or not self._doses or (self._roster and begins)
        if event.dose_mg_per_day is not None or unknown:
            self._doses.append(DoseStatement(step.at, event.dose_mg_per_day))

    def _hold(self, step: Step) -> None:
        if self._begin is not None:
            self._held = self._held or step.at
        elif step.passed_on:
            return
        elif self._begins:
            self._pending_hold = max(self._pending_hold, step.event.version)
        elif not self._intervals:
            # What is held must have been taken.
            self._begin = self._held = step.at
            self._doses.append(DoseStatement(step.at, None))

    def _end(self, step: Step) -> None:
        ending = Ending.REPLACED if step.kind is TherapyEventKind.REPLACE else Ending.STOPPED
        if self._begin is not None:
            self._close(step.at, ending)
        elif not (step.passed_on or self._begins or self._intervals or step.kind is TherapyEventKind.VOID):
            # What is stopped must have been taken until then; since when is not known.
            self._intervals.append(Interval(step.at, step.at, ending))

    def _release(self, at: datetime) -> None:
        if self._held is not None:
            self._holds.append((self._held, at))
            self._held = None

    def _close(self, at: datetime, ending: Ending) -> None:
        if self._begin is not None:
            self._release(at)
            self._intervals.append(Interval(self._begin, at, ending, self._restart))
        self._begin, self._restart, self._planned = None, False, None
