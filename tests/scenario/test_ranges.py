"""Reference ranges on the whole way: printed ones, assumed ones where a site asks, and none at all."""

from __future__ import annotations

import pytest

from engine.outbound.wording import condition_text
from tests.scenario.timeline import Scenario
from tests.scenario.wire import Observation, obx


def treated(*, assumed_ranges: bool = False) -> Scenario:
    day = Scenario(every_rule=True, assumed_ranges=assumed_ranges)
    day.roster("H1", start="d-60")
    day.at("d0 08:00")
    return day


def told(day: Scenario) -> list[str]:
    """The phases of the notice of missing ranges."""
    return [event.phase.value for event in day.events() if event.rule == "q07-range-missing"]


def test_without_a_printed_range_no_multiple_of_a_limit_fires() -> None:
    """390 U/L would be ten times most limits; nobody knows this laboratory's."""
    day = treated()

    day.oru(obx("alt", "390", limits=""))

    assert not {rule for rule in day.open_rules() if rule[0] in "ab"}


def test_an_assumed_limit_says_so_wherever_it_is_used() -> None:
    """The message, the labels, the evidence and the text of the alert all say "assumed ULN"."""
    day = treated(assumed_ranges=True)

    day.oru(obx("alt", "300", limits=""))

    (opened,) = [each.current for each in day.open_alerts() if each.family == "liver-injury"]
    used = [each for each in opened.evidence if each.reference_kind == "ULN"]
    assert used
    assert all("assumed ULN" in condition_text(each) for each in used)
    assert opened.message.endswith(" (assumed ULN)")
    assert any(label.text.endswith(" (assumed ULN)") for label in opened.labels)


def test_a_printed_range_is_never_replaced() -> None:
    """An assumed one stands in only where there is none."""
    day = treated(assumed_ranges=True)

    day.oru(obx("alt", "300", limits="10-100"))

    used = [each for alert in day.open_alerts() for each in alert.current.evidence if each.fold]
    assert {each.reference_value for each in used if each.reference_kind == "ULN"} == {"100"}


@pytest.mark.parametrize("assumed_ranges", [False, True])
def test_results_that_keep_coming_without_a_range_are_told_of_once(assumed_ranges: bool) -> None:
    """Three in a row are a habit: one notice for the sender, ended by the first range that comes."""
    day = treated(assumed_ranges=assumed_ranges)
    for time in ("d0 08:00", "d7 08:00"):
        day.at(time)
        day.oru(obx("alt", "30", limits=""), obx("ast", "30", limits=""))
    assert told(day) == []

    for time in ("d14 08:00", "d21 08:00"):
        day.at(time)
        day.oru(obx("alt", "30", limits=""), obx("ast", "30", limits=""))
    assert told(day) == ["start"]
    day.at("d28 08:00")
    day.oru(obx("alt", "30"), obx("ast", "30"))
    assert told(day) == ["start", "end"]


def test_a_test_whose_range_no_rule_looks_at_needs_none() -> None:
    """Nobody is told about the percentage of neutrophils."""
    day = treated()
    for time in ("d0 08:00", "d7 08:00", "d14 08:00", "d21 08:00"):
        day.at(time)
        day.oru(obx("neutrophils_percent", "60"))

    assert told(day) == []


@pytest.mark.parametrize(
    "raised",
    [
        obx("alt", "101", limits=""),
        obx("ast", "101", limits=""),
        obx("alt", "90", limits="", flags="H"),
        obx("alp", "150", limits="", flags="HH"),
        obx("wbc", "3.0", limits="", flags="L"),
    ],
)
def test_a_raised_value_without_a_range_is_told_of_at_once(raised: Observation) -> None:
    """How many times the limit it is, is wanted now; only a range ends that, no lower value without one."""
    day = treated()
    day.oru(raised)
    assert told(day) == ["start"]
    analyte = next(name for name in ("alt", "ast", "alp", "wbc") if day.values(name))

    day.at("d1 08:00").oru(obx(analyte, "5.0" if analyte == "wbc" else "60", limits=""))
    assert told(day) == ["start"]
    day.at("d2 08:00").oru(obx(analyte, "5.0" if analyte == "wbc" else "60"))
    assert told(day) == ["start", "end"]


@pytest.mark.parametrize(
    "usual",
    [
        obx("alt", "100", limits=""),
        obx("ast", "100", limits=""),
        obx("alp", "150", limits=""),
        obx("alt", "90", limits="", flags="N"),
        obx("alt", "101"),
    ],
)
def test_one_usual_value_without_a_range_is_no_habit(usual: Observation) -> None:
    """100 U/L is not above it, other tests have no such number, and a normal flag asks for nothing."""
    day = treated()
    day.oru(usual)

    assert told(day) == []
