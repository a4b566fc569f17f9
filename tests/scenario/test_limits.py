"""A limit of one patient, from the roster to the alert."""

from __future__ import annotations

import pytest

from engine.cli.card import evidence_card
from engine.errors import ConfigError
from tests.scenario.timeline import Scenario, alert
from tests.scenario.wire import obx

A02 = alert("a02-alt-ast-500", "critical")
LIMIT = "limit.a02-alt-ast-500.alt=800 U/L until 2026-03-13 because chronic hepatitis B"
IN_FORCE = "limit 800 U/L for this patient until 2026-03-13 because chronic hepatitis B"


def _day() -> Scenario:
    day = Scenario()
    day.roster(start="d-60")
    return day


def test_a_limit_keeps_a_rule_silent_and_expires() -> None:
    """600 U/L is below 800 on 13 March and above 500 on 14 March."""
    day = _day()
    day.roster_row("H1", "fact", "d-1", note=LIMIT)

    day.at("d1 08:00").oru(obx("alt", "600", limits=""))
    day.expect_silence()

    day.at("d2 08:00").oru(obx("alt", "600", limits=""))
    day.expect(A02.started())
    (label,) = day.open_alerts()[0].published.labels
    assert label.text == "limit 800 U/L for this patient expired on 2026-03-13: the limit of the rule holds"


def test_a_limit_ends_an_alert_that_is_open_and_says_why() -> None:
    """Somebody has looked at the alert and states the limit afterwards."""
    day = _day()
    day.at("d0 08:00").oru(obx("alt", "600", limits=""))
    day.expect(A02.started())

    (ended,) = day.roster_row("H1", "fact", "d0", note=LIMIT)

    day.expect(A02.ended())
    assert ended.message == f"No longer so: ALT 600 U/L is below 800 U/L; {IN_FORCE}."


def test_every_alert_shows_the_limit() -> None:
    """An alert of that rule as a label, an alert of another with the rule that stayed silent."""
    day = _day()
    day.roster_row("H1", "fact", "d-1", note=LIMIT)
    day.at("d0 08:00").oru(obx("alt", "600", limits=""), wbc="2.0")

    (other,) = day.events()
    assert f"a02-alt-ast-500: ALT 600 U/L is below 800 U/L; {IN_FORCE}" in evidence_card(other)
    assert other.not_fired[0].rule == A02.rule

    day.at("d0 09:00").oru(obx("alt", "900", limits=""))
    own = next(each for each in day.open_alerts() if each.published.rule_id == A02.rule)
    assert [label.text for label in own.published.labels] == [IN_FORCE]


def test_a_limit_that_does_not_fit_is_refused_with_its_place() -> None:
    """The whole roster is refused: a limit that is not in force is not taken for one that is."""
    with pytest.raises(ConfigError) as refused:
        _day().roster_row("H1", "fact", "d0", note=LIMIT.replace("800", "500"))

    (defect,) = refused.value.defects
    expected = "500 is the number of a02-alt-ast-500 itself; write the number that holds for this patient"
    assert str(defect) == f"roster.csv:2: note: {expected}"


def test_an_earlier_limit_pages_and_the_card_says_why() -> None:
    """350 is below the 500 of the rule: the page tells the limit, its last day and its reason."""
    day = _day()
    earlier = "limit.a02-alt-ast-500.alt=300 U/L until 2026-03-13 because transplanted liver"
    day.roster_row("H1", "fact", "d-1", note=earlier)
    day.at("d0 08:00").oru(obx("alt", "350", limits=""))

    day.expect(A02.started())
    (event,) = day.events()
    assert event.title == "ALT is at least 300 U/L, the limit of this patient"
    assert event.message == (
        "ALT 350 U/L of 2026-03-12: limit 300 U/L for this patient until 2026-03-13 because transplanted "
        'liver; the rule itself says "alt >= 500 U/L".'
    )
    card = evidence_card(event)
    assert "limit 300 U/L for this patient until 2026-03-13 because transplanted liver" in card

    day.at("d2 08:00").oru(obx("alt", "360", limits=""))
    assert day.open_rules() == {}


def test_a_rule_that_rests_on_another_tells_of_the_limit_there() -> None:
    """After a restart the page says that a stop rule fires: the card says that it does by a limit."""
    day = Scenario(every_rule=True)
    day.roster_row("H1", "start", "d-200", "azathioprine", "100")
    day.roster_row("H1", "stop", "d-60", "azathioprine")
    day.roster_row("H1", "restart", "d-30", "azathioprine", "50")
    limit = "300 U/L until 2026-03-13 because transplanted liver"
    day.roster_row("H1", "fact", "d-1", note=f"limit.a02-alt-ast-500.alt={limit}")
    day.at("d0 08:00").oru(obx("alt", "350", limits="10-40"))

    told = next(event for event in day.events() if event.rule == "a10-recurrence-stop-rule")
    assert f"limit.a02-alt-ast-500.alt = {limit}" in evidence_card(told)
    said = f"a02-alt-ast-500 fires only by limit 300 U/L for this patient {limit.removeprefix('300 U/L ')}"
    assert said in [label.text for label in told.labels]
    assert "fires only by" not in told.message  # 3 x ULN after a restart is reason enough


@pytest.mark.parametrize("lower", ["100", "600"])
def test_a_recurrence_that_only_a_limit_makes_says_so(lower: str) -> None:
    """ALT 110 is no reason to stop: a02 at 100 U/L is, and the page of the recurrence tells of it."""
    day = Scenario(every_rule=True)
    day.roster_row("H1", "start", "d-200", "azathioprine", "100")
    day.roster_row("H1", "stop", "d-60", "azathioprine")
    day.roster_row("H1", "restart", "d-30", "azathioprine", "50")
    limit = f"{lower} U/L until 2026-03-13 because transplanted liver"
    day.roster_row("H1", "fact", "d-1", note=f"limit.a02-alt-ast-500.alt={limit}")
    day.at("d0 08:00").oru(obx("alt", "110", limits="10-40"))

    told = [event for event in day.events() if event.rule == "a10-recurrence-stop-rule"]
    assert len(told) == (lower == "100")
    for event in told:
        assert event.message.endswith(
            " a02-alt-ast-500 fires only by limit 100 U/L for this patient until 2026-03-13 "
            "because transplanted liver."
        )


def test_a_limit_that_keeps_a_rule_silent_is_a_label_on_its_family() -> None:
    """600 U/L pages by another rule: the label says that a02 would have spoken, until when, and why not."""
    day = Scenario(every_rule=True)
    day.roster(start="d-60")
    day.roster_row("H1", "fact", "d-1", note=LIMIT)
    day.at("d0 08:00").oru(obx("alt", "600", limits="10-40"), wbc="2.0")

    said = f"{IN_FORCE}: keeps a02-alt-ast-500 silent"
    told = {event.family: [label.text for label in event.labels] for event in day.events()}
    assert said in told["liver-injury"]
    assert [family for family, labels in told.items() if said in labels] == ["liver-injury"]


@pytest.mark.parametrize(("value", "day_of"), [("450", "d0"), ("900", "d0"), ("600", "d2")])
def test_a_limit_that_keeps_nothing_silent_is_not_said_to(value: str, day_of: str) -> None:
    """The rule would be silent anyway, speaks in spite of the limit, or the limit has expired."""
    day = Scenario(every_rule=True)
    day.roster(start="d-60")
    day.roster_row("H1", "fact", "d-1", note=LIMIT)
    day.at(f"{day_of} 08:00").oru(obx("alt", value, limits="10-40"))

    labels = [label.text for event in day.events() for label in event.labels]
    assert labels
    assert not [text for text in labels if "keeps" in text]


def test_a_limit_without_an_end_in_sight_is_refused_with_its_place() -> None:
    """A last day in 2099 would outlive everybody who knows the reason."""
    with pytest.raises(ConfigError) as refused:
        _day().roster_row("H1", "fact", "d0", note=LIMIT.replace("2026-03-13", "2099-12-31"))

    (defect,) = refused.value.defects
    assert str(defect) == (
        "roster.csv:2: note: a limit lasts 366 days at most, and 2099-12-31 is later; "
        "write a last day up to 2027-03-13, and a new row when somebody has looked again"
    )
