"""One analyte of one person over time, as an SVG that explains an alert without any script.

Colours come from the page's style sheet (classes, not colours, stand in the SVG), so that the same picture
is right in a light theme, in a dark one and on paper.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from html import escape
from math import ceil, floor, log10

from engine.model.moment import later
from engine.model.quantity import plain

WIDTH, HEIGHT = 640, 240
_LEFT, _RIGHT, _TOP, _BOTTOM = 52, 628, 30, 184
_THERAPY_TOP, _THERAPY_HEIGHT = 196, 12
_DATES_AT = 228
_MOST_TICKS = 5


@dataclass(frozen=True, slots=True)
class Point:
    """One result: when it was collected, the number in the canonical unit, and as it was sent.

    ``comparator`` is ``<``, ``>`` or empty: a value beyond the measuring range is drawn hollow.
    """

    at: datetime
    value: Decimal
    sent: str
    comparator: str = ""
    low: Decimal | None = None
    high: Decimal | None = None


@dataclass(frozen=True, slots=True)
class Line:
    """A horizontal line with its words: a threshold (``kind`` threshold) or the baseline."""

    kind: str
    value: Decimal
    words: str


@dataclass(frozen=True, slots=True)
class Mark:
    """When an alert event was told about, and how grave it was."""

    at: datetime
    severity: str
    words: str


@dataclass(frozen=True, slots=True)
class Course:
    """A therapy course or hold drawn below the curve; ``stop`` is None while it goes on."""

    start: datetime
    stop: datetime | None
    words: str
    held: bool = False


@dataclass(frozen=True, slots=True)
class Chart:
    """Everything in one picture; ``points`` ascend and there is at least one."""

    title: str
    unit: str
    points: Sequence[Point]
    lines: Sequence[Line] = ()
    marks: Sequence[Mark] = ()
    courses: Sequence[Course] = ()


def draw(chart: Chart, name: str) -> str:
    """The chart as an SVG element; ``name`` is unique in its page.

    The description says in words what the picture shows, for those who cannot see it.
    """
    plot = _Plot(chart)
    named = f'role="img" aria-labelledby="{name}-title {name}-desc"'
    parts = [
        f'<svg class="chart" viewBox="0 0 {WIDTH} {HEIGHT}" {named}>',
        f'<title id="{name}-title">{escape(chart.title)}</title>',
        f'<desc id="{name}-desc">{escape(_in_words(chart))}</desc>',
        *plot.normal_range(),
        *plot.axes(),
        *plot.courses(),
        *plot.lines(),
        *plot.curve(),
        *plot.marks(),
        "</svg>",
    ]
    return "".join(parts)


def _in_words(chart: Chart) -> str:
    first, last = chart.points[0], chart.points[-1]
    highest = max(chart.points, key=lambda point: point.value)
    said = [
        f"{len(chart.points)} results from {first.at:%Y-%m-%d} to {last.at:%Y-%m-%d}",
        f"highest {highest.comparator}{plain(highest.value)} {chart.unit} on {highest.at:%Y-%m-%d}",
        f"last {last.comparator}{plain(last.value)} {chart.unit}",
    ]
    said += [f"{line.words} {plain(line.value)} {chart.unit}" for line in chart.lines]
    said += [f"alert {mark.words} on {mark.at:%Y-%m-%d}" for mark in chart.marks]
    return "; ".join(said) + "."


class _Plot:
    """The scales of one chart, and its parts in the order in which they cover each other."""

    def __init__(self, chart: Chart) -> None:
        self._chart = chart
        times = [point.at for point in chart.points] + [mark.at for mark in chart.marks]
        span = max(times) - min(times)
        margin = max(span / 20, timedelta(days=2))
        self._from, self._to = later(min(times), -margin), later(max(times), margin)
        tops = [point.value for point in chart.points] + [line.value for line in chart.lines]
        tops += [point.high for point in chart.points if point.high is not None]
        self._step = _step(max(tops))
        self._top = self._step * max(ceil(max(tops) * Decimal("1.05") / self._step), 1)

    def _x(self, at: datetime) -> str:
        share = (min(max(at, self._from), self._to) - self._from) / (self._to - self._from)
        return f"{_LEFT + share * (_RIGHT - _LEFT):.1f}"

    def _y(self, value: Decimal) -> str:
        return f"{_BOTTOM - float(value / self._top) * (_BOTTOM - _TOP):.1f}"

    def normal_range(self) -> Iterator[str]:
        """The reference range of the newest result that came with one."""
        limits = next((p for p in reversed(self._chart.points) if (p.low, p.high) != (None, None)), None)
        if limits is None:
            return
        top = self._y(limits.high) if limits.high is not None else str(_TOP)
        bottom = self._y(limits.low) if limits.low is not None else str(_BOTTOM)
        height = float(bottom) - float(top)
        yield f'<rect class="normal" x="{_LEFT}" y="{top}" width="{_RIGHT - _LEFT}" height="{height:.1f}"/>'

    def axes(self) -> Iterator[str]:
        """Round numbers at the left, months or days below."""
        value = Decimal(0)
        while value <= self._top:
            y = self._y(value)
            yield f'<line class="grid" x1="{_LEFT}" x2="{_RIGHT}" y1="{y}" y2="{y}"/>'
            yield _tick(str(_LEFT - 6), y, "end", plain(value))
            value += self._step
        yield _tick(str(_LEFT), "8", "start", self._chart.unit)
        days = (self._to - self._from).days
        for share in range(_MOST_TICKS):
            at = self._from + (self._to - self._from) * share / (_MOST_TICKS - 1)
            anchor = "start" if share == 0 else "end" if share == _MOST_TICKS - 1 else "middle"
            shown = f"{at:%Y-%m-%d}" if days < 400 else f"{at:%Y-%m}"
            yield _tick(self._x(at), str(_DATES_AT), anchor, shown)

    def courses(self) -> Iterator[str]:
        """Therapy as bars below the curve; a hold is drawn over its course."""
        for course in self._chart.courses:
            stop = course.stop or self._to
            if stop < self._from or course.start > self._to:
                continue
            left, right = float(self._x(course.start)), float(self._x(stop))
            kind = "held" if course.held else "course"
            yield (
                f'<rect class="{kind}" x="{left:.1f}" y="{_THERAPY_TOP}" width="{max(right - left, 2):.1f}" '
                f'height="{_THERAPY_HEIGHT}"><title>{escape(course.words)}</title></rect>'
            )

    def lines(self) -> Iterator[str]:
        """Thresholds and baseline with their words at the right."""
        for line in self._chart.lines:
            y = self._y(line.value)
            yield f'<line class="{line.kind}" x1="{_LEFT}" x2="{_RIGHT}" y1="{y}" y2="{y}"/>'
            yield (
                f'<text class="{line.kind}-words" x="{_RIGHT}" y="{y}" dy="-0.3em" text-anchor="end">'
                f"{escape(line.words)}</text>"
            )

    def curve(self) -> Iterator[str]:
        """The results, joined in the order of collection."""
        where = [(self._x(point.at), self._y(point.value), point) for point in self._chart.points]
        path = " ".join(f"{x},{y}" for x, y, _ in where)
        yield f'<polyline class="curve" points="{path}"/>'
        for x, y, point in where:
            kind = "beyond" if point.comparator else "point"
            words = f"{point.at:%Y-%m-%d %H:%M}: {point.sent}"
            yield f'<circle class="{kind}" cx="{x}" cy="{y}" r="3.5"><title>{escape(words)}</title></circle>'

    def marks(self) -> Iterator[str]:
        """A triangle for each alert event, at the top edge."""
        for mark in self._chart.marks:
            x = float(self._x(mark.at))
            yield (
                f'<path class="mark {mark.severity}" d="M{x:.1f},{_TOP + 2} l-5,-10 l10,0 z">'
                f"<title>{escape(mark.words)}</title></path>"
            )


def _tick(x: str, y: str, anchor: str, words: str) -> str:
    return f'<text class="tick" x="{x}" y="{y}" dy="0.32em" text-anchor="{anchor}">{escape(words)}</text>'


def _step(top: Decimal) -> Decimal:
    """The distance of round numbers (1, 2 or 5 times a power of ten) that gives at most five of them."""
    rough = float(max(top, Decimal("0.01"))) / _MOST_TICKS
    power = Decimal(10) ** floor(log10(rough))
    return next(power * factor for factor in (1, 2, 5, 10) if power * factor >= Decimal(rough))
