"""What a multiple of baseline is a multiple of: the patient's own baseline, the ULN, or one of the two."""

from __future__ import annotations

import pytest

from engine.rulebook import conclude, why_silent
from tests.unit.rulebook.records import finding, rule, shipped, shipped_analytes, situation, verdict

_TRAP = "ranges: {alt: 10-40}\nbaseline: {alt: 20 U/L}\nfacts: {symptom: none}\n"
_NUMBERS = "5 x own baseline 20, 2.5 x ULN 40, 2.5 x the higher of both"


def _record(mode: str, value: str, baseline: str = "20 U/L", limits: str = "10-40") -> str:
    printed = f"ranges: {{alt: {limits}}}\n" if limits else ""
    return f"mode: {mode}\n{printed}baseline: {{alt: {baseline}}}\nresults: {{alt: {{0d: {value}}}}}"


@pytest.mark.parametrize(
    ("mode", "expected"),
    [
        ("literal", {"a01": "critical", "a13": "review"}),
        ("floor_uln", {"a13": "review"}),
        ("split", {"a13": "review"}),
    ],
)
def test_a_low_baseline_is_a_reason_to_stop_only_literally(mode: str, expected: dict[str, str]) -> None:
    """ALT 100 after a baseline of 20, upper limit 40: 5 x the baseline, and 2.5 x the upper limit."""
    seen = situation(f"mode: {mode}\n{_TRAP}results: {{alt: {{0d: 100 U/L}}}}")
    both = [shipped().by_id[name] for name in ("a01-alt-ast-5x-baseline", "a13-mild-rise")]
    found = conclude(both, seen, shipped_analytes())
    speaking = {each.rule_id[:3]: each.severity.value for each in found if each.severity is not None}

    assert speaking == expected


def test_the_mark_stands_beside_the_labels_of_annotations() -> None:
    """Early after a restart, by a baseline that only the literal mode counts: the reader is told both."""
    seen = situation(f"{_TRAP}therapy: {{restarted: -20d}}\nresults: {{alt: {{0d: 100 U/L}}}}")
    both = [shipped().by_id[name] for name in ("a01-alt-ast-5x-baseline", "a12-early-after-restart")]
    (found,) = conclude(both, seen, shipped_analytes())

    assert [label.rule_id for label in found.labels] == ["baseline.mode", "a12-early-after-restart"]


@pytest.mark.parametrize(
    ("record", "expected"),
    [
        (_record("floor_uln", "199.9 U/L"), "false"),
        (_record("floor_uln", "200 U/L"), "true"),
        (_record("floor_uln", "249.9 U/L", baseline="50 U/L"), "false"),
        (_record("floor_uln", "250 U/L", baseline="50 U/L"), "true"),
        (_record("floor_uln", "100 U/L", limits=""), "true"),
        (_record("split", "900 U/L", baseline="59.9 U/L"), "false"),
        (_record("split", "299.9 U/L", baseline="60 U/L"), "false"),
        (_record("split", "300 U/L", baseline="60 U/L"), "true"),
        (_record("split", "100 U/L", limits=""), "true"),
    ],
)
def test_the_limits_of_each_mode(record: str, expected: str) -> None:
    """The higher of both counts, or the own baseline from 1.5 x ULN on; without a ULN the own baseline."""
    assert verdict("alt >= 5 x baseline", record).truth.value == expected


@pytest.mark.parametrize("mode", ["literal", "floor_uln", "split"])
def test_no_mode_touches_what_is_judged_for_being_low(mode: str) -> None:
    """Whether a value is back at the baseline is asked of the own baseline."""
    assert verdict("alt <= 1 x baseline", _record(mode, "21 U/L")).truth.value == "false"
    assert verdict("alt <= 1 x baseline", _record(mode, "20 U/L")).truth.value == "true"


@pytest.mark.parametrize("mode", ["literal", "floor_uln"])
def test_all_three_multiples_are_in_the_evidence(mode: str) -> None:
    """Whoever reads the alert sees what the other modes would have made of it."""
    assert verdict("alt >= 5 x baseline", _record(mode, "100 U/L")).evidence.note == _NUMBERS


def test_a_rule_that_stays_silent_under_split_says_why() -> None:
    """The reader is not told that 100 is below 5 x 20."""
    silent = finding(rule("alt >= 5 x baseline"), _record("split", "100 U/L"))

    expected = "alt >= 5 x baseline: no, baseline below 1.5 x ULN: judged by multiples of ULN"
    assert why_silent(silent) == expected


def test_the_message_names_the_number_that_the_fold_is_a_fold_of() -> None:
    """5.5 x a baseline that was raised to the upper limit is not shown as 5.5 x the own one."""
    example = rule("alt >= 5 x baseline", message='"{alt.fold} x the baseline of {alt.baseline}"')

    raised = finding(example, _record("floor_uln", "220 U/L"))
    own = finding(example, _record("literal", "220 U/L"))

    assert raised.message == "5.5 x the baseline of 20 U/L, raised to the ULN of 40"
    assert own.message == "11 x the baseline of 20 U/L"


def test_a_case_may_state_the_mode_and_no_other_word() -> None:
    """Misspelt modes are refused, not taken for literal."""
    with pytest.raises(Exception, match='unknown mode "floor"'):
        situation("mode: floor\n")
