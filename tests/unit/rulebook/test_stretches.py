"""What the forms about stretches of a therapy say of a record: since, before, lasting, measured."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest

from engine.model.finding import UnknownCause
from engine.model.quantity import Interval, Quantity, Truth
from engine.model.result import Result
from engine.model.therapy import TherapySpan
from engine.rulebook.conditions import View, read_condition
from tests.unit.rulebook.records import finding, rule, situation, verdict

T, F = Truth.TRUE, Truth.FALSE
VALUE, REFERENCE = UnknownCause.VALUE, UnknownCause.REFERENCE
FACT, MISSING = UnknownCause.FACT, UnknownCause.MISSING

_NINETY = Quantity(Interval.exactly(Decimal(90)), "U/L")
_ULN = "ranges: {alt: 10-40}\n"
_TWICE = "therapy: {started: -90d, stopped: -30d, restarted: -20d}\n"
_STOPPED = "therapy: {started: -90d, stopped: -30d}\n"
_ONCE = "therapy: {started: -90d}\n"


def _alt(**values: str) -> str:
    """``_alt(d40="41")``: ALT 41 U/L forty days before the day of judgement."""
    shown = ", ".join(f'-{day[1:]}d: "{value} U/L"' for day, value in values.items())
    return f"results: {{alt: {{{shown}}}}}".replace("-0d", "0d")


@pytest.mark.parametrize(
    ("condition", "record", "expected"),
    [
        # since the first start, never the current value
        ("alt was > 40 U/L since start", _ONCE + _alt(d40="41", d0="30"), T),
        ("alt was > 40 U/L since start", _ONCE + _alt(d40="40", d0="30"), F),
        ("alt was > 40 U/L since start", _ONCE + _alt(d0="90"), F),
        ("alt was > 40 U/L since start", _ONCE + _alt(d91="90", d0="30"), F),
        ("alt was > 40 U/L since start", _ONCE, F),
        ("alt was > 40 U/L since start", _ONCE + _alt(d40=">30", d0="30"), VALUE),
        ("alt was > 40 U/L since start", _ONCE + _alt(d50="41", d40=">30", d0="30"), T),
        ("alt was > 40 U/L since start", _ONCE + _alt(d40="<10", d0="30"), F),
        ("alt was > 40 U/L since start", _TWICE + _alt(d40="41", d0="30"), T),
        ("alt was > 40 U/L since start", _ONCE + _alt(d50="39", d40=">30", d0="30"), VALUE),
        ("alt was > 40 U/L since start", _ONCE + _alt(d50="39", d40="<45", d0="30"), VALUE),
        ("alt was >= 40 U/L since start", _ONCE + _alt(d50="39", d40="<40", d0="30"), F),
        ("alt was < 10 U/L since start", _ONCE + _alt(d50="12", d40="<20", d0="30"), VALUE),
        ("alt was < 10 U/L since start", _ONCE + _alt(d50="9", d40="<20", d0="30"), T),
        ("alt was < 10 U/L since start", _ONCE + _alt(d50="10", d40=">5", d0="30"), VALUE),
        ("alt was < 10 U/L since start", _ONCE + _alt(d50="12", d40="<10", d0="30"), T),
        ("alt was > 1 x ULN since start", _ULN + _ONCE + _alt(d40="41", d0="30"), T),
        ("alt was > 1 x ULN since start", _ULN + _ONCE + _alt(d40="40", d0="30"), F),
        ("alt was > 1 x ULN since start", _ONCE + _alt(d40="41", d0="30"), REFERENCE),
        ("alt was >= 2 x baseline since start", "baseline: {alt: 30 U/L}\n" + _alt(d40="60", d0="30"), T),
        ("alt was >= 2 x baseline since start", _alt(d40="60", d0="30"), REFERENCE),
        # since the restart
        ("alt was > 40 U/L since restart", _TWICE + _alt(d10="41", d0="30"), T),
        ("alt was > 40 U/L since restart", _TWICE + _alt(d40="41", d10="40", d0="30"), F),
        ("alt was > 40 U/L since restart", _TWICE + _alt(d40="41", d0="30"), F),
        ("alt was > 40 U/L since restart", _ONCE + _alt(d10="41", d0="30"), F),
        ("alt was > 1 x ULN since restart", _TWICE + _alt(d10="41", d0="30"), REFERENCE),
        # since the stop, also when the therapy goes on again
        ("alt was > 40 U/L since stop", _STOPPED + _alt(d30="41", d0="30"), T),
        ("alt was > 40 U/L since stop", _STOPPED + _alt(d31="41", d0="30"), F),
        ("alt was > 40 U/L since stop", _TWICE + _alt(d25="41", d0="30"), T),
        ("alt was > 40 U/L since stop", _ONCE + _alt(d25="41", d0="30"), F),
        ("alt was > 1 x ULN since stop", _STOPPED + _alt(d25="41", d0="30"), REFERENCE),
        # before the first start
        ("alt was > 40 U/L before start", _ONCE + _alt(d91="41", d0="30"), T),
        ("alt was > 40 U/L before start", _ONCE + _alt(d91="40", d0="90"), F),
        ("alt was > 40 U/L before start", _ONCE + _alt(d0="90"), MISSING),
        ("alt was > 1 x ULN before start", _ONCE + _alt(d91="41", d0="90"), REFERENCE),
        ("alt was > 40 U/L before start", _ONCE + _alt(d91=">30", d0="30"), VALUE),
        # before the restart and before the stop: from the first start on
        ("alt was > 10 x ULN before restart", _ULN + _TWICE + _alt(d40="401"), T),
        ("alt was > 10 x ULN before restart", _ULN + _TWICE + _alt(d21="401", d0="30"), T),
        ("alt was > 10 x ULN before restart", _ULN + _TWICE + _alt(d40="400", d10="900", d0="30"), F),
        ("alt was > 10 x ULN before restart", _ULN + _TWICE + _alt(d91="900", d0="30"), MISSING),
        ("alt was > 10 x ULN before restart", _ULN + _ONCE + _alt(d40="401"), F),
        ("alt was > 10 x ULN before stop", _ULN + _STOPPED + _alt(d31="401", d0="30"), T),
        ("alt was > 10 x ULN before stop", _ULN + _STOPPED + _alt(d31="400", d30="401", d0="30"), F),
        ("alt was > 10 x ULN before stop", _ULN + _ONCE + _alt(d31="401"), F),
        ("alt was > 10 x ULN before stop", _STOPPED + _alt(d31="401"), REFERENCE),
        # several results of one stretch
        ("alt > 40 U/L for 2 results since restart", _TWICE + _alt(d10="41", d0="41"), T),
        ("alt > 40 U/L for 2 results since restart", _TWICE + _alt(d10="40", d0="41"), F),
        ("alt > 40 U/L for 2 results since restart", _TWICE + _alt(d40="41", d0="41"), F),
        ("alt > 40 U/L for 2 results since restart", _TWICE + _alt(d40="41"), MISSING),
        ("alt > 40 U/L for 2 results since restart", _ONCE + _alt(d10="41", d0="41"), F),
        ("alt > 40 U/L for 2 results since start", _TWICE + _alt(d40="41", d0="41"), T),
        ("alt > 40 U/L for 2 results since stop", _STOPPED + _alt(d30="41", d0="41"), T),
        ("alt > 40 U/L for 2 results since stop", _STOPPED + _alt(d31="41", d0="41"), F),
        ("alt > 1 x ULN for 2 results since restart", _TWICE + _alt(d10="41", d0="41"), REFERENCE),
        # lasting
        ("alt > 5 x ULN lasting 14 d", _ULN + _alt(d14="201", d0="201"), T),
        ("alt > 5 x ULN lasting 14 d", _ULN + _alt(d13="201", d0="201"), F),
        ("alt > 5 x ULN lasting 14 d", _ULN + _alt(d20="201", d7="200", d0="201"), F),
        ("alt > 5 x ULN lasting 14 d", _ULN + _alt(d20="201", d14="30", d0="201"), F),
        ("alt > 5 x ULN lasting 14 d", _ULN + _alt(d20="30", d14="201", d0="201"), T),
        ("alt > 5 x ULN lasting 14 d", _ULN + _alt(d14="201", d0="200"), F),
        ("alt > 5 x ULN lasting 14 d", _ULN + _alt(d0="201"), F),
        ("alt > 5 x ULN lasting 14 d", _alt(d14="201", d0="201"), REFERENCE),
        ("alt > 5 x ULN lasting 14 d", _ULN + _alt(d14=">150", d0="201"), VALUE),
        ("alt > 5 x ULN lasting 14 d", "", MISSING),
        ("alt > 200 U/L lasting 14 d", _alt(d14="201", d0="201"), T),
        ("alt > 200 U/L lasting 14 d", "therapy: {started: -10d}\n" + _alt(d14="201", d0="201"), F),
        # measured
        ("alt measured within 30 d", _alt(d30="30"), F),
        ("alt measured within 30 d", _alt(d29="30"), T),
        ("alt measured within 5 w", _alt(d30="30"), T),
        ("alt measured within 30 d", "therapy: {started: -5d}\n" + _alt(d20="30"), T),
        ("alt measured within 30 d", "", F),
        ("ast measured with alt", "results: {alt: {0d: 30 U/L}, ast: {0d: 30 U/L}}", T),
        ("ast measured with alt", "results: {alt: {0d: 30 U/L}, ast: {-1d: 30 U/L}}", F),
        ("ast measured with alt", "results: {alt: {0d: 30 U/L}}", F),
        ("ast measured with alt", "results: {ast: {0d: 30 U/L}}", MISSING),
        ("alt measured since stop", _STOPPED + _alt(d30="30"), T),
        ("alt measured since stop", _STOPPED + _alt(d31="30"), F),
        ("alt measured since stop", _ONCE + _alt(d31="30"), F),
        ("alt measured since stop", _STOPPED, MISSING),
        ("alt measured since symptom", "facts: {symptom: {-5d: nausea}}\n" + _alt(d5="30"), T),
        ("alt measured since symptom", "facts: {symptom: {-5d: nausea}}\n" + _alt(d6="30"), F),
        ("alt measured since symptom", "facts: {symptom: {-9d: nausea, -5d: none}}\n" + _alt(d6="30"), T),
        ("alt measured since symptom", "facts: {symptom: {-5d: nausea}}", F),
        ("alt measured since symptom", "facts: {symptom: none}\n" + _alt(d6="30"), FACT),
        ("alt measured since symptom", _alt(d6="30"), FACT),
        # the baseline itself
        ("alt baseline >= 1.5 x ULN", _ULN + "baseline: {alt: 60 U/L}\n" + _alt(d0="30"), T),
        ("alt baseline >= 1.5 x ULN", _ULN + "baseline: {alt: 59.9 U/L}\n" + _alt(d0="900"), F),
        ("alt baseline >= 1.5 x ULN", _ULN + _alt(d0="900"), REFERENCE),
        ("alt baseline >= 1.5 x ULN", "baseline: {alt: 60 U/L}\n" + _alt(d0="900"), REFERENCE),
        ("alt baseline >= 1.5 x ULN", _ULN + "baseline: {alt: 60 U/L}\n", MISSING),
        ("alt baseline known", "baseline: {alt: 60 U/L}\n" + _alt(d0="900"), T),
        ("alt baseline known", _ULN + _alt(d0="900"), F),
        ("alt baseline known", "baseline: {alt: 60 U/L}\n", F),
        # what has been stated at all
        ("tpmt stated", "facts: {tpmt: {-400d: normal}}", T),
        ("tpmt stated", "", F),
        ("symptom stated", "facts: {symptom: none}", T),
        ("symptom stated", "facts: {symptom: {-100d: nausea}}", F),
        ("symptom stated", "", F),
        ("fact cirrhosis stated", "facts: {cirrhosis: no}", T),
        ("fact cirrhosis stated", "facts: {pregnancy: no}", F),
    ],
)
def test_truth(condition: str, record: str, expected: Truth | UnknownCause) -> None:
    """Each form judges at its limit exactly, and says why where it cannot judge."""
    found = verdict(condition, record)

    assert expected == (found.evidence.cause or found.truth)


def test_a_result_without_a_range_is_passed_over_where_another_has_one() -> None:
    """One old result without a limit does not make the whole past unknown."""
    record = _ONCE + "results: {alt: {-40d: 90 U/L, -30d: {value: 40 U/L, range: 10-40}, 0d: 30 U/L}}"

    assert verdict("alt was > 1 x ULN since start", record).truth is F


def test_two_results_of_one_time_are_both_current_and_both_past() -> None:
    """A result of the same tube is not the past of the other; both are, once a newer one has come."""
    record = situation(_ONCE + _alt(d40="30", d0="20"))
    past, current = record.series["alt"]
    twin = replace(past, key="another order", quantity=_NINETY)
    at_once = replace(record, series={"alt": (past, twin)})
    later = replace(record, series={"alt": (past, twin, current)})
    condition = read_condition("alt was > 40 U/L since start")

    assert condition.judge(View(at_once, preliminary=False)).truth is F
    assert condition.judge(View(later, preliminary=False)).truth is T


def test_two_results_of_one_time_are_one_draw_of_a_series() -> None:
    """Two methods on one tube are no repetition; of both the one that speaks most for the rule counts."""
    record = situation(_ULN + _alt(d14="30", d0="201"))
    first, current = record.series["alt"]
    high = replace(first, key="another order", quantity=Quantity(Interval.exactly(Decimal(201)), "U/L"))
    twin = replace(current, key="another order too", quantity=_NINETY)

    def truth(condition: str, *results: Result) -> Truth:
        told = View(replace(record, series={"alt": results}), preliminary=False)
        return read_condition(condition).judge(told).truth

    assert truth("alt > 5 x ULN lasting 14 d", first, high, twin, current) is T
    assert truth("alt > 5 x ULN lasting 14 d", first, twin, current) is F
    assert truth("alt > 80 U/L for 2 results since start", twin, current) is F
    assert truth("alt > 80 U/L for 2 results since start", high, twin, current) is T


def test_a_partner_of_any_of_the_current_values_will_do() -> None:
    """Two orders on one tube: GGT, here AST, was ordered with the first of them only."""
    record = situation("results: {alt: {0d: 30 U/L}, ast: {0d: 30 U/L}}")
    (alt,) = record.series["alt"]
    later = replace(alt, key="another order", order="another")
    told = View(replace(record, series={**record.series, "alt": (alt, later)}), preliminary=False)

    assert read_condition("ast measured with alt").judge(told).truth is T


@pytest.mark.parametrize(
    "condition",
    [
        "alt > 40 U/L for 2 results since start",
        "alt > 40 U/L lasting 7 d",
        "alt rising by more than 10 % for 2 results",
        "alt rose by 10 % in 8 d",
    ],
)
def test_a_preliminary_result_is_current_only_where_it_is_allowed(condition: str) -> None:
    """A preliminary 90 continues no series of a rule that looks at final results."""
    record = _ONCE + "results: {alt: {-7d: 60 U/L, 0d: {value: 90 U/L, status: P}}}"

    assert verdict(condition, record).truth is not T
    assert verdict(condition, record, preliminary=True).truth is T


def test_preliminary_results_of_the_past_count_only_where_they_are_allowed() -> None:
    """A preliminary peak is no peak for a rule that looks at final results."""
    record = _ONCE + "results: {alt: {-9d: {value: 90 U/L, status: P}, 0d: 30 U/L}}"

    assert verdict("alt was > 40 U/L since start", record).truth is F
    assert verdict("alt was > 40 U/L since start", record, preliminary=True).truth is T


def test_a_restart_that_is_told_but_lies_ahead_has_a_past() -> None:
    """The order to restart next week is judged by the peak of the course before it."""
    record = situation(_ULN + _STOPPED + _alt(d31="401", d0="30"))
    ahead = TherapySpan("azathioprine", record.at + timedelta(days=7), None, restart=True)
    planned = replace(record, spans=(*record.spans, ahead))
    condition = read_condition("alt was > 10 x ULN before restart")

    assert condition.judge(View(planned, preliminary=False)).truth is T


def test_a_stop_that_lies_ahead_is_none_yet_and_a_change_of_the_thiopurine_is_none() -> None:
    """Azathioprine that mercaptopurine replaces is not a therapy that was stopped."""
    record = situation(_ONCE + _alt(d10="41", d0="30"))
    (span,) = record.spans
    planned = replace(record, spans=(replace(span, stop=record.at + timedelta(days=1)),))
    changed = replace(
        record,
        spans=(
            replace(span, stop=record.at - timedelta(days=20)),
            TherapySpan("mercaptopurine", record.at - timedelta(days=21), None, restart=False),
        ),
    )
    condition = read_condition("alt was > 40 U/L since stop")

    assert condition.judge(View(planned, preliminary=False)).truth is F
    assert condition.judge(View(changed, preliminary=False)).evidence.note == "never stopped"


def test_evidence_of_the_past_shows_the_peak_that_decided() -> None:
    """Of all earlier results the card shows the one furthest beyond the limit, with its own range."""
    record = _ULN + _TWICE + _alt(d50="90", d40="420", d35="120", d0="30")

    found = verdict("alt was > 10 x ULN before restart", record)

    assert found.result is None
    assert ("420", "alt -40d", "40", "10.5") == (
        found.evidence.value,
        found.evidence.result_key,
        found.evidence.reference_value,
        found.evidence.fold,
    )
    assert found.evidence.note == "3 results before the restart of 2026-02-10"


_REPEATED = "all:\n  - alt was > 5 x ULN since start\n  - alt > 1 x ULN"


def test_a_message_tells_the_past_value_apart_from_the_current_one() -> None:
    """``{alt}`` is what was measured now, ``{alt.was}`` the peak; each has its own multiple."""
    a_rule = rule(_REPEATED, message='"ALT {alt} ({alt.fold} x ULN), after {alt.was}."')
    record = _ULN + _ONCE + _alt(d40="420", d0="50")

    assert (
        "ALT 50 U/L (1.2 x ULN), after 420 U/L on 2026-01-21 (10.5 x ULN)." == finding(a_rule, record).message
    )


def test_the_past_pairs_with_any_value() -> None:
    """A peak of last year and a value of today do belong together: no pairing window keeps them apart."""
    found = finding(rule(_REPEATED), _ULN + _ONCE + _alt(d80="420", d0="50"))

    assert (T, "alt 0d") == (found.truth, found.trigger_key)


@pytest.mark.parametrize(
    ("record", "expected"),
    [
        ("results: {wbc: {-91d: 2.4 10*9/L}}", Truth.TRUE),
        ("results: {wbc: {-91d: 2.5 10*9/L}}", Truth.FALSE),
        ("results: {wbc: {-100d: 2.4 10*9/L, -91d: 2.5 10*9/L}}", Truth.FALSE),
        ("results: {wbc: {-100d: 2.5 10*9/L, -91d: 2.4 10*9/L, 0d: 6 10*9/L}}", Truth.TRUE),
        ("results: {wbc: {-181d: 2.4 10*9/L}}", Truth.UNKNOWN),
        ("results: {wbc: {0d: 2.4 10*9/L}}", Truth.UNKNOWN),
    ],
)
def test_a_count_at_the_start_is_the_newest_before_it(record: str, expected: Truth) -> None:
    """Ninety days before the start are looked back, and nothing since it."""
    assert verdict("wbc < 2.5 10*9/L at start", record).truth is expected
