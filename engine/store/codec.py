"""Rows to frozen values and back, exactly."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from functools import lru_cache
from typing import Any

from engine.model.moment import Moment, Precision
from engine.model.person import Demographics, Visit
from engine.model.quantity import Interval, Quantity, ReferenceRange
from engine.model.result import Problem, Result, ResultStatus, Version
from engine.model.therapy import TherapyEvent, TherapyEventKind

_SEPARATOR = "\x1f"  # stands behind the bounds of a reference range, which cannot contain it
_REMEMBERED = 4096
_STATUSES = {status.value: status for status in ResultStatus}
_PROBLEMS: dict[str, Problem | None] = {"": None, **{problem.value: problem for problem in Problem}}


def instant(moment: datetime) -> str:
    """UTC text of fixed width."""
    return moment.astimezone(UTC).isoformat(timespec="microseconds")


def from_instant(text: str) -> datetime:
    """The instant that :func:`instant` wrote."""
    return datetime.fromisoformat(text)


def storable(text: str) -> str:
    """Text from outside HL7 (a file name, a command line) without what no database can hold."""
    return text.encode("utf-8", "replace").decode()


def _moment_columns(moment: Moment) -> tuple[str, int, str]:
    notes = ("a" if moment.ambiguous else "") + ("z" if moment.zone_assumed else "")
    return moment.at.isoformat(), int(moment.precision), notes


# Parts that many rows share are made once: the time of a blood draw, a reference range, a common value.


@lru_cache(maxsize=_REMEMBERED)
def _moment(at: str, precision: int, notes: str) -> Moment:
    return Moment(datetime.fromisoformat(at), Precision(precision), "z" in notes, "a" in notes)


@lru_cache(maxsize=_REMEMBERED)
def _time(text: str) -> datetime:
    return datetime.fromisoformat(text)


@lru_cache(maxsize=_REMEMBERED)
def _quantity(interval: str, unit: str) -> Quantity | None:
    return Quantity(_interval(interval), unit) if interval else None


@lru_cache(maxsize=_REMEMBERED)
def _reference(text: str) -> ReferenceRange | None:
    if not text:
        return None
    bounds, sent = text.split(_SEPARATOR, 1)
    interval = _interval(bounds)
    return ReferenceRange(interval.low, interval.high, sent, interval.low_open, interval.high_open)


@lru_cache(maxsize=_REMEMBERED)
def _flags(text: str) -> tuple[str, ...]:
    return tuple(json.loads(text)) if text else ()


@lru_cache(maxsize=_REMEMBERED)
def _flags_text(flags: tuple[str, ...]) -> str:
    return json.dumps(flags, ensure_ascii=False) if flags else ""


def _number(value: Decimal | None) -> str:
    return "" if value is None else str(value)


def _decimal(text: str) -> Decimal | None:
    return Decimal(text) if text else None


def _bounds_text(low: Decimal | None, high: Decimal | None, low_open: bool, high_open: bool) -> str:
    """``212`` for one number, else an interval in mathematical notation: ``(1000;]``."""
    if low is not None and low == high and not (low_open or high_open):
        return str(low)
    return f"{'(' if low_open else '['}{_number(low)};{_number(high)}{')' if high_open else ']'}"


def _interval(text: str) -> Interval:
    if text[0] not in "([":
        point = Decimal(text)
        return Interval(point, point)
    low, high = text[1:-1].split(";")
    return Interval(_decimal(low), _decimal(high), text[0] == "(", text[-1] == ")")


def _quantity_text(quantity: Quantity | None) -> str:
    if quantity is None:
        return ""
    interval = quantity.interval
    return _bounds_text(interval.low, interval.high, interval.low_open, interval.high_open)


def _reference_text(reference: ReferenceRange | None) -> str:
    if reference is None:
        return ""
    bounds = _bounds_text(reference.low, reference.high, reference.low_open, reference.high_open)
    return bounds + _SEPARATOR + reference.text


def result_rows(results: Iterable[Result]) -> Iterator[tuple[str | int, ...]]:
    """Results in the order of the columns of their table; those they were derived from are not kept.

    The results of one draw share their times, which are written once.
    """
    before: Result | None = None
    for result in results:
        collected, version = result.collected, result.version
        if before is None or collected is not before.collected:
            moment = _moment_columns(collected)
        if before is None or version.reported_at is not before.version.reported_at:
            reported_at = version.reported_at.isoformat()
        if before is None or version.sent_at is not before.version.sent_at:
            sent_at = version.sent_at.isoformat()
        before = result
        yield _result_row(result, moment, reported_at, sent_at)


def _result_row(
    result: Result, collected: tuple[str, int, str], reported_at: str, sent_at: str
) -> tuple[str | int, ...]:
    version = result.version
    return (
        result.person_id,
        result.key,
        result.analyte,
        result.code,
        result.code_text,
        result.sender,
        result.order,
        result.specimen,
        *collected,
        reported_at,
        sent_at,
        version.rank,
        version.digest,
        result.status.value,
        _quantity_text(result.quantity),
        "" if result.quantity is None else result.quantity.unit,
        _reference_text(result.reference),
        result.sent,
        result.text,
        "" if result.problem is None else result.problem.value,
        _flags_text(result.flags),
        result.method,
        result.control_id,
        result.location,
        result.specimen_condition,
        int(result.spoiled),
    )


def result_from_row(row: Sequence[Any]) -> Result:
    """A result that :func:`result_rows` wrote."""
    (person_id, key, analyte, code, code_text, sender, order, specimen, *rest) = row
    (collected_at, precision, notes, reported_at, sent_at, rank, digest, status, *rest) = rest
    (value, unit, reference, sent, text, problem, flags, method, control_id, location, *rest) = rest
    (specimen_condition, spoiled) = rest
    return Result(
        person_id,
        key,
        analyte,
        code,
        code_text,
        sender,
        order,
        specimen,
        _moment(collected_at, precision, notes),
        Version(_time(reported_at), _time(sent_at), rank, digest),
        _STATUSES[status],
        _quantity(value, unit),
        _reference(reference),
        sent,
        text,
        _PROBLEMS[problem],
        _flags(flags),
        method,
        control_id,
        location,
        specimen_condition,
        bool(spoiled),
    )


def demographics_text(demographics: Demographics) -> str:
    """Demographics as one line of JSON."""
    return json.dumps(
        {
            "name": demographics.name,
            "birth_date": demographics.birth_date.isoformat() if demographics.birth_date else None,
            "sex": demographics.sex,
            "deceased": demographics.deceased,
        },
        ensure_ascii=False,
        separators=(",", ":"),
    )


def demographics_from_text(text: str) -> Demographics:
    """What :func:`demographics_text` wrote."""
    fields = json.loads(text)
    born = fields["birth_date"]
    return Demographics(
        tuple(fields["name"]), date.fromisoformat(born) if born else None, fields["sex"], fields["deceased"]
    )


def visit_text(visit: Visit) -> str:
    """A visit as one line of JSON."""
    return json.dumps(
        [visit.patient_class, visit.location, visit.attending, visit.number],
        ensure_ascii=False,
        separators=(",", ":"),
    )


def visit_from_text(text: str) -> Visit:
    """What :func:`visit_text` wrote."""
    patient_class, location, attending, number = json.loads(text)
    return Visit(patient_class, tuple(location), tuple(attending), number)


def therapy_text(event: TherapyEvent) -> str:
    """A therapy event, without its id and person, as one line of JSON."""
    return json.dumps(
        {
            "kind": event.kind.value,
            "effective": _moment_columns(event.effective),
            "drug": event.drug,
            "dose": _number(event.dose_mg_per_day),
            "order": event.order,
            "ends": _moment_columns(event.ends) if event.ends else None,
            "indication": event.indication,
            "fact_name": event.fact_name,
            "fact_value": event.fact_value,
            "note": event.note,
            "source": event.source,
            "provisional": event.provisional,
            "version": event.version,
            "control": event.control,
            "reverts": event.reverts,
            "parent": event.parent,
            "inpatient": event.inpatient,
        },
        ensure_ascii=False,
        separators=(",", ":"),
    )


def therapy_from_row(person_id: str, event_id: str, text: str) -> TherapyEvent:
    """The event whose payload :func:`therapy_text` wrote."""
    fields = json.loads(text)
    return TherapyEvent(
        event_id=event_id,
        person_id=person_id,
        kind=TherapyEventKind(fields["kind"]),
        effective=_moment(*fields["effective"]),
        drug=fields["drug"],
        dose_mg_per_day=_decimal(fields["dose"]),
        order=fields["order"],
        ends=_moment(*fields["ends"]) if fields["ends"] else None,
        indication=fields["indication"],
        fact_name=fields["fact_name"],
        fact_value=fields["fact_value"],
        note=fields["note"],
        source=fields["source"],
        provisional=fields["provisional"],
        version=fields["version"],
        control=fields["control"],
        reverts=fields["reverts"],
        parent=fields["parent"],
        inpatient=fields["inpatient"],
    )


def headers_from_text(text: str) -> Mapping[str, str]:
    """AMQP headers as they were queued."""
    headers: dict[str, str] = json.loads(text)
    return headers
