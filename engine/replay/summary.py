"""What a replay has counted, and what it hands to its caller."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime

from engine.model.alert import AlertEvent
from engine.model.disposition import Disposition
from engine.sweep import EPOCH
from engine.taken import Taken


@dataclass(slots=True)
class ReplaySummary:
    """What came in and how it ended; as small after a million messages as after ten.

    ``faults`` counts defects of the engine itself, ``earlier`` alert events from before the time that the
    replay is to tell of. ``began`` and ``ended`` are the oldest and the newest time of a message, or the
    end that the options name.
    """

    messages: int = 0
    observations: int = 0
    results: int = 0
    outcomes: Counter[tuple[str, str]] = field(default_factory=Counter)
    quarantined: int = 0
    events: Counter[str] = field(default_factory=Counter)
    earlier: int = 0
    warnings: Counter[str] = field(default_factory=Counter)
    faults: int = 0
    began: datetime | None = None
    ended: datetime | None = None

    def take(self, taken: Taken) -> None:
        """One message and what came of it."""
        self.messages += 1
        if taken.at is not None and taken.at > EPOCH:
            self.began = taken.at if self.began is None else min(self.began, taken.at)
            self.ended = taken.at if self.ended is None else max(self.ended, taken.at)
        self.observations += taken.observations
        self.results += taken.results
        self.outcomes[(taken.outcome.disposition.value, taken.outcome.reason.value)] += 1
        self.quarantined += taken.outcome.disposition is Disposition.QUARANTINED
        self.warnings.update(taken.warnings)

    def tell(self, event: AlertEvent) -> None:
        """One alert event that was told."""
        self.events[f"{event.severity.value}.{event.phase.value}"] += 1
