"""Runs a cohort through the engine and counts what it would tell, with and without suppression."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field, fields
from datetime import timedelta
from functools import partial
from multiprocessing import get_context
from typing import Any
from unittest.mock import patch

from engine.app import roster_rows
from engine.decide import Knowledge
from engine.intake import Intake
from engine.model.alert import AlertEvent, Phase
from engine.model.finding import Severity
from engine.operations import Operations
from engine.rulebook import Findings, conclude
from engine.store import Store
from engine.sweep import Sweep
from engine.taken import Arrived, IntakeOptions
from engine.therapy.roster import COLUMNS
from tests.cohort.people import ANALYTES, BEGIN, Happening, Matter, Person
from tests.sample_day.wire import segment
from tests.vectors.generate import codes, stamp

TOLD = (Phase.START, Phase.ESCALATE, Phase.UPDATE)
LOUD = (Severity.URGENT, Severity.CRITICAL)
FAMILIES = {
    Matter.INJURY: ("liver-injury",),
    Matter.CYTOPENIA: ("cytopenia", "blood-trend", "white-cells", "platelets"),
}


@dataclass(slots=True)
class Noise:
    """What a cohort was told: counts of alerts by severity, and what became of the trouble that was seen."""

    people: int = 0
    years: float = 0
    draws: int = 0
    missed: int = 0
    restarts: int = 0
    troubles: Counter[Matter] = field(default_factory=Counter)
    unsuppressed: Counter[Severity] = field(default_factory=Counter)
    told: Counter[Severity] = field(default_factory=Counter)
    told_to_the_well: Counter[Severity] = field(default_factory=Counter)
    years_of_the_well: float = 0
    rules: Counter[str] = field(default_factory=Counter)
    seen: Counter[Matter] = field(default_factory=Counter)
    alerted: Counter[Matter] = field(default_factory=Counter)
    delays: list[float] = field(default_factory=list)

    def __add__(self, other: Noise) -> Noise:
        """Of the people of both."""
        return Noise(*(getattr(self, each.name) + getattr(other, each.name) for each in fields(self)))


def measure(people: Iterable[Person], knowledge: Knowledge, days: int) -> Noise:
    """Run everybody, on all processors; the figures do not depend on their number."""
    workers = ProcessPoolExecutor(mp_context=get_context("spawn"))
    with workers:
        return sum(workers.map(partial(_noise, knowledge=knowledge, days=days), people, chunksize=5), Noise())


def _noise(person: Person, knowledge: Knowledge, days: int) -> Noise:
    """What one person is told."""
    told, firing = _run(person, knowledge, days)
    years = days / 365.25
    severities = [event.severity for event in told]
    well = not person.troubles
    noise = Noise(
        people=1,
        years=years,
        draws=sum(bool(each.values) for each in person.happenings),
        missed=person.missed,
        restarts=person.restarts,
        troubles=Counter(person.troubles),
        unsuppressed=Counter(firing),
        told=Counter(severities),
        told_to_the_well=Counter(severities if well else ()),
        years_of_the_well=years if well else 0,
        rules=Counter(event.rule for event in told),
    )
    _weigh(person, told, noise)
    return noise


def _weigh(person: Person, told: list[AlertEvent], noise: Noise) -> None:
    """Whether somebody was told urgently of each trouble that the draws have shown, and how soon."""
    for seen in person.seen:
        noise.seen[seen.matter] += 1
        first = min(
            (
                event.decided_at
                for event in told
                if event.family in FAMILIES[seen.matter]
                and event.severity in LOUD
                and seen.since - timedelta(days=30) <= event.decided_at <= seen.until
            ),
            default=None,
        )
        if first is not None:
            noise.alerted[seen.matter] += 1
            noise.delays.append(max((first - seen.since) / timedelta(days=1), 0.0))


def _run(person: Person, knowledge: Knowledge, days: int) -> tuple[list[AlertEvent], list[Severity]]:
    """What is told about one person, and how loud every rule is at every draw and entry."""
    now = BEGIN
    store = Store.open("sqlite://")
    intake = Intake(store, knowledge, IntakeOptions())
    operations = Operations(store, knowledge, IntakeOptions(), lambda: now)
    told: list[AlertEvent] = []
    firing: list[Severity] = []
    for number, happening in enumerate(person.happenings, 1):
        now = happening.at
        with _overheard() as findings:
            if happening.rows:
                rows = roster_rows(_roster(happening), "roster", knowledge)
                told += operations.import_roster(rows, f"roster {number}")
        firing += findings
        if happening.values:
            with _overheard() as findings:
                (taken,) = intake.take([Arrived(_message(happening, number), "cohort")])
            told += (*taken.swept, *taken.events)
            firing += [event.severity for event in taken.swept if event.phase in TOLD]
            firing += findings
    with store.transaction() as unit:
        looks = Sweep(knowledge, IntakeOptions()).advance(unit, BEGIN + timedelta(days=days))
        late = [event for look in looks for event in look.events]
    told += late
    firing += [event.severity for event in late if event.phase in TOLD]
    store.close()
    return [event for event in told if event.phase in TOLD], firing


@contextmanager
def _overheard() -> Iterator[list[Severity]]:
    """How loud each rule is at the last judgement meanwhile, before one alert is chosen for each harm."""
    loud: list[Severity] = []

    def listen(*told: Any) -> Findings:
        found = conclude(*told)
        loud[:] = [each.severity for each in found.speaking if each.severity is not None and each.published]
        return found

    with patch("engine.decide.conclude", listen):
        yield loud


def _roster(happening: Happening) -> str:
    lines = [",".join(COLUMNS)]
    when = happening.at.isoformat(timespec="minutes")
    for event, drug, dose, note in happening.rows:
        lines.append(f"V1,LOCAL,{event},{when},{drug},{dose},,{note}")
    return "".join(f"{line}\n" for line in lines)


def _message(happening: Happening, number: int) -> bytes:
    lines = [
        rf"MSH|^~\&|LAB|COHORT|||{stamp(happening.at)}||ORU^R01^ORU_R01|N{number:05}|P|2.5.1",
        "PID|1||V1^^^LOCAL^MR||COHORT^ONE||19700101|F",
        segment("OBR", {1: "1", 3: f"S{number}^LAB", 7: stamp(happening.at), 25: "F"}),
    ]
    for index, (name, value) in enumerate(happening.values.items(), 1):
        _, _, _, _, unit, limits = ANALYTES[name]
        code = f"{codes()[name]}^LN"
        lines.append(segment("OBX", {1: str(index), 2: "NM", 3: code, 5: value, 6: unit, 7: limits, 11: "F"}))
    return "".join(f"{line}\r" for line in lines).encode()
