"""Runs a generated feed through the engine and counts what it would tell, with and without suppression."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
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
from engine.generate import Hospital, Kind, Recipe, Truth
from engine.intake import Intake
from engine.model.alert import AlertEvent
from engine.model.disposition import Disposition
from engine.model.finding import Severity
from engine.operations import Operations
from engine.rulebook import Findings, conclude
from engine.store import Store
from engine.sweep import Sweep
from engine.taken import Arrived, IntakeOptions
from engine.therapy.roster import COLUMNS
from tests.cohort.judged import TOLD, false_alerts, found, patient_of

# People share an engine in groups of a fixed size, so that no figure depends on the number of processors.
_GROUP = 20
_ILL = (Kind.LIVER_INJURY, Kind.CYTOPENIA, Kind.MILD_RISE, Kind.RAISED_BEFORE)


@dataclass(slots=True)
class Noise:
    """What people were told of, and what became of what was planted; days are in ``delays``."""

    people: int = 0
    years: float = 0
    messages: int = 0
    planted: Counter[Kind] = field(default_factory=Counter)
    unsuppressed: Counter[Severity] = field(default_factory=Counter)
    told: Counter[Severity] = field(default_factory=Counter)
    told_to_the_well: Counter[Severity] = field(default_factory=Counter)
    years_of_the_well: float = 0
    rules: Counter[str] = field(default_factory=Counter)
    for_nothing: Counter[Severity] = field(default_factory=Counter)
    rules_for_nothing: Counter[str] = field(default_factory=Counter)
    shown: Counter[Kind] = field(default_factory=Counter)
    alerted: Counter[Kind] = field(default_factory=Counter)
    same_day: Counter[Kind] = field(default_factory=Counter)
    delays: list[float] = field(default_factory=list)
    delays_from_onset: list[float] = field(default_factory=list)
    retracted: int = 0
    amiss: list[str] = field(default_factory=list)

    def __add__(self, other: Noise) -> Noise:
        """Of the people of both."""
        return Noise(*(getattr(self, each.name) + getattr(other, each.name) for each in fields(self)))


def measure(recipe: Recipe, knowledge: Knowledge) -> Noise:
    """Run everybody, on all processors."""
    groups = [
        range(first, min(first + _GROUP, recipe.people + 1)) for first in range(1, recipe.people + 1, _GROUP)
    ]
    if len(groups) == 1:
        return measure_group(groups[0], recipe, knowledge)
    with ProcessPoolExecutor(mp_context=get_context("spawn")) as workers:
        work = partial(measure_group, recipe=recipe, knowledge=knowledge)
        return sum(workers.map(work, groups), Noise())


def measure_group(numbers: Sequence[int], recipe: Recipe, knowledge: Knowledge) -> Noise:
    """What people with these numbers are told of."""
    hospital = Hospital(recipe, numbers)
    run = _Run(hospital, recipe, knowledge)
    told = [event for event in run.events if event.phase in TOLD]
    truths = list(hospital.truths())
    ill = {truth.patient for truth in truths if truth.kind in _ILL}
    days = {life.who.number: life.watched_days for life in hospital.lives}
    noise = Noise(
        people=len(days),
        years=sum(days.values()) / 365.25,
        messages=run.messages,
        planted=Counter(truth.kind for truth in truths),
        unsuppressed=Counter(run.firing),
        told=Counter(event.severity for event in told),
        told_to_the_well=Counter(event.severity for event in told if patient_of(event) not in ill),
        years_of_the_well=sum(each for number, each in days.items() if number not in ill) / 365.25,
        rules=Counter(event.rule for event in told),
    )
    for event in false_alerts(truths, told):
        noise.for_nothing[event.severity] += 1
        noise.rules_for_nothing[event.rule] += 1
    _weigh(noise, truths, run)
    return noise


def _weigh(noise: Noise, truths: Sequence[Truth], run: _Run) -> None:
    """What was told of what had to be told; whatever is not as planted is put into words."""
    for each in found(truths, run.events):
        kind = each.truth.kind
        noise.shown[kind] += 1
        noise.alerted[kind] += each.told is not None
        noise.same_day[kind] += each.same_day
        noise.retracted += each.retracted
        if not each.same_day:
            when = f"{each.delay.days} days late" if each.delay is not None else "never told"
            noise.amiss.append(f"{kind.value} of {each.truth.patient}, {each.truth.control}: {when}")
        if each.delay is not None and kind in {Kind.LIVER_INJURY, Kind.GRAVE_INJURY, Kind.CYTOPENIA}:
            noise.delays.append(each.delay / timedelta(days=1))
        if each.early is not None and kind in {Kind.LIVER_INJURY, Kind.CYTOPENIA}:
            noise.delays_from_onset.append((each.early - each.truth.began) / timedelta(days=1))
    haemolysed = {truth.control for truth in truths if truth.kind is Kind.HAEMOLYSED}
    for event in run.events:
        by_ast = event.trigger is not None and event.trigger.analyte == "ast" and event.phase in TOLD
        if by_ast and event.family == "liver-injury" and event.message_control_id in haemolysed:
            noise.amiss.append(f"{event.message_control_id}: told of AST of a haemolysed specimen")
    broken = {truth.control for truth in truths if truth.kind is Kind.BROKEN}
    for control in sorted(broken ^ run.quarantined):
        noise.amiss.append(f"{control}: {'not quarantined' if control in broken else 'quarantined'}")


class _Run:
    """One group of people and its engine: what was told, and how loud every rule was at every message."""

    def __init__(self, hospital: Hospital, recipe: Recipe, knowledge: Knowledge) -> None:
        self.events: list[AlertEvent] = []
        self.firing: list[Severity] = []
        self.quarantined: set[str] = set()
        self.messages = 0
        store = Store.open("sqlite://")
        intake = Intake(store, knowledge, IntakeOptions())
        operations = Operations(store, knowledge, IntakeOptions(), lambda: recipe.begin)
        lines = [",".join(COLUMNS), *(row.line() for row in hospital.roster())]
        with _overheard() as findings:
            rows = roster_rows("\n".join(lines) + "\n", "roster", knowledge)
            self._hear(operations.import_roster(rows, "roster"), findings)
        for sent in hospital.messages():
            self.messages += 1
            with _overheard() as findings:
                (taken,) = intake.take([Arrived(sent.body, sent.control)])
            self._sweep(taken.swept)
            self._hear(taken.events, findings)
            if taken.outcome.disposition is Disposition.QUARANTINED:
                self.quarantined.add(sent.control)
        with store.transaction() as unit:
            end = recipe.begin + timedelta(days=recipe.days)
            for look in Sweep(knowledge, IntakeOptions()).advance(unit, end):
                self._sweep(look.events)
        store.close()

    def _hear(self, events: Sequence[AlertEvent], findings: list[Severity]) -> None:
        self.events += events
        self.firing += findings

    def _sweep(self, events: Sequence[AlertEvent]) -> None:
        self.events += events
        self.firing += [event.severity for event in events if event.phase in TOLD]


@contextmanager
def _overheard() -> Iterator[list[Severity]]:
    """How loud each rule is at the last judgement meanwhile, before one alert is chosen for each harm."""
    loud: list[Severity] = []

    def listen(*told: Any) -> Findings:
        findings = conclude(*told)
        loud[:] = [
            each.severity for each in findings.speaking if each.severity is not None and each.published
        ]
        return findings

    with patch("engine.decide.conclude", listen):
        yield loud
