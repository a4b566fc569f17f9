"""Rows to frozen values and back, exactly."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

from engine.model.moment import Moment, Precision
from engine.model.person import Demographics, Visit
from engine.model.quantity import Interval, Quantity, ReferenceRange
from engine.model.result import Problem, Result, ResultStatus, Version
from engine.model.therapy import TherapyEvent, TherapyEventKind

_SEPARATOR = "\x1f"  # cannot occur in ER7 text that the reader let through


def instant(moment: datetime) -> str:
    """UTC text of fixed width."""
    return moment.astimezone(UTC).isoformat(timespec="microseconds")


def from_instant(text: str) -> datetime:
    return datetime.fromisoformat(text)


def _moment_columns(moment: Moment) -> tuple[str, int, str]:
    notes = ("a" if moment.ambiguous else "") + ("z" if moment.zone_assumed else "")
    return moment.at.isoformat(), int(moment.precision), notes


def _moment(at: str, precision: int, notes: str) -> Moment:
    return Moment(datetime.fromisoformat(at), Precision(precision), "z" in notes, "a" in notes)


def _number(value: Decimal | None) -> str:
    return "" if value is None else str(value)


def _decimal(text: str) -> Decimal | None:
    return Decimal(text) if text else None


def _interval_text(interval: Interval) -> str:
    if interval.point is not None and not (interval.low_open or interval.high_open):
        return str(interval.low)
    bounds = ("(" if interval.low_open else "[") + _number(interval.low)
    return bounds + _SEPARATOR + _number(interval.high) + (")" if interval.high_open else "]")


def _interval(text: str) -> Interval:
    if text[0] not in "([":
        point = Decimal(text)
        return Interval(point, point)
    low, high = text[1:-1].split(_SEPARATOR)
    return Interval(_decimal(low), _decimal(high), text[0] == "(", text[-1] == ")")


def result_row(result: Result) -> dict[str, Any]:
    """The columns of one result."""
    collected_at, precision, notes = _moment_columns(result.collected)
    reference = result.reference
    return {
        "person_id": result.person_id,
        "key": result.key,
        "analyte": result.analyte,
        "code": result.code,
        "code_text": result.code_text,
        "sender": result.sender,
        "order_number": result.order,
        "specimen": result.specimen,
        "collected_at": collected_at,
        "collected_precision": precision,
        "collected_notes": notes,
        "reported_at": result.version.reported_at.isoformat(),
        "sent_at": result.version.sent_at.isoformat(),
        "status_rank": result.version.rank,
        "digest": result.version.digest,
        "status": result.status.value,
        "value": "" if result.quantity is None else _interval_text(result.quantity.interval),
        "unit": "" if result.quantity is None else result.quantity.unit,
        "reference": ""
        if reference is None
        else _interval_text(Interval(reference.low, reference.high, reference.low_open, reference.high_open))
        + _SEPARATOR
        + reference.text,
        "sent": result.sent,
        "text": result.text,
        "problem": "" if result.problem is None else result.problem.value,
        "flags": _SEPARATOR.join(result.flags),
        "method": result.method,
        "control_id": result.control_id,
        "location": result.location,
    }


def result_from_row(row: Mapping[str, Any]) -> Result:
    """The result of one row (derived results are never stored)."""
    value = row["value"]
    return Result(
        person_id=row["person_id"],
        key=row["key"],
        analyte=row["analyte"],
        code=row["code"],
        code_text=row["code_text"],
        sender=row["sender"],
        order=row["order_number"],
        specimen=row["specimen"],
        collected=_moment(row["collected_at"], row["collected_precision"], row["collected_notes"]),
        version=Version(
            datetime.fromisoformat(row["reported_at"]),
            datetime.fromisoformat(row["sent_at"]),
            row["status_rank"],
            row["digest"],
        ),
        status=ResultStatus(row["status"]),
        quantity=Quantity(_interval(value), row["unit"]) if value else None,
        reference=_reference(row["reference"]),
        sent=row["sent"],
        text=row["text"],
        problem=Problem(row["problem"]) if row["problem"] else None,
        flags=tuple(row["flags"].split(_SEPARATOR)) if row["flags"] else (),
        method=row["method"],
        control_id=row["control_id"],
        location=row["location"],
    )


def _reference(text: str) -> ReferenceRange | None:
    if not text:
        return None
    fields = text.split(_SEPARATOR, 2)
    if text[0] in "([":
        bounds, sent = _SEPARATOR.join(fields[:2]), fields[2]
        # The closing bracket ends the second field; the range as sent follows it.
        interval = _interval(bounds)
        return ReferenceRange(interval.low, interval.high, sent, interval.low_open, interval.high_open)
    value = Decimal(fields[0])
    return ReferenceRange(value, value, _SEPARATOR.join(fields[1:]))


def demographics_text(demographics: Demographics) -> str:
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
    fields = json.loads(text)
    born = fields["birth_date"]
    return Demographics(
        tuple(fields["name"]), date.fromisoformat(born) if born else None, fields["sex"], fields["deceased"]
    )


def visit_text(visit: Visit) -> str:
    return json.dumps(
        [visit.patient_class, visit.location, visit.attending, visit.number],
        ensure_ascii=False,
        separators=(",", ":"),
    )


def visit_from_text(text: str) -> Visit:
    patient_class, location, attending, number = json.loads(text)
    return Visit(patient_class, tuple(location), tuple(attending), number)


def therapy_text(event: TherapyEvent) -> str:
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


def therapy_from_row(event_id: str, person_id: str, text: str) -> TherapyEvent:
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
    headers: dict[str, str] = json.loads(text)
    return headers
