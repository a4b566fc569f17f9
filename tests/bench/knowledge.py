"""The shipped knowledge, an intake without broker, and the decisions that messages led to."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from engine import app, intake
from engine.decide import Decision, Knowledge, decide_results
from engine.intake import Intake
from engine.model.record import Record
from engine.results import Reported
from engine.settings import load
from engine.store import Store
from engine.taken import Arrived
from engine.telling import Occasion

BATCH = 50


def clock() -> datetime:
    """A time after all messages."""
    return datetime(2026, 11, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Asked:
    """One call of the clinical path."""

    reported: Reported
    record: Record
    knowledge: Knowledge
    occasion: Occasion

    def decide(self, knowledge: Knowledge | None = None) -> Decision:
        """Decide it again."""
        return decide_results(self.reported, self.record, knowledge or self.knowledge, self.occasion)


@dataclass(slots=True)
class Bench:
    """A store in a file, with synchronous=FULL, and its intake."""

    store: Store
    intake: Intake
    knowledge: Knowledge

    def take(self, bodies: Sequence[bytes]) -> None:
        """Take messages in, in batches as the live engine does."""
        for first in range(0, len(bodies), BATCH):
            self.intake.take([Arrived(body, "bench") for body in bodies[first : first + BATCH]])


def opened(file: Path, roster: str) -> Bench:
    """A new store, or the one that is there, with those on the roster."""
    settings = load(
        overrides={"store_url": f"sqlite:///{file}", "history": {"lookback_days": 36500}},
    )
    store = Store.open(settings.store_address)
    operations = app.operations(settings, store)
    knowledge = app.knowledge_of(settings)
    if roster:
        operations.import_roster(app.roster_rows(roster, "bench", knowledge), "bench")
    return Bench(store, Intake(store, knowledge, app.intake_options(settings, None)), knowledge)


@contextmanager
def overheard() -> Iterator[list[Asked]]:
    """What the intake asks of the clinical path meanwhile."""
    asked: list[Asked] = []

    def listening(reported: Reported, record: Record, knowledge: Knowledge, occasion: Occasion) -> Decision:
        asked.append(Asked(reported, record, knowledge, occasion))
        return decide_results(reported, record, knowledge, occasion)

    intake.decide_results = listening  # type: ignore[attr-defined]
    try:
        yield asked
    finally:
        intake.decide_results = decide_results  # type: ignore[attr-defined]
