"""Labels and modifiers from message to card: what is told beside an alert, and how loud it becomes."""

from __future__ import annotations

from engine.model.finding import Severity
from engine.outbound import Format, RenderOptions, render
from tests.scenario.timeline import RULES, Scenario, alert, knowledge, with_rules
from tests.scenario.wire import instant

EARLY = "a12-early-after-restart"
GRADES = ("b01-grade-mild", "b02-grade-moderate", "b03-grade-severe")
MILD = "a13-mild-rise"


def hospital() -> Scenario:
    """A patient who restarted azathioprine, under the rules of the scenarios, the grades and one modifier."""
    kept = {*RULES, *GRADES, EARLY}
    without = [rule for rule in knowledge().rulebook.by_id if rule not in kept]
    day = Scenario(known=with_rules(knowledge(), without=without))
    day.roster("H1", start="d-200")
    day.roster_row("H1", "stop", "d-60", "azathioprine")
    day.roster_row("H1", "restart", "d-20", "azathioprine", "50")
    return day


def test_a_modifier_raises_what_is_told_and_a_label_grades_it() -> None:
    """A rise above 2 x ULN soon after a restart is urgent, says so, and is stored as it was told."""
    day = hospital()
    day.at("d0 08:00").oru(alt="85", ast="30")

    day.expect(alert(MILD, "urgent").started())
    (event,) = day.events()
    assert Severity.REVIEW is event.raised_from
    assert [EARLY, "b01-grade-mild"] == [label.rule_id for label in event.labels]
    (stored,) = day.open_alerts()
    assert (Severity.URGENT, Severity.REVIEW) == (stored.published.severity, stored.published.raised_from)
    assert event.labels == stored.published.labels
    told = render(event, Format.HL7_R40, RenderOptions()).body.decode()
    assert "Raised from review to urgent" in told
    assert f"({EARLY})" in told


def test_an_alert_is_told_milder_when_its_modifier_ends() -> None:
    """After four weeks the same rise is what its rule says, and nobody is paged for that."""
    day = hospital()
    day.at("d0 08:00").oru(alt="85", ast="30")
    day.expect(alert(MILD, "urgent").started())
    day.at("d10 08:00").oru(alt="85", ast="30")

    day.expect(alert(MILD, "review").deescalated())
    assert day.events()[-1].raised_from is None
    assert ["b01-grade-mild"] == [label.rule_id for label in day.events()[-1].labels]


def test_a_label_on_an_old_value_says_how_old_it_is() -> None:
    """An INR of two months ago beside today's ALT must not read like one of today."""
    day = Scenario(every_rule=True)
    day.roster("H1", start="d-200")
    day.at("d-60 08:00").oru(inr="3.0")
    day.at("d0 08:00").oru(alt="120", ast="30")

    labels = [label.text for label in day.events()[-1].labels if "INR" in label.text]
    assert labels
    assert all(text.endswith(f"(measured on {instant('d-60').date().isoformat()})") for text in labels)


def test_an_alert_that_ends_carries_no_labels() -> None:
    """A grade that no longer holds must not be read again."""
    day = hospital()
    day.at("d0 08:00").oru(alt="85", ast="30")
    day.at("d1 08:00").oru(alt="30", ast="30")

    ended = day.events()[-1]
    assert ("end", (), None) == (ended.phase, ended.labels, ended.raised_from)
