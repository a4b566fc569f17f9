"""Conditions that wait for a test: when it is due, and from when on it is overdue."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from engine.model.quantity import Truth
from engine.model.watch import Watch
from engine.rulebook.case_courses import NOW
from engine.rulebook.conditions import Standing, View, read_condition
from engine.rulebook.syntax import Unreadable
from tests.unit.rulebook.bad_files import ANALYTES
from tests.unit.rulebook.records import situation, verdict

WEEKLY = "liver every 7 d from day 0 to day 28 since start overdue by 2 d"
LATER = "liver every 90 d from day 28 since start overdue by 7 d"
RESTARTED = "liver every 7 d from day 0 to day 28 since restart overdue by 2 d"
STOPPED = "liver every 7 d from day 0 to day 28 since stop overdue by 2 d"
RAISED = "liver every 7 d from day 0 to day 21 since dose-change overdue by 2 d"


@pytest.mark.parametrize(
    ("condition", "text", "overdue"),
    [
        # never taken: the beginning counts, at midnight
        (WEEKLY, "therapy: {started: 0d}\nclock: 8d", False),
        (WEEKLY, "therapy: {started: 0d}\nclock: 9d", True),
        # taken at eight in the morning, looked at at noon
        (WEEKLY, "therapy: {started: -7d}\nresults: {alt: {0d: 30 U/L}}\nclock: 8d", False),
        (WEEKLY, "therapy: {started: -7d}\nresults: {alt: {0d: 30 U/L}}\nclock: 9d", True),
        # taken on day 27: still weekly; on day 28: no longer
        (WEEKLY, "therapy: {started: -27d}\nresults: {alt: {0d: 30 U/L}}\nclock: 9d", True),
        (WEEKLY, "therapy: {started: -28d}\nresults: {alt: {0d: 30 U/L}}\nclock: 9d", False),
        (LATER, "therapy: {started: -28d}\nresults: {alt: {0d: 30 U/L}}\nclock: 96d", False),
        (LATER, "therapy: {started: -28d}\nresults: {alt: {0d: 30 U/L}}\nclock: 97d", True),
        (LATER, "therapy: {started: -27d}\nresults: {alt: {0d: 30 U/L}}\nclock: 97d", False),
        # what proves the panel: ALT or AST, preliminary too, ALP alone does not
        (WEEKLY, "therapy: {started: -7d}\nresults: {ast: {0d: 30 U/L}}\nclock: 8d", False),
        (WEEKLY, "therapy: {started: -7d}\nresults: {alp: {0d: 30 U/L}}\nclock: 8d", True),
        (
            WEEKLY,
            "therapy: {started: -7d}\nresults: {alt: {0d: {value: 30 U/L, status: P}}}\nclock: 8d",
            False,
        ),
        # each course has its own schedule
        (WEEKLY, "therapy: {started: -90d, restarted: 0d}\nclock: 9d", False),
        (RESTARTED, "therapy: {started: -90d, restarted: 0d}\nclock: 8d", False),
        (RESTARTED, "therapy: {started: -90d, restarted: 0d}\nclock: 9d", True),
        (RESTARTED, "therapy: {started: 0d}\nclock: 9d", False),
        (RESTARTED, "therapy: {courses: [{started: -90d, stopped: -30d}, {started: 5d}]}\nclock: 9d", False),
        (RESTARTED, "therapy: {courses: [{started: -90d, stopped: -30d}, {started: 5d}]}\nclock: 14d", True),
        # an end ends it, and begins the schedule after it; so does a hold
        (WEEKLY, "therapy: {started: -5d, stopped: 0d}\nclock: 9d", False),
        (STOPPED, "therapy: {started: -5d, stopped: 0d}\nclock: 8d", False),
        (STOPPED, "therapy: {started: -5d, stopped: 0d}\nclock: 9d", True),
        (STOPPED, "therapy: {started: -5d, held: 0d}\nclock: 9d", True),
        (STOPPED, "therapy: {started: -5d}\nclock: 9d", False),
        # a raise of the dose begins one, a lower or unknown dose does not
        (RAISED, "therapy: {courses: [{started: -90d, doses: {-90d: 50, 0d: 100}}]}\nclock: 8d", False),
        (RAISED, "therapy: {courses: [{started: -90d, doses: {-90d: 50, 0d: 100}}]}\nclock: 9d", True),
        (RAISED, "therapy: {courses: [{started: -90d, doses: {-90d: 50, 0d: 25}}]}\nclock: 9d", False),
        (RAISED, "therapy: {courses: [{started: -90d, doses: {-90d: unknown, 0d: 25}}]}\nclock: 9d", False),
        # nothing waits without a clock
        (WEEKLY, "therapy: {started: -90d}", False),
    ],
)
def test_a_panel_is_overdue_at_its_instant(condition: str, text: str, overdue: bool) -> None:
    """A test is overdue from the named day on, in the phase of therapy that asks for it."""
    assert verdict(condition, text).truth is Truth.of(overdue)


def test_nothing_is_overdue_before_the_engine_has_watched_for_an_interval() -> None:
    """At go-live nobody knows what was tested before: the first day of watching counts as a test."""
    seen = situation("therapy: {started: -60d}\nclock: 96d")
    new = replace(seen, watch=Watch(NOW, NOW + timedelta(days=96)))

    assert read_condition(LATER).judge(View(new, preliminary=False)).truth is Truth.FALSE
    later = replace(new, watch=Watch(NOW, NOW + timedelta(days=97)))
    assert read_condition(LATER).judge(View(later, preliminary=False)).truth is Truth.TRUE


def test_a_late_look_says_the_same() -> None:
    """Whether a sweep comes in time or a month late, the same day was missed by the same days."""
    text = "therapy: {started: -7d}\nresults: {alt: {0d: 30 U/L}}\n"
    in_time, late = (verdict(WEEKLY, f"{text}clock: {day}d") for day in (9, 40))

    assert in_time == late
    assert in_time.evidence.note == "Liver tests were due 2026-03-09 (2 days late)"
    assert in_time.since is not None
    assert in_time.since.isoformat() == "2026-03-11T08:00:00+00:00"


def test_it_says_when_to_look_again() -> None:
    """A sweep need not look at everybody: what is not overdue says when it will be."""
    waiting = verdict(WEEKLY, "therapy: {started: -7d}\nresults: {alt: {0d: 30 U/L}}\nclock: 1d")

    assert waiting.look_at is not None
    assert waiting.look_at.isoformat() == "2026-03-11T08:00:00+00:00"
    assert verdict(WEEKLY, "therapy: {started: -27d}\nclock: 9d").look_at is None


def test_a_modifier_shortens_the_interval_and_never_stretches_it() -> None:
    """After an abnormal liver test the next one is due in a week, whatever the schedule says."""
    seen = situation("therapy: {started: -40d}\nresults: {alt: {0d: 130 U/L}}\nclock: 14d")
    weekly = Standing(repeat_within={"liver": timedelta(days=7)})
    yearly = Standing(repeat_within={"liver": timedelta(days=365)})
    condition = read_condition(LATER)

    assert condition.judge(View(seen, preliminary=False, standing=weekly)).truth is Truth.TRUE
    assert condition.judge(View(seen, preliminary=False)).truth is Truth.FALSE
    late = replace(seen, watch=Watch(NOW - timedelta(days=999), NOW + timedelta(days=97)))
    assert condition.judge(View(late, preliminary=False, standing=yearly)).truth is Truth.TRUE


@pytest.mark.parametrize(
    ("line", "message"),
    [
        (WEEKLY.replace("day 28", "day 0"), "no day lies in"),
        (WEEKLY.replace("every 7 d", "every 0 d"), "an interval of no days"),
    ],
)
def test_a_schedule_that_is_never_is_refused(line: str, message: str) -> None:
    """A slip in a schedule must not silence it."""
    (fault,) = read_condition(line).faults(ANALYTES)

    assert message in fault.message


def test_days_are_whole() -> None:
    """A schedule of half days is a slip of the pen."""
    with pytest.raises(Unreadable, match="number of days"):
        read_condition(WEEKLY.replace("every 7 d", "every 7.5 d"))
