"""Limits of one patient: what is refused, from and until when they hold, and what is said of them."""

from __future__ import annotations

from datetime import date

import pytest

from engine.model.finding import Finding, Label
from engine.rulebook import AlertRule, evaluate, fault_of_fact, why_silent
from tests.unit.rulebook.records import finding, rule, shipped, situation

_STATED = "800 U/L until 2026-03-02 because hepatitis B"
_IN_FORCE = "limit 800 U/L for this patient until 2026-03-02 because hepatitis B"
_EITHER = "any:\n  - alt >= 500 U/L\n  - ast >= 500 U/L"


def _found(value: str, stated: str = _STATED, when: str = _EITHER, name: str = "alt", **more: str) -> Finding:
    """What the example rule makes of a value on 2 March 2026, with a limit on record."""
    facts = f'facts: {{"limit.x01-example.{name}": "{stated}"}}'
    record = "\n".join((facts, f"results: {{alt: {{0d: {value}}}}}", *more.values()))
    return finding(rule(when), record)


@pytest.mark.parametrize(("value", "truth"), [("799 U/L", "unknown"), ("800 U/L", "true")])
def test_a_limit_counts_instead_of_the_number_of_the_rule(value: str, truth: str) -> None:
    """Of the other analyte nothing is known."""
    assert _found(value).truth.value == truth


def test_a_limit_is_about_one_analyte() -> None:
    """AST keeps the number of the rule."""
    facts = f'facts: {{"limit.x01-example.alt": "{_STATED}"}}'
    assert finding(rule(_EITHER), f"{facts}\nresults: {{ast: {{0d: 500 U/L}}}}").truth.value == "true"


@pytest.mark.parametrize(
    ("stated", "truth", "said"),
    [
        (_STATED, "false", _IN_FORCE),
        (
            _STATED.replace("03-02", "03-01"),
            "true",
            "limit 800 U/L for this patient expired on 2026-03-01: the limit of the rule holds",
        ),
        (
            _STATED.replace("U/L", "x ULN"),
            "true",
            f"limit {_STATED.replace('U/L', 'x ULN')} no longer fits the rule: the limit of the rule holds",
        ),
    ],
)
def test_a_limit_holds_to_the_end_of_its_last_day(stated: str, truth: str, said: str) -> None:
    """After that, and where the rule has changed, the rule's own number counts; every alert says so."""
    found = _found("600 U/L", stated, "alt >= 500 U/L")

    assert found.truth.value == truth
    assert found.labels == (Label("x01-example", said),)


def test_of_several_statements_the_newest_counts() -> None:
    """A limit ends early by a new row with another last day."""
    newer = "900 U/L until 2026-03-05 because so"
    facts = f'facts: {{"limit.x01-example.alt": {{-3d: "{_STATED}", -1d: "{newer}"}}}}'
    example = rule("alt >= 500 U/L")

    assert finding(example, f"{facts}\nresults: {{alt: {{0d: 899 U/L}}}}").truth.value == "false"
    assert finding(example, f"{facts}\nresults: {{alt: {{0d: 900 U/L}}}}").truth.value == "true"


def test_a_rule_that_stays_silent_for_a_limit_says_so() -> None:
    """In its evidence and in the line under the alerts of others."""
    silent = _found("600 U/L", when="alt >= 500 U/L")

    (evidence,) = silent.evidence
    assert (evidence.condition, evidence.threshold, evidence.limit) == ("alt >= 800 U/L", "800", _IN_FORCE)
    assert why_silent(silent) == f"ALT 600 U/L is below 800 U/L; {_IN_FORCE}"


def test_a_limit_on_a_multiple() -> None:
    """The multiple changes, the baseline does not."""
    stated = "8 x baseline until 2026-12-31 because so"
    baseline = "baseline: {alt: 30 U/L}"

    assert _found("239 U/L", stated, "alt >= 5 x baseline", baseline=baseline).truth.value == "false"
    assert _found("240 U/L", stated, "alt >= 5 x baseline", baseline=baseline).truth.value == "true"


def test_a_limit_on_a_repeated_value() -> None:
    """What is asked of each result keeps its count."""
    results = "results: {alp: {-7d: 33 U/L, 0d: 31 U/L}}\nranges: {alp: 40-120}"
    example = rule("alp < 1 x LLN for 2 results")
    facts = 'facts: {"limit.x01-example.alp": "0.8 x LLN until 2026-12-31 because so"}'

    assert finding(example, results).truth.value == "true"
    assert finding(example, f"{facts}\n{results}").truth.value == "false"


def test_a_limit_on_a_rule_about_low_values() -> None:
    """Quieter is lower there, and earlier is higher."""
    facts = 'facts: {"limit.x01-example.wbc": "2 10*9/L until 2026-12-31 because so"}'
    example = rule("wbc < 2.5 10*9/L")

    assert finding(example, f"{facts}\nresults: {{wbc: {{0d: 2 10*9/L}}}}").truth.value == "false"
    assert finding(example, f"{facts}\nresults: {{wbc: {{0d: 1.9 10*9/L}}}}").truth.value == "true"
    higher = facts.replace("2 10*9/L", "3.5 10*9/L")
    assert finding(example, f"{higher}\nresults: {{wbc: {{0d: 3.4 10*9/L}}}}").truth.value == "true"
    assert finding(example, f"{higher}\nresults: {{wbc: {{0d: 3.5 10*9/L}}}}").truth.value == "false"


_LOWER = "300 U/L until 2026-03-02 because transplant"


@pytest.mark.parametrize(
    ("value", "truth"), [("299 U/L", "false"), ("300 U/L", "true"), ('">250 U/L"', "unknown")]
)
def test_a_limit_may_make_a_rule_speak_earlier(value: str, truth: str) -> None:
    """A patient for whom 500 would be late."""
    assert _found(value, _LOWER, "alt >= 500 U/L").truth.value == truth


def test_what_only_the_limit_lets_fire_is_told_as_such() -> None:
    """The rule would say "at least 500 U/L" of 350: title and message are those of the limit."""
    found = _found("350 U/L", _LOWER)

    assert found.title == "ALT is at least 300 U/L, the limit of this patient"
    assert found.message == (
        "ALT 350 U/L of 2026-03-02: limit 300 U/L for this patient until 2026-03-02 because transplant; "
        'the rule itself says "alt >= 500 U/L".'
    )
    (evidence, _) = found.evidence
    assert (evidence.threshold, evidence.limit) == (
        "300",
        "limit 300 U/L for this patient until 2026-03-02 because transplant",
    )


def test_what_only_the_limit_cannot_exclude_is_told_as_such() -> None:
    """Its title is no more certain than that of any other doubt."""
    facts = f'facts: {{"limit.x01-example.alt": "{_LOWER}"}}'
    doubtful = rule("alt >= 500 U/L", if_unknown="if_unknown: urgent")
    found = finding(doubtful, f'{facts}\nresults: {{alt: {{0d: "<450 U/L"}}}}')

    assert found.title == "Cannot exclude: ALT is at least 300 U/L, the limit of this patient"
    assert found.message.startswith("Cannot exclude: ALT <450 U/L of 2026-03-02: limit 300 U/L")


def test_what_the_rule_fires_on_anyway_is_told_in_its_own_words() -> None:
    """The label tells of the limit."""
    found, without = _found("500 U/L", _LOWER), finding(rule(_EITHER), "results: {alt: {0d: 500 U/L}}")

    assert (found.title, found.message) == (without.title, without.message)
    assert [label.text for label in found.labels] == [
        "limit 300 U/L for this patient until 2026-03-02 because transplant"
    ]


def test_an_expired_limit_that_was_lower_lets_nothing_fire() -> None:
    """The day after its last day 350 is below the limit of the rule again."""
    found = _found("350 U/L", _LOWER.replace("03-02", "03-01"), "alt >= 500 U/L")

    assert found.truth.value == "false"
    assert "expired on 2026-03-01" in found.labels[0].text


_DAY = date(2026, 3, 1)
_GOOD = "until 2027-01-31 because chronic hepatitis B"
_FORM = "limit.a02-alt-ast-500.alt=800 U/L until 2027-01-31 because chronic hepatitis B"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("a02-alt-ast-500.alt", f"800 U/L {_GOOD}"),
        ("a02-alt-ast-500.ast", f"500.1 U/L {_GOOD}"),
        ("a01-alt-ast-5x-baseline.alt", f"8 x baseline {_GOOD}"),
        ("d01-wbc-below-2-5.wbc", f"2 10*9/L {_GOOD}"),
        ("a02-alt-ast-500.alt", f"499.9 U/L {_GOOD}"),
        ("d01-wbc-below-2-5.wbc", f"3.5 10*9/L {_GOOD}"),
    ],
)
def test_limits_that_may_be_recorded(name: str, value: str) -> None:
    """Rule, analyte and exactly one number fit, and last day and reason are there."""
    assert fault_of_fact(f"limit.{name}", value, _DAY, shipped()) == ""


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        (
            "a02-alt-ast-500.alt",
            "800 U/L",
            f"a limit names rule, analyte, number, last day and reason; write {_FORM}",
        ),
        (
            "a02-alt-ast-500.alt",
            "800 U/L until 2027-01-31",
            f"a limit names rule, analyte, number, last day and reason; write {_FORM}",
        ),
        (
            "a02-alt-ast-500.alt",
            "800 U/L because chronic hepatitis B",
            f"a limit names rule, analyte, number, last day and reason; write {_FORM}",
        ),
        (
            "alt",
            f"800 U/L {_GOOD}",
            f"a limit names rule, analyte, number, last day and reason; write {_FORM}",
        ),
        (
            "a02-alt-ast-500.alt",
            "800 U/L until 2027-02-30 because so",
            f'"2027-02-30" is not in the calendar; write {_FORM}',
        ),
        (
            "a02-alt-ast-50.alt",
            f"800 U/L {_GOOD}",
            'no rule "a02-alt-ast-50"; did you mean a02-alt-ast-500',
        ),
        (
            "a02-alt-ast-500.alp",
            f"800 U/L {_GOOD}",
            'a02-alt-ast-500 compares no number with "alp"; it compares alt, ast',
        ),
        (
            "a02-alt-ast-500.alt",
            f"8 ukat/L {_GOOD}",
            '"ukat/L" is no measure of alt there; the rule says alt >= 500 U/L',
        ),
        (
            "a13-mild-rise.alt",
            f"2 x ULN {_GOOD}",
            "more than one number of a13-mild-rise fits; the rule says alt > 1 x ULN, alt >= 5 x ULN",
        ),
        (
            "a02-alt-ast-500.alt",
            f"500 U/L {_GOOD}",
            "500 is the number of a02-alt-ast-500 itself; write the number that holds for this patient",
        ),
        (
            "d01-wbc-below-2-5.wbc",
            f"2.5 10*9/L {_GOOD}",
            "2.5 is the number of d01-wbc-below-2-5 itself; write the number that holds for this patient",
        ),
        (
            "a13-mild-rise.bilirubin",
            f"3 x ULN {_GOOD}",
            "bilirubin >= 2 x ULN is an exclusion of a13-mild-rise; a limit is for a number that",
        ),
        (
            "q04-implausible.alt",
            f"800 U/L {_GOOD}",
            'q04-implausible compares no number with "alt"; it compares no numbers',
        ),
    ],
)
def test_limits_that_are_refused(name: str, value: str, expected: str) -> None:
    """What cannot be in force is not recorded."""
    assert fault_of_fact(f"limit.{name}", value, _DAY, shipped()).startswith(expected)


def test_a_limit_lasts_a_year_at_most() -> None:
    """366 days from the day of the row, so that a leap year is a year; then somebody has to look again."""
    name, reason = "limit.a02-alt-ast-500.alt", "because chronic hepatitis B"

    assert fault_of_fact(name, f"800 U/L until 2027-03-02 {reason}", _DAY, shipped()) == ""
    assert fault_of_fact(name, f"800 U/L until 2027-03-03 {reason}", _DAY, shipped()) == (
        "a limit lasts 366 days at most, and 2027-03-03 is later; "
        "write a last day up to 2027-03-02, and a new row when somebody has looked again"
    )


def test_a_rule_that_raises_no_alert_has_no_limits() -> None:
    """Labels and modifiers say more about alerts; they have no bar of their own."""
    annotation = next(each for each in shipped().rules if not isinstance(each, AlertRule))

    said = fault_of_fact(f"limit.{annotation.id}.alt", f"800 U/L {_GOOD}", _DAY, shipped())

    assert said == f"{annotation.id} raises no alert of its own; limits are for rules that raise alerts"


def test_what_only_the_own_baseline_raises_is_marked() -> None:
    """5 x the baseline and 2.5 x the upper limit: the label tells the second."""
    example = rule("alt >= 5 x baseline")
    low = "ranges: {alt: 10-40}\nbaseline: {alt: 20 U/L}\nresults: {alt: {0d: 103 U/L}}"

    assert finding(example, low).labels == (
        Label("baseline.mode", "only against the patient's own baseline: 2.5 x ULN"),
    )


@pytest.mark.parametrize(
    "record",
    [
        "ranges: {alt: 10-40}\nbaseline: {alt: 20 U/L}\nresults: {alt: {0d: 200 U/L}}",
        "ranges: {alt: 10-40}\nbaseline: {alt: 40 U/L}\nresults: {alt: {0d: 200 U/L}}",
        "ranges: {alt: 10-40}\nbaseline: {alt: 20 U/L}\nresults: {alt: {0d: 99 U/L}}",
        "baseline: {alt: 20 U/L}\nresults: {alt: {0d: 100 U/L}}",
        "mode: floor_uln\nranges: {alt: 10-40}\nbaseline: {alt: 20 U/L}\nresults: {alt: {0d: 200 U/L}}",
    ],
)
def test_what_another_mode_would_raise_too_is_not_marked(record: str) -> None:
    """Nor what stays silent, nor where no upper limit is printed."""
    assert finding(rule("alt >= 5 x baseline"), record).labels == ()


def test_a_finding_that_would_only_be_less_certain_is_marked() -> None:
    """>101 is above 5 x the own baseline, and may be above 5 x the upper limit too."""
    record = 'ranges: {alt: 10-40}\nbaseline: {alt: 20 U/L}\nresults: {alt: {0d: ">101 U/L"}}'
    (found,) = evaluate(rule("alt >= 5 x baseline", if_unknown="if_unknown: urgent"), situation(record), {})

    assert [label.text for label in found.labels] == ["only against the patient's own baseline: >2.5 x ULN"]
