"""One bad panel is one alert, however many rules speak of it, and what the others say stands beside it."""

from __future__ import annotations

from engine.model.alert import AlertEvent
from engine.model.finding import Severity
from tests.scenario.timeline import Scenario


def bad_liver_panel(*rows: tuple[str, str, str, str]) -> AlertEvent:
    """The one event above review that ALT 650, AST 500, bilirubin 60 and ALP 150 gave."""
    day = Scenario(every_rule=True)
    for event, when, drug, dose in rows:
        day.roster_row("H1", event, when, drug, dose)
    day.at("d0 08:00").oru(alt="650", ast="500", bilirubin="60", alp="150")
    (told,) = [event for event in day.events() if event.severity.rank > Severity.REVIEW.rank]
    return told


def test_a_bad_liver_panel_is_one_page() -> None:
    """The stop rule that names the bilirubin speaks for all; grade, pattern and questions are labels."""
    told = bad_liver_panel(("start", "d-60", "azathioprine", "100"))

    assert (told.rule, told.severity) == ("a07-bilirubin-2x-uln", Severity.CRITICAL)
    assert "urgent hepatology" in told.action
    assert {"a02-alt-ast-500", "b03-severe-over-10x-uln"} <= set(told.superseded)
    labels = {label.rule_id: label.text for label in told.labels}
    assert labels["b03-grade-severe"].startswith("Grade: severe")
    assert labels["b04-pattern-hepatocellular"].startswith("Pattern: hepatocellular, R ")
    assert "a20-other-causes" in labels


def test_a_second_episode_is_one_page_and_says_stop_first() -> None:
    """After a restart at a lower dose the recurrence speaks, and asks for pregnancy before naming a drug."""
    told = bad_liver_panel(
        ("start", "d-200", "azathioprine", "100"),
        ("stop", "d-80", "azathioprine", ""),
        ("restart", "d-40", "azathioprine", "50"),
    )

    assert (told.rule, told.severity) == ("a10-recurrence-stop-rule", Severity.CRITICAL)
    assert told.action.startswith("Stop azathioprine now;")
    assert {"a02-alt-ast-500", "a11-recurrence-at-lower-dose"} <= set(told.superseded)
    labels = {label.rule_id: label.text for label in told.labels}
    assert "ask for pregnancy" in labels["a11-alternatives-ask-pregnancy"]
    assert not any("mycophenolate" in text for text in labels.values())


def test_an_early_rise_after_a_restart_counts_one_step_more() -> None:
    """A rise to above 2 x ULN ten days after a restart pages, and says what it would have been."""
    day = Scenario(every_rule=True)
    for event, when, dose in (("start", "d-200", "50"), ("stop", "d-60", ""), ("restart", "d-10", "50")):
        day.roster_row("H1", event, when, "azathioprine", dose)
    day.at("d0 08:00").oru(alt="85")

    (told,) = [each for each in day.events() if each.family == "liver-injury"]
    assert (told.rule, told.severity) == ("a09-renewed-rise-after-restart", Severity.CRITICAL)
    assert told.raised_from == Severity.URGENT
    assert "a12-early-after-restart" in {label.rule_id for label in told.labels}


def test_low_counts_of_one_draw_are_one_page() -> None:
    """White cells and platelets below their limits are one harm."""
    day = Scenario(every_rule=True)
    day.roster("H1", start="d-60")
    day.at("d0 08:00").oru(wbc="2.1", platelets="40")

    (told,) = [event for event in day.events() if event.family == "cytopenia"]
    assert (told.rule, told.severity) == ("d01-wbc-below-2-5", Severity.CRITICAL)
    assert "d02-platelets-below-50" in told.superseded
