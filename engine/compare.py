"""What would change: the alerts that two sets of knowledge give for the same archive, matched one by one."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum

from engine.model.alert import AlertEvent, Phase
from engine.model.finding import Severity

PAGED = frozenset({Phase.START, Phase.UPDATE, Phase.ESCALATE})


class Change(StrEnum):
    """How an alert of one side stands to the other side; the words of the output."""

    ONLY_A = "only in A"
    ONLY_B = "only in B"
    EARLIER = "earlier in B"
    LATER = "later in B"
    SEVERITY = "other severity"
    RULE = "other rule"


@dataclass(frozen=True, slots=True)
class Spell:
    """One stretch of time in which an alert was open, as its events told it.

    ``severity`` is the gravest that was told and ``rule`` the one that told it first; ``ended`` is None
    when the archive ends before the alert does. ``pages``: how often somebody was told (start, update,
    escalate). Times are those of decision (UTC): when a page would have gone out.
    """

    alert_id: str
    family: str
    patient: str
    began: datetime
    ended: datetime | None
    severity: Severity
    rule: str
    message: str
    pages: int

    def overlaps(self, other: Spell) -> bool:
        """Whether both were open at some instant."""
        return (self.ended is None or other.began <= self.ended) and (
            other.ended is None or self.began <= other.ended
        )


@dataclass(frozen=True, slots=True)
class Difference:
    """One alert that is not the same on both sides; a difference may be of several kinds at once."""

    changes: tuple[Change, ...]
    a: Spell | None
    b: Spell | None

    @property
    def days_earlier(self) -> int | None:
        """By how many whole days B told it earlier; negative where later, None where one side never did."""
        if self.a is None or self.b is None:
            return None
        return (self.a.began - self.b.began) // timedelta(days=1)

    @property
    def patient(self) -> str:
        """Whom it is about."""
        return (self.a or self.b).patient  # type: ignore[union-attr]


@dataclass(slots=True)
class Side:
    """What one side told."""

    spells: list[Spell] = field(default_factory=list)
    alerts: Counter[str] = field(default_factory=Counter)
    pages: Counter[str] = field(default_factory=Counter)


@dataclass(frozen=True, slots=True)
class Comparison:
    """Both sides, what differs between them, and over how much watching (days on therapy, all patients)."""

    a: Side
    b: Side
    same: int
    differences: tuple[Difference, ...]
    patient_days: int

    def rate(self, count: int) -> str:
        """A count per 100 patient-years on therapy, one decimal; empty where nobody was watched."""
        if not self.patient_days:
            return ""
        return f"{count * 36525 / self.patient_days:.1f}"


def side_of(events: Iterable[AlertEvent]) -> Side:
    """One side's alerts, from its events in the order in which they were told."""
    side = Side()
    of_alert: dict[str, list[AlertEvent]] = defaultdict(list)
    for event in events:
        of_alert[event.alert_id].append(event)
        if event.phase in PAGED:
            side.pages[event.rule] += 1
        if event.phase is Phase.START:
            side.alerts[event.rule] += 1
    for told in of_alert.values():
        side.spells.extend(_spells(told))
    side.spells.sort(key=_when)
    return side


def compare(a: Side, b: Side, patient_days: int) -> Comparison:
    """Match the alerts of two sides: the same person, family, subject and therapy episode, open at once."""
    others: Mapping[str, list[Spell]] = defaultdict(list)
    for spell in b.spells:
        others[spell.alert_id].append(spell)
    differences: list[Difference] = []
    same = 0
    for spell in a.spells:
        candidates = others[spell.alert_id]
        match = next((other for other in candidates if spell.overlaps(other)), None)
        if match is None:
            differences.append(Difference((Change.ONLY_A,), spell, None))
            continue
        candidates.remove(match)
        changes = _changes(spell, match)
        if changes:
            differences.append(Difference(changes, spell, match))
        else:
            same += 1
    differences += [Difference((Change.ONLY_B,), None, left) for rest in others.values() for left in rest]
    differences.sort(key=lambda each: _when(each.a or each.b))  # type: ignore[arg-type]
    return Comparison(a, b, same, tuple(differences), patient_days)


def _changes(a: Spell, b: Spell) -> tuple[Change, ...]:
    found = []
    if b.began != a.began:
        found.append(Change.EARLIER if b.began < a.began else Change.LATER)
    if b.severity is not a.severity:
        found.append(Change.SEVERITY)
    elif b.rule != a.rule:
        found.append(Change.RULE)
    return tuple(found)


def _spells(told: Sequence[AlertEvent]) -> Iterable[Spell]:
    """The events of one alert, from each start to its end."""
    going_on: list[AlertEvent] = []
    for event in told:
        going_on.append(event)
        if event.phase is Phase.END:
            yield _spell(going_on, event.decided_at)
            going_on = []
    if going_on:
        yield _spell(going_on, None)


def _spell(events: Sequence[AlertEvent], ended: datetime | None) -> Spell:
    speaking = [event for event in events if event.phase is not Phase.END] or list(events)
    gravest = max(speaking, key=lambda event: event.severity.rank)
    first = events[0]
    return Spell(
        alert_id=first.alert_id,
        family=first.family,
        patient=first.person.person_id,
        began=first.decided_at,
        ended=ended,
        severity=gravest.severity,
        rule=gravest.rule,
        message=gravest.message,
        pages=sum(event.phase in PAGED for event in events),
    )


def _when(spell: Spell) -> tuple[datetime, str]:
    return spell.began, spell.alert_id
