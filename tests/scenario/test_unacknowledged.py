"""Alerts that nobody takes on are told again, and archive messages tell nobody anything."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from engine.model.alert import AlertReason, Phase
from engine.model.escalation import Escalation, FollowUp, Grace
from engine.model.finding import Severity
from engine.rulebook import AlertRule
from tests.scenario.test_time import HIGH, WEEKLY, begun, overdue, timed
from tests.scenario.timeline import Scenario, alert
from tests.scenario.wire import instant

# --- alerts that nobody takes on ------------------------------------------------------------------


def escalating(escalation: Escalation | None = None, *, told: str = "d0 08:00", **hours: int) -> Scenario:
    """A critical alert at eight on day zero, ``told`` then; told again as the site or the rule says."""
    known = timed("a02-alt-ast-500")
    usual = {Severity(name): timedelta(hours=number) for name, number in hours.items()}
    if escalation is not None:
        rule = known.rulebook.by_id["a02-alt-ast-500"]
        assert isinstance(rule, AlertRule)
        rule = replace(rule, escalation=escalation)
        book = replace(known.rulebook, by_id={**known.rulebook.by_id, rule.id: rule})
        known = replace(known, rulebook=book)
    day = Scenario(known=replace(known, escalation=usual))
    day.roster(start="d-60")
    day.at(told).oru(alt="640", collected="d0 08:00")
    day.expect(HIGH.started())
    return day


AGAIN = HIGH.escalated(AlertReason.UNACKNOWLEDGED)


def test_an_alert_that_nobody_takes_on_is_told_again_once() -> None:
    """It may have been overlooked; after that it is for the telephone."""
    day = escalating(critical=1)
    day.at("d0 08:50").sweep()
    day.expect_silence()
    day.at("d0 09:00").sweep()
    day.expect(AGAIN)
    told = day.events()[-1]
    assert (told.phase, told.message) == (Phase.ESCALATE, day.events()[0].message)

    day.at("d5").sweep()
    day.expect_silence()


def test_acknowledging_it_stops_that() -> None:
    """Somebody looks after the patient."""
    day = escalating(critical=1)
    (open_alert,) = day.open_alerts()
    assert day.store.acknowledge(open_alert.alert_id, "nurse", instant("d0 08:30"))

    day.at("d1").sweep()
    day.expect_silence()


def test_without_a_setting_nothing_is_told_again() -> None:
    """Whoever does not acknowledge through azawatch would hear everything twice."""
    day = escalating()
    day.at("d1").sweep()
    day.expect_silence()


def test_what_a_rule_says_goes_before_the_setting() -> None:
    """A rule may have its own time, or none."""
    day = escalating(Escalation(timedelta(hours=4)), critical=1)
    day.at("d0 11:50").sweep()
    day.expect_silence()
    day.at("d0 12:00").sweep()
    day.expect(AGAIN)

    never = escalating(Escalation(timedelta()), critical=1)
    never.at("d9").sweep()
    never.expect_silence()


def test_an_update_does_not_put_it_off() -> None:
    """An alert that keeps getting worse is told again all the same."""
    day = escalating(critical=2)
    day.at("d0 09:30").oru(alt="900")
    day.expect(HIGH.updated())
    day.at("d0 10:00").sweep()
    day.expect(AGAIN)


def test_an_alert_that_has_ended_is_not_told_again() -> None:
    """There is nothing left to take on."""
    day = escalating(critical=1)
    day.at("d0 08:30").oru(alt="30")
    day.expect(HIGH.ended())
    day.at("d1").sweep()
    day.expect_silence()


GRACE = Grace(timedelta(hours=24), frozenset(FollowUp))


def test_a_repeat_within_the_grace_window_cancels_it() -> None:
    """The test was repeated: somebody has seen the alert, though it still holds."""
    day = escalating(Escalation(grace=GRACE), critical=1)
    day.at("d0 20:00").oru(alt="600")
    day.at("d3").sweep()
    day.expect_silence()


def test_a_stop_within_the_grace_window_cancels_it() -> None:
    """The drug was stopped, on the very day."""
    day = escalating(Escalation(grace=GRACE), critical=1)
    day.at("d0 20:00").roster_row("H1", "stop", "d0", "azathioprine")
    day.at("d3").sweep()
    day.expect_silence()


@pytest.mark.parametrize("follow_up", [FollowUp.REPEAT_TEST, FollowUp.DOSE_STOP])
def test_only_what_the_rule_expects_cancels_it(follow_up: FollowUp) -> None:
    """A repeat is no stop, and a stop no repeat."""
    day = escalating(Escalation(grace=Grace(timedelta(hours=24), frozenset({follow_up}))), critical=1)
    if follow_up is FollowUp.REPEAT_TEST:
        day.at("d0 20:00").roster_row("H1", "stop", "d0", "azathioprine")
    else:
        day.at("d0 20:00").oru(alt="600")
    day.at("d1 07:50").sweep()
    day.expect_silence()
    day.at("d1 08:00").sweep()
    day.expect(AGAIN)


def test_a_repeat_after_the_window_comes_too_late() -> None:
    """The window is over, and nobody had done anything."""
    day = escalating(Escalation(grace=GRACE), critical=1)
    day.at("d1 09:00").oru(alt="600", collected="d1 08:30")
    day.at("d1 09:10").sweep()
    day.expect(AGAIN)


# --- archive messages -----------------------------------------------------------------------------

ARCHIVE = "P^A"


def test_an_alert_that_is_over_by_an_archive_message_is_not_told_again() -> None:
    """The record says that it is over: nobody is paged, and the next live message says so."""
    day = escalating(critical=1)
    day.at("d0 08:30").oru(alt="30", processing=ARCHIVE)
    day.at("d2").sweep()
    day.expect_silence()

    day.at("d2 10:00").oru(alt="31")
    day.expect(HIGH.ended())


def test_an_alert_that_holds_after_an_archive_message_is_told_again() -> None:
    """Another high result changes nothing about who waits."""
    day = escalating(critical=1)
    day.at("d0 08:30").oru(alt="700", processing=ARCHIVE)
    day.at("d0 09:00").sweep()
    day.expect(AGAIN)


def test_a_sweep_tells_nothing_of_an_archived_panel() -> None:
    """It is incomplete and nobody was told: the next live message of the person says so, no sweep."""
    incomplete = alert("f15-liver-panel-incomplete-s3", "review")
    day = begun("f14-both-panels-in-date", incomplete.rule)
    day.at("d1 08:00").oru(alt="30", processing=ARCHIVE)
    for number in range(2, 6):
        day.at(f"d{number}").sweep()
    day.expect_silence()

    day.at("d6").oru(wbc="7")
    day.expect(incomplete.started())


def test_what_is_overdue_after_an_archived_panel_is_told() -> None:
    """A panel of an archive was taken; the one after it is awaited."""
    day = begun("f01-liver-weekly-first-month")
    day.at("d7 08:00").oru(alt="30", processing=ARCHIVE)
    day.at("d9").sweep()
    day.expect_silence()
    day.at("d16 08:00").sweep()
    day.expect(overdue(WEEKLY.started()))
