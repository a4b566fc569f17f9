"""The picture of an alert: everything that explains it stands in it, in words as well."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import pairwise
from xml.etree import ElementTree as ET

import pytest

from engine.report.chart import WIDTH, Chart, Course, Line, Mark, Point, draw, rows
from engine.spells import Limit

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
            Line(Limit("threshold", Decimal(500), "alt >= 500 U/L")),
            Line(Limit("baseline", Decimal(30), "baseline")),
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
    # a limit is a line and its words
    assert counted == dict.fromkeys(counted, 1) | {"point": 2, "threshold": 2, "baseline": 2}


def test_the_description_says_it_in_words() -> None:
    """Who cannot see the picture hears its highest value, the limits and the alerts."""
    picture = drawn(chart())

    title, description = picture[0].text, picture[1].text
    assert title == "ALT"
    assert description == (
        "2 results from 2026-03-01 to 2026-03-31; highest 500 U/L on 2026-03-31; last 500 U/L; "
        "alt >= 500 U/L; baseline: 30; azathioprine 150 mg/day; hold; start on 2026-03-31."
    )


def test_higher_values_are_drawn_higher_and_later_ones_further_right() -> None:
    """The scales are the right way round, and a value at a threshold lies on its line."""
    picture = drawn(chart())
    low, high = of_class(picture, "point")
    line, _words = of_class(picture, "threshold")

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
    hostile = Point(at(0), Decimal(1), "<script>alert(1)</script>")
    gone = Point(at(1), Decimal(2), "<script>alert(2)</script>", gone=True)
    picture = draw(chart(points=[hostile, gone]), "c1")

    assert "<script" not in picture


def test_the_table_carries_what_the_picture_shows() -> None:
    """Who cannot see the picture reads limits first, then everything dated in its order."""
    assert rows(chart()) == [
        ("", "threshold", "alt >= 500 U/L: 500"),
        ("", "baseline", "baseline: 30"),
        ("2026-02-19 08:00", "therapy", "azathioprine 150 mg/day"),
        ("2026-03-01 08:00", "result", "30 U/L"),
        ("2026-03-06 08:00", "hold", "hold"),
        ("2026-03-31 08:00", "result", "500 U/L"),
        ("2026-03-31 08:00", "told", "start"),
    ]


def test_a_value_that_was_taken_back_is_a_cross_beside_the_curve() -> None:
    """The value that paged somebody is seen, and that it no longer holds: the curve passes it by."""
    gone = Point(at(20), Decimal(900), "900 U/L", gone=True)
    picture = drawn(chart(points=[*chart().points, gone]))

    (cross,) = of_class(picture, "gone")
    assert cross[0].text == "2026-03-21 08:00: 900 U/L, taken back or corrected since"
    (curve,) = of_class(picture, "curve")
    assert len(curve.get("points", "").split()) == 2
    assert "900 U/L, taken back or corrected since: 2026-03-21" in (picture[1].text or "")


def test_two_sides_have_marks_in_rows_of_their_own_and_limits_with_their_letters() -> None:
    """In a comparison it is seen who told when and by which limit; a limit of both is drawn once."""
    picture = drawn(
        chart(
            lines=[
                Line(Limit("threshold", Decimal(500), "alt >= 500 U/L"), "A"),
                Line(Limit("threshold", Decimal(300), "alt >= 300 U/L"), "B"),
                Line(Limit("baseline", Decimal(30), "baseline"), "A, B"),
            ],
            marks=[Mark(at(30), "critical", "start", "A"), Mark(at(10), "critical", "start", "B")],
        )
    )

    heights = [mark.get("d", "").split(",")[1].split()[0] for mark in of_class(picture, "mark")]
    assert float(heights[0]) < float(heights[1])
    assert [words.text for words in of_class(picture, "words")] == [
        "A: alt >= 500 U/L",
        "B: alt >= 300 U/L",
        "A, B: baseline: 30",
    ]
    assert len(of_class(picture, "of-A")) == 2
    assert len(of_class(picture, "of-B")) == 2


def test_words_of_limits_do_not_lie_on_each_other() -> None:
    """Four limits within a few units: their words stand apart, inside the picture."""
    lines = [Line(Limit("threshold", Decimal(value), f"alt >= {value} U/L")) for value in (40, 41, 42, 43)]
    picture = drawn(chart(lines=lines))

    heights = sorted(float(words.get("y", "")) for words in of_class(picture, "words"))
    assert all(lower - upper >= 12.9 for upper, lower in pairwise(heights))
    assert heights[-1] < float(picture.get("viewBox", "").split()[3])


@pytest.mark.parametrize("days", [0, 1, 30, 400, 20_000])
def test_every_span_of_time_has_at_least_one_date(days: int) -> None:
    """One day or fifty years: one to four dates below, none of them beside the picture."""
    points = [Point(at(0), Decimal(1), "1"), Point(at(days), Decimal(1), "1")]
    picture = drawn(chart(points=points, marks=[], courses=[]))

    dates = [part for part in of_class(picture, "tick") if part.get("text-anchor") == "middle"]
    assert 1 <= len(dates) <= 4
    assert all(0 <= float(date.get("x", "")) <= WIDTH for date in dates)


def test_words_of_a_limit_stand_where_the_curve_is_not() -> None:
    """A curve that falls through the limit at the left leaves its words the right end."""
    points = [Point(at(day), Decimal(value), value) for day, value in ((0, "600"), (10, "30"), (90, "30"))]
    (words,) = of_class(drawn(chart(points=points, lines=chart().lines[:1], marks=[])), "words")

    assert words.get("text-anchor") == "end"


def test_the_end_of_an_alert_is_drawn_hollow() -> None:
    """Who counts triangles counts pages; the end is seen to be one."""
    marks = [Mark(at(5), "critical", "start"), Mark(at(9), "critical", "end", ended=True)]

    assert len(of_class(drawn(chart(marks=marks)), "ended")) == 1
