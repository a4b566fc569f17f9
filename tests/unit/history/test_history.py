"""What the rules see of a record: series, derived counts, baselines, scope, unanswered problems."""

from __future__ import annotations

import random
from datetime import timedelta
from decimal import Decimal

import pytest

from engine.history import HistoryOptions, situation_of
from engine.history.baseline import baseline_of
from engine.history.series import FINAL, FINAL_AND_PROVISIONAL, series, unanswered_problems
from engine.model.moment import Moment
from engine.model.record import Baseline
from engine.model.result import Problem, ResultStatus
from engine.model.therapy import Fact, TherapySpan, TherapyState
from engine.rulebook.conditions import View
from tests.support.builders import on_day, result

OPTIONS = HistoryOptions()
YEAR = timedelta(days=365)


def span(start: float, stop: float | None = None, *, restart: bool = False) -> TherapySpan:
    return TherapySpan("azathioprine", on_day(start), None if stop is None else on_day(stop), restart)


def test_series_ascend_by_collection_time_whatever_came_first() -> None:
    """Arrival order never shows: the newest result is the one collected last."""
    results = [result("alt", str(value), day) for day, value in ((0, 50), (-20, 30), (-10, 40))]
    random.Random(7).shuffle(results)

    found = series(results, FINAL)["alt"]

    assert [r.quantity.interval.point for r in found if r.quantity] == [Decimal(30), Decimal(40), Decimal(50)]


@pytest.mark.parametrize("status", [ResultStatus.PRELIMINARY, ResultStatus.PARTIAL])
def test_preliminary_results_are_kept_apart(status: ResultStatus) -> None:
    """A preliminary value is seen only by rules that allow it."""
    results = [result("alt", "600", status=status)]

    assert "alt" not in series(results, FINAL)
    assert len(series(results, FINAL_AND_PROVISIONAL)["alt"]) == 1


@pytest.mark.parametrize(
    "status", [ResultStatus.WRONG, ResultStatus.DELETED, ResultStatus.CANNOT_OBTAIN, ResultStatus.UNVERIFIED]
)
def test_withdrawn_and_unverified_results_are_in_no_series(status: ResultStatus) -> None:
    """A value that the laboratory has taken back, or not yet verified, is never judged."""
    assert series([result("alt", "600", status=status)], FINAL_AND_PROVISIONAL) == {}


# --- neutrophils -------------------------------------------------------------------------------


def counts(*parts: tuple[str, str, str, str]) -> Decimal | None:
    """The neutrophil count of one specimen with (analyte, value, unit, method) parts."""
    results = [result(a, v, unit=u, method=m, order="one") for a, v, u, m in parts]
    found = series(results, FINAL).get("neutrophils")
    return found[-1].quantity.interval.point if found and found[-1].quantity else None


def test_neutrophils_from_percentage() -> None:
    """Absolute neutrophils are white cells times the percentage of the same specimen, exactly."""
    assert counts(("wbc", "4.3", "10*9/L", ""), ("neutrophils_percent", "23", "%", "")) == Decimal("0.989")


def test_neutrophils_segmented_and_bands() -> None:
    """Where segmented and band forms are told apart, both count."""
    absolute = counts(("neutrophils", "1.2", "10*9/L", "segmented"), ("bands", "0.3", "10*9/L", ""))
    percent = counts(
        ("wbc", "5", "10*9/L", ""),
        ("neutrophils_percent", "30", "%", "segmented"),
        ("bands_percent", "10", "%", ""),
    )

    assert (absolute, percent) == (Decimal("1.5"), Decimal(2))


def test_a_reported_count_is_never_replaced() -> None:
    """A count that the laboratory reported stands, whatever the percentage says."""
    reported = counts(
        ("neutrophils", "1.9", "10*9/L", ""),
        ("wbc", "5", "10*9/L", ""),
        ("neutrophils_percent", "10", "%", ""),
    )

    assert reported == Decimal("1.9")


def test_a_bare_percentage_is_not_judged() -> None:
    """Without the white cells of the same specimen a percentage is nothing."""
    other = [
        result("wbc", "5", unit="10*9/L", order="one"),
        result("neutrophils_percent", "10", unit="%", order="two", day=1),
    ]

    assert "neutrophils" not in series(other, FINAL)


# --- baseline ----------------------------------------------------------------------------------


def test_baseline_is_the_median_before_the_start() -> None:
    """Results of the window before the first dose give the baseline; later and older ones do not."""
    results = [
        result("alt", v, d) for v, d in (("90", -500), ("20", -50), ("31", -30), ("60", -10), ("400", 5))
    ]

    found = baseline_of(results, (), [span(0)], YEAR)

    assert isinstance(found, Baseline)
    assert (found.value, found.unit) == (Decimal(31), "U/L")
    assert found.source == "median of 3 results 2026-01-21 to 2026-03-02, LAB at HOSPITAL"


def test_even_median_is_exact() -> None:
    """The median of two is their mean, without binary rounding."""
    found = baseline_of([result("alt", "30.1", -9), result("alt", "30.2", -8)], (), [span(0)], YEAR)

    assert isinstance(found, Baseline)
    assert found.value == Decimal("30.15")


def test_a_stated_baseline_wins() -> None:
    """What a clinician has stated is taken before anything computed, and says so."""
    stated = Fact("baseline.alt", "25 U/L", Moment(on_day(-3)), "roster")

    found = baseline_of([result("alt", "31", -30)], [stated], [span(0)], YEAR)

    assert isinstance(found, Baseline)
    assert (found.value, found.source) == (Decimal(25), "stated 25 U/L on 2026-03-09")


@pytest.mark.parametrize(
    ("values", "why"),
    [
        ([("31", 3)], "not measured before the start of 2026-03-12"),
        ([("31", -366)], "last measured 2025-03-11, more than 365 days before the start of 2026-03-12"),
        ([("<10", -3)], "only values such as <10 U/L before the start of 2026-03-12"),
        ([("0", -3)], "what was measured before the start is 0"),
    ],
)
def test_without_a_baseline_the_reason_is_said(values: list[tuple[str, float]], why: str) -> None:
    """Nothing measured, nothing so young, no plain number, or zero: never a guess."""
    results = [result("alt", value, day) for value, day in values]

    assert baseline_of(results, (), [span(0)], YEAR) == f"no baseline: {why}"


def test_a_stated_baseline_can_be_too_old_or_zero() -> None:
    """A value of two years before the first dose says nothing of it; a measured one then counts."""
    old = Fact("baseline.alt", "25 U/L", Moment(on_day(-700)), "roster")
    zero = Fact("baseline.alt", "0 U/L", Moment(on_day(-7)), "roster")
    too_old = "no baseline: stated for 2024-04-11, more than 365 days before the start of 2026-03-12"

    measured = baseline_of([result("alt", "31", -30)], [old], [span(0)], YEAR)

    assert isinstance(measured, Baseline)
    assert measured.value == Decimal(31)
    assert baseline_of([], [old], [span(0)], YEAR) == too_old
    assert "stated 0 U/L" in str(baseline_of([result("alt", "31", -30)], [zero], [span(0)], YEAR))


def test_a_baseline_tells_where_and_how_it_was_measured() -> None:
    """Two methods or two laboratories do not report quite the same number."""
    results = [
        result("alt", "30", -9, method="With P-5'-P"),
        result("alt", "32", -8, sender="NORTHLAB|NORTH"),
    ]

    found = baseline_of(results, (), [span(0)], YEAR)

    assert isinstance(found, Baseline)
    assert (("With P-5'-P",), ("LAB|HOSPITAL", "NORTHLAB|NORTH")) == (found.methods, found.senders)
    assert "LAB at HOSPITAL, NORTHLAB at NORTH, With P-5'-P" in found.source


def test_a_baseline_is_frozen_at_the_start_and_again_at_the_restart() -> None:
    """What is measured in a course moves neither of its candidates."""
    before = [result("alt", v, d) for v, d in (("30", -10), ("24", 60))]
    spans = [span(0, 25), span(70, restart=True)]

    found = baseline_of(before, (), spans, YEAR)
    later = baseline_of([*before, result("alt", "12", 80)], (), spans, YEAR)

    assert found == later
    assert isinstance(found, Baseline)
    assert found.value == Decimal(24)
    assert found.source == (
        "last result before restart, 2026-05-11, LAB at HOSPITAL, "
        "not above the other candidate 30, result of 2026-03-02"
    )


def test_a_value_long_before_a_restart_is_no_baseline_of_it() -> None:
    """After a pause of years the last value of the first course is history, its baseline is not."""
    results = [result("alt", v, d) for v, d in (("30", -10), ("24", 20))]

    found = baseline_of(results, (), [span(0, 25), span(900, restart=True)], YEAR)

    assert isinstance(found, Baseline)
    assert found.value == Decimal(30)


def test_injury_before_a_restart_does_not_raise_the_bar() -> None:
    """After a restart the lower of first baseline and last value before it counts."""
    results = [result("alt", v, d) for v, d in (("30", -10), ("400", 20), ("120", 40), ("45", 60))]
    spans = [span(0, 25), span(70, restart=True)]

    found = baseline_of(results, (), spans, YEAR)

    assert isinstance(found, Baseline)
    assert found.value == Decimal(30)


# --- scope -------------------------------------------------------------------------------------


def test_nothing_is_judged_before_therapy() -> None:
    """A result collected before the first dose is history, not a finding."""
    situation = situation_of([result("alt", "600", -1)], [span(0)], {}, OPTIONS)

    assert View(situation, preliminary=False).current("alt") is None


@pytest.mark.parametrize(("day", "judged"), [(99.9, True), (100.1, False)])
def test_results_after_a_stop_count_for_ninety_days(day: float, judged: bool) -> None:
    """The drug acts on after the last dose: 90 days by default, and not longer."""
    situation = situation_of([result("alt", "600", day)], [span(0, 10)], {}, OPTIONS)

    assert bool(situation.series) is judged


def test_the_instant_judged_is_the_newest_collection() -> None:
    """State and weeks are told at collection time, so a replay next year judges the same."""
    situation = situation_of([result("alt", "60", 3), result("wbc", "3", 5)], [span(0, 4)], {}, OPTIONS)

    assert situation.at == on_day(5)
    assert situation.state is TherapyState.STOPPED


def test_a_course_that_is_told_of_is_judged_before_any_result() -> None:
    """A restart is judged when it is ordered, though nothing was measured since and it lies ahead."""
    told = [span(0, 10), span(200, restart=True)]

    situation = situation_of([], told, {}, OPTIONS, told=on_day(190))

    assert situation.spans == tuple(told)
    assert situation.horizon == on_day(200)


def test_an_order_for_next_week_does_not_hide_the_present_episode() -> None:
    """A restart that lies ahead of every result is not the episode judged."""
    situation = situation_of([result("alt", "60", 3)], [span(0), span(30, restart=True)], {}, OPTIONS)

    assert situation.span == span(0)


# --- problems ----------------------------------------------------------------------------------


def test_a_problem_is_answered_by_the_next_usable_result() -> None:
    """A notice about an unusable value lives until the analyte is measured usably."""
    unusable = result("alt", None, 0, problem=Problem.UNIT_UNKNOWN)

    assert unanswered_problems([unusable, result("alt", "30", -1)]) == (unusable,)
    assert unanswered_problems([unusable, result("alt", "30", 1)]) == ()


def test_an_unmapped_code_is_answered_by_mapping_it() -> None:
    """A notice about a code ends when the same code is understood."""
    unmapped = result("", None, 0, problem=Problem.CODE_UNMAPPED, code="XALT")

    assert unanswered_problems([unmapped, result("alt", "30", 1, code="OTHER")]) == (unmapped,)
    assert unanswered_problems([unmapped, result("alt", "30", 1, code="XALT")]) == ()


def test_a_problem_is_answered_under_any_code_of_the_analyte() -> None:
    """An ALT that could not be read is answered by an ALT of another method."""
    unusable = result("alt", None, 0, problem=Problem.VALUE_UNREADABLE, code="1742-6")

    assert unanswered_problems([unusable, result("alt", "30", 1, code="1743-4")]) == ()
