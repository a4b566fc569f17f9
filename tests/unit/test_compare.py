"""Alerts of two rule sets matched one by one: nothing that differs is called the same."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from engine.compare import Change, Comparison, Side, compare, side_of
from engine.model.alert import AlertEvent, AlertReason, Phase
from engine.model.finding import Severity
from engine.spells import Spells
from tests.unit.outbound.events import START

YEAR_AND_A_QUARTER = 457


def event(phase: Phase = Phase.START, day: int = 0, **changes: object) -> AlertEvent:
    """One event of one alert, so many days after the first."""
    when = START.decided_at + timedelta(days=day)
    told = replace(START, phase=phase, reason=AlertReason.NEW, decided_at=when)
    return replace(told, **changes)  # type: ignore[arg-type]


def differences(a: list[AlertEvent], b: list[AlertEvent]) -> list[tuple[Change, ...]]:
    """What the comparison of two sides says."""
    return [each.changes for each in both(a, b).differences]


def both(a: list[AlertEvent], b: list[AlertEvent], days: int = 0) -> Comparison:
    return compare(side(a), side(b), days)


def side(events: list[AlertEvent]) -> Side:
    """What told these events."""
    spells = Spells()
    for each in events:
        spells.take(each)
    return side_of(spells.all())


def test_the_same_alerts_are_the_same() -> None:
    """Equal events are no difference, ended or not."""
    told = [event(), event(Phase.END, 3), event(Phase.START, 9)]

    comparison = both(told, told)

    assert comparison.differences == ()
    assert comparison.same == 2


def test_an_alert_of_one_side_only_is_told_as_such() -> None:
    """What a change would add, and what it would take away."""
    other = event(alert_id="OTHER")

    assert differences([event()], []) == [(Change.ONLY_A,)]
    assert differences([], [event()]) == [(Change.ONLY_B,)]
    assert differences([event()], [other]) == [(Change.ONLY_A,), (Change.ONLY_B,)]


@pytest.mark.parametrize(("day", "change", "earlier"), [(-4, Change.EARLIER, 4), (3, Change.LATER, -3)])
def test_how_much_earlier_or_later_is_told_in_days(day: int, change: Change, earlier: int) -> None:
    """The same alert on another day: by how much, and in which direction."""
    (difference,) = both([event()], [event(day=day)]).differences

    assert difference.changes == (change,)
    assert difference.days_earlier == earlier


@pytest.mark.parametrize(
    ("hours", "earlier", "shift"), [(-30, 1, "1 d"), (30, -1, "1 d"), (-5, 0, "5 h"), (5, 0, "5 h")]
)
def test_days_are_whole_days_in_both_directions(hours: int, earlier: int, shift: str) -> None:
    """Five hours later are no day later, as five hours earlier are none; people are told the hours."""
    moved = replace(event(), decided_at=START.decided_at + timedelta(hours=hours))

    (difference,) = both([event()], [moved]).differences

    assert (difference.days_earlier, difference.shift) == (earlier, shift)


def test_the_same_alerts_told_more_often_are_not_alike() -> None:
    """Who changes a repeat interval hears of it, though no alert is another one."""
    told = both([event()], [event(), event(Phase.UPDATE, 2)])

    assert told.differences == ()
    assert not told.alike
    assert both([event()], [event()]).alike


def test_an_alert_that_comes_back_is_matched_stretch_by_stretch() -> None:
    """B has the second stretch only: the first is missing there, the second is no news."""
    first, second = [event(), event(Phase.END, 2)], [event(Phase.START, 30)]

    assert differences([*first, *second], second) == [(Change.ONLY_A,)]


def test_stretches_that_do_not_meet_are_two_alerts() -> None:
    """An alert of March and one of May are not the same alert two months later."""
    march, may = [event(), event(Phase.END, 5)], [event(day=60)]

    assert differences(march, may) == [(Change.ONLY_A,), (Change.ONLY_B,)]


def test_the_gravest_that_was_told_counts() -> None:
    """An alert that escalates on one side only is of another severity."""
    review = event(severity=Severity.REVIEW)
    escalated = [review, event(Phase.ESCALATE, 1, severity=Severity.CRITICAL)]

    assert differences([review], escalated) == [(Change.SEVERITY,)]
    assert differences([review], [review]) == []


def test_another_rule_of_the_same_severity_is_told() -> None:
    """Who reads the page reads another reason."""
    assert differences([event()], [event(rule="a02-alt-ast-500")]) == [(Change.RULE,)]


def test_pages_are_what_somebody_was_called_for() -> None:
    """Starts, updates and escalations page; an end and a de-escalation do not."""
    phases = [Phase.START, Phase.UPDATE, Phase.ESCALATE, Phase.DEESCALATE, Phase.END]
    told = side([event(phase, day) for day, phase in enumerate(phases)])

    assert told.pages == {START.rule: 3}
    assert told.alerts == {START.rule: 1}
    assert [spell.pages for spell in told.spells] == [3]


def test_rates_are_per_hundred_patient_years() -> None:
    """Two pages in a year and a quarter of watching; nothing where nobody was watched."""
    assert both([], [], YEAR_AND_A_QUARTER).rate(2) == "159.8"
    assert both([], []).rate(2) == ""
