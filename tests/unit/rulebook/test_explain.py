"""Rules and silence in a clinician's words."""

from __future__ import annotations

import pytest

from engine.model.quantity import Truth
from engine.rulebook import Rule, describe, describe_trials, why_silent
from engine.rulebook.trials import cases_of
from tests.unit.rulebook.bad_files import ANALYTES
from tests.unit.rulebook.books import annotation, book, invariant, modifier
from tests.unit.rulebook.records import finding, rule, shipped, shipped_analytes, shipped_files


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

    assert text.startswith(
        """\
a08-alt-ast-3x-uln-after-restart (alert, version 1, active)
ALT or AST above 3 x ULN after a restart

Severity: critical, page now
Why: """
    )
    assert (
        """
Fires when
  - all of these hold:
    - the therapy is restarted
    - at least one of these holds:
      - all of these hold:
        - ALT is above 3 x upper limit of normal
        - ALT was measured since the restart
      - all of these hold:
        - AST is above 3 x upper limit of normal
        - AST was measured since the restart
When that cannot be decided because a value such as >480 is not exact enough: urgent.
When that cannot be decided because there is nothing to compare with: silent.
When that cannot be decided because a fact is not on record: urgent.
When that cannot be decided because a value is missing, or values are too far apart: silent.
When that cannot be decided because its specimen has spoiled a value: silent.
Message: """
        in text
    )
    assert "Source: Management of Low ALP After Stopping Azathioprine Due to Elevated Liver Enzymes, " in text


@pytest.mark.parametrize("each", shipped().rules, ids=lambda each: each.id)
def test_every_shipped_rule_can_be_described(each: Rule) -> None:
    """Every rule of the product has words for each of its conditions, its action and its sources."""
    text = describe(each, shipped_analytes())

    assert "Action: " in text or "Label: " in text
    assert "Source: " in text


def test_a_modifier_reads_like_a_sentence() -> None:
    """What a modifier does to which alerts, and what it says where it cannot be decided."""
    parts = modifier("a12-early", "symptom recorded"), annotation("b01-note", "therapy is held")
    rules = book(*parts, *(annotation("f00-often", "alt > 1 x ULN", kind="modifier", extra=_WEEKLY),))

    text = describe(rules["a12-early"], ANALYTES)

    assert text.startswith("a12-early (modifier, version 1, active)\n")
    assert "Stands on alerts about liver-injury when\n  - a symptom is recorded\n" in text
    assert "Label: A note.\nLabel when that cannot be decided: none\n" in text
    assert "one severity graver" in text
    assert "cannot be decided" not in describe(rules["b01-note"], ANALYTES)
    assert "While it holds: blood due within 7 d, liver due within 7 d." in describe(
        rules["f00-often"], ANALYTES
    )


_WEEKLY = "repeat_within: 7 d\npanels: [liver, blood]\n"


def test_an_invariant_reads_like_a_sentence() -> None:
    """Whoever signs off the rules reads what is proven of all of them."""
    said = [
        describe(each, ANALYTES).splitlines()[4]
        for each in (
            invariant("x01-unused", "{never_used: [tpmt is normal, nudt15 is normal]}"),
            invariant("x02-words", "{words: [mycophenolate, MMF], only_unless: fact pregnancy is yes}"),
            invariant("x03-results", "{analyte: alp, least_results: 2}"),
        )
    ]

    assert [
        "Proven of all rules: none asks whether TPMT is normal or NUDT15 is normal.",
        "Proven of all rules: what says mycophenolate or MMF is silent while pregnancy is yes.",
        "Proven of all rules: no alert above info rests on fewer than 2 results of ALP alone.",
    ] == said


def test_a_rule_is_shown_with_its_protocols_and_cases() -> None:
    """Which cases stand on each side of a limit is what a clinician looks at before signing."""
    a_rule = shipped().by_id["a02-alt-ast-500"]
    cases = cases_of(a_rule, shipped(), shipped_files(), shipped_analytes())

    text = describe_trials(a_rule, shipped().protocols.values(), cases)

    assert "In force under: " in text.splitlines()[0]
    assert "strictest" in text.splitlines()[0]
    fires, rest = text.partition("Cases in which it does not:\n")[::2]
    assert all(f"  - {case.name}\n" in (fires if case.truth is Truth.TRUE else rest) for case in cases)
    assert "no protocol" in describe_trials(a_rule, (), ())
