"""How an alert begins, changes and ends while results come in."""

from __future__ import annotations

from engine.model.alert import AlertReason
from tests.scenario.timeline import Scenario, alert

MILD = alert("a13-mild-rise", "review")
STOP = alert("a02-alt-ast-500", "critical")


def treated() -> Scenario:
    day = Scenario()
    day.roster("H1", start="d-60")
    return day


def test_a_mild_rise_starts_an_alert() -> None:
    """A raised ALT under azathioprine is told once, with what it is about."""
    day = treated()
    day.at("d0 08:00").oru(alt="130")

    day.expect(MILD.started())
    (event,) = day.events()
    assert (event.sequence, event.trigger_code, event.accession) == (1, "1742-6", "SC0001")
    assert event.drug_text == "azathioprine 100 mg/day since 2026-01-11"


def test_nobody_is_told_about_normal_results() -> None:
    """Normal values make no noise."""
    day = treated()
    day.at("d0 08:00").oru(alt="30", ast="25", alp="80", bilirubin="9", wbc="6.1", platelets="210")

    day.expect_silence()
    assert day.outcome == "accepted/results"


def test_nobody_is_told_about_people_without_the_drug() -> None:
    """The worst values of somebody who never had a thiopurine are kept and are nobody's alert."""
    day = Scenario()
    day.at("d0 08:00").oru(alt="2140", platelets="9")

    day.expect_silence()
    assert day.values("alt") == ["2140 U/L"]


def test_an_unchanged_repeat_is_not_told_again() -> None:
    """Nobody is paged twice for the same finding within a week."""
    day = treated()
    day.at("d0 08:00").oru(alt="130")
    day.expect(MILD.started())
    day.at("d1 08:00").oru(alt="130")
    day.at("d2 08:00").oru(alt="125")

    day.expect_silence()
    (open_alert,) = day.open_alerts()
    assert (open_alert.sequence, open_alert.current.badness) == (1, (("alt", "125"),))


def test_an_unchanged_finding_is_told_again_after_its_repeat_interval() -> None:
    """A finding that lasts for more than a week is not forgotten."""
    day = treated()
    day.at("d0 08:00").oru(alt="130")
    day.expect(MILD.started())
    day.at("d7 08:00").oru(alt="130")

    day.expect(MILD.updated(AlertReason.CHANGED))


def test_values_that_fall_after_the_drug_was_stopped_page_once() -> None:
    """The alert stays open and shows the newest value; nobody is told to stop a drug that is stopped."""
    day = treated()
    day.at("d0 08:00").oru(alt="600", bilirubin="9")
    day.at("d1 08:00").roster_row("H1", "stop", "d1", "azathioprine")
    day.expect(STOP.started())
    for week, alt in enumerate(("540", "510"), start=1):
        day.at(f"d{7 * week} 08:00").oru(alt=alt, bilirubin="9")
        day.expect_silence()
        (open_alert,) = (each for each in day.open_alerts() if each.family == "liver-injury")
        assert open_alert.current.badness == (("alt", alt),)

    day.at("d21 08:00").oru(alt="420", bilirubin="9")

    day.expect(STOP.ended())


def test_getting_worse_is_told_at_once() -> None:
    """A higher value at the same severity is news."""
    day = treated()
    day.at("d0 08:00").oru(alt="130")
    day.expect(MILD.started())
    day.at("d0 20:00").oru(alt="150")

    day.expect(MILD.updated())


def test_severity_rises_and_falls_in_one_alert() -> None:
    """One alert through the whole course: start, escalate, deescalate, end, each with the next sequence."""
    day = treated()
    day.at("d0 08:00").oru(alt="130")
    day.expect(MILD.started())
    day.at("d1 08:00").oru(alt="520")
    day.expect(STOP.escalated())
    day.at("d3 08:00").oru(alt="190")
    day.expect(MILD.deescalated())
    day.at("d9 08:00").oru(alt="35", ast="30")
    day.expect(MILD.ended())

    events = day.events()
    assert [event.sequence for event in events] == [1, 2, 3, 4]
    assert len({event.alert_id for event in events}) == 1
    assert len({event.event_id for event in events}) == 4
    assert day.open_alerts() == []


def test_an_alert_that_comes_back_is_the_same_alert() -> None:
    """A relapse in one therapy episode continues the history of its alert."""
    day = treated()
    day.at("d0 08:00").oru(alt="130")
    day.at("d7 08:00").oru(alt="30", ast="20")
    day.at("d14 08:00").oru(alt="140")
    day.expect(MILD.started(), MILD.ended(), MILD.started())

    first, _, third = day.events()
    assert third.alert_id == first.alert_id
    assert third.sequence == 3


def test_an_acknowledgement_does_not_outlive_the_alert() -> None:
    """Who took on the first alert has not taken on its return."""
    day = treated()
    day.at("d0 08:00").oru(alt="130")
    (first,) = day.open_alerts()
    assert day.store.acknowledge(first.alert_id, "Dr Sample", day.now)
    day.at("d7 08:00").oru(alt="30", ast="20")
    day.at("d14 08:00").oru(alt="140")

    (again,) = day.open_alerts()
    assert (again.alert_id, again.acknowledged_by) == (first.alert_id, "")


def test_findings_of_several_families_are_several_alerts() -> None:
    """Liver and blood are told apart, one alert for each: two low counts are one harm and one page."""
    day = treated()
    day.at("d0 08:00").oru(alt="600", wbc="1.9", platelets="31")

    assert day.open_rules() == {"a02-alt-ast-500": "critical", "d01-wbc-below-2-5": "critical"}
    assert {event.superseded for event in day.events() if event.rule[:3] == "d01"} == {
        ("d02-platelets-below-50",)
    }


def test_a_result_collected_earlier_does_not_end_an_alert() -> None:
    """A delayed normal result from before the rise changes nothing."""
    day = treated()
    day.at("d0 08:00").oru(alt="130")
    day.expect(MILD.started())
    day.at("d0 09:00").oru(alt="30", ast="30", collected="d-3 08:00")

    day.expect_silence()
    assert day.open_rules() == {"a13-mild-rise": "review"}


def test_a_low_alp_becomes_persistent() -> None:
    """The first low ALP is information, the second in a row a reason to look."""
    day = treated()
    day.at("d0 08:00").oru(alp="39")
    day.expect(alert("c03-alp-low", "info").started())
    day.at("d14 08:00").oru(alp="40")

    day.expect(alert("c04-alp-low-persistent", "review").escalated())
