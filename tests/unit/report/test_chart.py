"""The picture of an alert: everything that explains it stands in it, in words as well."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from xml.etree import ElementTree as ET

import pytest

from engine.report.chart import Chart, Course, Line, Mark, Point, draw

DAY = datetime(2026, 3, 1, 8, tzinfo=UTC)


def at(days: int) -> datetime:
    return DAY + timedelta(days=days)


def chart(**changes: object) -> Chart:
    parts = {
        "title": "ALT",
        "unit": "U/L",
        "points": [
            Point(at(0), Decimal(30), "30 U/L", low=Decimal(10), high=Decimal(40)),
            Point(at(30), Decimal(500), "500 U/L", low=Decimal(10), high=Decimal(40)),
        ],
        "lines": [
            Line("threshold", Decimal(500), "alt >= 500 U/L"),
            Line("baseline", Decimal(30), "baseline"),
        ],
        "marks": [Mark(at(30), "critical", "start")],
        "courses": [
            Course(at(-10), None, "azathioprine 150 mg/day"),
            Course(at(5), at(9), "hold", held=True),
        ],
    }
    return Chart(**(parts | changes))  # type: ignore[arg-type]


def drawn(one: Chart) -> ET.Element:
    return ET.fromstring(draw(one, "c1"))  # noqa: S314 - we wrote it ourselves


def of_class(picture: ET.Element, name: str) -> list[ET.Element]:
    return [part for part in picture.iter() if name in part.get("class", "").split()]


def test_everything_that_explains_the_alert_is_drawn() -> None:
    """Results, thresholds, baseline, reference range, therapy with its hold, and when somebody was told."""
    picture = drawn(chart())

    counted = {
        name: len(of_class(picture, name))
        for name in ("point", "curve", "threshold", "baseline", "normal", "course", "held", "mark")
    }
    assert counted == dict.fromkeys(counted, 1) | {"point": 2}


def test_the_description_says_it_in_words() -> None:
    """Who cannot see the picture hears its highest value, the limits and the alerts."""
    picture = drawn(chart())

    title, description = picture[0].text, picture[1].text
    assert title == "ALT"
    assert description == (
        "2 results from 2026-03-01 to 2026-03-31; highest 500 U/L on 2026-03-31; last 500 U/L; "
        "alt >= 500 U/L 500 U/L; baseline 30 U/L; alert start on 2026-03-31."
    )


def test_higher_values_are_drawn_higher_and_later_ones_further_right() -> None:
    """The scales are the right way round, and a value at a threshold lies on its line."""
    picture = drawn(chart())
    low, high = of_class(picture, "point")
    (line,) = of_class(picture, "threshold")

    assert float(high.get("cy", "")) < float(low.get("cy", ""))
    assert float(high.get("cx", "")) > float(low.get("cx", ""))
    assert high.get("cy") == line.get("y1")


def test_a_value_beyond_the_measuring_range_is_drawn_hollow() -> None:
    """``>1000`` is not shown as if it were 1000."""
    point = Point(at(1), Decimal(1000), ">1000 U/L", comparator=">")

    assert len(of_class(drawn(chart(points=[point])), "beyond")) == 1


@pytest.mark.parametrize("value", ["0", "0.004", "3.2", "50000"])
def test_any_value_has_round_numbers_at_its_side(value: str) -> None:
    """From a neutrophil count to an ALT of 50 000: two to eleven round ticks, zero among them."""
    picture = drawn(chart(points=[Point(at(0), Decimal(value), value)], lines=[], marks=[], courses=[]))
    ticks = [part.text or "" for part in of_class(picture, "tick") if part.get("text-anchor") == "end"]
    numbers = [tick for tick in ticks if "-" not in tick]

    assert numbers[0] == "0"
    assert 2 <= len(numbers) <= 11


def test_words_of_a_laboratory_cannot_become_markup() -> None:
    """A value that a laboratory sent as ``<script>`` is text."""
    picture = draw(chart(points=[Point(at(0), Decimal(1), "<script>alert(1)</script>")]), "c1")

    assert "<script" not in picture
