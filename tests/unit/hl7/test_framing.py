"""Finding the messages in bytes: frames, batches, archives and odd line ends."""

from __future__ import annotations

import pytest

from engine.errors import ContentError
from engine.hl7 import Stream, parse, read_stream, split_stream

ONE = b"MSH|^~\\&|LAB|NORTH|||20260105||ORU^R01|1|P|2.5\rPID|1||A1\rOBX|1|NM|X||5"
TWO = b"MSH|^~\\&|LAB|NORTH|||20260105||ORU^R01|2|P|2.5\rPID|1||A2\rOBX|1|NM|X||6"


@pytest.mark.parametrize(
    "data",
    [
        ONE + b"\r" + TWO + b"\r",
        ONE + b"\r\n\r\n" + TWO + b"\r\n",
        ONE + b"\n  " + TWO,
        b"\x0b" + ONE + b"\r\x1c\r\x0b" + TWO + b"\r\x1c\r",
        b"\x0b" + ONE + b"\x1c\x0b" + TWO,
        b"\xef\xbb\xbf" + ONE + b"\r" + b"\xef\xbb\xbf" + TWO,
        b"\0\0" + ONE + b"\0\r" + TWO + b"\0",
        b"FHS|^~\\&|A\rBHS|^~\\&|A\r" + ONE + b"\r" + TWO + b"\rBTS|2\rFTS|1\r",
        b"BHS|^~\\&|A\r\n" + ONE + b"\r\n" + TWO + b"\r\nBTS\r\n",
        ONE + b"\rBTS|1\r" + TWO + b"\rBTS|1\r",
    ],
)
def test_messages_are_found_however_they_are_packed(data: bytes) -> None:
    """An archive with several messages gives each message's own bytes, without framing or envelope."""
    assert Stream((ONE, TWO), ()) == read_stream(data)
    assert [ONE, TWO] == list(split_stream(data))


def test_line_ends_inside_a_message_stay_as_they_were() -> None:
    """A message keeps its bytes, so that the same message has the same digest from queue and archive."""
    assert (ONE.replace(b"\r", b"\r\n"),) == read_stream(ONE.replace(b"\r", b"\r\n") + b"\r\n").messages


@pytest.mark.parametrize(
    ("data", "warning"),
    [
        (b"BHS|^~\\&\r" + ONE + b"\rBTS|2\r", "batch trailer states 2 messages, 1 found"),
        (b"FHS|^~\\&\rBHS|^~\\&\r" + ONE + b"\rBTS|1\rFTS|3", "file trailer states 3 batches, 1 found"),
        (b"BHS:^~\\&\r" + ONE + b"\rBTS:  0 \r", "batch trailer states 0 messages, 1 found"),
    ],
)
def test_a_wrong_count_in_a_trailer_is_a_warning_and_loses_nothing(data: bytes, warning: str) -> None:
    """A batch that announces more or fewer messages than it holds is read, and the difference is told."""
    assert Stream((ONE,), (warning,)) == read_stream(data)


@pytest.mark.parametrize("count", [b"", b"x", b"999999999999999999999999", b"1"])
def test_a_count_that_is_no_number_is_not_compared(count: bytes) -> None:
    """Only a count that says something can be wrong."""
    assert () == read_stream(b"BHS|^~\\&\r" + ONE + b"\rBTS|" + count).warnings


def test_a_file_of_messages_without_batches_is_one_batch() -> None:
    """FTS-1 is 1 for a file that left out the batch envelope."""
    assert () == read_stream(b"FHS|^~\\&\r" + ONE + b"\rFTS|1").warnings


def test_an_empty_batch_has_no_messages() -> None:
    """Zero messages are allowed (HL7 v2.9 2.10.3)."""
    assert Stream((), ()) == read_stream(b"FHS|^~\\&\rBHS|^~\\&\rBTS|0\rFTS|1\r")
    assert Stream((), ()) == read_stream(b"\r\n \0\x1c\r")


def test_segments_before_any_header_become_a_message_that_fails() -> None:
    """The results at the start of a cut-off archive are quarantined and not passed over."""
    stream = read_stream(b"OBX|1|NM|X||9\r" + ONE)
    assert (b"OBX|1|NM|X||9", ONE) == stream.messages
    assert ("text outside messages",) == stream.warnings
    with pytest.raises(ContentError, match="no-header"):
        parse(stream.messages[0])


def test_comments_between_messages_are_passed_over_with_a_warning() -> None:
    """An archive that a person has annotated can be replayed."""
    data = b"# Monday\r" + ONE + b"\rBTS|1\r# Tuesday\r" + TWO
    assert Stream((ONE, TWO), ("text outside messages",)) == read_stream(data)


@pytest.mark.parametrize("end", [b"\x1c\r", b"\r\x1c\r", b"\x1c\n", b"\x1c\r\n"])
def test_noise_of_a_capture_is_no_part_of_the_message_before_it(end: bytes) -> None:
    """Bytes between two frames do not spoil the text, the charset or the segments of a message."""
    data = b"\xff12:00 in\r\n\x0b" + ONE + end + b"12:01 \xff\x00 in\r\n\x0b" + TWO + end + b"\xff"
    assert Stream((ONE, TWO), ("text outside messages",)) == read_stream(data)


def test_segments_after_the_end_of_a_frame_are_not_given_to_its_patient() -> None:
    """A capture that lost the begin of a frame must not bring a stranger's results to whom came before."""
    lost = b"PID|1||STRANGER\rOBX|1|NM|1742-6^ALT^LN||900|U/L"
    stream = read_stream(b"\x0b" + ONE + b"\r\x1c\r" + lost + b"\r\x1c\r\x0b" + TWO + b"\r\x1c\r")
    assert (ONE, lost, TWO) == stream.messages


def test_bytes_without_any_message_are_handed_on() -> None:
    """Something that is no HL7 at all ends in quarantine, not in silence."""
    assert Stream((b"hello",), ("text outside messages",)) == read_stream(b"hello\r\n")


def test_the_word_msh_in_a_text_does_not_start_a_message() -> None:
    """Only MSH with a separator at the start of a line is a header."""
    data = ONE + b"\rNTE|1||see\rMSH is not sent\rMSHX|1\rNTE|2||MSH|no"
    assert (data,) == read_stream(data).messages


def test_characters_that_python_takes_for_line_ends_do_not_split() -> None:
    """Form feed, NEL and line separator are text; str.splitlines would cut a segment there."""
    data = ONE + "\rNTE|1||a\x0cb\x85c\u2028d\x1de".encode()
    (message,) = read_stream(data).messages
    assert "a\x0cb\x85c\u2028d\x1de" == parse(message).segments[-1].text(3)


@pytest.mark.parametrize("codec", ["utf-16-le", "utf-16-be", "utf-32-le", "utf-32-be", "utf-16"])
def test_an_archive_in_utf_16_or_32_is_split_too(codec: str) -> None:
    """A file saved as "Unicode" by a Windows program gives the same messages."""
    data = (ONE + b"\r\n" + TWO + b"\r\n").decode().encode(codec)
    assert ["1", "2"] == [parse(message).control_id for message in split_stream(data)]


def test_broken_utf_16_is_one_unreadable_message() -> None:
    """Half a character does not stop the stream reader; parsing then says what is wrong."""
    (message,) = read_stream(b"M\0S\0H\0|\0\0\xd8").messages
    with pytest.raises(ContentError, match="charset"):
        parse(message)
