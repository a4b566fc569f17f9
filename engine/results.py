"""From OBX segments to results: what one patient's part of an ORU message says about our analytes.

Result statuses, value types and times follow HL7 v2.9 chapter 7 (OBX-2, -3, -5, -6, -7, -8, -11, -14;
OBR-2, -3, -7, -22; SPM-2, -17).
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from datetime import timedelta, timezone

from engine.errors import ContentError
from engine.hl7 import (
    OrderGroup,
    PatientGroup,
    TimeUnreadableError,
    moment_of,
    range_of,
    read_value,
    unit_of,
)
from engine.model.codes import AnalyteKind, CodeKind, CodeMatch, Coding
from engine.model.disposition import Reason
from engine.model.ledger import LedgerEntry
from engine.model.moment import Moment
from engine.model.quantity import Quantity
from engine.model.result import STATUS_ACTIONS, Problem, Result, ResultStatus, StatusAction, Version
from engine.model.segments import Segment
from engine.model.site import Site
from engine.terminology import Terminology

# A specimen cannot be collected after its result was sent; a day of grace covers skewed clocks and zones.
_FUTURE_GRACE = timedelta(days=1)

# Table 0078 codes that forbid the use of the value: failed quality control, and two cytotoxicity codes.
_UNUSABLE_FLAGS = frozenset({"QCF", "TOX", "HM"})

# Which restatement wins when two carry the same times: the one that took more deciding.
_STATUS_RANK = {
    StatusAction.NO_VALUE: 0,
    StatusAction.STORE: 1,
    StatusAction.PROVISIONAL: 2,
    StatusAction.PROMOTE: 3,
    StatusAction.EVALUATE: 4,
    StatusAction.WITHDRAW: 6,
}
_CORRECTION_RANK = 5


@dataclass(frozen=True, slots=True)
class Header:
    """What every observation of a message inherits from its MSH."""

    sender: str
    control_id: str
    site: Site
    sent_at: Moment | None
    default_offset: timezone | None


@dataclass(frozen=True, slots=True)
class Reported:
    """What one patient's observations amount to; ``promoted`` have status U and wait for their value."""

    results: tuple[Result, ...]
    promoted: tuple[Result, ...]
    ledger: tuple[LedgerEntry, ...]
    observations: int


@dataclass(slots=True)
class _Collector:
    header: Header
    person_id: str
    sex: str
    terminology: Terminology
    results: dict[str, Result] = field(default_factory=dict)
    promoted: list[Result] = field(default_factory=list)
    ledger: list[LedgerEntry] = field(default_factory=list)
    observations: int = 0


def read_results(
    group: PatientGroup, header: Header, person_id: str, sex: str, terminology: Terminology
) -> Reported:
    """Read every observation of one patient.

    Raises ContentError where the message cannot be trusted: codes that disagree, a status that is in no
    table, no readable time, an observation of ours outside any order.
    """
    collector = _Collector(header, person_id, sex, terminology)
    for order in group.orders:
        for observation in order.observations:
            collector.observations += 1
            obx = observation.obx
            unit = unit_of(obx)
            match = terminology.identify(tuple(_codings(obx)), header.site.name, _specimen_type(order), unit)
            if match.kind is CodeKind.ANALYTE:
                _read_one(collector, order, obx, match)
            elif match.kind is CodeKind.UNMAPPED:
                _note_unmapped(collector, order, obx, match, unit)
            elif match.kind is CodeKind.DISAGREE:
                raise ContentError(Reason.CODES_DISAGREE, obx.location(3), match.detail)
            elif match.kind is CodeKind.EXCLUDED:
                collector.ledger.append(_entry(header, match, unit, match.kind.value))
    return Reported(
        tuple(collector.results.values()),
        tuple(collector.promoted),
        tuple(collector.ledger),
        collector.observations,
    )


def _codings(obx: Segment) -> Iterator[Coding]:
    parts = obx.components(3)
    for first in (0, 3, 9):
        triplet = parts[first : first + 3]
        if triplet and triplet[0]:
            yield Coding(*triplet)


def _read_one(collector: _Collector, order: OrderGroup, obx: Segment, match: CodeMatch) -> None:
    status = _status(obx)
    action = STATUS_ACTIONS[status]
    if action is StatusAction.NO_VALUE:
        return
    result = _frame(collector, order, obx, match, status)
    if action is StatusAction.WITHDRAW:
        collector.results[result.key] = result
        return
    if action is StatusAction.PROMOTE:
        collector.promoted.append(result)
        return
    if status in (ResultStatus.COMMENT, ResultStatus.VERIFIED):
        if not obx.raw(5):
            return
        # B and V restate a final value; kept as what they restate.
        result = replace(result, status=ResultStatus.FINAL)
    _keep(collector, _with_value(collector, result, obx, match), match)


def _keep(collector: _Collector, result: Result, match: CodeMatch) -> None:
    """Several OBX of one OBX-3 and OBX-4 are one unit: one has the value, the others are comments.

    A second readable value under the same key is a result of its own: nothing is overwritten.
    """
    known = collector.results.get(result.key)
    if known is None or (known.problem is not None and result.problem is None):
        collector.results[result.key] = result
    elif result.problem is None:
        if (known.sent, known.collected) == (result.sent, result.collected):
            return
        number = 2
        while f"{result.key}#{number}" in collector.results:
            number += 1
        key = f"{result.key}#{number}"
        collector.results[key] = replace(result, key=key)
    else:
        return
    if result.problem is not None:
        collector.ledger.append(_entry(collector.header, match, match.unit, result.problem.value))


def _with_value(collector: _Collector, result: Result, obx: Segment, match: CodeMatch) -> Result:
    terminology = collector.terminology
    reading = read_value(obx)
    sent = f"{obx.raw(5)} {obx.raw(6)}".strip()
    flags = tuple(obx.text(8, repetition=number) for number in range(1, obx.repetitions(8) + 1))
    result = replace(result, sent=sent, text=reading.text, flags=flags)
    if terminology.analyte(match.analyte).kind is AnalyteKind.CODED:
        return result if reading.text else replace(result, problem=Problem.VALUE_UNREADABLE)
    if reading.interval is None or _UNUSABLE_FLAGS.intersection(flags):
        return replace(result, problem=Problem.VALUE_UNREADABLE)
    quantity = terminology.quantity(match.analyte, reading.interval, match.unit)
    if not isinstance(quantity, Quantity):
        return replace(result, problem=quantity)
    reference = range_of(obx, collector.sex)
    if reference is not None:
        reference = terminology.reference(match.analyte, reference, match.unit)
    return replace(result, quantity=quantity, reference=reference)


def _note_unmapped(
    collector: _Collector, order: OrderGroup, obx: Segment, match: CodeMatch, unit: str
) -> None:
    header = collector.header
    collector.ledger.append(_entry(header, match, unit, match.kind.value))
    if not match.code:
        return
    framed = _frame(collector, order, obx, match, ResultStatus.FINAL)
    # One row for each code of a person, the newest: the notice is about the code, not about its values.
    key = f"unmapped|{header.sender}|{match.code}"
    collector.results[key] = replace(framed, key=key, problem=Problem.CODE_UNMAPPED)


def _frame(
    collector: _Collector, order: OrderGroup, obx: Segment, match: CodeMatch, status: ResultStatus
) -> Result:
    """A result without its value: who, which analyte, which order, when, which version."""
    header = collector.header
    if order.obr is None:
        raise ContentError(
            Reason.OBSERVATION_WITHOUT_ORDER,
            obx.location(),
            "no OBR comes before this OBX, so the result has no order and no collection time",
        )
    collected = _collected(order, obx, header)
    reported = _moment(order.obr, 22, header) or header.sent_at or collected
    sent = header.sent_at or reported
    action = STATUS_ACTIONS[status]
    corrects = status in (ResultStatus.CORRECTED, ResultStatus.AMENDED)
    number = _order_number(order, collected)
    namespace = order.obr.text(3, 2) or header.sender
    return Result(
        person_id=collector.person_id,
        key="|".join((namespace, number, f"{match.code}^{match.system}", obx.text(4))),
        analyte=match.analyte,
        code=match.code,
        code_text=match.text,
        sender=header.sender,
        order=number,
        specimen=_specimen(order) or number,
        collected=collected,
        version=Version(
            reported.at,
            sent.at,
            _CORRECTION_RANK if corrects else _STATUS_RANK[action],
            _digest(obx.raw(number) for number in (5, 6, 7, 8, 11, 14)),
        ),
        status=status,
        quantity=None,
        reference=None,
        sent="",
        method=match.method,
        control_id=header.control_id,
        location=obx.location(5),
    )


def _digest(parts: Iterable[str]) -> str:
    return hashlib.sha256("\x1f".join(parts).encode()).hexdigest()[:16]


def _status(obx: Segment) -> ResultStatus:
    """OBX-11; empty means final, as it did before version 2.4 and as senders that omit it mean."""
    code = obx.text(11).strip().upper()
    try:
        return ResultStatus(code) if code else ResultStatus.FINAL
    except ValueError:
        raise ContentError(
            Reason.STATUS_UNKNOWN, obx.location(11), "the result status is not in HL7 table 0085"
        ) from None


def _order_number(order: OrderGroup, collected: Moment) -> str:
    """OBR-3, else OBR-2, else the same of ORC; without any, panel and collection time stand for them."""
    for segment, first in ((order.obr, 3), (order.obr, 2), (order.orc, 3), (order.orc, 2)):
        if segment is not None and segment.text(first):
            return segment.text(first)
    panel = order.obr.text(4) if order.obr is not None else ""
    return f"unnumbered {panel} {collected.isoformat()}"


def _specimen(order: OrderGroup) -> str:
    for specimen in order.specimens:
        if specimen.text(2) or specimen.text(2, subcomponent=2):
            return specimen.text(2) or specimen.text(2, subcomponent=2)
    return ""


def _specimen_type(order: OrderGroup) -> str:
    """SPM-4, else OBR-15 of versions before 2.7."""
    for specimen in order.specimens:
        if specimen.text(4):
            return specimen.text(4)
    return order.obr.text(15) if order.obr is not None else ""


def _collected(order: OrderGroup, obx: Segment, header: Header) -> Moment:
    """OBX-14, else OBR-7, else SPM-17, else when the laboratory received or reported it, else MSH-7.

    Raises ContentError when none can be read, or when it lies after the message was sent.
    """
    collected = (
        _moment(obx, 14, header)
        or _moment(order.obr, 7, header)
        or next((m for s in order.specimens if (m := _moment(s, 17, header))), None)
        or _moment(order.obr, 14, header)
        or _moment(order.obr, 22, header)
        or header.sent_at
    )
    if collected is None:
        raise ContentError(
            Reason.TIME_UNREADABLE,
            obx.location(14),
            "neither OBX-14, OBR-7, SPM-17, OBR-14, OBR-22 nor MSH-7 holds a readable time",
        )
    if header.sent_at is not None and collected.at > header.sent_at.at + _FUTURE_GRACE:
        raise ContentError(
            Reason.TIME_UNREADABLE, obx.location(14), "the collection time lies after the time of the message"
        )
    return collected


def _moment(segment: Segment | None, number: int, header: Header) -> Moment | None:
    """The time in a field, or None where it is absent or cannot be read."""
    if segment is None:
        return None
    try:
        return moment_of(segment, number, header.site.time_zone, header.default_offset)
    except TimeUnreadableError:
        return None


def _entry(header: Header, match: CodeMatch, unit: str, kind: str) -> LedgerEntry:
    return LedgerEntry(
        sender=header.sender,
        code=match.code,
        system=match.system,
        unit=unit,
        kind=kind,
        text=match.text,
        on_therapy=False,
        control_id=header.control_id,
    )


def promote(promoted: Result, stored: Result | None) -> Result | None:
    """Status U: the stored provisional value is now final. None when it already was.

    Raises ContentError when no value was ever received under this key.
    """
    if stored is None or stored.withdrawn:
        raise ContentError(
            Reason.PROMOTION_WITHOUT_VALUE,
            promoted.location,
            "status U makes a stored result final, but none is stored under this order and code",
        )
    if STATUS_ACTIONS[stored.status] is StatusAction.EVALUATE:
        return None
    return replace(
        stored, status=ResultStatus.FINAL, version=promoted.version, control_id=promoted.control_id
    )
