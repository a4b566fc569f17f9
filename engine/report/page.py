"""The report as one self-contained HTML file: no script, no network, readable on paper and on a phone."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from statistics import median

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from engine.decide import Knowledge
from engine.model.alert import AlertEvent, Phase
from engine.model.codes import AnalyteDefinition
from engine.model.finding import Severity
from engine.model.quantity import plain
from engine.model.record import Record
from engine.model.result import Result
from engine.model.therapy import TherapySpan
from engine.report.chart import Chart, Course, Line, Mark, Point, draw
from engine.report.gathering import PAGED, Gathered
from engine.store import Store
from engine.therapy import spans

SEVERITIES = tuple(sorted(Severity, key=lambda severity: -severity.rank))
MOST_CHARTS = 300
MOST_ROWS = 50


@dataclass(frozen=True, slots=True)
class Titles:
    """What the report is called and made of."""

    title: str
    archive: str
    revision: str
    protocol: str


@dataclass(frozen=True, slots=True)
class AlertCard:
    """One alert with its events and its picture."""

    anchor: str
    patient: str
    severity: str
    rule: str
    title: str
    message: str
    action: str
    therapy: str
    told: tuple[AlertEvent, ...]
    sources: tuple[str, ...]
    ended: bool
    chart: Markup


def render_report(
    titles: Titles,
    gathered: Gathered,
    store: Store,
    knowledge: Knowledge,
    *,
    identify: bool,
) -> str:
    """The HTML of a report on what a replay has left in ``store``.

    Patients are numbered in the order of their first alert unless ``identify`` asks for their identifiers.
    """
    analytes = knowledge.terminology.analytes
    ledger = store.mapping_ledger()
    names = patient_names(gathered.events, identify=identify)
    alerts = gathered.alerts()
    graver_first = sorted(
        alerts.values(),
        key=lambda told: (-max(e.severity.rank for e in told), told[0].decided_at, told[0].alert_id),
    )
    shown = graver_first[:MOST_CHARTS]
    cards = [_card(number, told, names, store, analytes) for number, told in enumerate(shown, start=1)]
    pages = [event for event in gathered.events if event.phase in PAGED]
    environment = Environment(
        loader=PackageLoader("engine.report", "."),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    template = environment.get_template("report.html.j2")
    return template.render(
        titles=titles,
        gathered=gathered,
        cards=cards,
        left_out=len(graver_first) - len(cards),
        severities=SEVERITIES,
        by_severity=Counter(event.severity for event in pages),
        weeks=_week_bars(gathered),
        rules=_most(Counter(event.rule for event in pages)),
        patients=_most(Counter(names[event.person.person_id] for event in pages)),
        resolution=[(s, hours) for s in SEVERITIES if (hours := _spread(gathered.hours_to_end().get(s, [])))],
        ledger=ledger[:MOST_ROWS],
        ledger_left_out=max(len(ledger) - MOST_ROWS, 0),
        codes=store.code_counts(),
        identify=identify,
    )


def patient_names(events: Sequence[AlertEvent], *, identify: bool) -> Mapping[str, str]:
    """What each person is called: an identifier, or a number in the order of their first alert."""
    persons = {event.person.person_id: event.person for event in events}
    if not identify:
        return {person_id: f"patient {number}" for number, person_id in enumerate(persons, start=1)}
    return {
        person_id: " ".join(filter(None, (person.identifiers[0].value, person.identifiers[0].authority)))
        if person.identifiers
        else person_id
        for person_id, person in persons.items()
    }


def _most(counts: Counter[str]) -> list[tuple[str, int, float]]:
    """The largest counts with their length as a share of the longest bar, in per cent."""
    top = counts.most_common(15)
    return [(name, count, 100 * count / top[0][1]) for name, count in top]


def _spread(hours: Sequence[float]) -> tuple[int, str, str] | None:
    """How many ended, the median and the longest, in words."""
    if not hours:
        return None
    return len(hours), _duration(median(hours)), _duration(hours[-1])


def _duration(hours: float) -> str:
    return f"{hours:.0f} h" if hours < 48 else f"{hours / 24:.0f} d"


def _week_bars(gathered: Gathered) -> list[tuple[str, list[tuple[str, int, float]], int]]:
    """For each week: its Monday, the stacked parts (severity, count, height in per cent), the sum."""
    weeks = gathered.weeks()
    highest = max((sum(counts.values()) for counts in weeks.values()), default=0) or 1
    return [
        (
            monday.isoformat(),
            [(s.value, counts[s], 100 * counts[s] / highest) for s in reversed(SEVERITIES) if counts[s]],
            sum(counts.values()),
        )
        for monday, counts in weeks.items()
    ]


def _card(
    number: int,
    told: Sequence[AlertEvent],
    names: Mapping[str, str],
    store: Store,
    analytes: Mapping[str, AnalyteDefinition],
) -> AlertCard:
    gravest = max(
        (e for e in told if e.phase is not Phase.END), key=lambda e: e.severity.rank, default=told[0]
    )
    record = _record_of(gravest, store)
    chart = _chart(told, gravest, record, analytes) if record is not None else None
    return AlertCard(
        anchor=f"alert-{number}",
        patient=names[gravest.person.person_id],
        severity=gravest.severity.value,
        rule=gravest.rule,
        title=gravest.title,
        message=gravest.message,
        action=gravest.action,
        therapy=gravest.drug_text,
        told=tuple(told),
        sources=gravest.sources,
        ended=told[-1].phase is Phase.END,
        chart=Markup(draw(chart, f"chart-{number}")) if chart else Markup(""),  # noqa: S704 - draw() escapes
    )


def _record_of(event: AlertEvent, store: Store) -> Record | None:
    """The record of whom an event was about: since then a merge may have joined it into another."""
    for identifier in event.person.identifiers:
        roots = store.roots_by_identifier(identifier.value, identifier.authority)
        if roots:
            return store.records(roots[:1])[0]
    return None


def _chart(
    told: Sequence[AlertEvent], gravest: AlertEvent, record: Record, analytes: Mapping[str, AnalyteDefinition]
) -> Chart | None:
    """The analyte that the alert names first, over all that is on record of it."""
    trigger = gravest.trigger
    if trigger is None or trigger.analyte not in analytes:
        return None
    results = sorted(
        (r for r in record.results if r.analyte == trigger.analyte and not r.withdrawn and r.quantity),
        key=lambda r: (r.collected.at, r.key),
    )
    points = [point for result in results if (point := _point(result)) is not None]
    if not points:
        return None
    definition = analytes[trigger.analyte]
    return Chart(
        title=f"{definition.title} of {gravest.rule}",
        unit=trigger.unit,
        points=points,
        lines=_lines(gravest, trigger.analyte),
        marks=[Mark(e.decided_at, e.severity.value, f"{e.phase.value}: {e.severity.value}") for e in told],
        courses=_courses(spans(record.therapy)),
    )


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
        result.collected.at,
        value,
        str(quantity),
        quantity.comparator,
        reference.low if reference else None,
        reference.high if reference else None,
    )


def _lines(event: AlertEvent, analyte: str) -> list[Line]:
    """Thresholds of the conditions on this analyte, and its baseline."""
    lines: dict[tuple[str, Decimal], Line] = {}
    for evidence in event.evidence:
        if evidence.analyte != analyte:
            continue
        for kind, text, words in (
            ("threshold", evidence.threshold, evidence.condition),
            (
                "baseline",
                evidence.reference_value if evidence.reference_kind == "baseline" else "",
                "baseline",
            ),
        ):
            value = _decimal(text)
            if value is not None:
                lines.setdefault((kind, value), Line(kind, value, words))
    return list(lines.values())


def _decimal(text: str) -> Decimal | None:
    try:
        return Decimal(text)
    except InvalidOperation:
        return None


def _courses(found: Sequence[TherapySpan]) -> list[Course]:
    courses = []
    for span in found:
        dose = span.doses[-1].mg_per_day if span.doses else None
        amount = "dose unknown" if dose is None else f"{plain(dose)} mg/day"
        until = "" if span.stop is None else f" to {span.stop:%Y-%m-%d}"
        words = f"{span.drug} {amount} from {span.start:%Y-%m-%d}{until}"
        courses.append(Course(span.start, span.stop, words))
        courses += [Course(begin, end, f"{span.drug} on hold", held=True) for begin, end in span.holds]
    return courses
