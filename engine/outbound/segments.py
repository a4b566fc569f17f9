"""Segments that both HL7 formats share: who sends, who the patient is, where the patient is."""

from __future__ import annotations

import re

from engine.hl7.writer import (
    EMPTY,
    Er7,
    components,
    composite,
    day,
    leaf,
    repeat,
    segment,
    subcomponents,
)
from engine.model.alert import AlertEvent
from engine.model.person import Identifier, in_order_of_use
from engine.outbound.options import RenderOptions

PRIVATE_SYSTEM = "99AZA"
TYPE_UNSPECIFIED = Er7("U")  # table 0203; CX-5 is required from 2.7 on
NAME_UNKNOWN = Er7("^^^^^^U")  # what IHE asks for where PID-5 must not be empty

_OID = re.compile(r"[0-2](\.(0|[1-9]\d*))+")
# Components after these are codes and dates of the sender's own tables, which a receiver cannot use.
_LOCATION_COMPONENTS = 9  # PL: up to the description
_PROVIDER_COMPONENTS = 10  # XCN: up to the name type


def entity(identifier: str, options: RenderOptions) -> Er7:
    """EI: an identifier in our own namespace."""
    oid = options.sending_oid
    return components(identifier, options.sending_application, oid, "ISO" if oid else "")


def entity_subcomponents(identifier: str, options: RenderOptions) -> Er7:
    """The same EI inside a component, as EIP carries it."""
    oid = options.sending_oid
    return subcomponents(identifier, options.sending_application, oid, "ISO" if oid else "")


def private(code: str, text: str, version: str = "") -> Er7:
    """CE, or CWE where a version is given, in the coding system of this product."""
    return components(code, text, PRIVATE_SYSTEM, "", "", "", version)


def pid(event: AlertEvent, *, set_id: Er7 = EMPTY) -> Er7:
    """PID with every identifier, name (type L), birth date and sex."""
    person, demographics = event.person, event.person.demographics
    name = composite(*_padded([leaf(part) for part in demographics.name[:6]], 6), Er7("L"))
    return segment(
        "PID",
        {
            1: set_id,
            3: repeat(*map(_identifier, in_order_of_use(person.identifiers)))
            or components(person.person_id, "", "", "", "U"),
            5: name if any(demographics.name) else NAME_UNKNOWN,
            7: EMPTY if demographics.birth_date is None else day(demographics.birth_date),
            8: leaf(demographics.sex),
        },
    )


def _identifier(identifier: Identifier) -> Er7:
    if not leaf(identifier.value):
        return EMPTY
    return composite(
        leaf(identifier.value),
        EMPTY,
        EMPTY,
        _authority(identifier.authority),
        leaf(identifier.type) or TYPE_UNSPECIFIED,
    )


def _authority(name: str) -> Er7:
    """HD inside a component: an OID goes to its own place, anything else is a namespace."""
    return subcomponents("", name, "ISO") if _OID.fullmatch(name) else leaf(name)


def _padded(parts: list[Er7], length: int) -> list[Er7]:
    return parts + [EMPTY] * (length - len(parts))


def pv1(event: AlertEvent, *, set_id: Er7 = EMPTY) -> Er7:
    """PV1 with class, location, attending and visit number; empty when nothing is known of a visit."""
    visit = event.visit
    known = {
        3: components(*visit.location[:_LOCATION_COMPONENTS]),
        7: attending(event),
        19: components(visit.number, "", "", "", "VN") if leaf(visit.number) else EMPTY,
    }
    patient_class = leaf(visit.patient_class)
    if not patient_class and not any(known.values()):
        return EMPTY
    return segment("PV1", {1: set_id, 2: patient_class or Er7("U"), **known})


def attending(event: AlertEvent) -> Er7:
    """XCN of the attending doctor; empty when unknown."""
    return components(*event.visit.attending[:_PROVIDER_COMPONENTS])
