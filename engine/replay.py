"""The same engine over an archive: no broker, and the messages are the clock."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from itertools import islice
from typing import TypeVar

from engine.decide import Knowledge
from engine.intake import Intake
from engine.model.alert import AlertEvent
from engine.model.disposition import Disposition
from engine.store import Store
from engine.sweep import EPOCH, Sweep
from engine.taken import Arrived, IntakeOptions, Taken
from engine.transports.archive import ArchiveMessage

_BATCH = 200

_T = TypeVar("_T")


@dataclass(slots=True)
class ReplaySummary:
    """What came in and how it ended; ``faults`` counts defects of the engine itself.

    ``began`` and ``ended`` are the oldest and the newest time of a message, or the end that the options
    name.
    """

    messages: int = 0
    observations: int = 0
    results: int = 0
    outcomes: Counter[tuple[str, str]] = field(default_factory=Counter)
    quarantined: list[Taken] = field(default_factory=list)
    events: Counter[str] = field(default_factory=Counter)
    warnings: Counter[str] = field(default_factory=Counter)
    faults: int = 0
    began: datetime | None = None
    ended: datetime | None = None


def replay(
    archive: Iterable[ArchiveMessage],
    store: Store,
    knowledge: Knowledge,
    options: IntakeOptions,
    on_taken: Callable[[Taken], None],
    on_event: Callable[[AlertEvent], None],
    roster: Callable[[datetime], Iterable[AlertEvent]] | None = None,
) -> ReplaySummary:
    """Take an archive in, in its order, and hand every outcome to ``on_taken``, every event to ``on_event``.

    ``roster`` takes a roster in, as if somebody had done so at the time of the first message.
    Two replays of the same archive hand over equal outcomes: nothing here reads a clock.
    """
    intake = Intake(store, knowledge, options)
    summary = ReplaySummary()
    for number, batch in enumerate(_batches(archive, _BATCH)):
        arrived = [Arrived(message.body, message.source) for message in batch]
        if number == 0:
            began = intake.begin(arrived)
            if roster is not None:
                _tell(summary, roster(began), on_event)
                roster = None
        for taken in intake.take(arrived):
            _count(summary, taken)
            _tell(summary, (*taken.swept, *taken.events), on_event)
            on_taken(taken)
    if roster is not None:
        _tell(summary, roster(options.until or EPOCH), on_event)
    if options.until is not None:
        with store.transaction() as unit:
            ending = Sweep(knowledge, options).advance(unit, options.until)
        _tell(summary, ending.events, on_event)
        summary.faults += len(ending.faults)
        summary.ended = options.until
    return summary


def _count(summary: ReplaySummary, taken: Taken) -> None:
    summary.messages += 1
    if taken.at is not None and taken.at > EPOCH:
        summary.began = taken.at if summary.began is None else min(summary.began, taken.at)
        summary.ended = taken.at if summary.ended is None else max(summary.ended, taken.at)
    summary.observations += taken.observations
    summary.results += taken.results
    summary.outcomes[(taken.outcome.disposition.value, taken.outcome.reason.value)] += 1
    summary.faults += taken.fault is not None
    summary.warnings.update(taken.warnings)
    if taken.outcome.disposition is Disposition.QUARANTINED:
        summary.quarantined.append(taken)


def _tell(
    summary: ReplaySummary, events: Iterable[AlertEvent], on_event: Callable[[AlertEvent], None]
) -> None:
    for event in events:
        summary.events[f"{event.severity.value}.{event.phase.value}"] += 1
        on_event(event)


def _batches(items: Iterable[_T], size: int) -> Iterator[list[_T]]:
    iterator = iter(items)
    while batch := list(islice(iterator, size)):
        yield batch
