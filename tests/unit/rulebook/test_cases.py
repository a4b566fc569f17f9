"""Cases beside the rules: they fail when the rule does something else, and when they look away."""

from __future__ import annotations

from dataclasses import replace

import pytest

from engine.errors import ConfigError
from engine.model.finding import Severity
from engine.model.quantity import Truth
from engine.rulebook import run_cases
from engine.rulebook.cases import read_cases
from engine.rulebook.trials import coverage_gaps, run_case
from tests.unit.rulebook.bad_files import ANALYTES
from tests.unit.rulebook.books import alert, annotation, book
from tests.unit.rulebook.records import rule, shipped, shipped_analytes, shipped_files, situation, verdict

_FILE = "rules/azathioprine/x01-example_test.yaml"
_RULE = "any:\n  - alt >= 500 U/L\n  - ast >= 500 U/L"


def _read(text: str) -> tuple[str, ...]:
    try:
        read_cases(text, _FILE, ANALYTES, Severity.CRITICAL)
    except ConfigError as error:
        return tuple(str(defect).removeprefix(_FILE + ":") for defect in error.defects)
    return ()


def _fail(case: str) -> tuple[str, ...]:
    text = f"rule: x01-example\ncases:\n  - name: one\n{case}"
    (read,) = read_cases(text, _FILE, ANALYTES, Severity.CRITICAL)
    a_rule = rule(_RULE, if_unknown="if_unknown: urgent", message='"{trigger}"')
    return tuple(defect.message.removeprefix('case "one": ') for defect in run_case(a_rule, read, ANALYTES))


def test_the_shipped_cases_hold_and_leave_no_condition_untested() -> None:
    """Each shipped rule does what its cases state, and each condition is seen true, false and unknown."""
    report = run_cases(shipped_files(), shipped(), shipped_analytes())

    assert ((), ()) == (report.failures, report.gaps)
    assert report.passed
    assert report.cases > 100


@pytest.mark.parametrize(
    ("case", "expected"),
    [
        ("    results: {alt: {0d: 500 U/L}}\n    expect: fires\n", ()),
        (
            "    results: {alt: {0d: 30 U/L}, ast: {0d: 30 U/L}}\n    expect: fires\n",
            ("expected true, found false", "expected severity critical, found silent"),
        ),
        (
            '    results: {alt: {0d: ">480 U/L"}}\n    expect: unknown\n    severity: silent\n',
            ("expected severity silent, found urgent",),
        ),
        (
            (
                "    results: {alt: {0d: 600 U/L}, ast: {0d: 30 U/L}}\n    expect: fires\n"
                "    because: [ast >= 500 U/L]\n"
            ),
            ('"ast >= 500 U/L" did not decide',),
        ),
        (
            "    results: {alt: {0d: 600 U/L}}\n    expect: fires\n    message: 500 U/L\n",
            ("another message",),
        ),
        (
            "    results: {alt: {0d: 600 U/L}}\n    expect: fires\n    subject: ast\n",
            ('no finding about "ast"',),
        ),
    ],
)
def test_a_case_that_does_not_hold_says_what_happened(case: str, expected: tuple[str, ...]) -> None:
    """The author of a rule sees what was expected and what the rule did."""
    assert expected == _fail(case)


def test_a_condition_that_is_never_false_is_a_gap() -> None:
    """Cases that only show a rule firing prove nothing, and fail the run."""
    text = "rule: x01-example\ncases:\n  - name: one\n    results: {alt: {0d: 500 U/L}}\n    expect: fires\n"
    cases = read_cases(text, _FILE, ANALYTES, Severity.CRITICAL)

    assert [
        "no case that fires states the severity critical",
        '"alt >= 500 U/L" is never false',
        '"alt >= 500 U/L" is never unknown',
        '"ast >= 500 U/L" is never true',
        '"ast >= 500 U/L" is never false',
    ] == [defect.message for defect in coverage_gaps(rule(_RULE), cases)]


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("expect: maybe", '4: expect is "maybe" (known: fires, silent, unknown)'),
        (
            "expect: unknown",
            (
                "3: a case that expects unknown has no severity"
                " (write severity: silent, or what if_unknown makes of it)"
            ),
        ),
        ("expect: silent\n    severity: info", "5: a silent case has no severity (remove it)"),
        (
            "expect: fires\n    severity: stop",
            '5: unknown severity "stop" (known: info, review, urgent, critical, silent)',
        ),
        (
            "expect: fires\n    result: {}",
            (
                '5: unknown key "result" in a case (known keys: name, results, ranges, '
                "baseline, facts, therapy, mode, problems, clock, subject, firing, expect, severity, "
                "because, message, action)"
            ),
        ),
        (
            "expect: fires\n    results: {atl: {0d: 5 U/L}}",
            '5: unknown analyte "atl" (did you mean ast or alt or alp?)',
        ),
        (
            "expect: fires\n    results: {alt: {1d: 5 U/L}}",
            '5: "1d" is not a day (write 0d for the day of judgement, -7d for a week before)',
        ),
        ("expect: fires\n    results: {alt: {0d: 5}}", '5: "5" is not in the unit of alt (U/L)'),
        (
            "expect: fires\n    results: {alt: {0d: high U/L}}",
            '5: "high" is not a number (write it with its unit, such as 125 U/L)',
        ),
        (
            "expect: fires\n    results: {alt: {0d: {value: 5 U/L, status: Q}}}",
            '5: unknown status "Q" (a code of HL7 table 0085)',
        ),
        (
            "expect: fires\n    therapy: {started: -20d, restarted: -60d}",
            "5: therapy is restarted before it started (state the earlier day as started)",
        ),
        (
            "expect: fires\n    therapy: {courses: -90d}",
            "5: courses must be a list (write courses: [{started: -90d}])",
        ),
        (
            "expect: fires\n    therapy: {courses: [{stopped: -9d}]}",
            "5: a course has no day of its start (add started: -90d)",
        ),
        (
            "expect: fires\n    therapy: {courses: [{started: -9d, stopped: -10d}]}",
            "5: a course is stopped before it started (swap the days)",
        ),
        (
            "expect: fires\n    therapy: {courses: [{drug: allopurinol, started: -9d}]}",
            '5: "allopurinol" is not a thiopurine (azathioprine or mercaptopurine)',
        ),
        (
            "expect: fires\n    therapy: {courses: [{started: -9d, doses: {-9d: 50 mg}}]}",
            '5: "50 mg" is not a number (write mg/day as a plain number, or unknown)',
        ),
        (
            "expect: fires\n    results: {alt: {0d 8 h: 5 U/L}}",
            '5: "8 h" is not a time of day (write it as 14:30)',
        ),
        (
            "expect: fires\n    results: {alt: {0d 12:01: 5 U/L}}",
            '5: "0d 12:01" is after the instant of judgement (that is 0d 12:00)',
        ),
        (
            "expect: fires\n    results: {alt: {2d: 5 U/L}}",
            '5: "2d" is not a day (write 0d for the day of judgement, -7d for a week before)',
        ),
        (
            "expect: fires\n    problems: [{kind: gone}]",
            (
                '5: unknown problem "gone" (known: code-unmapped, identity-conflict, implausible, '
                "range-missing, specimen-spoiled, unit-missing, unit-unknown, value-unreadable)"
            ),
        ),
    ],
)
def test_a_defective_case_is_refused_with_its_place(line: str, expected: str) -> None:
    """A slip in a case is a defect with file, line and hint, never a case that quietly tests nothing."""
    assert (expected,) == _read(f"rule: x01-example\ncases:\n  - name: one\n    {line}\n")


def test_case_names_are_unique_and_the_file_is_that_of_its_rule() -> None:
    """A failing case can be found by its name."""
    case = "  - name: one\n    expect: silent\n"

    assert (
        '1: rule "x02-other" is not in the file name (write x01-example)',
        '5: a second case "one" (give every case its own name)',
    ) == _read(f"rule: x02-other\ncases:\n{case}{case}")


def test_a_file_without_cases_is_refused() -> None:
    """An empty file of cases does not count as tested."""
    assert ("2: no cases (list at least one that fires and one that does not)",) == _read(
        "rule: x01-example\ncases: []\n"
    )


_NOTE = annotation(
    "x01-example",
    "any:\n  - rule a01-raised fires\n  - symptom recorded",
    label="ALT after all.",
    extra="label_unknown: Ask for symptoms.\n",
)


def _annotated(case: str) -> tuple[str, ...]:
    """What is wrong with a case of a label that asks about a rule and a symptom."""
    rules = book(alert("a01-raised", "alt >= 100 U/L", if_unknown="silent"), _NOTE)
    others: dict[str, Severity | None] = {"a01-raised": Severity.REVIEW}
    text = f"rule: x01-example\ncases:\n  - name: one\n{case}"
    try:
        (read,) = read_cases(text, _FILE, ANALYTES, None, others)
    except ConfigError as error:
        return tuple(str(defect).removeprefix(_FILE + ":") for defect in error.defects)
    failures = run_case(rules["x01-example"], read, ANALYTES)
    return tuple(defect.message.removeprefix('case "one": ') for defect in failures)


@pytest.mark.parametrize(
    ("case", "expected"),
    [
        ("    firing: [a01-raised]\n    expect: fires\n    label: ALT after all.\n", ()),
        ("    expect: unknown\n    label: Ask for symptoms.\n", ()),
        ("    facts: {symptom: none}\n    expect: silent\n", ()),
        ("    facts: {symptom: none}\n    expect: silent\n    label: ALT after all.\n", ("another label",)),
        ("    firing: [a01-raised]\n    expect: silent\n", ("expected false, found true",)),
        (
            "    firing: [a01-raised]\n    expect: fires\n    effects: [one severity graver]\n",
            ("other effects",),
        ),
        (
            "    firing: [a01-raise]\n    expect: fires\n",
            ('4: unknown rule "a01-raise" (did you mean a01-raised?)',),
        ),
        (
            "    expect: unknown\n    severity: silent\n",
            (
                (
                    '5: unknown key "severity" in a case (known keys: name, results, ranges, baseline, '
                    "facts, therapy, mode, firing, expect, because, label, effects)"
                ),
            ),
        ),
    ],
)
def test_a_case_of_a_label_states_its_text_and_which_rules_fire(case: str, expected: tuple[str, ...]) -> None:
    """A label has cases like any rule: what it says, when it is silent, and what else fires."""
    assert expected == _annotated(case)


def test_a_case_says_only_of_rules_that_are_asked_about_that_they_fire() -> None:
    """A line that changes nothing misleads whoever reads the case."""
    text = "rule: x01-example\ncases:\n  - name: one\n    firing: [a01-raised]\n    expect: silent\n"
    (read,) = read_cases(text, _FILE, ANALYTES, Severity.CRITICAL, {"a01-raised": Severity.REVIEW})
    record = "results: {alt: {0d: 30 U/L}, ast: {0d: 30 U/L}}"
    a_rule = rule(_RULE, if_unknown="if_unknown: urgent")

    told = run_case(a_rule, replace(read, situation=situation(record)), ANALYTES)

    assert ['case "one": no condition asks whether a01-raised fires'] == [each.message for each in told]


def test_a_label_must_be_seen_with_and_without_each_condition() -> None:
    """The coverage gate holds for rules that raise no alert, and for conditions on other rules."""
    rules = book(alert("a01-raised", "alt >= 100 U/L", if_unknown="silent"), _NOTE)
    text = "rule: x01-example\ncases:\n  - name: one\n    firing: [a01-raised]\n    expect: fires\n"
    cases = read_cases(text, _FILE, ANALYTES, None, {"a01-raised": Severity.REVIEW})

    assert [
        '"rule a01-raised fires" is never false',
        '"symptom recorded" is never true',
        '"symptom recorded" is never false',
    ] == [defect.message for defect in coverage_gaps(rules["x01-example"], cases)]


@pytest.mark.parametrize(
    ("restarted", "expected"),
    [("-28d 12:00", Truth.TRUE), ("-28d 11:59", Truth.FALSE), ("-28d", Truth.FALSE), ("-27d", Truth.TRUE)],
)
def test_a_day_may_have_a_time_of_day(restarted: str, expected: Truth) -> None:
    """A limit in weeks or days is approached to the minute; without a time a course begins at midnight."""
    assert verdict("weeks since restart <= 4", f"therapy: {{restarted: {restarted}}}").truth is expected
