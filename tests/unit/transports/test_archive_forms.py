"""Archives that end within a message, that are packed in a way nobody reads here, or written out by a log."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import tarfile
import zipfile
from pathlib import Path

import pytest

from engine.errors import Defect
from engine.hl7.framing import OUTSIDE
from engine.transports.archive import read_archive
from engine.transports.forms import Meter, with_real_ends
from engine.transports.unpacking import Limits

ONE = b"MSH|^~\\&|LAB|H|||20260101||ORU^R01|1|P|2.5\rPID|1||X\rOBX|1|NM|ALT||420\r"
TWO = ONE.replace(b"|1|P|", b"|2|P|")
FRAMES = b"\x0b" + ONE + b"\x1c\r\x0b" + TWO
LACKS_END = "message 2 may be cut off: it lacks the segment end of those before it"
NO_END = "no frame has an end: whether the last message is whole cannot be told"


def read(
    path: Path, content: bytes, limits: Limits | None = None
) -> tuple[list[bytes], list[str], list[str]]:
    """The messages, defects and remarks of a file with this content."""
    path.write_bytes(content)
    defects: list[Defect] = []
    remarks: list[Defect] = []
    messages = [one.body for one in read_archive([path], defects.append, limits, remarks.append)]
    return messages, [one.message for one in defects], [one.message for one in remarks]


@pytest.mark.parametrize("pack", [bytes, gzip.compress], ids=["plain", "gzip"])
@pytest.mark.parametrize(
    ("content", "whole", "place"),
    [(FRAMES[:-3], 1, 2), (FRAMES, 1, 2), (b"\x0b" + ONE[:-3], 0, 1)],
    ids=["within-a-value", "before-its-end-block", "the-only-one"],
)
def test_a_last_frame_without_end_is_not_judged(
    tmp_path: Path, pack: type[bytes], content: bytes, whole: int, place: int
) -> None:
    """ALT 420 cut to 4 would be a normal result: a capture that broke off is told, and the part left out."""
    messages, defects, remarks = read(tmp_path / "capture", pack(content))

    assert messages == [ONE.rstrip()][:whole]
    assert defects == [f"ends within message {place}: the last frame has no end"]
    assert remarks == []


def test_a_cut_capture_is_told_across_stretches_of_reading(tmp_path: Path) -> None:
    """The start block of the last frame is read with the stretch before it."""
    many = b"".join(b"\x0b" + ONE + b"NTE|1||" + b"x" * 900 + b"\r\x1c\r" for _ in range(3000))

    messages, defects, _ = read(tmp_path / "capture", many + FRAMES[:-3], Limits(stretch_bytes=1))

    assert len(messages) == 3001
    assert defects == ["ends within message 3002: the last frame has no end"]
    assert read(tmp_path / "capture", many, Limits(stretch_bytes=1))[1:] == ([], [])


def test_a_sender_who_leaves_out_all_ends_of_frames_is_read(tmp_path: Path) -> None:
    """Where no frame has an end, the lack of the last one tells nothing: all are read, and it is told."""
    assert read(tmp_path / "capture", b"\x0b" + ONE + b"\x0b" + TWO) == (
        [ONE.rstrip(), TWO.rstrip()],
        [],
        [NO_END],
    )


@pytest.mark.parametrize(
    ("content", "remarks"),
    [
        (ONE + TWO, []),
        (ONE + TWO + b"\0\0", []),
        (ONE, []),
        (ONE.rstrip(), []),
        (ONE + TWO[:-2], [LACKS_END]),
        ((ONE + TWO[:-2]).decode().encode("utf-16"), [LACKS_END]),
        (b"BHS|^~\\&\r" + ONE + b"BTS|1\r", []),
        (b"BHS|^~\\&\r" + ONE, ["batch trailer is missing"]),
        (b"FHS|^~\\&\rBHS|^~\\&\r" + ONE, ["batch trailer is missing", "file trailer is missing"]),
        (b"FHS|^~\\&\rBHS|^~\\&\r" + ONE + b"BTS|1\r", ["file trailer is missing"]),
    ],
)
def test_signs_of_a_cut_file_are_remarks_where_real_files_have_them_too(
    tmp_path: Path, content: bytes, remarks: list[str]
) -> None:
    """Editors leave out the last segment end, and senders the trailers: told, and every message is read."""
    messages, defects, told = read(tmp_path / "day", content)

    assert messages
    assert defects == []
    assert told == remarks


def tar() -> bytes:
    """A tar file with one message."""
    target = io.BytesIO()
    with tarfile.open(fileobj=target, mode="w") as archive:
        member = tarfile.TarInfo("1.hl7")
        member.size = len(ONE)
        archive.addfile(member, io.BytesIO(ONE))
    return target.getvalue()


def zipped(content: bytes) -> bytes:
    """A zip file with one member."""
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w") as archive:
        archive.writestr("1", content)
    return target.getvalue()


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (tar(), "it is a tar file"),
        (gzip.compress(tar()), "it is a tar file inside a gzip file"),
        (zipped(tar()), "it is a tar file inside a zip file"),
        (gzip.compress(zipped(ONE)), "it is a zip file inside a gzip file"),
        (lzma.compress(ONE), "it is an xz file"),
        (bz2.compress(ONE), "it is a bzip2 file"),
        (b"7z\xbc\xaf\x27\x1c\0\x04" + b"\x01" * 30, "it is a 7z file"),
        (b"Rar!\x1a\x07\x01\0" + b"\x01" * 30, "it is a rar file"),
    ],
)
def test_what_another_program_unpacks_is_named(tmp_path: Path, content: bytes, reason: str) -> None:
    """A year in a tar file is no unreadable message: who replays it is told what to do."""
    messages, defects, _ = read(tmp_path / "year", content)

    assert messages == []
    assert defects == [f"cannot be read: {reason}; unpack it first"]


def test_a_zip_file_without_files_is_a_defect(tmp_path: Path) -> None:
    """An export that found nothing is told like an empty folder."""
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w") as archive:
        archive.writestr("june/", b"")

    assert read(tmp_path / "year.zip", target.getvalue())[1] == ["the zip file holds no files"]


@pytest.mark.parametrize("end", [b"\\r", b"\\n", b"\\r\\n", b"<CR>", b"<CR><LF>"])
@pytest.mark.parametrize("last", [True, False])
def test_segment_ends_that_a_log_has_written_out_are_understood(
    tmp_path: Path, end: bytes, last: bool
) -> None:
    """One message a line, as logs and exports of tables have them; escapes of HL7 stay as they are."""
    text = b"OBX|2|TX|N||a\\R\\b \\X0D\\c 5S\\T\\rDNA|x\r"
    lines = [(one + text).replace(b"\r", end).removesuffix(b"" if last else end) for one in (ONE, TWO)]
    meter = Meter()
    path = tmp_path / "log"
    path.write_bytes(b"\n".join(lines) + b"\n")

    bodies = [one.body for one in read_archive([path], meter=meter)]

    assert bodies == [(one + text).rstrip() for one in (ONE, TWO)]
    assert str(meter) == "1 file (one message a line, segment ends written as \\r)"


@pytest.mark.parametrize(
    "content",
    [
        ONE + b"OBX|2|TX|N||a\\rPID|b\r",
        ONE.replace(b"X\r", b"\\rOBX|\r"),
        b"MSH|^~\\&|LAB|\\rPID|\rPID|1\r",
        b"MSH|^~\\&|LAB|\\R\\PID|\\X0D\\PID|\n",
        b"MSH#^~\\&#LAB#\\rPID|\n",
        b"MSH|^~\\&|LAB|\\rPID|1\nno message\n",
        b"MSH",
        b"",
    ],
)
def test_ordinary_messages_are_not_taken_for_written_out_ones(content: bytes) -> None:
    """Whoever writes a backslash into a value of a message with real segments finds it there again."""
    assert with_real_ends(content) is content


def test_messages_behind_a_prefix_are_told_as_such(tmp_path: Path) -> None:
    """A log with a time before each message is one unreadable message; the reason is said."""
    prefix = b"2026-03-12 00:00:01 INFO recv: "

    messages, defects, remarks = read(tmp_path / "log", prefix + ONE + b"\n" + prefix + TWO)

    assert len(messages) == 1
    assert (defects, remarks) == ([], [OUTSIDE, "MSH inside lines: no message was told apart"])
