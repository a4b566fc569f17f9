"""Replies to a message: MSA and ERR as the version of the sender knows them (HL7 v2.9 2.8, 2.10)."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from engine.errors import ContentError
from engine.hl7.writer import (
    EMPTY,
    Er7,
    components,
    composite,
    leaf,
    message,
    segment,
    subcomponents,
    timestamp,
)
from engine.model.disposition import Reason
from engine.model.segments import Segment

_VERSIONS = (
    "2.1",
    "2.2",
    "2.3",
    "2.3.1",
    "2.4",
    "2.5",
    "2.5.1",
    "2.6",
    "2.7",
    "2.7.1",
    "2.8",
    "2.8.1",
    "2.8.2",
    "2.9",
)
_FALLBACK_VERSION = "2.5.1"
_LOCATION = re.compile(r"(?P<segment>[A-Z][A-Z0-9]{2})(\[(?P<number>\d+)\])?(-(?P<field>\d+))?")


class Verdict(StrEnum):
    """What became of a message, as far as its sender is concerned."""

    ACCEPTED = "accepted"
    CONTENT_ERROR = "content-error"  # sending it again changes nothing
    REJECTED = "rejected"  # type, version or processing id; or we cannot take anything now


class AcknowledgmentCode(StrEnum):
    """Table 0008."""

    AA = "AA"
    AE = "AE"
    AR = "AR"
    CA = "CA"
    CE = "CE"
    CR = "CR"


@dataclass(frozen=True, slots=True)
class AcknowledgmentError:
    """One ERR: table 0357 code, where (``OBX[3]-5``), and words without patient data."""

    code: str
    text: str
    location: str = ""


_CONDITIONS = {  # table 0357
    "100": "Segment sequence error",
    "101": "Required field missing",
    "102": "Data type error",
    "103": "Table value not found",
    "104": "Value too long",
    "200": "Unsupported message type",
    "202": "Unsupported processing id",
    "207": "Application internal error",
}
_CONDITION_OF_REASON = {
    Reason.UNREADABLE: "100",
    Reason.NO_HEADER: "100",
    Reason.OBSERVATION_WITHOUT_ORDER: "100",
    Reason.NO_PATIENT_IDENTIFIER: "101",
    Reason.MERGE_UNPAIRED: "101",
    Reason.PROMOTION_WITHOUT_VALUE: "101",
    Reason.CHARSET: "102",
    Reason.TIME_UNREADABLE: "102",
    Reason.THERAPY_UNREADABLE: "102",
    Reason.STATUS_UNKNOWN: "103",
    Reason.TOO_LARGE: "104",
    Reason.TYPE_NOT_USED: "200",
    Reason.NOT_PRODUCTION: "202",
}


def error_of(error: ContentError) -> AcknowledgmentError:
    """What an ERR says of a message that was quarantined."""
    known = error.reason in set(Reason)
    code = _CONDITION_OF_REASON.get(Reason(error.reason), "207") if known else "207"
    return AcknowledgmentError(code, error.detail, error.location)


def code_for(header: Segment, verdict: Verdict) -> AcknowledgmentCode | None:
    """The code that the sender waits for at once, or None when it wants no such reply.

    Without MSH-15 and MSH-16 the sender is in original mode and gets AA, AE or AR. With either it is in
    enhanced mode: MSH-15 (AL, NE, ER, SU of table 0155) decides whether it gets CA, CE or CR.
    """
    wanted = header.text(15)
    if not wanted and not header.text(16):
        return {
            Verdict.ACCEPTED: AcknowledgmentCode.AA,
            Verdict.CONTENT_ERROR: AcknowledgmentCode.AE,
            Verdict.REJECTED: AcknowledgmentCode.AR,
        }[verdict]
    accepted = verdict is Verdict.ACCEPTED
    if not (wanted == "AL" or (wanted == "SU" and accepted) or (wanted == "ER" and not accepted)):
        return None
    return {
        Verdict.ACCEPTED: AcknowledgmentCode.CA,
        Verdict.CONTENT_ERROR: AcknowledgmentCode.CE,
        Verdict.REJECTED: AcknowledgmentCode.CR,
    }[verdict]


def build(
    header: Segment,
    code: AcknowledgmentCode,
    *,
    control_id: str,
    at: datetime,
    errors: Sequence[AcknowledgmentError] = (),
) -> bytes:
    """The reply to the message whose MSH is ``header``; ``control_id`` is its own MSH-10.

    Sender and receiver change places, MSH-11 and MSH-12 are copied, MSA-2 is MSH-10 of the message. Up
    to version 2.4 the first error is told in MSA-3 and ERR-1, later each has an ERR of its own.
    """
    version = _version(header)
    rank = _VERSIONS.index(version)
    segments = [
        segment("MSA", {1: Er7(code.value), 2: leaf(header.text(10)), 3: _text(errors, rank)}),
        *(_old_errors(errors) if rank < _VERSIONS.index("2.5") else _errors(errors)),
    ]
    first = segment(
        "MSH",
        {
            3: _copied(header, 5),
            4: _copied(header, 6),
            5: _copied(header, 3),
            6: _copied(header, 4),
            7: timestamp(at),
            9: _message_type(header, rank),
            10: leaf(control_id),
            11: _copied(header, 11) or Er7("P"),
            12: Er7(version),
            # An empty MSH-18 promises ASCII; nearly every reply keeps that promise.
            18: EMPTY if "".join(segments).isascii() else Er7("UNICODE UTF-8"),
        },
    )
    return message([first, *segments])


def _version(header: Segment) -> str:
    version = header.text(12)
    return version if version in _VERSIONS else _FALLBACK_VERSION


def _copied(header: Segment, field: int) -> Er7:
    return components(*header.components(field))


def _message_type(header: Segment, rank: int) -> Er7:
    trigger = header.text(9, 2)
    if rank < _VERSIONS.index("2.2"):
        return Er7("ACK")
    return components("ACK", trigger, "ACK" if rank >= _VERSIONS.index("2.3.1") else "")


def _text(errors: Sequence[AcknowledgmentError], rank: int) -> Er7:
    """MSA-3, which newer senders read from ERR instead and 2.7 took out."""
    return leaf(errors[0].text) if errors and rank < _VERSIONS.index("2.5") else EMPTY


def _place(location: str) -> tuple[str, str, str]:
    """Segment, sequence and field of ``OBX[3]-5``; empty where it names none."""
    found = _LOCATION.fullmatch(location)
    if found is None:
        return "", "", ""
    return found["segment"], found["number"] or "1", found["field"] or ""


def _old_errors(errors: Sequence[AcknowledgmentError]) -> Iterator[Er7]:
    """ERR-1 (ELD): segment, sequence, field, and the code as subcomponents."""
    if not errors:
        return
    first = errors[0]
    code = subcomponents(first.code, _CONDITIONS.get(first.code, ""), "HL70357")
    yield segment("ERR", {1: composite(*map(leaf, _place(first.location)), code)})


def _errors(errors: Sequence[AcknowledgmentError]) -> Iterator[Er7]:
    for error in errors:
        yield segment(
            "ERR",
            {
                2: components(*_place(error.location)),
                3: components(error.code, _CONDITIONS.get(error.code, ""), "HL70357"),
                4: Er7("E"),
                8: leaf(error.text),
            },
        )
