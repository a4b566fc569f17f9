"""Several results of one time: none of them outdates the other, and the gravest is told."""

from __future__ import annotations

import itertools
import re

import pytest

from tests.scenario.timeline import Scenario, alert
from tests.scenario.wire import obx

STOP = alert("a02-alt-ast-500", "critical")


def treated(start: str = "d-60") -> Scenario:
    day = Scenario()
    day.roster("H1", start=start)
    return day


def by_date(body: bytes) -> bytes:
    """The same message with its midnight told as a date only."""
    shortened = re.sub(rb"\|(20260312)0000(?:00)?[+-]0000", rb"|\1", body)
    assert shortened != body
    return shortened


@pytest.mark.parametrize("values", list(itertools.permutations(("600", "60"))))
def test_two_orders_of_one_time(values: tuple[str, str]) -> None:
    """Two orders on one tube, 600 and 60: the 600 pages, whichever was reported first."""
    day = treated()
    for number, value in enumerate(values):
        day.at(f"d0 {8 + number:02}:00").oru(obx("alt", value), order=f"F{number}", collected="d0 07:00")

    assert day.open_rules() == {"a02-alt-ast-500": "critical"}


@pytest.mark.parametrize("sub_ids", [("1", "2"), ("", "")])
def test_two_values_under_one_code(sub_ids: tuple[str, str]) -> None:
    """Two values of one code in one message are both judged, with and without sub-ids."""
    for values in itertools.permutations(("600", "60")):
        day = treated()
        pair = [obx("alt", value, sub=sub_id) for value, sub_id in zip(values, sub_ids, strict=True)]
        day.at("d0 08:00").oru(*pair)

        assert day.open_rules() == {"a02-alt-ast-500": "critical"}


def test_the_next_draw_outdates_both() -> None:
    """A normal value of the next day ends what either of them had opened."""
    day = treated()
    day.at("d0 08:00").oru(obx("alt", "600"), order="F1", collected="d0 07:00")
    day.at("d0 09:00").oru(obx("alt", "60"), order="F2", collected="d0 07:00")
    day.at("d1 08:00").oru(obx("alt", "30"))

    assert day.open_rules() == {}


@pytest.mark.parametrize("dated_first", [True, False])
def test_a_date_means_any_time_of_its_day(dated_first: bool) -> None:
    """A result with a date only is not older than one of eight o'clock the same day."""
    day = treated()
    dated = by_date(day.at("d0 17:00").oru_text(obx("alt", "600"), order="F1", collected="d0 00:00"))
    timed = day.at("d0 17:00").oru_text(obx("alt", "60"), order="F2", collected="d0 08:00")
    for body in (dated, timed) if dated_first else (timed, dated):
        day.send(body)

    assert day.open_rules() == {"a02-alt-ast-500": "critical"}


def test_a_dated_result_of_the_day_of_the_first_dose_is_judged() -> None:
    """The drug was started at six, the sample is dated that day: it may have been taken after."""
    day = Scenario()
    day.import_roster("H1,STEVENS,start,2026-03-12T06:00,azathioprine,100,,\n")
    day.send(by_date(day.at("d0 17:00").oru_text(obx("alt", "600"), collected="d0 00:00")))

    day.expect(STOP.started())
