"""Which alerts are told again because nobody has taken them on."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from engine.alerts import escalates_at, followed_up
from engine.model.alert import Alert
from engine.model.escalation import Escalation, FollowUp, Grace
from engine.model.finding import Evidence, Severity
from engine.model.quantity import Truth
from tests.support.builders import finding, on_day, result

USUAL = {Severity.CRITICAL: timedelta(hours=1)}


def waiting(*, published: bool) -> Alert:
    """A critical alert that nobody has acknowledged."""
    told = finding(published=published)
    return Alert(
        alert_id="A",
        person_id="P",
        family=told.family,
        subject="",
        episode_id="E",
        open=True,
        sequence=1,
        current=told,
        published=told,
        published_at=on_day(0),
        started_at=on_day(0),
        waiting_since=on_day(0),
    )


def test_an_alert_that_nobody_takes_on_is_told_again_after_its_time() -> None:
    """An hour for a critical one; none where somebody has acknowledged it."""
    alert = waiting(published=True)

    assert on_day(0) + timedelta(hours=1) == escalates_at(alert, Escalation(), USUAL)
    assert escalates_at(replace(alert, acknowledged_at=on_day(0)), Escalation(), USUAL) is None


def test_an_alert_in_shadow_is_never_told_again() -> None:
    """Nobody was told of it, so nobody is waited for."""
    assert escalates_at(waiting(published=False), Escalation(), USUAL) is None


def test_a_haemolysed_repeat_is_no_repeat() -> None:
    """The test was taken again and nobody knows more than before."""
    evidence = Evidence("ast >= 500 U/L", Truth.TRUE, "ast", "610", result_key="K")
    told = replace(finding(evidence=(evidence,)), trigger_key="K")
    alert = replace(waiting(published=True), published=told, current=told)
    grace = Grace(timedelta(days=1), frozenset({FollowUp.REPEAT_TEST}))
    again = result("ast", "640", 0.5)

    assert followed_up(alert, grace, [again], [])
    assert not followed_up(alert, grace, [replace(again, spoiled=True)], [])
