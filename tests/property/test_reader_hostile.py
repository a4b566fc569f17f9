"""Hostile input: whatever the bytes are, the reader answers, with a message or with one typed refusal.

The large cases are linear in the reader; were one of them quadratic, this module would not end.
"""

from __future__ import annotations

from contextlib import suppress
from datetime import UTC
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from engine.errors import ContentError
from engine.hl7 import (
    Message,
    TimeUnreadableError,
    moment_of,
    parse,
    range_of,
    read_moment,
    read_number,
    read_range,
    read_stream,
    read_value,
    unit_of,
)
from engine.hl7.pharmacy import group_pharmacy

ZONE = ZoneInfo("Europe/London")
SAMPLE = (
    b"MSH|^~\\&|LAB|NORTH|||20260105083000+0000||ORU^R01^ORU_R01|1|P|2.5.1||||||UNICODE UTF-8\r"
    b"PID|1||A1^^^NORTH&1.2&ISO^MR~B2^^^SOUTH||DOE^J\\T\\E||19700101|M\rPV1|1|O\r"
    b"ORC|RE|P1|F1\rOBR|1|P1|F1|LFT^Liver^L|||20260105073000\rNTE|1||a\\.br\\b\r"
    b"OBX|1|NM|1742-6^ALT^LN||52|U/L|10-40|H|||F\rNTE|1||lipaemic\r"
    b"OBX|2|SN|751-8^ANC^LN||<^0.5|10^9/L|M:2-7~F:2-8|L|||F\rSPM|1\rZZZ|1\rOBX|3|CWE|X||LA1^low^LN||||||P\r"
    b"ORC|NW\rTQ1|1\rRXE|1\rTQ1|2\rRXR|PO\r"
)


def read_everything(message: Message) -> None:
    """Touch all that the engine could ask of a message."""
    assert message.segment_count == message.handled + message.ignored
    pharmacy = group_pharmacy(message.segments)
    assert message.segment_count == pharmacy.handled + pharmacy.ignored
    assert (
        message.type,
        message.trigger,
        message.control_id,
        message.processing_mode,
        message.version,
    ) is not None
    offset = message.offset
    message.time(ZONE)
    results = [
        observation.obx
        for patient in message.patients()
        for order in patient.orders
        for observation in order.observations
    ]
    assert [segment for segment in message.segments if segment.name == "OBX"] == results
    for obx in results:
        reading = read_value(obx)
        assert (
            reading.interval is not None
            or reading.warning
            or obx.text(2).strip().upper() in {"CE", "CWE", "CNE"}
        )
        unit_of(obx)
        range_of(obx, "M")
        with suppress(TimeUnreadableError):
            moment_of(obx, 14, ZONE, offset)
    for segment in message.segments:
        for field in range(1, 9):
            for repetition in range(1, segment.repetitions(field) + 1):
                segment.components(field, repetition)
                segment.whole_components(field, repetition)


def answer(data: bytes) -> None:
    for body in (data, *read_stream(data).messages):
        try:
            message = parse(body)
        except ContentError:
            continue
        read_everything(message)


@given(st.binary(max_size=300))
@example(b"MSH")
@example(b"MSH|")
@example(b"\xef\xbb\xbf")
@example(b"\xff\xfe")
@example(b"M\0")
def test_any_bytes_get_an_answer(data: bytes) -> None:
    """Nothing but ContentError leaves the reader, whatever arrives on the queue."""
    answer(data)
    answer(b"MSH|^~\\&|" + data)


@given(
    st.lists(
        st.tuples(
            st.integers(0, len(SAMPLE)),
            st.integers(0, 12),
            st.one_of(
                st.binary(max_size=3),
                st.sampled_from(
                    [
                        b"|",
                        b"^",
                        b"~",
                        b"\\",
                        b"&",
                        b"\r",
                        b"\n",
                        b'""',
                        b"\\X",
                        b"MSH|",
                        b"\x1c\r\x0b",
                        b"\0",
                    ]
                ),
            ),
        ),
        max_size=8,
    )
)
def test_a_damaged_message_gets_an_answer(edits: list[tuple[int, int, bytes]]) -> None:
    """Cut, overwritten and inserted bytes leave a message that is read or refused."""
    data = SAMPLE
    for position, length, replacement in edits:
        data = data[:position] + replacement + data[position + length :]
    answer(data)


@given(st.text(max_size=40), st.sampled_from(["M", "F", ""]))
def test_any_text_gets_a_reading(text: str, sex: str) -> None:
    """Values, ranges and times are read or are not, but never raise anything unexpected."""
    reading = read_number(text, "NM")
    assert reading.interval is not None or reading.warning
    read_range(text, sex)
    try:
        moment = read_moment(text, ZONE)
    except TimeUnreadableError:
        return
    assert moment.at.astimezone(UTC).year > 0


@given(st.from_regex(r"[0-9]{4,14}(\.[0-9]{1,4})?([+-][0-9]{4})?", fullmatch=True))
def test_any_digits_get_a_reading(text: str) -> None:
    """A moment that is read can be compared with any other."""
    try:
        moment = read_moment(text, ZONE)
    except TimeUnreadableError:
        return
    assert moment.at.astimezone(UTC).year > 0


HEADER = b"MSH|^~\\&|L|N|||1||ORU^R01|1|P|2.5\r"
LARGE = 150_000


@pytest.mark.parametrize(
    "data",
    [
        HEADER + b"OBX|1|NM|X||" + b"1~" * LARGE,
        HEADER + b"OBX|1|TX|X||" + b"1^" * LARGE,
        HEADER + b"OBX|1|SN|X||" + b"1&" * LARGE,
        HEADER + b"OBX|1|FT|X||" + b"\\" * LARGE,
        HEADER + b"OBX|1|FT|X||" + b"\\.br\\" * LARGE,
        HEADER + b"OBX|1|NM|X||" + b"9" * LARGE + b"|" + b"10^" * LARGE + b"|" + b"M:1-2~" * LARGE,
        HEADER + b"OBX|1|NM|X||" + b"1," * LARGE + b"x|U|" + b" " * LARGE + b"-" * LARGE,
        HEADER + b"PID|1||" + b"A~" * LARGE,
        HEADER + b"PID" + b"|" * LARGE,
        HEADER + b"NTE|1||a\r" + b"wrapped\n" * LARGE,
        HEADER + b"OBX|1\r" * 49_999,
        HEADER + b"OBR|1\rORC|1\r" * 24_000,
        b"\n" * LARGE + HEADER,
        b" " * LARGE + HEADER,
        b"\x0b" * LARGE + HEADER + b"\x1c" * LARGE,
        b"\0" * LARGE + HEADER + b"NTE\0" * LARGE,
        b"comment\n" * LARGE + HEADER,
        b"BTS|1\r" * LARGE,
        HEADER * 20_000,
        b"MSH" * LARGE,
        b"MSH|" + b"^" * LARGE,
        HEADER[:-1] + b"|" * LARGE,
        HEADER[:-1] + b"\xff" * LARGE,
    ],
    ids=range(23),
)
def test_large_input_takes_linear_time(data: bytes) -> None:
    """A poisonous message cannot hold up the feed behind it."""
    stream = read_stream(data)
    for body in (data, *stream.messages[:2]):
        try:
            message = parse(body, max_segments=60_000)
        except ContentError:
            continue
        read_everything(message)
