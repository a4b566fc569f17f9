"""Alerts by week as an SVG of stacked bars, the gravest at the bottom, where they are easiest to compare."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from decimal import Decimal
from html import escape
from math import ceil

from markupsafe import Markup

from engine.model.finding import Severity
from engine.model.quantity import plain
from engine.report.gathering import Weeks
from engine.report.scale import step_of
from engine.report.tables import SEVERITIES

_WIDTH, _HEIGHT = 420, 170
_LEFT, _RIGHT, _TOP, _BOTTOM = 34, 414, 10, 144
_WIDEST = 26
_GAP = 0.2
_MOST_TICKS = 4


def draw_weeks(weeks: Weeks, name: str) -> Markup:
    """The picture; ``weeks`` has at least one, ascending. ``name`` is unique in its page."""
    most = max(sum(counts.values()) for counts in weeks.values())
    step = max(step_of(Decimal(most), _MOST_TICKS), Decimal(1))
    top = int(step * max(ceil(most / step), 1))
    named = f'role="img" aria-labelledby="{name}-title {name}-desc"'
    parts = [
        f'<svg class="weeks" viewBox="0 0 {_WIDTH} {_HEIGHT}" {named}>',
        f'<title id="{name}-title">Alerts begun each week, by gravest severity</title>',
        f'<desc id="{name}-desc">{escape(_in_words(weeks, most))}</desc>',
        *_grid(int(step), top),
        *_bars(weeks, top),
        *_dates(weeks),
        "</svg>",
    ]
    return Markup("".join(parts))  # noqa: S704 - numbers, dates and our own words


def _in_words(weeks: Weeks, most: int) -> str:
    busiest = next(monday for monday, counts in weeks.items() if sum(counts.values()) == most)
    total: Counter[Severity] = sum(weeks.values(), Counter())
    shares = ", ".join(f"{total[severity]} {severity.value}" for severity in SEVERITIES if total[severity])
    return f"{total.total()} alerts in {len(weeks)} weeks ({shares}); most, {most}, in the week of {busiest}."


def _grid(step: int, top: int) -> Iterator[str]:
    for value in range(0, top + 1, step):
        y = _y(value, top)
        yield f'<line class="grid" x1="{_LEFT}" x2="{_RIGHT}" y1="{y:.1f}" y2="{y:.1f}"/>'
        yield (
            f'<text class="tick" x="{_LEFT - 5}" y="{y:.1f}" dy="0.32em" text-anchor="end">'
            f"{plain(Decimal(value))}</text>"
        )


def _bars(weeks: Weeks, top: int) -> Iterator[str]:
    room = (_RIGHT - _LEFT) / len(weeks)
    width = min(room * (1 - _GAP), _WIDEST)
    for number, (monday, counts) in enumerate(weeks.items()):
        below = 0
        for severity in SEVERITIES:
            if counts[severity]:
                y, height = _y(below + counts[severity], top), _y(0, top) - _y(counts[severity], top)
                yield (
                    f'<rect class="part {severity.value}" x="{_LEFT + number * room:.2f}" y="{y:.1f}" '
                    f'width="{width:.2f}" height="{height:.1f}"><title>week of {monday}: '
                    f"{counts[severity]} {severity.value}</title></rect>"
                )
                below += counts[severity]


def _dates(weeks: Weeks) -> Iterator[str]:
    mondays = list(weeks)
    room = (_RIGHT - _LEFT) / len(mondays)
    step = ceil(len(mondays) / _MOST_TICKS)
    for number in range(0, len(mondays), step):
        x = _LEFT + number * room
        yield f'<text class="tick" x="{x:.1f}" y="{_BOTTOM + 16}">{mondays[number]}</text>'


def _y(value: float, top: int) -> float:
    return _BOTTOM - value / top * (_BOTTOM - _TOP)
