"""The reader: header, lazy segments, odd lines, limits."""

from __future__ import annotations

from datetime import timedelta, timezone
from zoneinfo import ZoneInfo

import pytest

from engine.errors import ContentError
from engine.hl7 import Message, parse

HEADER = "MSH|^~\\&|LAB^1.2^ISO|NORTH|AZAWATCH|WARD|20260105083000+0100||ORU^R01^ORU_R01|C1|P|2.5.1"


def read(*lines: str, header: str = HEADER) -> Message:
    return parse("\r".join([header, *lines]).encode())


def names(message: Message) -> list[str]:
    return [segment.name for segment in message.segments]


def test_the_header_is_read() -> None:
    """Sender, type, control id and version decide what happens to a message."""
    message = read()
    assert ("LAB", "NORTH", "ORU", "R01") == (
        message.sending_application,
        message.sending_facility,
        message.type,
        message.trigger,
    )
    assert ("C1", "P", "", "2.5.1", "ascii") == (
        message.control_id,
        message.processing_id,
        message.processing_mode,
        message.version,
        message.charset,
    )
    assert "MSH[1]-9" == message.header.location(9)


@pytest.mark.parametrize(
    ("sent", "type_and_trigger"),
    [
        ("ORU^R01", ("ORU", "R01")),
        ("oru^r01", ("ORU", "R01")),
        ("ORU", ("ORU", "R01")),
        ("ORU^", ("ORU", "R01")),
        ("ORU^^ORU_R01", ("ORU", "R01")),
        ("ORU^^ORU_R30", ("ORU", "")),
        ("ORU_R01", ("ORU", "R01")),
        ("ORU^W01", ("ORU", "W01")),
        ("ADT", ("ADT", "")),
        ("ADT^A08^ADT_A01", ("ADT", "A08")),
        ("", ("", "")),
    ],
)
def test_the_message_type_in_old_and_odd_forms(sent: str, type_and_trigger: tuple[str, str]) -> None:
    """A result message of an old sender, without a trigger event, is a result message."""
    message = read(header=f"MSH|^~\\&|L|N|||1||{sent}|1|P|2.3")
    assert type_and_trigger == (message.type, message.trigger)


def test_version_and_processing_id_have_components() -> None:
    """2.5^GBR is version 2.5; P^I is an initial load, which is never paged."""
    message = read(header="MSH|^~\\&|L|N|||1||ORU^R01|1|p^i|2.5^GBR^2.5")
    assert ("P", "I", "2.5") == (message.processing_id, message.processing_mode, message.version)


def test_a_header_that_ends_early_has_empty_fields() -> None:
    """Absent fields are empty, not an error."""
    message = parse(b"MSH|^~\\&")
    assert ("", "", "", "", None) == (
        message.type,
        message.control_id,
        message.version,
        message.sending_application,
        message.time(ZoneInfo("Europe/London")),
    )


def test_the_time_of_the_message() -> None:
    """MSH-7 is an instant; its offset holds for the times without one in the message."""
    message = read()
    moment = message.time(ZoneInfo("America/New_York"))
    assert moment is not None
    assert "2026-01-05T08:30:00+01:00" == moment.isoformat()
    assert timezone(timedelta(hours=1)) == message.offset
    unreadable = read(header="MSH|^~\\&|L|N|||yesterday||ORU^R01|1|P|2.5")
    assert (None, None) == (unreadable.time(ZoneInfo("UTC")), unreadable.offset)


def test_leaves_are_reached_by_position() -> None:
    """Field, component, repetition and subcomponent count from one, as in the standard."""
    pid = read('PID|1||A1^^^NORTH&1.2.3&ISO^MR~B2^^^SOUTH^PI||DOE^JO\\T\\E|""|x^""^y').segments[1]
    assert ("A1", "B2", "") == (pid.text(3), pid.text(3, 1, 2), pid.text(3, 1, 3))
    assert ("NORTH", "1.2.3", "ISO", "") == tuple(pid.text(3, 4, 1, part) for part in (1, 2, 3, 4))
    assert ("DOE", "JO&E") == pid.components(5)
    assert ("A1", "", "", "NORTH", "MR") == pid.components(3)
    assert ("B2", "", "", "SOUTH", "PI") == pid.components(3, 2)
    assert ("A1", "", "", "NORTH&1.2.3&ISO", "MR") == pid.whole_components(3)
    assert (2, 1, 0, 0) == (pid.repetitions(3), pid.repetitions(5), pid.repetitions(2), pid.repetitions(99))
    assert "DOE^JO\\T\\E" == pid.raw(5)
    assert ((), (), "", "") == (pid.components(2), pid.components(3, 3), pid.text(99), pid.raw(99))


def test_the_delete_indicator_is_no_text() -> None:
    """The delete indicator deletes a value; it is neither absent nor two quotation marks."""
    pid = read('PID|1||A1||""|x^""^y|').segments[1]
    assert (True, False, False, False) == tuple(pid.is_null(field) for field in (5, 6, 7, 99))
    assert ("", "", 1) == (pid.text(5), pid.text(6, 2), pid.repetitions(5))
    assert ("x", "", "y") == pid.components(6)


def test_the_separators_are_fields_of_the_header() -> None:
    """MSH counts its own separators as fields 1 and 2 and does not split them."""
    header = read().header
    assert ("|", "^~\\&", "LAB", "") == (header.text(1), header.text(2), header.text(3), header.text(2, 2))
    assert (("^~\\&",), ("^~\\&",), 1) == (
        header.components(2),
        header.whole_components(2),
        header.repetitions(2),
    )
    assert ("LAB", "1.2", "ISO") == header.components(3) == header.whole_components(3)
    assert 1 == header.repetitions(3)
    assert "1.2" == header.leaf(3, 2)


def test_segments_are_numbered_by_name() -> None:
    """A location tells a person which of many segments is meant."""
    message = read("PID|1", "OBR|1", "OBX|1", "NTE|1", "OBX|2", "ZDS|1", "OBX|1")
    assert ["MSH[1]", "PID[1]", "OBR[1]", "OBX[1]", "NTE[1]", "OBX[2]", "ZDS[1]", "OBX[3]"] == [
        segment.location() for segment in message.segments
    ]
    assert "OBX[3]-5" == message.segments[-1].location(5)


def test_a_representation_shows_no_content() -> None:
    """Representations end up in tracebacks, and tracebacks in logs."""
    assert "<segment PID[1]>" == repr(read("PID|1||SECRET").segments[1])


@pytest.mark.parametrize("end", ["\r", "\n", "\r\n", "\r\r\n"])
def test_every_line_end_separates_segments(end: str) -> None:
    """Two thirds of the archives seen have line feeds where HL7 demands carriage returns."""
    message = parse(end.join([HEADER, "PID|1||A1", "", "OBX|1|NM|X||5", ""]).encode())
    assert (["MSH", "PID", "OBX"], ()) == (names(message), message.warnings)


def test_framing_bytes_at_the_edges_are_dropped() -> None:
    """A message that still wears its MLLP frame is read."""
    message = parse(f"\x0b{HEADER}\rPID|1||A1\x1c\rOBX|1|NM|X||5\r\x1c\r".encode())
    assert ("A1", "5") == (message.segments[1].text(3), message.segments[2].text(5))


def test_nul_bytes() -> None:
    """Padding is dropped; a NUL inside a value makes it unreadable instead of another number."""
    message = parse(f"{HEADER}\rOBX|1|NM|X||1\x002\rNTE|1||a\0\r\0\0".encode())
    assert ("1\ufffd2", "a") == (message.segments[1].text(5), message.segments[2].text(3))
    assert 3 == message.segment_count


def test_wrapped_text_belongs_to_the_segment_before() -> None:
    """A comment that a program has wrapped is kept, as lines, and the warning says so."""
    message = read("OBX|1|TX|X||first", "second | third", "LOW", "NTE|1||x")
    assert (["MSH", "OBX", "NTE"], ("text_wrapped",)) == (names(message), message.warnings)
    assert ("first\nsecond ", " third\nLOW") == (message.segments[1].text(5), message.segments[1].text(6))


def test_a_wrapped_number_is_not_put_together() -> None:
    """1 at the end of a line and 2 on the next is not 12."""
    assert "1\n2" == read("OBX|1|NM|X||1", "2").segments[1].text(5)


def test_indented_segments() -> None:
    """An indent before a segment does not hide it; before text it is text."""
    message = read("   PID|1||A1", "\tOBX|1|NM|X||5", "    OBR says", "ZZ1|x", "XYZ|1")
    assert (["MSH", "PID", "OBX", "ZZ1", "XYZ"], ("segment_indented", "text_wrapped")) == (
        names(message),
        message.warnings,
    )
    assert ["PID[1]", "OBX[1]"] == [segment.location() for segment in message.segments[1:3]]


def test_lower_case_segment_names() -> None:
    """A patient identifier in a lower-case pid segment is not text of the header."""
    message = read("pid|1||A1", "low|value is text")
    assert (["MSH", "PID"], ("segment_name_case", "text_wrapped")) == (names(message), message.warnings)


def test_a_segment_may_be_only_its_name() -> None:
    """DSC or a Z segment without fields is a segment."""
    assert ["MSH", "DSC", "ZAB", "EVN"] == names(read("DSC", "ZAB", "EVN "))


def test_comments_and_envelope_before_the_header() -> None:
    """A file with a remark or a batch header on top is read as the one message that it holds."""
    message = parse(f"# export\r\nBHS|^~\\&|A\r\n{HEADER}\r\nPID|1||A1\r\nBTS|1\r\n".encode())
    assert (["BHS", "MSH", "PID", "BTS"], ("text_before_header",)) == (names(message), message.warnings)
    assert "C1" == message.control_id
    odd = parse(f"BHS|^~\\&|A\rFHS|^~\\&\r{HEADER}\rZXX|1\rBHS|^~\\&|B".encode())
    assert ["BHS[1]", "FHS[1]", "MSH[1]", "ZXX[1]", "BHS[2]"] == [
        segment.location() for segment in odd.segments
    ]


@pytest.mark.parametrize(
    ("body", "reason", "location"),
    [
        (b"", "no-header", "message"),
        (b"hello", "no-header", "message"),
        (b"MSH", "no-header", "message"),
        (b"MSHA^~\\&", "no-header", "message"),
        (b"MSH ^~\\&", "no-header", "message"),
        (b"PID|1\rMSH|^~\\&|L", "no-header", "PID[1]"),
        (b"MSH|^~\\&|L\rPID|1\rMSH|^~\\&|L", "unreadable", "MSH[2]"),
        (b"MSH|^~\\&|L\rZZZ|1\r MSH|^~\\&|L", "unreadable", "MSH[2]"),
    ],
)
def test_what_is_not_one_message_is_refused(body: bytes, reason: str, location: str) -> None:
    """Every refusal says in one type what is wrong and where."""
    with pytest.raises(ContentError) as caught:
        parse(body)
    assert (reason, location) == (caught.value.reason, caught.value.location)


def test_limits() -> None:
    """A message that is too large or has too many segments is refused before it costs memory."""
    body = "\r".join([HEADER, *["OBX|1"] * 20]).encode()
    assert 21 == parse(body, max_segments=21, max_bytes=len(body)).segment_count
    with pytest.raises(ContentError, match="too-large"):
        parse(body, max_bytes=len(body) - 1)
    with pytest.raises(ContentError, match="too-large"):
        parse(body, max_segments=20)
    assert 2 == parse(f"{HEADER}\rPID|1{chr(10) * 50}".encode(), max_segments=2).segment_count
