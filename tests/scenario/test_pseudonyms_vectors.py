"""Every conformance vector under pseudonyms: the same alerts, with the dates of everything moved."""

from __future__ import annotations

import csv
import io
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from engine import app
from engine.hl7 import split_delivery
from engine.therapy.roster import COLUMNS, write_roster
from engine.vectors import Roster, Step, Suite, Vector, read_suites, run_suite
from tests.support.pseudonymising import Rewritten, knowledge, rewritten

VECTORS = Path(__file__).parents[2] / "docs/vectors"
SUITES = read_suites(VECTORS)


def under_pseudonyms(vector: Vector, suite: Suite, folder: Path) -> Vector:
    """The vector with its messages and rosters rewritten, and its instants moved."""
    names = [step.message for step in vector.steps if step.message]
    bodies = {name: split_delivery((suite.folder / name).read_bytes()) for name in names}
    result = rewritten([body for parts in bodies.values() for body in parts], one_shift=True)
    sent = iter(result.bodies)
    for name, parts in bodies.items():
        (folder / name).write_bytes(b"".join(body for _ in parts for body in next(sent)))
    moved = timedelta(weeks=-result.pseudonyms.weeks(None))
    steps = tuple(step_of(step, result, moved) for step in vector.steps)
    return vector.model_copy(update={"steps": steps})


def step_of(step: Step, result: Rewritten, moved: timedelta) -> Step:
    if step.until is not None:
        return Step(until=step.until + moved)
    if step.roster is None:
        return step
    out = io.StringIO()
    writer = csv.DictWriter(out, COLUMNS, restval="")
    writer.writeheader()
    writer.writerows(step.roster.rows)
    rows = result.roster(app.roster_rows(out.getvalue(), "roster.csv", knowledge()))
    text = write_roster(rows, knowledge().terminology.sites["default"].time_zone)
    return Step(roster=Roster(at=step.roster.at + moved, rows=tuple(csv.DictReader(io.StringIO(text)))))


@pytest.mark.parametrize("suite", SUITES, ids=lambda suite: suite.folder.name)
def test_a_vector_alerts_the_same_under_pseudonyms(suite: Suite, tmp_path: Path) -> None:
    """Rule, severity, phase, values and labels are those that the vector asks for of its original."""
    vectors = tuple(under_pseudonyms(vector, suite, tmp_path) for vector in suite.vectors)

    assert run_suite(replace(suite, folder=tmp_path, vectors=vectors), knowledge()) == ()
