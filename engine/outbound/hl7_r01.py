"""ORU^R01 version 2.5.1, for receivers that know no ORU^R40.

All codes are local: a laboratory value under its LOINC would be filed as a second result. The alert id
is OBR-3 of every event of the alert, so that an update (OBX-11 C) or a retraction (W) replaces what was
filed before. Layout: docs/alert-formats.md.
"""

from __future__ import annotations

from collections.abc import Iterator

from engine.hl7.writer import EMPTY, Er7, formatted, leaf, message, segment, timestamp
from engine.model.alert import AlertEvent, Phase
from engine.model.finding import Severity
from engine.outbound.options import RenderOptions
from engine.outbound.segments import attending, entity, pid, private, pv1
from engine.outbound.wording import headline, notes, outcome, retracted

HEADLINE_LIMIT = 199  # ST of 2.5.1 holds no more, and receivers show this line in result lists

_PRIORITY_NAMES = {
    Severity.CRITICAL: "High",
    Severity.URGENT: "Medium",
    Severity.REVIEW: "Low",
    Severity.INFO: "None",
}


def render(event: AlertEvent, options: RenderOptions) -> bytes:
    """The event as one UTF-8 message."""
    return message(_segments(event, options))


def _segments(event: AlertEvent, options: RenderOptions) -> Iterator[Er7]:
    yield _header(event, options)
    yield pid(event, set_id=Er7("1"))
    visit = pv1(event, set_id=Er7("1"))
    if visit:
        yield visit
    yield segment("ORC", {1: Er7("RE"), 3: entity(event.alert_id, options), 12: attending(event)})
    yield _order(event, options)
    for number, note in enumerate(notes(event), start=1):
        yield segment("NTE", {1: Er7(str(number)), 2: Er7("O"), 3: leaf(note)})
    yield from _observations(event, options)


def _header(event: AlertEvent, options: RenderOptions) -> Er7:
    return segment(
        "MSH",
        {
            3: leaf(options.sending_application),
            4: leaf(options.sending_facility),
            5: leaf(options.receiving_application),
            6: leaf(options.receiving_facility),
            7: timestamp(event.decided_at),
            9: Er7("ORU^R01^ORU_R01"),
            10: leaf(event.event_id),
            11: leaf(event.processing_id),
            12: Er7("2.5.1"),
            15: Er7("AL"),
            16: Er7("NE"),
            18: Er7("UNICODE UTF-8"),
        },
    )


def _order(event: AlertEvent, options: RenderOptions) -> Er7:
    collected = event.trigger.collected_at if event.trigger is not None else None
    return segment(
        "OBR",
        {
            1: Er7("1"),
            3: entity(event.alert_id, options),
            4: private("AZA-ALERT", "Azathioprine monitoring alert"),
            7: timestamp(collected or event.clinical_at or event.decided_at),
            16: attending(event),
            22: timestamp(event.decided_at),
            24: Er7("OTH"),
            25: Er7("F" if event.sequence == 1 else "C"),
        },
    )


def _observations(event: AlertEvent, options: RenderOptions) -> Iterator[Er7]:
    rule = private(event.rule, event.title)
    flag = _flag(event)
    decided = timestamp(event.decided_at)
    yield _observation(event, 1, "CE", private("AZA-RULE", "Rule fired"), rule, obx8=flag, obx14=decided)
    yield _observation(event, 2, "TX", private("AZA-TEXT", "Alert text"), _text(event), obx14=decided)
    priority = private(options.priorities.of(event.severity), _PRIORITY_NAMES[event.severity])
    yield _observation(event, 3, "CE", private("AZA-PRIO", "Alert priority"), priority)
    yield _observation(event, 4, "CE", private("AZA-STATE", "Alert state"), _state(event))
    accession = leaf(event.accession)
    if accession:
        yield _observation(event, 5, "ST", private("AZA-SRC", "Source accession"), accession)


def _observation(
    event: AlertEvent,
    number: int,
    value_type: str,
    code: Er7,
    value: Er7,
    *,
    obx8: Er7 = EMPTY,
    obx14: Er7 = EMPTY,
) -> Er7:
    fields = {
        1: Er7(str(number)),
        2: Er7(value_type),
        3: code,
        4: Er7("1"),
        5: value,
        8: obx8,
        11: _status(event),
        14: obx14,
    }
    return segment("OBX", fields)


def _status(event: AlertEvent) -> Er7:
    """OBX-11 of table 0085: final, correction of what was filed, or withdrawn."""
    if retracted(event):
        return Er7("W")
    return Er7("F" if event.sequence == 1 else "C")


def _flag(event: AlertEvent) -> Er7:
    """Abnormality while the alert is open; AA where it needs somebody the same day."""
    if event.phase is Phase.END:
        return EMPTY
    return Er7("AA" if event.severity.rank >= Severity.URGENT.rank else "A")


def _state(event: AlertEvent) -> Er7:
    if event.phase is Phase.END:
        return private("ended", "Ended")
    return private("active", "Active") if event.sequence == 1 else private("updated", "Updated")


def _text(event: AlertEvent) -> Er7:
    lines = [headline(event, HEADLINE_LIMIT)]
    if event.phase is Phase.END:
        return formatted([*lines, f"This alert has ended: {outcome(event)}."])
    return formatted([*lines, event.message, event.action])
