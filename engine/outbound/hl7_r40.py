"""ORU^R40 in the layout of IHE ACM PCD-04 Report Alert: the default HL7 format.

One OBR carries the alert, and its facets follow as OBX in a fixed order: event, source, phase, state,
inactivation, priority, type, and our own two, rule and source accession. Notes after the last OBX
explain the alert to a reader who has nothing else. Layout: docs/alert-formats.md.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime
from decimal import Decimal, InvalidOperation

from engine.hl7.writer import (
    EMPTY,
    Er7,
    components,
    composite,
    leaf,
    message,
    repeat,
    segment,
    timestamp,
)
from engine.model.alert import AlertEvent, Phase
from engine.model.finding import Evidence, Severity
from engine.outbound.options import Code, RenderOptions
from engine.outbound.segments import entity, entity_subcomponents, pid, private, pv1
from engine.outbound.wording import (
    Direction,
    analyte_label,
    direction,
    headline,
    measured,
    notes,
    retracted,
)

HEADLINE_LIMIT = 80

_NM = re.compile(r"[+-]?\d+(\.\d*)?")
_VALUE = re.compile(r"(?P<comparator>>=|<=|>|<)?\s*(?P<number>[+-]?\d+(\.\d*)?)")
_RANGE = re.compile(r"(?P<low>\d+(\.\d*)?)\s*-\s*(?P<high>\d+(\.\d*)?)")
_NUMBER_SENT = re.compile(r"\d+(\.\d+)?")
_LOINC = re.compile(r"\d{1,7}-\d")
_FLAGS = {Direction.HIGH: "H", Direction.LOW: "L", Direction.NONE: "A"}


def render(event: AlertEvent, options: RenderOptions) -> bytes:
    """The event as one UTF-8 message."""
    return message(_segments(event, options))


def _segments(event: AlertEvent, options: RenderOptions) -> Iterator[Er7]:
    yield _header(event, options)
    yield pid(event)
    visit = pv1(event)
    if visit:
        yield visit
    yield _order(event, options)
    yield from _facets(event, options)
    for number, note in enumerate(notes(event), start=1):
        yield segment("NTE", {1: Er7(str(number)), 2: Er7("O"), 3: leaf(note)})


def _created(event: AlertEvent) -> Er7:
    return timestamp(event.decided_at, milliseconds=True)


def _header(event: AlertEvent, options: RenderOptions) -> Er7:
    oid = options.sending_oid
    return segment(
        "MSH",
        {
            3: components(options.sending_application, oid, "ISO" if oid else ""),
            4: leaf(options.sending_facility),
            5: leaf(options.receiving_application),
            6: leaf(options.receiving_facility),
            7: _created(event),
            9: components("ORU", "R40", options.r40_structure),
            10: leaf(event.event_id),
            11: leaf(event.processing_id),
            12: Er7("2.6" if options.r40_structure == "ORU_R40" else "2.8"),
            15: Er7("AL"),
            16: Er7("NE"),
            18: Er7("UNICODE UTF-8"),
            21: components(options.profile_id, options.profile_namespace, options.profile_oid, "ISO"),
        },
    )


def _order(event: AlertEvent, options: RenderOptions) -> Er7:
    first = event.sequence == 1
    return segment(
        "OBR",
        {
            1: Er7("1"),
            2: entity(options.sending_application, options),
            3: entity(event.alert_id if first else event.event_id, options),
            4: _mdc(options.r40_codes.alarm),
            7: _created(event),
            29: EMPTY if first else composite(EMPTY, entity_subcomponents(event.alert_id, options)),
            49: Er7("A"),
        },
    )


def _facets(event: AlertEvent, options: RenderOptions) -> Iterator[Er7]:
    codes = options.r40_codes
    priority = options.priorities.of(event.severity)
    kind = "SA" if event.severity is Severity.INFO else "ST" if event.technical else "SP"
    yield _event_facet(event, options, priority, kind)
    yield _source_facet(event, options)
    yield _facet(3, _mdc(codes.phase), "ST", leaf(event.phase))
    yield _facet(4, _mdc(codes.state), "ST", Er7("inactive" if event.phase is Phase.END else "active"))
    yield _facet(5, _mdc(codes.inactivation), "ST", Er7("enabled"))
    yield _facet(6, _mdc(codes.priority), "ST", leaf(priority))
    yield _facet(7, _mdc(codes.type), "ST", Er7(kind))
    rule = private(event.rule, event.title, event.rule_version)
    yield _facet(8, private("AZA-RULE", "Rule and version"), "CWE", rule)
    accession = leaf(event.accession)
    if accession:
        yield _facet(9, private("AZA-SRC", "Source accession"), "ST", accession)


def _facet(number: int, code: Er7, value_type: str, value: Er7, **others: Er7) -> Er7:
    """One OBX; ``others`` are further fields by name: ``obx8``. OBX-11 is R unless given."""
    fields = {
        1: Er7(str(number)),
        2: Er7(value_type),
        3: code,
        4: Er7(f"1.1.1.1.{number}"),
        5: value,
        11: Er7("R"),
    }
    return segment("OBX", fields | {int(name.removeprefix("obx")): value for name, value in others.items()})


def _mdc(code: Code) -> Er7:
    return components(code.code, code.name, "MDC")


def _event_facet(event: AlertEvent, options: RenderOptions, priority: str, kind: str) -> Er7:
    """Facet 1: what happened. Older receivers read flag, priority and type in its OBX-8."""
    side = direction(event)
    text = headline(event, HEADLINE_LIMIT)
    if side is Direction.NONE:
        code, value_type = options.r40_codes.alarm, "CWE"
        value = private(event.rule, text, event.rule_version)
    else:
        code = options.r40_codes.high if side is Direction.HIGH else options.r40_codes.low
        value_type, value = "ST", leaf(text)
    oid = options.sending_oid
    return _facet(
        1,
        _mdc(code),
        value_type,
        value,
        obx8=repeat(Er7(_flag(event)), leaf(priority), Er7(kind)),
        obx14=_created(event),
        obx18=components(options.sending_application, "", oid, "ISO" if oid else ""),
    )


def _flag(event: AlertEvent) -> str:
    """Abnormality of table 0078: doubled where somebody must act now."""
    return _FLAGS[direction(event)] * (2 if event.severity is Severity.CRITICAL else 1)


def _source_facet(event: AlertEvent, options: RenderOptions) -> Er7:
    """Facet 2: what the alert rests on; a retraction names it without a value, OBX-11 X."""
    trigger = event.trigger
    if trigger is None or not measured(event):
        subject = trigger.analyte if trigger is not None and trigger.analyte else event.family
        value = EMPTY if retracted(event) else private(subject, analyte_label(subject))
        status = Er7("X" if retracted(event) else "R")
        return _facet(2, _mdc(options.r40_codes.source), "CWE", value, obx11=status)
    code = _trigger_code(event)
    collected = _time(trigger.collected_at)
    value_type, value = _value(trigger)
    if retracted(event):
        return _facet(2, code, value_type, EMPTY, obx11=Er7("X"), obx14=collected)
    return _facet(
        2,
        code,
        value_type,
        value,
        obx6=components(trigger.unit, "", "UCUM") if trigger.unit else EMPTY,
        obx7=leaf(event.trigger_range) if _as_sent(trigger) else EMPTY,
        obx8=Er7(_flag(event)),
        obx14=collected,
    )


def _trigger_code(event: AlertEvent) -> Er7:
    """LOINC of the result; a code that is none stays local, and an analyte without code is ours."""
    if not event.trigger_code:
        analyte = event.trigger.analyte if event.trigger is not None else ""
        return private(analyte, analyte_label(analyte))
    system = "LN" if _LOINC.fullmatch(event.trigger_code) else "L"
    return components(event.trigger_code, event.trigger_code_text, system)


def _as_sent(evidence: Evidence) -> bool:
    """Whether value and reference range are in one unit: the range is the laboratory's own text."""
    number = _NUMBER_SENT.search(evidence.sent)
    if number is None:
        return True
    try:
        return Decimal(number[0]) == Decimal(evidence.value)
    except InvalidOperation:
        return True


def _time(at: datetime | None) -> Er7:
    return EMPTY if at is None else timestamp(at)


def _value(evidence: Evidence) -> tuple[str, Er7]:
    """OBX-2 and OBX-5: NM for a number, SN for a comparator or a range, ST for words."""
    written = f"{evidence.comparator}{evidence.value}".strip()
    if _NM.fullmatch(written):
        return "NM", Er7(written)
    if limited := _VALUE.fullmatch(written):
        return "SN", components(limited["comparator"], limited["number"])
    if span := _RANGE.fullmatch(written):
        return "SN", components("", span["low"], "-", span["high"])
    return "ST", leaf(written)
