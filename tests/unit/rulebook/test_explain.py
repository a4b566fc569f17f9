"""Rules and silence in a clinician's words."""

from __future__ import annotations

import pytest

from engine.rulebook import Rule, describe, why_silent
from tests.unit.rulebook.records import finding, rule, shipped, shipped_analytes


@pytest.mark.parametrize(
    ("when", "record", "expected"),
    [
        (
            "alt >= 5 x baseline",
            "results: {alt: {0d: 120 U/L}}\nbaseline: {alt: 31 U/L}",
            "ALT 120 U/L is below 5 x baseline 31 (155)",
        ),
        ("alt >= 500 U/L", "results: {alt: {0d: 120 U/L}}", "ALT 120 U/L is below 500 U/L"),
        ("alt > 500 U/L", "results: {alt: {0d: 500 U/L}}", "ALT 500 U/L is not above 500 U/L"),
        ("wbc < 2.5 10*9/L", "results: {wbc: {0d: 6 10*9/L}}", "WBC 6 10*9/L is not below 2.5 10*9/L"),
        ("wbc <= 2.5 10*9/L", "results: {wbc: {0d: 6 10*9/L}}", "WBC 6 10*9/L is above 2.5 10*9/L"),
        ("alt >= 500 U/L", "", "ALT: no usable result since 2025-12-02"),
        ("alt >= 5 x baseline", "results: {alt: {0d: 120 U/L}}", "ALT 120 U/L: no baseline"),
        ("alt > 1 x ULN", "results: {alt: {0d: 120 U/L}}", "ALT 120 U/L: no ULN with that result"),
        (
            "bilirubin >= 34 umol/L",
            'results: {bilirubin: {0d: ">30 umol/L"}}',
            "bilirubin >30 umol/L leaves open whether it is at least 34 umol/L",
        ),
        (
            "any:\n  - alt >= 500 U/L\n  - ast >= 500 U/L",
            "results: {alt: {0d: 30 U/L}, ast: {0d: 450 U/L}}",
            "AST 450 U/L is below 500 U/L",
        ),
        (
            "all:\n  - alt > 40 U/L\n  - unless: ast >= 500 U/L",
            "results: {alt: {0d: 60 U/L}, ast: {0d: 640 U/L}}",
            "AST 640 U/L is at least 500 U/L",
        ),
        (
            "all:\n  - alt > 40 U/L\n  - not: symptom recorded",
            "results: {alt: {0d: 60 U/L}}\nfacts: {symptom: nausea}",
            "symptom recorded: yes, nausea, recorded 2026-03-02",
        ),
        ("symptom recorded", "", "symptoms are not on record"),
        (
            "all:\n  - therapy is restarted\n  - alt > 40 U/L",
            "results: {alt: {0d: 60 U/L}}",
            "therapy is restarted: no, active",
        ),
        (
            "alp < 1 x LLN for 2 results",
            "ranges: {alp: 42-141}\nresults: {alp: {0d: 39 U/L}}",
            "alp < 1 x LLN for 2 results: no, 1 of 2 results so far",
        ),
        (
            "all:\n  - alt > 40 U/L\n  - bilirubin > 17 umol/L",
            "results: {alt: {0d: 60 U/L}, bilirubin: {-9d: 20 umol/L}}",
            "alt of 2026-03-02 and bilirubin of 2026-02-21: not measured within 7 d of each other",
        ),
        ("alt >= 500 U/L", "results: {alt: {0d: 640 U/L}}", ""),
    ],
)
def test_why_a_rule_is_silent(when: str, record: str, expected: str) -> None:
    """The evidence card tells in one line what kept a rule from firing, nearest miss first."""
    assert expected == why_silent(finding(rule(when), record))


def test_a_rule_reads_like_a_sentence() -> None:
    """A clinician signs off what the engine does, without reading YAML."""
    text = describe(shipped().by_id["a08-alt-ast-3x-uln-after-restart"], shipped_analytes())

    assert (
        """\
a08-alt-ast-3x-uln-after-restart (version 1, active)
ALT or AST above 3 x ULN after a restart

Fires as critical when
  - all of these hold:
    - the therapy is restarted
    - at least one of these holds:
      - all of these hold:
        - ALT is above 3 x upper limit of normal
        - ALT was measured since the restart
      - all of these hold:
        - AST is above 3 x upper limit of normal
        - AST was measured since the restart
When that cannot be decided (a value such as >480 is not exact enough): urgent.
When that cannot be decided (a fact is not on record): urgent.
"""
        in text
    )
    assert "Source: Management of Low ALP After Stopping Azathioprine Due to Elevated Liver Enzymes, " in text


@pytest.mark.parametrize("each", shipped().rules, ids=lambda each: each.id)
def test_every_shipped_rule_can_be_described(each: Rule) -> None:
    """Every rule of the product has words for each of its conditions, its action and its sources."""
    text = describe(each, shipped_analytes())

    assert "Action: " in text or "Label: " in text
    assert "Source: " in text
