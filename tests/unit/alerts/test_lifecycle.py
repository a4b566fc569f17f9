"""The life of an alert: what is told, when, and why."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from engine.alerts import EvidenceChange, Step, next_step
from engine.model.alert import AlertReason, Phase
from engine.model.finding import Evidence, Finding, Severity
from engine.model.quantity import Truth
from tests.support.builders import finding

NONE, CORRECTED, WITHDRAWN = EvidenceChange

TOLD = finding(badness="520")
WORSE = finding(badness="521", day=1)
BETTER = finding(badness="519", day=1)
LATER = finding(badness="520", day=7)
HIGHER = finding("a01-alt-ast-5x-baseline", Severity.CRITICAL)
MILD = finding("a13-alt-ast-mild", Severity.REVIEW, badness="80")
OTHER = finding("a07-bilirubin-2x-uln", Severity.CRITICAL)
HIGH = Evidence("alt > 10 x ULN", Truth.TRUE, analyte="alt")


TABLE: list[tuple[str, Finding | None, Finding | None, EvidenceChange, Step | None]] = [
    ("nothing was told and nothing holds", None, None, NONE, None),
    ("first time", None, TOLD, NONE, Step(Phase.START, AlertReason.NEW)),
    ("unchanged", TOLD, TOLD, NONE, None),
    ("a little better", TOLD, BETTER, NONE, None),
    ("a little worse", TOLD, WORSE, NONE, Step(Phase.UPDATE, AlertReason.WORSE)),
    ("repeat interval over", TOLD, LATER, NONE, Step(Phase.UPDATE, AlertReason.CHANGED)),
    ("repeat interval over, but better", TOLD, finding(badness="519", day=8), NONE, None),
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


_AFTER_A_WEEK: list[tuple[str, str, str, Step | None]] = [
    ("still falling", "540", "510", None),
    ("stands still", "540", "540", Step(Phase.UPDATE, AlertReason.CHANGED)),
    ("rises again below what was told", "510", "540", Step(Phase.UPDATE, AlertReason.CHANGED)),
    ("back where it was told", "540", "600", Step(Phase.UPDATE, AlertReason.CHANGED)),
]


@pytest.mark.parametrize(
    ("last", "now", "expected"), [row[1:] for row in _AFTER_A_WEEK], ids=[row[0] for row in _AFTER_A_WEEK]
)
def test_what_improves_is_not_told_again(last: str, now: str, expected: Step | None) -> None:
    """Falling values page once; a fall that has come to a halt is told again when the interval is over."""
    told = finding(badness="600")
    judged = replace(finding(badness=last, day=7), trigger_key="second")
    holds = replace(finding(badness=now, day=14), trigger_key="third")

    assert next_step(told, holds, NONE, judged) == expected


def test_the_same_value_judged_again_is_still_an_improvement() -> None:
    """Other news of the patient is no reason to tell a falling value."""
    judged = replace(finding(badness="540", day=7), trigger_key="second")

    assert next_step(finding(badness="600"), judged, NONE, judged) is None


def test_one_value_better_and_another_worse_is_no_improvement() -> None:
    """A falling ALT does not hide an AST that rises, nor one that has not moved at all."""
    told = replace(finding(), badness=(("alt", "600"), ("ast", "520")))
    other = replace(finding(day=7), badness=(("alt", "540"), ("ast", "521")))
    neither = replace(finding(day=7), badness=())

    assert next_step(told, other, NONE) == Step(Phase.UPDATE, AlertReason.WORSE)
    assert next_step(told, neither, NONE) == Step(Phase.UPDATE, AlertReason.CHANGED)


def test_values_that_fall_to_the_limit_of_another_rule_are_not_told_again() -> None:
    """The next lower limit of the same severity is no news while the values fall; a symptom is."""
    told = finding(badness="600", day=0)
    lower = finding("b03-severe-over-10x-uln", badness="420", day=7, evidence=(HIGH,))
    symptom = replace(HIGH, condition="symptom is nausea", analyte="")

    assert next_step(told, lower, NONE) is None
    assert next_step(told, replace(lower, evidence=(symptom,)), NONE) == Step(
        Phase.UPDATE, AlertReason.CHANGED
    )
    assert next_step(told, replace(lower, badness=(("bilirubin", "40"),)), NONE) == Step(
        Phase.UPDATE, AlertReason.CHANGED
    )
