"""The picture of an alert: what is on record of its analyte, limits, therapy, and when it was told."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC

from markupsafe import Markup

from engine.model.alert import Phase
from engine.model.codes import AnalyteDefinition
from engine.model.moment import in_zone
from engine.model.quantity import plain
from engine.model.record import Record
from engine.model.result import Result
from engine.model.therapy import TherapySpan
from engine.report.chart import Chart, Course, Line, Mark, Point, draw, rows
from engine.spells import Limit, Spell
from engine.store import Store
from engine.therapy import spans

MOST_BEFORE, MOST_AFTER = 60, 30

Told = Sequence[tuple[str, Spell]]
"""One alert as one side or both told of it: the side (A, B or empty) and the alert."""


class Drawn:
    """A picture, and the same as rows of a table: when, what, and the value or words."""

    def __init__(self, chart: Chart, name: str) -> None:
        self.title = chart.title
        self.svg = Markup(draw(chart, name))  # noqa: S704 - draw() escapes
        self.rows = rows(chart)
        self.left_out = chart.left_out


def pictures(
    told: Told,
    record: Record | None,
    analytes: Mapping[str, AnalyteDefinition],
    name: str,
    unheard: Sequence[tuple[str, Limit]] = (),
) -> tuple[Drawn, ...]:
    """A picture for each analyte that triggered the alert, none where no value did.

    ``unheard`` are limits of a side that told nothing. ``name`` is unique in its page.
    """
    wanted = dict.fromkeys(analyte for _, spell in told if (analyte := _analyte(spell)) in analytes)
    if record is None:
        return ()
    charts = (
        _chart([each for each in told if _analyte(each[1]) == analyte], record, analytes[analyte], unheard)
        for analyte in wanted
    )
    return tuple(
        Drawn(chart, f"{name}-{number}") for number, chart in enumerate(charts, start=1) if chart is not None
    )


def record_of(spell: Spell, store: Store) -> Record | None:
    """The record of whom an alert was about: since then a merge may have joined it into another."""
    for identifier in spell.identifiers:
        roots = store.roots_by_identifier(identifier.value, identifier.authority)
        if roots:
            return store.records(roots[:1])[0]
    return None


def _chart(
    told: Told, record: Record, definition: AnalyteDefinition, unheard: Sequence[tuple[str, Limit]]
) -> Chart | None:
    results = sorted(
        (r for r in record.results if r.analyte == definition.name and not r.withdrawn and r.quantity),
        key=lambda result: (result.collected.at, result.key),
    )
    known = [point for result in results if (point := _point(result)) is not None]
    known += _gone(told, known)
    known.sort(key=lambda point: point.at)
    first, last = min(s.began for _, s in told), max(s.steps[-1].at for _, s in told)
    before = [point for point in known if point.at <= first][-MOST_BEFORE:]
    points = before + [point for point in known if first < point.at <= last][:MOST_AFTER]
    points += [point for point in known if point.at > last][:MOST_AFTER]
    if not points:
        return None
    rules = " and ".join(dict.fromkeys(spell.rule for _, spell in told))
    return Chart(
        title=f"{definition.title}: {rules}",
        unit=next(spell.trigger.unit for _, spell in told if spell.trigger),
        points=points,
        lines=list(_lines(told, unheard)),
        marks=[
            Mark(
                step.at,
                step.severity.value,
                f"{step.phase.value}, {step.severity.value}",
                side,
                ended=step.phase is Phase.END,
            )
            for side, spell in told
            for step in spell.steps
        ],
        courses=_courses(spans(record.therapy)),
        left_out=len(known) - len(points),
    )


def _analyte(spell: Spell) -> str:
    return "" if spell.trigger is None else spell.trigger.analyte


def _gone(told: Told, known: Sequence[Point]) -> list[Point]:
    """Values that set an alert off and are no longer on record."""
    there = {(point.at, point.value) for point in known}
    points = {}
    for trigger in (spell.trigger for _, spell in told):
        if trigger is not None and trigger.value is not None and trigger.collected_at is not None:
            place = in_zone(trigger.collected_at, UTC), trigger.value
            if place not in there:
                sent = f"{trigger.comparator}{plain(trigger.value)} {trigger.unit}".rstrip()
                points[place] = Point(*place, sent, trigger.comparator, gone=True)
    return list(points.values())


def _lines(told: Told, unheard: Sequence[tuple[str, Limit]]) -> Iterator[Line]:
    """Every limit once, with the sides that judge by it."""
    sides: dict[Limit, set[str]] = {}
    for side, limit in (*((side, limit) for side, spell in told for limit in spell.limits), *unheard):
        sides.setdefault(limit, set()).add(side)
    for limit, judging in sides.items():
        yield Line(limit, ", ".join(sorted(judging)))


def _point(result: Result) -> Point | None:
    quantity = result.quantity
    if quantity is None:
        return None
    interval = quantity.interval
    value = interval.low if interval.low is not None else interval.high
    if value is None:
        return None
    reference = result.reference
    return Point(
        in_zone(result.collected.at, UTC),
        value,
        str(quantity),
        quantity.comparator,
        reference.low if reference else None,
        reference.high if reference else None,
    )


def _courses(found: Sequence[TherapySpan]) -> list[Course]:
    courses = []
    for span in found:
        dose = span.doses[-1].mg_per_day if span.doses else None
        amount = "dose unknown" if dose is None else f"{plain(dose)} mg/day"
        until = "" if span.stop is None else f" to {span.stop:%Y-%m-%d}"
        words = f"{span.drug} {amount} from {span.start:%Y-%m-%d}{until}"
        courses.append(Course(in_zone(span.start, UTC), span.stop, words))
        courses += [Course(begin, end, f"{span.drug} on hold", held=True) for begin, end in span.holds]
    return courses
