"""Conformance vectors: messages and a roster in, alerts out, in files that no programming language owns.

The format is described in docs/vectors/README.md. A vector is run through a whole engine with an empty
store: what it proves holds for the path from the bytes of a message to the published alert.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from engine.app import roster_rows
from engine.decide import Knowledge
from engine.errors import ConfigError, Defect
from engine.hl7 import split_delivery
from engine.intake import Intake
from engine.model.alert import AlertEvent, Phase
from engine.model.finding import Severity
from engine.model.quantity import Truth
from engine.operations import Operations
from engine.rulebook import Rulebook
from engine.store import Store
from engine.sweep import Sweep
from engine.taken import Arrived, IntakeOptions
from engine.therapy.roster import COLUMNS

FORMAT: Literal["lab-alert-vectors/1"] = "lab-alert-vectors/1"
SUITE_FILE = "vectors.json"


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class ExpectedAlert(_Strict):
    """One alert event, as far as the vector speaks of it."""

    rule: str
    severity: Severity
    phase: Phase
    values: Mapping[str, str] = Field(default_factory=dict)
    labels: tuple[str, ...] = ()
    speaks_for: tuple[str, ...] = ()


class Roster(_Strict):
    """What is known of therapy and facts, and when it became known."""

    at: datetime
    rows: tuple[Mapping[str, str], ...]


class Step(_Strict):
    """One of: a roster is read, a message comes, time goes on until an instant."""

    roster: Roster | None = None
    message: str = ""
    until: datetime | None = None

    @property
    def parts(self) -> int:
        """How many of the three it says."""
        return sum((self.roster is not None, bool(self.message), self.until is not None))


class Vector(_Strict):
    """One example: what happens, and every alert event that must come out, in order."""

    id: str
    title: str
    protocol: str = ""
    rules: tuple[str, ...] = ()
    steps: tuple[Step, ...]
    alerts: tuple[ExpectedAlert, ...]


class _SuiteFile(_Strict):
    format: Literal["lab-alert-vectors/1"]
    title: str
    vectors: tuple[Vector, ...]


@dataclass(frozen=True, slots=True)
class Suite:
    """The vectors of one folder."""

    name: str
    folder: Path
    vectors: tuple[Vector, ...]


@dataclass(frozen=True, slots=True)
class Difference:
    """A vector whose alerts are not those expected; ``lines`` says in which way."""

    vector: str
    title: str
    lines: tuple[str, ...]

    def __str__(self) -> str:
        return "\n".join((f"{self.vector}: {self.title}", *(f"  {line}" for line in self.lines)))


def read_suites(folder: Path) -> tuple[Suite, ...]:
    """Every suite below a folder, in order of name. Raises ConfigError with every defect."""
    suites: list[Suite] = []
    defects: list[Defect] = []
    for file in sorted(folder.rglob(SUITE_FILE)):
        name = file.parent.relative_to(folder).as_posix()
        try:
            read = _SuiteFile.model_validate_json(file.read_bytes())
        except ValidationError as error:
            defects += [
                Defect(str(file), 0, f"{_place(each['loc'])}: {each['msg']}") for each in error.errors()
            ]
            continue
        suite = Suite(name, file.parent, read.vectors)
        defects += [Defect(str(file), 0, *defect) for defect in _faults(suite)]
        suites.append(suite)
    if not suites and not defects:
        hint = f"a folder with a {SUITE_FILE}, or folders with one each"
        defects.append(Defect(str(folder), 0, "no conformance vectors", hint))
    if defects:
        raise ConfigError(defects)
    return tuple(suites)


def _place(location: Iterable[object]) -> str:
    return ".".join(map(str, location)) or "the file"


def _faults(suite: Suite) -> Iterator[tuple[str, str]]:
    """What no schema can say: ids used twice, messages that are not there, columns that no roster has."""
    seen: set[str] = set()
    for vector in suite.vectors:
        if vector.id in seen:
            yield f"{vector.id}: a second vector of this id", "give every vector an id of its own"
        seen.add(vector.id)
        if bool(vector.protocol) == bool(vector.rules):
            yield f"{vector.id}: names protocol and rules, or neither", "name one of them"
        for step in vector.steps:
            if step.parts != 1:
                yield f"{vector.id}: a step says {step.parts} things", "one of roster, message and until"
            if step.message and not (suite.folder / step.message).is_file():
                yield f"{vector.id}: no message {step.message}", "name a file beside vectors.json"
            for row in step.roster.rows if step.roster is not None else ():
                for column in row.keys() - set(COLUMNS):
                    yield f'{vector.id}: "{column}" is no column of a roster', f"known: {', '.join(COLUMNS)}"


def run_suite(suite: Suite, knowledge: Knowledge) -> tuple[Difference, ...]:
    """The vectors of a suite that do not come out as they say. Raises ConfigError for a bad roster."""
    differences = []
    for vector in suite.vectors:
        lines = tuple(_lines(vector, alerts_of(vector, suite.folder, knowledge)))
        if lines:
            differences.append(Difference(f"{suite.name}/{vector.id}", vector.title, lines))
    return tuple(differences)


def alerts_of(vector: Vector, folder: Path, knowledge: Knowledge) -> list[AlertEvent]:
    """Every alert event that a fresh engine publishes about the vector."""
    knowledge = replace(knowledge, rulebook=_in_force(vector, knowledge))
    store = Store.open("sqlite://")
    # The times of a vector are what it says, whatever lies between them.
    intake = Intake(store, knowledge, IntakeOptions(leap=timedelta(days=36600)))
    events: list[AlertEvent] = []
    for step in vector.steps:
        if step.roster is not None:
            events += _read_roster(step.roster, f"{folder.name}/{vector.id}: roster", store, knowledge)
        elif step.until is not None:
            with store.transaction() as unit:
                looks = Sweep(knowledge, IntakeOptions()).advance(unit, step.until)
                events += [event for look in looks for event in look.events]
        else:
            for body in split_delivery((folder / step.message).read_bytes()):
                for taken in intake.take([Arrived(body, step.message)]):
                    events += (*taken.swept, *taken.events)
    store.close()
    return events


def _read_roster(roster: Roster, name: str, store: Store, knowledge: Knowledge) -> list[AlertEvent]:
    operations = Operations(store, knowledge, IntakeOptions(), lambda: roster.at)
    return operations.import_roster(roster_rows(_csv(roster.rows), name, knowledge), name)


def _in_force(vector: Vector, knowledge: Knowledge) -> Rulebook:
    book = knowledge.rulebook
    if vector.protocol:
        return book.with_protocol(vector.protocol)
    unknown = [name for name in vector.rules if name not in book.by_id]
    if unknown:
        raise ConfigError([Defect(vector.id, 0, f'unknown rule "{unknown[0]}"', "azawatch rules list")])
    return replace(book, in_force=tuple(book.by_id[name] for name in sorted(vector.rules)))


def _csv(rows: Sequence[Mapping[str, str]]) -> str:
    text = io.StringIO()
    writer = csv.DictWriter(text, COLUMNS, restval="", lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()


def _lines(vector: Vector, events: Sequence[AlertEvent]) -> Iterator[str]:
    """Expected and found, event by event, where they are not the same."""
    for place in range(max(len(events), len(vector.alerts))):
        expected = vector.alerts[place] if place < len(vector.alerts) else None
        event = events[place] if place < len(events) else None
        if expected is None or event is None or not _same(expected, event):
            yield f"alert {place + 1}"
            yield f"  expected {'nothing' if expected is None else _expected_words(expected)}"
            yield f"  found    {'nothing' if event is None else _found_words(event, expected)}"


def _same(expected: ExpectedAlert, event: AlertEvent) -> bool:
    if (expected.rule, expected.severity, expected.phase) != (event.rule, event.severity, event.phase):
        return False
    return (
        expected.values.items() <= values_of(event).items()
        and set(expected.labels) <= _labels(event)
        and set(expected.speaks_for) <= set(event.superseded)
    )


def values_of(event: AlertEvent) -> dict[str, str]:
    """The values that the alert rests on, in the canonical unit: ``{"alt": "640 U/L"}``."""
    return {
        each.analyte: f"{each.comparator}{each.value} {each.unit}".rstrip()
        for each in reversed(event.evidence)  # the first that speaks of an analyte is the gravest
        if each.analyte and each.value and each.truth is not Truth.FALSE
    }


def _labels(event: AlertEvent) -> set[str]:
    return {label.text for label in event.labels}


def _expected_words(expected: ExpectedAlert) -> str:
    what = (expected.rule, expected.severity, expected.phase)
    return _words(what, expected.values, expected.labels, expected.speaks_for)


def _found_words(event: AlertEvent, expected: ExpectedAlert | None) -> str:
    """Labels and other rules only where any are asked for: most alerts have some beside."""
    labels = _labels(event) if expected is not None and expected.labels else ()
    others = event.superseded if expected is not None and expected.speaks_for else ()
    return _words((event.rule, event.severity, event.phase), values_of(event), labels, others)


def _words(
    what: Iterable[str], values: Mapping[str, str], labels: Iterable[str], others: Iterable[str]
) -> str:
    shown = (f"{analyte}={value}" for analyte, value in sorted(values.items()))
    quoted = (f'"{label}"' for label in sorted(labels))
    return ", ".join((*what, *shown, *quoted, *(f"for {rule}" for rule in others)))
