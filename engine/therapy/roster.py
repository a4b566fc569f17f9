"""The roster: who takes which drug since when, and clinical facts, as a CSV file that a clinic keeps.

    patient_id,assigning_authority,event,effective,drug,dose_mg_per_day,indication,note

A defective file is refused whole, with every defect at once: half a roster is a list of patients whom
nobody watches.
"""

from __future__ import annotations

import csv
import difflib
import hashlib
import io
import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from zoneinfo import ZoneInfo

from engine.errors import ConfigError, Defect
from engine.model.facts import (
    BASELINE_PREFIX,
    FACT_QUANTITIES,
    FACT_VALUES,
    LIMIT_PREFIX,
    MANY_AT_ONCE,
    OTHER_DRUGS,
    PROTOCOL,
)
from engine.model.moment import Moment, Precision, in_zone
from engine.model.quantity import plain
from engine.model.therapy import ROSTER, TherapyEvent, TherapyEventKind
from engine.therapy.dose import LARGEST_MG_PER_DAY

COLUMNS = (
    "patient_id",
    "assigning_authority",
    "event",
    "effective",
    "drug",
    "dose_mg_per_day",
    "indication",
    "note",
)
DRUGS = ("azathioprine", "mercaptopurine", *OTHER_DRUGS)


_EVENTS: Mapping[str, TherapyEventKind] = {
    kind.value: kind
    for kind in (
        TherapyEventKind.START,
        TherapyEventKind.DOSE,
        TherapyEventKind.HOLD,
        TherapyEventKind.RESTART,
        TherapyEventKind.STOP,
        TherapyEventKind.FACT,
    )
}
_WITH_DOSE = frozenset({TherapyEventKind.START, TherapyEventKind.DOSE, TherapyEventKind.RESTART})
_WHEN = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}"
    r"(?P<time>[T ][0-9]{2}:[0-9]{2}(?P<second>:[0-9]{2})?(?P<zone>Z|[+-][0-9]{2}:?[0-9]{2})?)?"
)
_NUMBER = re.compile(r"[0-9]{1,9}(\.[0-9]{1,9})?")
_QUANTITY = re.compile(r"(?P<number>[0-9]{1,9}(?:\.[0-9]{1,9})?)(?: +(?P<unit>\S.*))?")
_YEARS = range(1950, 2101)
# What clinics write; the left side is never a value itself.
_ALIASES: Mapping[str, str] = {
    "ruq-pain": "right-upper-quadrant-pain",
    "flu-like": "influenza-like",
    "itching": "pruritus",
    "diarrhea": "diarrhoea",
    "leukemia": "leukaemia",
    "autoimmune-hepatitis": "aih",
    "crohn": "ibd",
    "ulcerative-colitis": "ibd",
}

CheckBaseline = Callable[[str, Decimal, str], str]
CheckRuleFact = Callable[[str, str, date], str]


@dataclass(frozen=True, slots=True)
class RosterRow:
    """One row: whose (the authority may be empty: the default one), and what; ``line`` for messages.

    The event has no person_id yet. Its id depends on the row's content alone, so that the same file can
    be imported twice; a row with another dose or value for the same event replaces the former one, given
    a higher ``version``.
    """

    patient_id: str
    assigning_authority: str
    event: TherapyEvent
    line: int = 0


def read_roster(
    text: str,
    file: str,
    zone: ZoneInfo,
    analytes: Collection[str],
    check_baseline: CheckBaseline,
    check_rule_fact: CheckRuleFact,
) -> tuple[RosterRow, ...]:
    """Read a roster file; ``file`` is its name in messages, ``zone`` that of times without offset.

    ``check_baseline(analyte, number, unit)`` says what is wrong with a stated baseline of one of
    ``analytes``, or nothing; ``check_rule_fact(name, value, day)`` the same of a fact of a day whose
    values the rules decide. Raises ConfigError with every defect: line, column, what, and what to do.
    """
    reader = _Reader(file, zone, analytes, check_baseline, check_rule_fact)
    rows = tuple(reader.rows(text))
    if reader.defects:
        raise ConfigError(reader.defects)
    return rows


def write_roster(rows: Iterable[RosterRow], zone: ZoneInfo) -> str:
    """The CSV text of rows, dates and times in ``zone``; :func:`read_roster` reads it back.

    Only what a roster can say: raises ValueError for the events of pharmacy orders.
    """
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(COLUMNS)
    for row in rows:
        event = row.event
        if event.kind.value not in _EVENTS:
            raise ValueError(f"a roster has no {event.kind.value} events")
        dose = event.dose_mg_per_day
        is_fact = event.kind is TherapyEventKind.FACT
        writer.writerow(
            (
                row.patient_id,
                row.assigning_authority,
                event.kind.value,
                _written(event.effective, zone),
                event.drug,
                "" if dose is None else plain(dose),
                event.indication,
                f"{event.fact_name}={event.fact_value}" if is_fact else event.note,
            )
        )
    return out.getvalue()


class _Reader:
    """Reads one file and collects what is wrong with it."""

    def __init__(
        self,
        file: str,
        zone: ZoneInfo,
        analytes: Collection[str],
        check_baseline: CheckBaseline,
        check_rule_fact: CheckRuleFact,
    ) -> None:
        self._file = file
        self._zone = zone
        self._analytes = analytes
        self._check_baseline = check_baseline
        self._check_rule_fact = check_rule_fact
        self._line = 0
        self._seen: dict[str, RosterRow] = {}
        self.defects: list[Defect] = []

    def rows(self, text: str) -> Iterator[RosterRow]:
        """The usable rows, each event once."""
        records = self._records(text.removeprefix("\ufeff"))
        header = next(records, [])
        if tuple(header) != COLUMNS:
            hint = f"the first line must be: {','.join(COLUMNS)}"
            if len(header) == 1 and ";" in header[0]:
                hint = f"separate columns with commas; {hint}"
            self._refuse("", "the header is not that of a roster", hint)
            return
        for record in records:
            if len(record) != len(COLUMNS):
                hint = "put a cell that holds a comma into double quotes"
                self._refuse("", f"{len(record)} columns instead of {len(COLUMNS)}", hint)
                continue
            before = len(self.defects)
            row = self._row(*(cell.strip() for cell in record))
            if len(self.defects) == before and self._is_new(row):
                yield row

    def _records(self, text: str) -> Iterator[list[str]]:
        """The records, with ``_line`` at the line that each begins on; blank ones are passed over."""
        reader = csv.reader(io.StringIO(text, newline=""), strict=True)
        end: list[str] = []
        while True:
            self._line = reader.line_num + 1
            try:
                record = next(reader, end)
            except csv.Error as error:
                hint = "a cell that begins with a double quote ends with one, and doubles those inside"
                self._refuse("", f"not CSV: {error}", hint)
                continue
            if record is end:
                return
            if any(cell.strip() for cell in record):
                yield record

    def _refuse(self, column: str, message: str, hint: str = "") -> None:
        message = f"{column}: {message}" if column else message
        self.defects.append(Defect(self._file, self._line, message, hint))

    def _is_new(self, row: RosterRow) -> bool:
        """False for a row that repeats an earlier one; one that contradicts an earlier one is refused."""
        known = self._seen.setdefault(row.event.event_id, row)
        if known is row:
            return True
        if known.event != row.event:
            what = f"says something else about the same {row.event.kind.value} as line {known.line}"
            self._refuse("event", what, "keep the row that is true")
        return False

    def _row(
        self,
        patient_id: str,
        authority: str,
        event: str,
        effective: str,
        drug: str,
        dose: str,
        indication: str,
        note: str,
    ) -> RosterRow:
        if not patient_id:
            self._refuse("patient_id", "is empty", "write the number that the laboratory sends in PID-3")
        kind = _EVENTS.get(event.lower())
        if kind is None:
            self._refuse("event", f'"{event}" is not an event', _near(event, _EVENTS))
            kind = TherapyEventKind.RESTART  # may have a dose and any note: no defects that follow from one
        is_fact = kind is TherapyEventKind.FACT
        moment = self._moment(effective)
        name, value = self._fact(note, moment.at.date()) if is_fact else ("", "")
        drug = self._drug(drug, required=not is_fact and event.lower() in _EVENTS)
        if is_fact and drug:
            self._refuse("drug", "a fact has no drug", "leave it empty")
        several = value if name in MANY_AT_ONCE else ""
        return RosterRow(
            patient_id,
            authority,
            TherapyEvent(
                event_id=_event_id(authority, patient_id, kind.value, _utc(moment), drug, name, several),
                person_id="",
                kind=kind,
                effective=moment,
                drug=drug,
                dose_mg_per_day=self._dose(dose, kind),
                indication=indication,
                fact_name=name,
                fact_value=value,
                note="" if is_fact else note,
                source=ROSTER,
            ),
            self._line,
        )

    def _drug(self, text: str, *, required: bool) -> str:
        drug = text.lower()
        if not drug and required:
            self._refuse("drug", "is empty", f"one of {', '.join(DRUGS)}")
        elif drug and drug not in DRUGS:
            self._refuse("drug", f'"{text}" is not a drug of the roster', _near(text, DRUGS))
        return drug

    def _dose(self, text: str, kind: TherapyEventKind) -> Decimal | None:
        if kind not in _WITH_DOSE:
            if text:
                self._refuse("dose_mg_per_day", f"a {kind.value} has no dose", "leave it empty")
            return None
        if not text:
            if kind is TherapyEventKind.DOSE:
                self._refuse("dose_mg_per_day", "is empty", "a change of dose needs the new one in mg/day")
            return None
        if not _NUMBER.fullmatch(text):
            hint = "milligrams a day as digits with a decimal point: 62.5"
            self._refuse("dose_mg_per_day", f'"{text}" is not a number', hint)
            return None
        dose = Decimal(text)
        if not 0 < dose <= LARGEST_MG_PER_DAY:
            hint = "for no dose write stop or hold" if not dose else "milligrams a day"
            self._refuse("dose_mg_per_day", f"{text} is not above 0 and at most {LARGEST_MG_PER_DAY}", hint)
        return dose

    def _moment(self, text: str) -> Moment:
        """A date or date-time; the end of time where it is refused."""
        refused = Moment(datetime.max.replace(tzinfo=UTC))
        match = _WHEN.fullmatch(text)
        hint = "a date like 2026-01-31, or a time like 2026-01-31T08:30 or 2026-01-31T08:30+01:00"
        if match is None:
            self._refuse("effective", f'"{text}" is not a date or time' if text else "is empty", hint)
            return refused
        try:
            at = datetime.fromisoformat(text)
        except ValueError:
            self._refuse("effective", f'"{text}" is not in the calendar', hint)
            return refused
        if at.year not in _YEARS:
            self._refuse("effective", f"the year {at.year} cannot be meant", hint)
            return refused
        precision = Precision.SECOND if match["second"] else Precision.MINUTE
        if not match["time"]:
            precision = Precision.DAY
        if at.tzinfo is not None:
            return Moment(at, precision)
        local = at.replace(tzinfo=self._zone)
        first, second = (local.replace(fold=fold).utcoffset() or timedelta() for fold in (0, 1))
        # With a fixed offset, so that differences between moments are real durations (PEP 495).
        fixed = local.astimezone(timezone(first))
        twice = first > second and precision > Precision.DAY
        return Moment(fixed, precision, zone_assumed=True, ambiguous=twice)

    def _fact(self, note: str, day: date) -> tuple[str, str]:
        """Name and value of ``name=value``, in our spelling."""
        name, equals, value = (part.strip() for part in note.partition("="))
        name, hint = name.lower().replace(" ", "-"), "write name=value, such as tpmt=normal"
        if not equals or not name or not value:
            self._refuse("note", "a fact needs name=value", hint)
        elif name.startswith(BASELINE_PREFIX):
            value = self._baseline(name.removeprefix(BASELINE_PREFIX), value)
        elif name in FACT_QUANTITIES:
            value = self._quantity(name, value)
        elif name == PROTOCOL or name.startswith(LIMIT_PREFIX):
            problem = self._check_rule_fact(name, value, day)
            if problem:
                self._refuse("note", problem)
        elif name not in FACT_VALUES:
            known = (
                *FACT_VALUES,
                *FACT_QUANTITIES,
                PROTOCOL,
                *(f"{BASELINE_PREFIX}{analyte}" for analyte in self._analytes),
            )
            self._refuse("note", f'"{name}" is not a fact', _near(name, known))
        else:
            spelling = re.sub(r"[\s_]+", "-", value.lower())
            spelling = _ALIASES.get(spelling, spelling)
            if spelling not in FACT_VALUES[name]:
                self._refuse(
                    "note", f'"{value}" is not a value of {name}', _near(spelling, FACT_VALUES[name])
                )
            value = spelling
        return name, value

    def _quantity(self, name: str, value: str) -> str:
        """``70 kg``, in the one unit of that fact."""
        match, kind = _QUANTITY.fullmatch(value), FACT_QUANTITIES[name]
        if match is None or match["unit"] != kind.unit:
            hint = f"write {name}=70 {kind.unit}"
            self._refuse("note", f'"{value}" is not a number of {kind.unit}', hint)
        elif not kind.low <= Decimal(match["number"]) <= kind.high:
            bounds = f"between {kind.low} and {kind.high} {kind.unit}"
            self._refuse("note", f"{name}={value} cannot be meant", bounds)
        else:
            return f"{plain(Decimal(match['number']))} {kind.unit}"
        return value

    def _baseline(self, analyte: str, value: str) -> str:
        """``31 U/L``, checked by whoever knows the units of the analyte."""
        match = _QUANTITY.fullmatch(value)
        if analyte not in self._analytes:
            self._refuse("note", f'"{analyte}" is not an analyte', _near(analyte, self._analytes))
        elif match is None:
            self._refuse("note", f'"{value}" is not a number and a unit', "write baseline.alt=31 U/L")
        else:
            number, unit = match["number"], match["unit"] or ""
            problem = self._check_baseline(analyte, Decimal(number), unit)
            if problem:
                self._refuse("note", f"baseline of {analyte}: {problem}")
            return f"{number} {unit}".rstrip()
        return value


def _near(text: str, known: Iterable[str]) -> str:
    """A hint with what was probably meant, else everything there is."""
    names = sorted(known)
    close = difflib.get_close_matches(text.lower(), names, n=3)
    return f"did you mean {' or '.join(close)}?" if close else f"one of {', '.join(names)}"


def _written(moment: Moment, zone: ZoneInfo) -> str:
    at = in_zone(moment.at, zone)
    if moment.precision <= Precision.DAY:
        return at.date().isoformat()
    return at.isoformat(timespec="minutes" if moment.precision <= Precision.MINUTE else "seconds")


def _utc(moment: Moment) -> str:
    return f"{moment.at.astimezone(UTC).isoformat()} {moment.precision.value}"


def _event_id(*parts: str) -> str:
    return hashlib.sha256("\x1f".join((ROSTER, *parts)).encode()).hexdigest()[:24]
