"""Who takes a thiopurine, since when, at which dose: events as told, spans as concluded."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from enum import StrEnum

from engine.model.frozen import frozen
from engine.model.moment import Moment, later

ROSTER = "roster"
"""The source of what a roster told."""


class TherapyEventKind(StrEnum):
    """Roster events (docs/roster.md) and what an order control code (table 0119) amounts to."""

    START = "start"
    DOSE = "dose"
    HOLD = "hold"
    RELEASE = "release"
    RESTART = "restart"
    STOP = "stop"
    REPLACE = "replace"  # this order ends because another takes over
    VOID = "void"  # cancelled before it began: as if it had never been ordered
    REVERT = "revert"  # a request could not be carried out: takes the request of code ``reverts`` back
    SUPPLY = "supply"  # dispensed or given: confirms; starts only where nothing else tells of the drug
    FACT = "fact"


@frozen()
class TherapyEvent:
    """One thing told about a person's therapy; ``event_id`` is stable under repetition.

    ``order`` joins events of one pharmacy order: its numbers ("placer:77 filler:1201"), one of which is
    enough to join; empty for roster rows. ``parent`` holds those of the order it was spawned from. ``drug``
    may be empty where a message names an order and nothing else. ``version`` (when it was told, sortable)
    orders restatements of the same event. Dose is mg/day, None when it cannot be computed. ``control`` is
    the order control code (table 0119), ``reverts`` the one that a REVERT takes back. ``inpatient``: told
    of a hospital stay, whose orders end with it though the therapy goes on.
    """

    event_id: str
    person_id: str
    kind: TherapyEventKind
    effective: Moment
    drug: str
    dose_mg_per_day: Decimal | None = None
    order: str = ""
    ends: Moment | None = None
    indication: str = ""
    fact_name: str = ""
    fact_value: str = ""
    note: str = ""
    source: str = ""
    provisional: bool = False
    version: str = ""
    control: str = ""
    reverts: str = ""
    parent: str = ""
    inpatient: bool = False


class TherapyState(StrEnum):
    """Where a person stands with a thiopurine at one instant."""

    NEVER_STARTED = "never-started"
    ACTIVE = "active"
    HELD = "held"
    STOPPED = "stopped"
    RESTARTED = "restarted"  # active again after a stop


@frozen()
class DoseChange:
    """From when on which dose (mg/day; None: it cannot be computed) was taken."""

    effective: datetime
    mg_per_day: Decimal | None


@frozen()
class TherapySpan:
    """One therapy episode: from a start (or restart) of a drug until its stop.

    ``episode_id`` (drug and start date) names the episode in alert identities. ``restart`` tells that
    an earlier episode of a thiopurine ended before this one began. Holds are inside the span.
    """

    drug: str
    start: datetime
    stop: datetime | None
    restart: bool
    doses: tuple[DoseChange, ...] = ()
    holds: tuple[tuple[datetime, datetime | None], ...] = ()
    indication: str = ""
    source: str = ""

    @property
    def episode_id(self) -> str:
        """Drug and start date: names the episode in alert identities."""
        return f"{self.drug}/{self.start.date().isoformat()}"

    @property
    def taken_until(self) -> datetime | None:
        """When the drug was taken last: the stop, or the beginning of the hold that lasted until it."""
        if self.stop is None:
            return None
        resting = [begin for begin, end in self.holds if end is None or end >= self.stop]
        return min(resting, default=self.stop)

    def dose_at(self, instant: datetime) -> Decimal | None:
        """mg/day in force at ``instant``; None when unknown."""
        dose: Decimal | None = None
        for change in self.doses:
            if change.effective <= instant:
                dose = change.mg_per_day
        return dose

    def state_at(self, instant: datetime) -> TherapyState:
        """The state of this episode at an instant."""
        if instant < self.start:
            return TherapyState.NEVER_STARTED
        if self.stop is not None and instant >= self.stop:
            return TherapyState.STOPPED
        for begin, end in self.holds:
            if begin <= instant and (end is None or instant < end):
                return TherapyState.HELD
        return TherapyState.RESTARTED if self.restart else TherapyState.ACTIVE


@frozen()
class Exposure:
    """Whether results of an instant are judged, and the episode that they are judged in."""

    in_scope: bool
    state: TherapyState
    span: TherapySpan | None = None


def exposure(spans: Sequence[TherapySpan], instant: datetime, days_after_stop: int = 90) -> Exposure:
    """Which episode governs an instant: of those going on then the newest, held ones last; else the
    one stopped last.

    Results are in scope during an episode, holds included, and for ``days_after_stop`` days after it.
    """
    begun = [span for span in spans if span.start <= instant]
    if not begun:
        return Exposure(in_scope=False, state=TherapyState.NEVER_STARTED)
    going_on = [span for span in begun if span.stop is None or instant < span.stop]
    if going_on:
        span = max(
            going_on,
            key=lambda span: (span.state_at(instant) is not TherapyState.HELD, span.start, span.drug),
        )
        return Exposure(in_scope=True, state=span.state_at(instant), span=span)
    span = max(begun, key=lambda span: (span.stop or instant, span.start, span.drug))
    recent = span.stop is not None and instant < later(span.stop, timedelta(days=days_after_stop))
    return Exposure(in_scope=recent, state=TherapyState.STOPPED, span=span)


@frozen()
class Fact:
    """A clinical fact with its date: ``tpmt=deficient``, ``symptom=nausea``, ``baseline.alt=31 U/L``.

    ``told`` is how the result said it from which it follows: ``genotype *3A/*3C of 2026-01-31``.
    """

    name: str
    value: str
    effective: Moment
    source: str
    told: str = ""
