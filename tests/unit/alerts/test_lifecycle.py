"""The life of an alert: what is told, when, and why."""

from __future__ import annotations

from datetime import timedelta

import pytest

from engine.alerts import EvidenceChange, Step, next_step
from engine.model.alert import AlertReason, Phase
from engine.model.finding import Finding, Severity
from tests.support.builders import finding

NONE, CORRECTED, WITHDRAWN = EvidenceChange

TOLD = finding(badness="520")
WORSE = finding(badness="521", day=1)
BETTER = finding(badness="519", day=1)
LATER = finding(badness="520", day=7)
HIGHER = finding("a01-alt-ast-5x-baseline", Severity.CRITICAL)
MILD = finding("a13-alt-ast-mild", Severity.REVIEW, badness="80")
OTHER = finding("a07-bilirubin-2x-uln", Severity.CRITICAL)


TABLE: list[tuple[str, Finding | None, Finding | None, EvidenceChange, Step | None]] = [
    ("nothing was told and nothing holds", None, None, NONE, None),
    ("first time", None, TOLD, NONE, Step(Phase.START, AlertReason.NEW)),
    ("unchanged", TOLD, TOLD, NONE, None),
    ("a little better", TOLD, BETTER, NONE, None),
    ("a little worse", TOLD, WORSE, NONE, Step(Phase.UPDATE, AlertReason.WORSE)),
    ("repeat interval over", TOLD, LATER, NONE, Step(Phase.UPDATE, AlertReason.CHANGED)),
    ("another rule", TOLD, OTHER, NONE, Step(Phase.UPDATE, AlertReason.CHANGED)),
    ("graver", MILD, HIGHER, NONE, Step(Phase.ESCALATE, AlertReason.WORSE)),
    ("milder", HIGHER, MILD, NONE, Step(Phase.DEESCALATE, AlertReason.CHANGED)),
    ("gone", TOLD, None, NONE, Step(Phase.END, AlertReason.RESOLVED)),
    ("corrected away", TOLD, None, CORRECTED, Step(Phase.END, AlertReason.CORRECTED)),
    ("withdrawn", TOLD, None, WITHDRAWN, Step(Phase.END, AlertReason.WITHDRAWN)),
    ("corrected, holds", TOLD, BETTER, CORRECTED, Step(Phase.UPDATE, AlertReason.CORRECTED)),
    (
        "corrected, milder",
        HIGHER,
        MILD,
        CORRECTED,
        Step(Phase.DEESCALATE, AlertReason.CORRECTED),
    ),
    (
        "corrected, graver",
        MILD,
        HIGHER,
        CORRECTED,
        Step(Phase.ESCALATE, AlertReason.CORRECTED),
    ),
    (
        "one of two withdrawn",
        TOLD,
        BETTER,
        WITHDRAWN,
        Step(Phase.UPDATE, AlertReason.WITHDRAWN),
    ),
]


@pytest.mark.parametrize(
    ("told", "holds", "change", "expected"), [row[1:] for row in TABLE], ids=[r[0] for r in TABLE]
)
def test_next_step(
    told: Finding | None, holds: Finding | None, change: EvidenceChange, expected: Step | None
) -> None:
    """Each pair of what was told and what holds has one step, and repeats do not page again."""
    assert expected == next_step(told, holds, change)


def test_the_repeat_interval_is_the_rules_own() -> None:
    """Inside the repeat interval nothing is told; at its end the unchanged finding is told once more."""
    just_before = finding(badness="520", day=7 - 1 / 24)

    assert next_step(TOLD, just_before, NONE) is None
    assert TOLD.repeat_after == timedelta(days=7)
    assert next_step(TOLD, LATER, NONE) is not None


def test_worse_is_compared_exactly() -> None:
    """A rise in the last digit is a rise: numbers are compared as decimals, not as text."""
    told = finding(badness="99.9")

    assert next_step(told, finding(badness="100"), NONE) == Step(Phase.UPDATE, AlertReason.WORSE)
    assert next_step(told, finding(badness="99.90"), NONE) is None
