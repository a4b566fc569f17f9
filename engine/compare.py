"""What would change: the alerts that two sets of knowledge give for the same archive, matched one by one."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum

from engine.model.alert import Phase
from engine.spells import PAGED, Spell


class Change(StrEnum):
    """How an alert of one side stands to the other side; the words of the output."""

    ONLY_A = "only in A"
    ONLY_B = "only in B"
    EARLIER = "earlier in B"
    LATER = "later in B"
    SEVERITY = "other severity"
    RULE = "other rule"


@dataclass(frozen=True, slots=True)
class Difference:
    """One alert that is not the same on both sides; a difference may be of several kinds at once."""

    changes: tuple[Change, ...]
    a: Spell | None
    b: Spell | None

    @property
    def days_earlier(self) -> int | None:
        """By how many whole days B told it earlier; negative where later, None where one side never did."""
        return None if self.earlier is None else int(self.earlier / timedelta(days=1))

    @property
    def shift(self) -> str:
        """By how much B told it earlier or later, for people: ``3 d``, ``5 h``; empty where neither."""
        if not self.earlier:
            return ""
        hours = int(abs(self.earlier) / timedelta(hours=1))
        return f"{hours // 24} d" if hours >= 24 else f"{hours} h" if hours else "less than 1 h"

    @property
    def earlier(self) -> timedelta | None:
        """By how much B told it earlier; negative where later, None where one side never did."""
        return None if self.a is None or self.b is None else self.a.began - self.b.began

    @property
    def patient(self) -> str:
        """Whom it is about."""
        return (self.a or self.b).patient  # type: ignore[union-attr]


@dataclass(slots=True)
class Side:
    """What one side told: its alerts, and how many began and how many pages went out by rule."""

    spells: Sequence[Spell] = ()
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

    @property
    def alike(self) -> bool:
        """Whether both sides told of the same alerts, and as often."""
        return not self.differences and self.a.pages == self.b.pages

    @property
    def patient_years(self) -> float:
        """How long patients on therapy were watched, all together."""
        return self.patient_days / 365.25

    @property
    def rules(self) -> list[str]:
        """Every rule that either side told by: those first whose pages differ most, then by name."""
        known = {*self.a.alerts, *self.b.alerts, *self.a.pages, *self.b.pages}
        return sorted(known, key=lambda rule: (-abs(self.a.pages[rule] - self.b.pages[rule]), rule))

    def rate(self, count: int) -> str:
        """A count per 100 patient-years on therapy, one decimal; empty where nobody was watched."""
        if not self.patient_days:
            return ""
        return f"{count * 36525 / self.patient_days:.1f}"


def side_of(spells: Sequence[Spell], since: datetime | None = None) -> Side:
    """One side, from its alerts in the order in which they began; pages before ``since`` do not count."""
    side = Side(spells)
    for step in (step for spell in spells for step in spell.steps if since is None or step.at >= since):
        if step.phase in PAGED:
            side.pages[step.rule] += 1
        if step.phase is Phase.START:
            side.alerts[step.rule] += 1
    return side


def compare(a: Side, b: Side, patient_days: int, since: datetime | None = None) -> Comparison:
    """Match the alerts of two sides: the same person, family, subject and therapy episode, open at once.

    Alerts that neither side has paged from ``since`` on are matched, so that none of them seems to be new,
    and left out.
    """
    others: Mapping[str, list[Spell]] = defaultdict(list)
    for spell in b.spells:
        others[spell.alert_id].append(spell)
    differences: list[Difference] = []
    same = 0
    for spell in a.spells:
        candidates = others[spell.alert_id]
        match = next((other for other in candidates if spell.overlaps(other)), None)
        if match is None:
            if _paged(since, spell):
                differences.append(Difference((Change.ONLY_A,), spell, None))
            continue
        candidates.remove(match)
        if not _paged(since, spell, match):
            continue
        changes = _changes(spell, match)
        if changes:
            differences.append(Difference(changes, spell, match))
        else:
            same += 1
    left = [spell for rest in others.values() for spell in rest if _paged(since, spell)]
    differences += [Difference((Change.ONLY_B,), None, spell) for spell in left]
    differences.sort(key=lambda each: _when(each.a or each.b))  # type: ignore[arg-type]
    sides = [replace(side, spells=[each for each in side.spells if _paged(since, each)]) for side in (a, b)]
    return Comparison(sides[0], sides[1], same, tuple(differences), patient_days)


def _paged(since: datetime | None, *spells: Spell) -> bool:
    """Whether anybody was told of one of them from ``since`` on."""
    if since is None:
        return True
    return any(step.phase in PAGED and step.at >= since for spell in spells for step in spell.steps)


def _changes(a: Spell, b: Spell) -> tuple[Change, ...]:
    found = []
    if b.began != a.began:
        found.append(Change.EARLIER if b.began < a.began else Change.LATER)
    if b.severity is not a.severity:
        found.append(Change.SEVERITY)
    elif b.rule != a.rule:
        found.append(Change.RULE)
    return tuple(found)


def _when(spell: Spell) -> tuple[datetime, str]:
    return spell.began, spell.alert_id
