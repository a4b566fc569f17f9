"""Every id of the clinical table is a rule, of the kind and severity that the table says, with cases."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from typing import NamedTuple

import pytest

from engine.model.finding import Severity
from engine.rulebook import AlertRule, Invariant
from engine.rulebook.rule import Heading
from engine.rulebook.trials import cases_of
from tests.unit.rulebook.bad_files import ROOT
from tests.unit.rulebook.records import shipped, shipped_analytes, shipped_files


class Row(NamedTuple):
    """One line of the table: an id, the kinds that it may be, and the severities of its alerts."""

    id: str
    kinds: frozenset[str]
    severities: frozenset[str]


def _rows() -> list[Row]:
    with (ROOT / "tests" / "rules" / "table.csv").open(encoding="utf-8", newline="") as file:
        return [
            Row(row["id"], frozenset(row["kind"].split(" or ")), frozenset(row["severities"].split()))
            for row in csv.DictReader(file)
        ]


ROWS = _rows()


def _rules_of(row: Row) -> Sequence[Heading]:
    """The rule files of an id that are of a kind that the table wants."""
    book = shipped()
    named = [rule for rule in (*book.rules, *book.invariants) if rule.id.startswith(f"{row.id.lower()}-")]
    return [rule for rule in named if rule.kind.value in row.kinds]


def test_the_table_is_whole() -> None:
    """A hundred and one ids; the grade "severe" is a label and an alert."""
    assert len({row.id for row in ROWS}) == 101


@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{row.id} {'/'.join(sorted(row.kinds))}")
def test_every_id_is_a_rule(row: Row) -> None:
    """What the table asks for is a file, tested by its own cases; an invariant is proven of all rules."""
    rules = _rules_of(row)

    assert rules
    for rule in rules:
        if not isinstance(rule, Invariant):
            judged = shipped().by_id[rule.id]
            assert cases_of(judged, shipped(), shipped_files(), shipped_analytes())


@pytest.mark.parametrize("row", [row for row in ROWS if row.severities], ids=lambda row: row.id)
def test_alerts_are_as_severe_as_the_table_says(row: Row) -> None:
    """No author lowers or raises a severity of the table; a milder rule may stand beside."""
    found = {rule.severity.value for rule in _rules_of(row) if isinstance(rule, AlertRule)}

    worst = max(map(_rank, row.severities))

    assert row.severities <= found or (not found and row.kinds != {"alert"})
    assert all(_rank(each) <= worst for each in found)


def _rank(severity: str) -> int:
    return Severity(severity).rank
