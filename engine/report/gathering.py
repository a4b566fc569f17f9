"""What a report needs to know of a replay, gathered while it runs; small however long the archive is."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta

from engine.model.alert import AlertEvent
from engine.model.disposition import Disposition
from engine.model.finding import Severity
from engine.spells import Spell, Spells
from engine.sweep import EPOCH
from engine.taken import Taken

MOST_HELD_SHOWN = 200

Weeks = Mapping[date, Counter[Severity]]
"""Alerts begun in a week, named by its Monday, by severity; ascending."""


@dataclass(slots=True)
class Gathered:
    """Counts of what came in, the first quarantined messages, and what of every alert can be shown.

    ``began`` and ``ended`` are the oldest and the newest time of a message.
    """

    messages: int = 0
    observations: int = 0
    results: int = 0
    began: datetime | None = None
    ended: datetime | None = None
    types: Counter[str] = field(default_factory=Counter)
    senders: Counter[str] = field(default_factory=Counter)
    charsets: Counter[str] = field(default_factory=Counter)
    warnings: Counter[str] = field(default_factory=Counter)
    outcomes: Counter[tuple[str, str]] = field(default_factory=Counter)
    held: list[Taken] = field(default_factory=list)
    spells: Spells = field(default_factory=Spells)

    def take(self, taken: Taken) -> None:
        """One message and what came of it."""
        self.messages += 1
        self.observations += taken.observations
        self.results += taken.results
        self.types[taken.message_type or "unreadable"] += 1
        self.senders[taken.key.sender or "unnamed"] += 1
        self.charsets[taken.charset or "unreadable"] += 1
        self.warnings.update(taken.warnings)
        self.outcomes[(taken.outcome.disposition.value, taken.outcome.reason.value)] += 1
        if taken.outcome.disposition is Disposition.QUARANTINED and len(self.held) < MOST_HELD_SHOWN:
            self.held.append(taken)
        if taken.at is not None and taken.at > EPOCH:
            self.began = taken.at if self.began is None else min(self.began, taken.at)
            self.ended = taken.at if self.ended is None else max(self.ended, taken.at)

    def tell(self, event: AlertEvent) -> None:
        """One more alert event, in the order in which they are told."""
        self.spells.take(event)


def weeks_of(spells: Sequence[Spell], most: int) -> Weeks:
    """How many alerts began in a week (its Monday, UTC), by their gravest severity.

    The newest ``most`` weeks; those without any alert are there with none.
    """
    if not spells:
        return {}
    mondays = [_monday(spell.began.date()) for spell in spells]
    last = max(mondays)
    first = max(min(mondays), last - min(timedelta(weeks=most - 1), last - min(mondays)))
    found: dict[date, Counter[Severity]] = {
        first + timedelta(weeks=number): Counter() for number in range((last - first).days // 7 + 1)
    }
    for monday, spell in zip(mondays, spells, strict=True):
        if monday in found:
            found[monday][spell.severity] += 1
    return found


def _monday(day: date) -> date:
    return day - timedelta(days=min(day.weekday(), day.toordinal() - 1))
