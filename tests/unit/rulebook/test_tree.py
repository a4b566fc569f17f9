"""Combining conditions: nothing short-circuits, UNKNOWN is never false, exclusions must be proven."""

from __future__ import annotations

import pytest

from engine.model.finding import Severity
from engine.model.quantity import Truth
from tests.unit.rulebook.records import finding, rule

_CAUSES = "if_unknown:\n  value: urgent\n  fact: review\n"
_HIGH, _LOW, _DOUBT = "alt: {0d: 600 U/L}", "alt: {0d: 30 U/L}", 'alt: {0d: ">480 U/L"}'
_AST = {"T": "ast: {0d: 600 U/L}", "F": "ast: {0d: 30 U/L}", "U": 'ast: {0d: ">480 U/L"}'}
_ALT = {"T": _HIGH, "F": _LOW, "U": _DOUBT}


@pytest.mark.parametrize(
    ("combiner", "table"),
    [
        (
            "all",
            {
                "TT": "T",
                "TF": "F",
                "TU": "U",
                "FF": "F",
                "FU": "F",
                "UU": "U",
                "FT": "F",
                "UT": "U",
                "UF": "F",
            },
        ),
        (
            "any",
            {
                "TT": "T",
                "TF": "T",
                "TU": "T",
                "FF": "F",
                "FU": "U",
                "UU": "U",
                "FT": "T",
                "UT": "T",
                "UF": "U",
            },
        ),
    ],
)
def test_all_and_any_follow_kleene(combiner: str, table: dict[str, str]) -> None:
    """A doubtful value decides nothing that the other conditions have not decided."""
    a_rule = rule(f"{combiner}:\n  - alt >= 500 U/L\n  - ast >= 500 U/L")

    found = {
        pair: finding(a_rule, f"results: {{{_ALT[pair[0]]}, {_AST[pair[1]]}}}").truth.name[0]
        for pair in table
    }

    assert table == found


@pytest.mark.parametrize(("alt", "expected"), [("T", Truth.FALSE), ("F", Truth.TRUE), ("U", Truth.UNKNOWN)])
def test_not_unknown_is_unknown(alt: str, expected: Truth) -> None:
    """What cannot be decided cannot be denied either."""
    a_rule = rule("all:\n  - therapy is active\n  - not: alt >= 500 U/L")

    assert expected is finding(a_rule, f"results: {{{_ALT[alt]}}}").truth


@pytest.mark.parametrize(("alt", "expected"), [("T", Truth.FALSE), ("F", Truth.TRUE), ("U", Truth.TRUE)])
def test_only_a_proven_exclusion_silences(alt: str, expected: Truth) -> None:
    """A rule that leaves high values to another rule is not silenced by a value that may be high."""
    a_rule = rule("all:\n  - ast < 100 U/L\n  - unless: alt >= 500 U/L")

    assert expected is finding(a_rule, f"results: {{{_ALT[alt]}, {_AST['F']}}}").truth


def test_every_condition_is_in_the_evidence() -> None:
    """A rule that is already decided still shows what the other conditions saw."""
    a_rule = rule("any:\n  - alt >= 500 U/L\n  - ast >= 500 U/L\n  - symptom recorded")

    found = finding(a_rule, f"results: {{{_HIGH}}}")

    assert {"alt >= 500 U/L": "true", "ast >= 500 U/L": "unknown", "symptom recorded": "unknown"} == {
        each.condition: each.truth.value for each in found.evidence
    }


def test_all_is_as_loud_as_its_least_loud_unknown() -> None:
    """Where one part is unknown for a silent cause, a second doubt does not make the rule speak."""
    a_rule = rule("all:\n  - alt > 1 x ULN\n  - not: symptom recorded", if_unknown=_CAUSES)

    assert finding(a_rule, f"results: {{{_HIGH}}}").severity is None
    assert Severity.REVIEW is finding(a_rule, f"results: {{{_HIGH}}}\nranges: {{alt: 10-40}}").severity


def test_any_is_as_loud_as_its_loudest_unknown() -> None:
    """A doubtful ALT is told although AST was not measured."""
    a_rule = rule("any:\n  - alt >= 500 U/L\n  - ast >= 500 U/L", if_unknown=_CAUSES)

    assert Severity.URGENT is finding(a_rule, f"results: {{{_DOUBT}}}").severity


def test_not_any_is_as_loud_as_all_not() -> None:
    """A denied choice is judged like the conditions denied one by one."""
    denied = rule("not:\n  any:\n    - alt >= 500 U/L\n    - symptom recorded", if_unknown=_CAUSES)
    one_by_one = rule("all:\n  - not: alt >= 500 U/L\n  - not: symptom recorded", if_unknown=_CAUSES)
    record = f"results: {{{_DOUBT}}}"

    assert Severity.REVIEW is finding(denied, record).severity
    assert Severity.REVIEW is finding(one_by_one, record).severity


def test_values_of_two_analytes_must_lie_near_each_other() -> None:
    """An old bilirubin is not combined with a new ALT; the evidence says why."""
    a_rule = rule("all:\n  - alt >= 500 U/L\n  - bilirubin >= 40 umol/L", extra="pair_within: 3 d")

    near = finding(a_rule, "results: {alt: {0d: 600 U/L}, bilirubin: {-3d: 50 umol/L}}")
    far = finding(a_rule, "results: {alt: {0d: 600 U/L}, bilirubin: {-4d: 50 umol/L}}")

    assert (Truth.TRUE, Truth.UNKNOWN) == (near.truth, far.truth)
    assert ("measured within 3 d of each other", "alt of 2026-03-02 and bilirubin of 2026-02-26") == (
        far.evidence[0].condition,
        far.evidence[0].note,
    )


def test_values_of_one_order_belong_together_whatever_their_times() -> None:
    """A specimen that is measured over two weeks is still one specimen."""
    a_rule = rule("all:\n  - alt >= 500 U/L\n  - bilirubin >= 40 umol/L")
    record = """\
results:
  alt: {0d: {value: 600 U/L, order: A1}}
  bilirubin: {-14d: {value: 50 umol/L, order: A1}}
"""

    assert finding(a_rule, record).truth is Truth.TRUE


def test_one_pair_that_belongs_together_is_enough() -> None:
    """An old ALT beside a new AST does not spoil the combination of the new AST with bilirubin."""
    a_rule = rule(
        "all:\n  - any:\n      - alt >= 500 U/L\n      - ast >= 500 U/L\n  - bilirubin >= 40 umol/L"
    )
    record = "results: {alt: {-30d: 600 U/L}, ast: {0d: 600 U/L}, bilirubin: {0d: 50 umol/L}}"

    assert finding(a_rule, record).truth is Truth.TRUE


def test_conditions_on_facts_are_not_paired() -> None:
    """A fact of last year goes with a result of today."""
    a_rule = rule("all:\n  - alt >= 500 U/L\n  - tpmt is deficient")

    assert finding(a_rule, f"results: {{{_HIGH}}}\nfacts: {{tpmt: {{-400d: deficient}}}}").truth is Truth.TRUE
