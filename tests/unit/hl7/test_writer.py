"""Writing ER7: nothing that stands in a text can become structure."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, timezone

import hl7
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.hl7.delimiters import read_delimiters
from engine.hl7.writer import (
    EMPTY,
    Er7,
    clean,
    components,
    composite,
    day,
    formatted,
    leaf,
    message,
    repeat,
    segment,
    subcomponents,
    timestamp,
)

SEPARATORS = "|^~\\&"


def unescaped(text: str) -> str:
    """Read a leaf back with the engine's own reader."""
    delimiters, _ = read_delimiters("|", "^~\\&", "utf-8")
    return delimiters.unescape(text)


def test_each_separator_has_its_escape() -> None:
    """The five separators of a text arrive as text, by the escapes of the standard."""
    assert leaf("10^9/L | a~b & c\\d") == "10\\S\\9/L \\F\\ a\\R\\b \\T\\ c\\E\\d"


@given(st.text())
def test_a_leaf_comes_back_as_the_text_that_was_meant(text: str) -> None:
    """Our own reader and python-hl7 read from a leaf what was written, whatever was written."""
    written = leaf(text)
    expected = "" if clean(text) == '""' else clean(text)

    assert expected == unescaped(written)
    assert expected == hl7.parse("MSH|^~\\&|A\r").unescape(str(written))


@given(st.text(alphabet=st.characters(exclude_categories=())))
def test_a_leaf_holds_no_separator_and_no_control_character(text: str) -> None:
    """No text, not even half a surrogate pair, can end a field, a segment or a frame."""
    written = leaf(text)

    assert not set(written) & set("|^~&")
    assert not any(ord(character) < 32 or 127 <= ord(character) < 160 for character in written)
    assert written.encode("utf-8").decode("utf-8") == written
    assert len(written.splitlines()) <= 1


def test_text_of_two_quotes_does_not_delete() -> None:
    """A name that is literally two double quotes does not tell the receiver to delete the name."""
    assert leaf(' "" ') == EMPTY


def test_characters_that_reorder_digits_are_removed() -> None:
    """A right-to-left override cannot make 12 look like 21 on the receiver's screen."""
    assert clean("dose \u202e12\u202c mg") == "dose 12 mg"


def test_lines_are_joined_by_the_line_break_escape() -> None:
    """Lines of a longer text stay lines, and an injected line end is only one more of them."""
    assert formatted(["ALT 212", "stop\rOBX|1|ST"]) == "ALT 212\\.br\\stop\\.br\\OBX\\F\\1\\F\\ST"


def test_empty_components_at_the_end_are_not_written() -> None:
    """Composites are as short as they can be, and empty parts in the middle keep their place."""
    assert components("a", "", "c", "", "") == "a^^c"
    assert subcomponents("", "2.25.78", "ISO", "") == "&2.25.78&ISO"
    assert composite(EMPTY, subcomponents("x", "y")) == "^x&y"
    assert repeat(Er7("a"), EMPTY, Er7("b")) == "a~b"


def test_fields_stand_where_their_number_says() -> None:
    """A field is placed by its number, so that a value cannot slip into its neighbour."""
    assert segment("OBR", {1: Er7("1"), 4: Er7("X"), 9: EMPTY}) == "OBR|1|||X"
    assert segment("MSH", {3: Er7("A"), 10: Er7("ID")}) == "MSH|^~\\&|A|||||||ID"


def test_a_message_ends_each_segment_with_a_carriage_return() -> None:
    """Receivers that read to the terminator see the last segment too."""
    assert message([Er7("MSH|^~\\&"), Er7("PID|||é")]) == "MSH|^~\\&\rPID|||é\r".encode()


@pytest.mark.parametrize(
    ("at", "expected"),
    [
        (datetime(2026, 3, 12, 14, 15, 30, 250_999, tzinfo=UTC), "20260312141530.250+0000"),
        (
            datetime(2026, 7, 1, 0, 0, tzinfo=timezone(timedelta(hours=-3, minutes=-30))),
            "20260701000000.000-0330",
        ),
        (datetime(1900, 1, 1, 0, 1, 15, tzinfo=timezone(timedelta(seconds=75))), "19000101000000.000+0000"),
        (datetime(900, 1, 1, tzinfo=UTC), "09000101000000.000+0000"),
    ],
)
def test_times_carry_milliseconds_and_offset(at: datetime, expected: str) -> None:
    """Times are written exactly, in their own offset where DTM can write it."""
    assert timestamp(at, milliseconds=True) == expected


def test_a_time_without_milliseconds_and_a_date() -> None:
    """Where milliseconds are not asked for, none are invented."""
    assert timestamp(datetime(2026, 3, 12, 9, 15, tzinfo=UTC)) == "20260312091500+0000"
    assert day(date(1984, 5, 12)) == "19840512"
