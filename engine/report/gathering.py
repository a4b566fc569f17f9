"""What a report needs to know of a replay, gathered while it runs; small however long the archive is."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass, field
from datetime import date, timedelta

from engine.model.alert import AlertEvent, Phase
from engine.model.disposition import Disposition
from engine.model.finding import Severity
from engine.taken import Taken

MOST_HELD_SHOWN = 200
PAGED = frozenset({Phase.START, Phase.UPDATE, Phase.ESCALATE})


@dataclass(slots=True)
class Gathered:
    """Counts of what came in, and every alert event."""

    messages: int = 0
    observations: int = 0
    results: int = 0
    types: Counter[str] = field(default_factory=Counter)
    senders: Counter[str] = field(default_factory=Counter)
    outcomes: Counter[tuple[str, str]] = field(default_factory=Counter)
    held: list[Taken] = field(default_factory=list)
    events: list[AlertEvent] = field(default_factory=list)

    def take(self, taken: Taken) -> None:
        """One message and what came of it."""
        self.messages += 1
        self.observations += taken.observations
        self.results += taken.results
        self.types[taken.message_type or "unreadable"] += 1
        self.senders[taken.key.sender or "unnamed"] += 1
        self.outcomes[(taken.outcome.disposition.value, taken.outcome.reason.value)] += 1
        if taken.outcome.disposition is Disposition.QUARANTINED and len(self.held) < MOST_HELD_SHOWN:
            self.held.append(taken)

    def tell(self, event: AlertEvent) -> None:
        """One more alert event."""
        self.events.append(event)

    def alerts(self) -> dict[str, list[AlertEvent]]:
        """The events of each alert, in the order in which they were told."""
        found: dict[str, list[AlertEvent]] = defaultdict(list)
        for event in self.events:
            found[event.alert_id].append(event)
        return dict(found)

    def weeks(self) -> dict[date, Counter[Severity]]:
        """Pages by the Monday of their week (UTC) and severity; weeks without any are there with none."""
        pages = [event for event in self.events if event.phase in PAGED]
        if not pages:
            return {}
        days = [event.decided_at.date() for event in pages]
        first, last = _monday(min(days)), _monday(max(days))
        found: dict[date, Counter[Severity]] = {
            first + timedelta(weeks=number): Counter() for number in range((last - first).days // 7 + 1)
        }
        for event in pages:
            found[_monday(event.decided_at.date())][event.severity] += 1
        return found

    def hours_to_end(self) -> dict[Severity, list[float]]:
        """For each severity told, how many hours its alerts were open, ascending; open ones are left out."""
        found: dict[Severity, list[float]] = defaultdict(list)
        for told in self.alerts().values():
            start: AlertEvent | None = None
            gravest = Severity.INFO
            for event in told:
                if event.phase is Phase.START:
                    start, gravest = event, event.severity
                elif event.phase is Phase.END and start is not None:
                    hours = (event.decided_at - start.decided_at) / timedelta(hours=1)
                    found[gravest].append(hours)
                    start = None
                elif event.severity.rank > gravest.rank:
                    gravest = event.severity
        return {severity: sorted(hours) for severity, hours in found.items()}


def _monday(day: date) -> date:
    return day - timedelta(days=day.weekday())
