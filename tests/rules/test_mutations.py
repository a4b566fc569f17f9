"""The cases of every shipped rule notice each change of a limit, of its strictness and of a condition."""

from __future__ import annotations

import pytest

from engine.rulebook import Rule
from engine.strictyaml import load
from tests.rules import mutate
from tests.unit.rulebook.records import shipped


@pytest.mark.parametrize("rule", shipped().rules, ids=lambda rule: rule.id)
def test_no_change_of_a_rule_survives_its_cases(rule: Rule) -> None:
    """Whoever moves a limit, makes it strict or drops a condition is told so by the rule's own cases."""
    assert () == mutate.trial(rule).survivors


@pytest.mark.parametrize(
    ("when", "changes"),
    [
        ("alt >= 5 x ULN", {"alt > 5 x ULN", "alt >= 6 x ULN", "alt >= 4 x ULN", "alt >= 5 x baseline"}),
        ("wbc < 2.5 10*9/L", {"wbc <= 2.5 10*9/L", "wbc < 2.6 10*9/L", "wbc < 2.4 10*9/L"}),
        (
            "dose > 1/3 x dose before stop",
            {
                "dose >= 1/3 x dose before stop",
                "dose > 2/3 x dose before stop",
                "dose > 0/3 x dose before stop",
                "dose > 1/4 x dose before stop",
                "dose > 1/2 x dose before stop",
            },
        ),
        ("wbc falling for 4 results", {"wbc falling for 5 results", "wbc falling for 3 results"}),
    ],
)
def test_the_last_digit_moves_and_strictness_turns(when: str, changes: set[str]) -> None:
    """Every number is moved as it is written, fractions and counts too."""
    assert {f"{when} -> {change}" for change in changes} == {
        mutant.change for mutant in mutate.mutants(load(when, "when"))
    }


def test_conditions_are_dropped_wherever_they_stand() -> None:
    """Each part of any, all and unless goes once, and each not."""
    when = (
        "all: [on allopurinol, {not: symptom recorded}, {unless: {any: [tpmt is normal, symptom is rash]}}]"
    )

    assert [
        "dropped from all: on allopurinol",
        "dropped from all: not: symptom recorded",
        "dropped from all: unless: any: [tpmt is normal, symptom is rash]",
        "not removed",
        "dropped from any: tpmt is normal",
        "dropped from any: symptom is rash",
    ] == [mutant.change for mutant in mutate.mutants(load(when, "when"))]


@pytest.mark.parametrize(
    ("rule", "changes"),
    [
        ("a07-bilirubin-2x-uln", {"if_unknown value: urgent -> review", "pair_within: 7 d -> 6 d"}),
        ("h05-cirrhosis", {"repeat_within: 14 d -> 15 d", "raise_by removed"}),
        ("d02-platelets-below-50-before-start", {"if_unknown value: urgent -> review"}),
    ],
)
def test_what_stands_beside_the_conditions_is_changed_too(rule: str, changes: set[str]) -> None:
    """Windows, intervals, what UNKNOWN becomes and what a modifier does are proven like the limits."""
    assert changes <= {mutant.change for mutant, _ in mutate.changed_rules(shipped().by_id[rule])}
