"""Replies that a sender of any version understands."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from engine.errors import ContentError
from engine.hl7 import parse
from engine.hl7.acknowledgment import (
    AcknowledgmentCode,
    AcknowledgmentError,
    Verdict,
    build,
    code_for,
    error_of,
)
from engine.hl7.validation import validate_message
from engine.model.disposition import Reason
from engine.model.segments import Segment

AT = datetime(2026, 3, 12, 14, 15, 30, tzinfo=UTC)
ERROR = AcknowledgmentError("102", "OBX-14 is no time", "OBX[3]-14")


def header(version: str = "2.5.1", accept: str = "", application: str = "") -> Segment:
    """MSH of a message that asks for the given acknowledgments."""
    sent = "MSH|^~\\&|LAB^1.2.3^ISO|NORTH|AZAWATCH|SOUTH|20260312||ORU^R01^ORU_R01|M1|T|"
    return parse(f"{sent}{version}|||{accept}|{application}\rPID|||1\r".encode()).segments[0]


def lines(reply: bytes) -> list[str]:
    return reply.decode().split("\r")[:-1]


def test_the_reply_goes_back_to_the_sender() -> None:
    """Sender and receiver change places, and MSA-2 tells which message is meant."""
    reply = build(header(), AcknowledgmentCode.AA, control_id="R1", at=AT)

    assert lines(reply) == [
        "MSH|^~\\&|AZAWATCH|SOUTH|LAB^1.2.3^ISO|NORTH|20260312141530+0000||ACK^R01^ACK|R1|T|2.5.1",
        "MSA|AA|M1",
    ]


@pytest.mark.parametrize(
    ("version", "message_type", "expected"),
    [
        ("2.1", "ACK", ["MSA|AE|M1|OBX-14 is no time", "ERR|OBX^3^14^102&Data type error&HL70357"]),
        ("2.3", "ACK^R01", ["MSA|AE|M1|OBX-14 is no time", "ERR|OBX^3^14^102&Data type error&HL70357"]),
        ("2.4", "ACK^R01^ACK", ["MSA|AE|M1|OBX-14 is no time", "ERR|OBX^3^14^102&Data type error&HL70357"]),
        (
            "2.5",
            "ACK^R01^ACK",
            ["MSA|AE|M1", "ERR||OBX^3^14|102^Data type error^HL70357|E||||OBX-14 is no time"],
        ),
        (
            "2.8",
            "ACK^R01^ACK",
            ["MSA|AE|M1", "ERR||OBX^3^14|102^Data type error^HL70357|E||||OBX-14 is no time"],
        ),
    ],
)
def test_errors_are_told_in_the_words_of_the_version(
    version: str, message_type: str, expected: list[str]
) -> None:
    """A 2.3 sender reads MSA-3 and ERR-1, a 2.5 sender ERR-2 to ERR-8."""
    reply = lines(build(header(version), AcknowledgmentCode.AE, control_id="R1", at=AT, errors=[ERROR]))

    assert reply[0].split("|")[8] == message_type
    assert reply[0].split("|")[11] == version
    assert reply[1:] == expected


@pytest.mark.parametrize("version", ["2.3", "2.3.1", "2.4", "2.5", "2.5.1", "2.6", "2.7", "2.8"])
@pytest.mark.parametrize("code", list(AcknowledgmentCode))
def test_every_reply_conforms_to_its_version(version: str, code: AcknowledgmentCode) -> None:
    """No reply is refused by a sender that validates what it receives."""
    errors = [] if code in (AcknowledgmentCode.AA, AcknowledgmentCode.CA) else [ERROR]

    reply = build(header(version), code, control_id="R1", at=AT, errors=errors)

    assert validate_message(reply.decode()) == ()


def test_an_unknown_version_is_answered_in_one_that_is_widely_read() -> None:
    """A sender with a wrong MSH-12 still gets an answer that it can read."""
    reply = build(header("9.9"), AcknowledgmentCode.AR, control_id="R1", at=AT)

    assert lines(reply)[0].endswith("|T|2.5.1")


def test_text_outside_ascii_declares_its_charset() -> None:
    """MSH-18 is only sent where the reply needs it."""
    error = AcknowledgmentError("207", "größer", "")

    reply = build(header(), AcknowledgmentCode.AE, control_id="R1", at=AT, errors=[error])

    assert lines(reply)[0].split("|")[17] == "UNICODE UTF-8"
    assert lines(reply)[2] == "ERR|||207^Application internal error^HL70357|E||||größer"


@pytest.mark.parametrize(
    ("accept", "application", "expected"),
    [
        ("", "", ("AA", "AE", "AR")),
        ("AL", "NE", ("CA", "CE", "CR")),
        ("SU", "", ("CA", None, None)),
        ("ER", "", (None, "CE", "CR")),
        ("NE", "", (None, None, None)),
        ("", "AL", (None, None, None)),
    ],
)
def test_the_sender_decides_which_reply_it_gets(
    accept: str, application: str, expected: tuple[str | None, ...]
) -> None:
    """Original mode is answered at once; in enhanced mode MSH-15 says when."""
    asked = header(accept=accept, application=application)

    assert tuple(code_for(asked, verdict) for verdict in Verdict) == expected


def test_a_quarantined_message_is_told_by_code_and_place() -> None:
    """The sender learns where its message is wrong, in the codes of table 0357."""
    told = error_of(ContentError(Reason.STATUS_UNKNOWN, "OBX[2]-11", "OBX-11 is not in table 0085"))

    assert told == AcknowledgmentError("103", "OBX-11 is not in table 0085", "OBX[2]-11")
    assert error_of(ContentError("something-new", "", "x")).code == "207"
