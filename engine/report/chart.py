"""One analyte of one person over time, as an SVG that explains an alert without any script.

Colours come from the page's style sheet (classes, not colours, stand in the SVG), so that the same picture
is right in a light theme, in a dark one and on paper. It is drawn small enough for a phone: at the width of
one, its letters can still be read.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from html import escape
from itertools import pairwise
from math import ceil

from engine.model.moment import later
from engine.model.quantity import plain
from engine.report.scale import day_ticks, step_of, text_width
from engine.spells import Limit

WIDTH = 420
_LEFT, _RIGHT = 44, 412
_PLOT_HEIGHT = 150
_MARK_ROW = 16
_LINE = 13
_MOST_TICKS = 5

_Piece = tuple[tuple[float, float], tuple[float, float]]


@dataclass(frozen=True, slots=True)
class Point:
    """One result: when it was collected, the number in the canonical unit, and as it was sent.

    ``comparator`` is ``<``, ``>`` or empty: a value beyond the measuring range is drawn hollow. ``gone``: an
    alert told of it, and the laboratory has taken it back or corrected it since; it is drawn as a cross.
    """

    at: datetime
    value: Decimal
    sent: str
    comparator: str = ""
    low: Decimal | None = None
    high: Decimal | None = None
    gone: bool = False

    @property
    def words(self) -> str:
        """The value as sent, and whether it still holds."""
        return f"{self.sent}, taken back or corrected since" if self.gone else self.sent


@dataclass(frozen=True, slots=True)
class Line:
    """A limit as it is drawn; ``side`` is A, B or both, and empty where there is one side only."""

    limit: Limit
    side: str = ""

    @property
    def words(self) -> str:
        """What stands at the line: the words of the limit, and its number where they do not hold it."""
        value, words = plain(self.limit.value), self.limit.words
        numbers = (plain(Decimal(word)) for word in words.split() if word.replace(".", "", 1).isdigit())
        numbered = words if value in numbers else f"{words}: {value}"
        return f"{self.side}: {numbered}" if self.side else numbered


@dataclass(frozen=True, slots=True)
class Mark:
    """When an alert event was told about, how grave it was, and on which side (A, B or empty).

    ``ended``: it told of the end; it is drawn hollow.
    """

    at: datetime
    severity: str
    words: str
    side: str = ""
    ended: bool = False


@dataclass(frozen=True, slots=True)
class Course:
    """A therapy course or hold drawn below the curve; ``stop`` is None while it goes on."""

    start: datetime
    stop: datetime | None
    words: str
    held: bool = False


@dataclass(frozen=True, slots=True)
class Chart:
    """Everything in one picture; ``points`` ascend and there is at least one.

    ``left_out`` results of the same analyte lie so far from the alert that they are not drawn.
    """

    title: str
    unit: str
    points: Sequence[Point]
    lines: Sequence[Line] = ()
    marks: Sequence[Mark] = ()
    courses: Sequence[Course] = ()
    left_out: int = 0


def draw(chart: Chart, name: str) -> str:
    """The chart as an SVG element; ``name`` is unique in its page.

    The description says in words what the picture shows, for those who cannot see it.
    """
    plot = _Plot(chart)
    named = f'role="img" aria-labelledby="{name}-title {name}-desc"'
    parts = [
        f'<svg class="chart" viewBox="0 0 {WIDTH} {plot.height}" {named}>',
        f'<title id="{name}-title">{escape(chart.title)}</title>',
        f'<desc id="{name}-desc">{escape(in_words(chart))}</desc>',
        *plot.normal_range(),
        *plot.axes(),
        *plot.courses(),
        *plot.lines(),
        *plot.words_of_lines(),
        *plot.curve(),
        *plot.marks(),
        "</svg>",
    ]
    return "".join(parts)


def in_words(chart: Chart) -> str:
    """What the picture shows: how many results, the highest, the last, limits, therapy and alerts."""
    first, last = chart.points[0], chart.points[-1]
    highest = max(chart.points, key=lambda point: point.value)
    gone = [point for point in chart.points if point.gone]
    said = [
        f"{len(chart.points)} results from {first.at:%Y-%m-%d} to {last.at:%Y-%m-%d}",
        f"highest {highest.comparator}{plain(highest.value)} {chart.unit} on {highest.at:%Y-%m-%d}",
        f"last {last.comparator}{plain(last.value)} {chart.unit}",
    ]
    said += [f"{point.words}: {point.at:%Y-%m-%d}" for point in gone]
    said += [line.words for line in chart.lines]
    said += [course.words for course in chart.courses]
    said += [f"{_of_side(mark.side)}{mark.words} on {mark.at:%Y-%m-%d}" for mark in chart.marks]
    return "; ".join(said) + "."


def rows(chart: Chart) -> list[tuple[str, str, str]]:
    """The same as a table: when (UTC; empty for limits), what, and the value or the words."""
    limits = [
        ("", f"{_of_side(line.side)}{line.limit.kind}", f"{line.limit.words}: {plain(line.limit.value)}")
        for line in chart.lines
    ]
    dated = [(point.at, "result", point.words) for point in chart.points]
    dated += [(mark.at, f"{_of_side(mark.side)}told", mark.words) for mark in chart.marks]
    dated += [(course.start, "hold" if course.held else "therapy", course.words) for course in chart.courses]
    dated.sort(key=lambda row: row[0])
    return limits + [(f"{at:%Y-%m-%d %H:%M}", what, words) for at, what, words in dated]


def _of_side(side: str) -> str:
    return f"{side}: " if side else ""


class _Plot:
    """The scales of one chart, and its parts in the order in which they cover each other."""

    def __init__(self, chart: Chart) -> None:
        self._chart = chart
        self._sides = sorted({mark.side for mark in chart.marks}) or [""]
        self._top = _LINE + 8 + _MARK_ROW * len(self._sides)
        self._bottom = self._top + _PLOT_HEIGHT
        self.height = self._bottom + 46
        times = [point.at for point in chart.points] + [mark.at for mark in chart.marks]
        margin = max((max(times) - min(times)) / 20, timedelta(days=2))
        self._from, self._to = later(min(times), -margin), later(max(times), margin)
        tops = [point.value for point in chart.points] + [line.limit.value for line in chart.lines]
        tops += [point.high for point in chart.points if point.high is not None]
        self._step = step_of(max(tops), _MOST_TICKS)
        self._most = self._step * max(ceil(max(tops) * Decimal("1.05") / self._step), 1)

    def _x(self, at: datetime) -> float:
        share = (min(max(at, self._from), self._to) - self._from) / (self._to - self._from)
        return _LEFT + share * (_RIGHT - _LEFT)

    def _y(self, value: Decimal) -> float:
        return self._bottom - float(value / self._most) * _PLOT_HEIGHT

    def normal_range(self) -> Iterator[str]:
        """The reference range of the newest result that came with one."""
        limits = next((p for p in reversed(self._chart.points) if (p.low, p.high) != (None, None)), None)
        if limits is None:
            return
        top = self._y(limits.high) if limits.high is not None else self._top
        bottom = self._y(limits.low) if limits.low is not None else self._bottom
        yield (
            f'<rect class="normal" x="{_LEFT}" y="{top:.1f}" width="{_RIGHT - _LEFT}" '
            f'height="{max(bottom - top, 1):.1f}"><title>reference range</title></rect>'
        )

    def axes(self) -> Iterator[str]:
        """Round numbers at the left, days below."""
        value = Decimal(0)
        while value <= self._most:
            y = self._y(value)
            yield f'<line class="grid" x1="{_LEFT}" x2="{_RIGHT}" y1="{y:.1f}" y2="{y:.1f}"/>'
            yield _tick(_LEFT - 5, y, "end", plain(value))
            value += self._step
        if self._chart.unit:
            yield _tick(0, 7, "start", self._chart.unit)
        for day in day_ticks(self._from, self._to):
            x = self._x(day)
            top, bottom = self._bottom, self._bottom + 26
            yield f'<line class="grid" x1="{x:.1f}" x2="{x:.1f}" y1="{top}" y2="{bottom}"/>'
            half = text_width("2026-03-12") / 2
            yield _tick(
                min(max(x, _LEFT + half - 20), _RIGHT - half), bottom + 10, "middle", f"{day:%Y-%m-%d}"
            )

    def courses(self) -> Iterator[str]:
        """Therapy as bars below the curve, with its words where they fit; a hold is drawn over its course."""
        top = self._bottom + 5
        for course in self._chart.courses:
            stop = course.stop or self._to
            if stop < self._from or course.start > self._to:
                continue
            left, right = self._x(course.start), self._x(stop)
            kind = "held" if course.held else "course"
            yield (
                f'<rect class="{kind}" x="{left:.1f}" y="{top}" width="{max(right - left, 2):.1f}" '
                f'height="16"><title>{escape(course.words)}</title></rect>'
            )
            words = next((w for w in _shorter(course) if text_width(w) + 8 < right - left), "")
            if words:
                yield f'<text class="{kind}-words" x="{left + 4:.1f}" y="{top + 12}">{escape(words)}</text>'

    def lines(self) -> Iterator[str]:
        """Thresholds and baseline."""
        for line in self._chart.lines:
            y = self._y(line.limit.value)
            yield (f'<line class="{_kind(line)}" x1="{_LEFT}" x2="{_RIGHT}" y1="{y:.1f}" y2="{y:.1f}"/>')

    def words_of_lines(self) -> Iterator[str]:
        """What the lines are: at the end that hides the fewest results, as near as other words leave room."""
        taken: list[tuple[str, float]] = []
        for line in sorted(self._chart.lines, key=lambda line: -line.limit.value):
            free = [place for place in self._places(line) if _is_free(place, taken)]
            place = min(free, key=lambda place: self._hidden(line, place), default=("start", self._top + 1.0))
            taken.append(place)
            anchor, y = place
            x = _LEFT + 4 if anchor == "start" else _RIGHT - 4
            yield (
                f'<text class="words {_kind(line)}" x="{x}" y="{y:.1f}" text-anchor="{anchor}">'
                f"{escape(line.words)}</text>"
            )

    def _places(self, line: Line) -> Iterator[tuple[str, float]]:
        """Where the words of a line may stand, the best first: above it, below it, then farther away."""
        y = self._y(line.limit.value)
        for distance in range(-1, 12):
            for place in (y - 4 - _LINE * (distance + 1), y + _LINE * (distance + 2)):
                if self._top <= place <= self._bottom - 2:
                    yield "start", place
                    yield "end", place

    def _hidden(self, line: Line, place: tuple[str, float]) -> tuple[int, float]:
        """How many results and pieces of the curve would cross the words, and how far from their line."""
        anchor, y = place
        width = text_width(line.words) + 8
        left = _LEFT if anchor == "start" else _RIGHT - width
        where = [(self._x(point.at), self._y(point.value)) for point in self._chart.points]
        pieces = [*zip(where, where, strict=True), *pairwise(where)]
        hidden = sum(_crosses(piece, (left, left + width), (y - _LINE, y + 5)) for piece in pieces)
        return hidden, abs(self._y(line.limit.value) - 4 - y)

    def curve(self) -> Iterator[str]:
        """The results, those that hold joined in the order of collection."""
        where = [(self._x(point.at), self._y(point.value), point) for point in self._chart.points]
        path = " ".join(f"{x:.1f},{y:.1f}" for x, y, point in where if not point.gone)
        yield f'<polyline class="curve" points="{path}"/>'
        for x, y, point in where:
            title = f"<title>{point.at:%Y-%m-%d %H:%M}: {escape(point.words)}</title>"
            if point.gone:
                yield f'<path class="gone" d="M{x - 4:.1f},{y - 4:.1f} l8,8 m0,-8 l-8,8">{title}</path>'
            else:
                kind = "beyond" if point.comparator else "point"
                yield f'<circle class="{kind}" cx="{x:.1f}" cy="{y:.1f}" r="3.5">{title}</circle>'

    def marks(self) -> Iterator[str]:
        """A triangle for each alert event, at the top edge; one row for each side."""
        for row, side in enumerate(self._sides):
            y = _LINE + 4 + _MARK_ROW * row
            if side:
                yield _tick(_LEFT - 5, y + 6, "end", side)
            for mark in sorted(self._chart.marks, key=lambda mark: not mark.ended):
                if mark.side == side:
                    kind = f"{mark.severity} ended" if mark.ended else mark.severity
                    yield (
                        f'<path class="mark {kind}" d="M{self._x(mark.at):.1f},{y + 12} '
                        f'l-6,-12 l12,0 z"><title>{escape(mark.words)}</title></path>'
                    )


def _kind(line: Line) -> str:
    """Its classes: what kind of limit it is, and of one side only whose."""
    return f"{line.limit.kind} of-{line.side}" if line.side in ("A", "B") else line.limit.kind


def _crosses(piece: _Piece, across: tuple[float, float], down: tuple[float, float]) -> bool:
    """Whether a piece of a curve, its points ascending in x, runs through a box."""
    (x1, y1), (x2, y2) = piece
    left, right = max(x1, across[0]), min(x2, across[1])
    if left > right:
        return False
    steep = (y2 - y1) / (x2 - x1) if x2 > x1 else 0.0
    ends = (y1, y2) if x2 == x1 else (y1 + steep * (left - x1), y1 + steep * (right - x1))
    return min(ends) <= down[1] and max(ends) >= down[0]


def _is_free(place: tuple[str, float], taken: Sequence[tuple[str, float]]) -> bool:
    """Whether words can stand there: words at both ends of one height may meet in the middle."""
    return all(abs(place[1] - y) >= _LINE for _, y in taken)


def _shorter(course: Course) -> tuple[str, str, str]:
    """The words of a course, then without its dates, then the drug alone."""
    return course.words, course.words.partition(" from ")[0], course.words.split()[0]


def _tick(x: float, y: float, anchor: str, words: str) -> str:
    place = f'x="{x:.1f}" y="{y:.1f}" dy="0.32em"'
    return f'<text class="tick" {place} text-anchor="{anchor}">{escape(words)}</text>'
