"""What ``azawatch replay`` reads: every form of archives, what it says of them, and a part of the time."""

from __future__ import annotations

import gzip
import io
import json
import zipfile
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.integration.installation import MESSAGES, ROSTER, day_file
from tests.integration.terminal import Terminal

ONE = day_file("stevlis-boris-alt-500").read_bytes().rstrip(b"\r\n")
TWO = day_file("stevlis-without-identifier").read_bytes().rstrip(b"\r\n")
BATCH = b"FHS|^~\\&|\rBHS|^~\\&|\r" + ONE + b"\r" + TWO + b"\rBTS|2\rFTS|1\r"


def written_out(message: bytes) -> bytes:
    """As a log has it in one line."""
    return message.replace(b"\r\n", b"\r").replace(b"\n", b"\r").replace(b"\r", b"\\r")


def zipped(*members: tuple[str, bytes]) -> bytes:
    """A zip file."""
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members:
            archive.writestr(name, content)
    return target.getvalue()


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        ("one.hl7", ONE, "1 file (one message each)"),
        ("two.txt", ONE + b"\r\n" + TWO.replace(b"\r", b"\r\n"), "1 file (messages one after the other)"),
        ("lines", ONE + b"\n" + TWO + b"\n", "1 file (one message a line)"),
        ("log", written_out(ONE) + b"\n", r"1 file (one message a line, segment ends written as \r)"),
        ("prefixed", b"07:00 INFO recv: " + ONE + b"\n07:01 INFO recv: " + TWO, "1 file (MSH inside lines)"),
        ("capture", b"\x0b" + ONE + b"\r\x1c\r\x0b" + TWO + b"\r\x1c\r", "1 file (MLLP captures)"),
        ("noisy", b"7\xff\n\x0b" + ONE + b"\r\x1c\r8\n\x0b" + TWO + b"\x1c\r", "1 file (MLLP captures)"),
        ("batch", BATCH, "1 file (FHS/BHS batches)"),
        ("day.gz", gzip.compress(BATCH), "1 gzip file (FHS/BHS batches)"),
        ("utf16", BATCH.decode("latin-1").encode("utf-16"), "1 file (FHS/BHS batches)"),
        ("notes", b"no HL7 at all", "1 file (no HL7)"),
        (
            "year.zip",
            zipped(("1.hl7", ONE), ("2.hl7", TWO), ("3.gz", gzip.compress(BATCH)), ("4", BATCH)),
            (
                "1 gzip zip member (FHS/BHS batches), 1 zip member (FHS/BHS batches), "
                "2 zip members (one message each)"
            ),
        ),
    ],
)
def test_the_form_of_an_archive_is_found_out_and_said(
    name: str, content: bytes, says: str, terminal: Terminal
) -> None:
    """Who expects twelve months of batches sees at once that one file was something else."""
    terminal.write(f"in/{name}", content)

    ended = terminal.type("replay", "in", "--roster", ROSTER, "--lenient")
    assert f"  read: {says}\n" in ended.err


def test_a_pattern_names_files(terminal: Terminal) -> None:
    """Some months of an archive, in the order of their names, by a shell that does not know patterns."""
    for month in ("2025-01", "2025-02", "2026-01"):
        terminal.write(f"in/{month}/a.hl7", ONE)
    assert terminal.type("replay", "in/2025-*/*.hl7").err.startswith("2 messages")
    assert terminal.type("replay", "in/**").err.startswith("3 messages")
    assert "in/2024-*: no such file" in terminal.type("replay", "in/2024-*", exits=2).err


def test_what_cannot_be_read_is_named_and_the_rest_counts(terminal: Terminal) -> None:
    """An encrypted member, a truncated file, an empty one: each with its place, and all others are used."""
    locked = bytearray(zipped(("1.hl7", ONE)))
    for mark, place in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        locked[locked.index(mark) + place] |= 1
    terminal.write("in/1.zip", bytes(locked))
    terminal.write("in/2.gz", gzip.compress((ONE + b"\r") * 2000, 1)[:-300])
    terminal.write("in/3.hl7", b"")
    terminal.write("in/4.hl7", TWO)
    for jobs in ("1", "2"):
        said = terminal.type("replay", "in", "--jobs", jobs, exits=1).err

        assert "in/1.zip/1.hl7: cannot be read: it is encrypted; unpack it with its password first" in said
        assert "in/2.gz: cannot be read beyond message 1" in said
        assert "it ends too early, the file is incomplete" in said
        assert "in/3.hl7: cannot be read: it is empty" in said
        assert "quarantined: in/4.hl7#1: no-patient-identifier" in said


def test_a_wrong_count_is_told_once_in_its_place(terminal: Terminal) -> None:
    """What is odd about a file comes after the messages before it, however many processes read it."""
    terminal.write("in/1.hl7", TWO)
    terminal.write("in/2.hl7", BATCH.replace(b"BTS|2", b"BTS|3"))
    terminal.write("in/3.hl7", TWO.replace(b"|P|", b"|P |"))
    said = [terminal.type("replay", "in", "--jobs", jobs, exits=1).err for jobs in ("1", "2")]

    assert said[0] == said[1]
    lines = [line.partition("#")[0] for line in said[0].splitlines()]
    assert [line for line in lines if "in/" in line] == [
        "quarantined: in/1.hl7",
        "warning: in/2.hl7: batch trailer states 3 messages, 2 found",
        "quarantined: in/3.hl7",
    ]


def test_since_tells_what_was_decided_from_then_on(terminal: Terminal) -> None:
    """Earlier messages count as history: what is told is the later part of what is told of all."""
    whole, late = terminal.folder / "whole", terminal.folder / "late"
    everything = ("replay", MESSAGES, "--roster", ROSTER, "--lenient")
    terminal.type(*everything, "--alerts", whole)
    ended = terminal.type(*everything, "--alerts", late, "--since", "2026-03-12T10:00+00:00")
    begin = datetime(2026, 3, 12, 10, tzinfo=UTC)
    events = whole.read_text(encoding="utf-8").splitlines(keepends=True)
    expected = [line for line in events if datetime.fromisoformat(json.loads(line)["decided_at"]) >= begin]

    assert late.read_text(encoding="utf-8") == "".join(expected)
    assert 0 < len(expected) < len(events)
    assert ended.out.count("\n") == len(expected)
    assert f"{len(events) - len(expected)}  alert events before --since, not told" in ended.err
    both = ("--since", "2026-03-12", "--until", "2026-03-11")
    assert "--since is later than --until" in terminal.type(*everything, *both, exits=2).err


def test_nothing_of_the_bar_goes_into_a_file(tmp_path: Path, terminal: Terminal) -> None:
    """Where stderr is no terminal there is no bar."""
    ended = terminal.type("replay", tmp_path, exits=1)

    assert "left" not in ended.err
    assert "\x1b" not in ended.err
