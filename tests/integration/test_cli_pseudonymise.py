"""``azawatch pseudonymise`` as a person meets it: key, files, words, exit codes."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from tests.integration.installation import MESSAGES, ROSTER, day_file, rows
from tests.integration.terminal import Terminal

CRITICAL = day_file("stevlis-boris-alt-500")
WITHOUT_IDENTIFIER = day_file("stevlis-without-identifier")
KEY = "ab" * 32


@pytest.fixture
def key(terminal: Terminal) -> Path:
    file = terminal.write("key", KEY.encode())
    file.chmod(0o600)
    return file


def test_an_archive_leaves_with_its_roster_and_replays(terminal: Terminal) -> None:
    """Key made, archive and roster written, what was withheld is told; the replay alerts as before."""
    out = terminal.folder / "out"
    ended = terminal.type(
        *(
            "pseudonymise",
            MESSAGES,
            "--key",
            "key",
            "--new-key",
            "--out",
            out,
            "--roster",
            ROSTER,
            "--one-shift",
        ),
        exits=1,
    )

    assert stat.S_IMODE((terminal.folder / "key").stat().st_mode) == 0o600
    assert sorted(file.name for file in out.iterdir()) == ["messages.hl7", "roster.csv"]
    assert f"{WITHOUT_IDENTIFIER}#1: no-patient-identifier at PID[1]-3" in ended.err
    assert "1  not written: no-header" in ended.err
    assert "segments left out: RXR" in ended.err
    before = terminal.type("replay", MESSAGES, "--roster", ROSTER, exits=1).out
    after = terminal.type("replay", out / "messages.hl7", "--roster", out / "roster.csv").out
    assert len(after.splitlines()) == len(before.splitlines())
    patients = {row["patient_id"] for row in rows(ROSTER)}
    assert not [patient for patient in patients if patient in after + (out / "roster.csv").read_text("utf-8")]


def test_the_same_key_writes_the_same_bytes(terminal: Terminal, key: Path) -> None:
    """Two deliveries fit together."""
    for number in ("1", "2"):
        terminal.type("pseudonymise", CRITICAL, "--key", key, "--out", number)

    first, second = (terminal.folder / number / "messages.hl7" for number in ("1", "2"))
    assert first.read_bytes() == second.read_bytes() != CRITICAL.read_bytes()


@pytest.mark.parametrize(
    ("content", "mode", "said"),
    [
        (b"secret\n", 0o600, "a key of 6 bytes is too short"),
        (KEY.encode(), 0o640, "others than its owner can use the key"),
        (None, 0, "the key cannot be read: No such file"),
    ],
)
def test_a_key_that_protects_nothing_is_refused(
    content: bytes | None, mode: int, said: str, terminal: Terminal
) -> None:
    """Short, readable by others, or not there: nothing is written."""
    if content is not None:
        terminal.write("key", content).chmod(mode)
    ended = terminal.type("pseudonymise", CRITICAL, "--key", "key", "--out", "out", exits=2)

    assert said in ended.err
    assert not (terminal.folder / "out").exists()


def test_nothing_is_overwritten(terminal: Terminal, key: Path) -> None:
    """Not a key, which others may need, nor a folder in which names may lie."""
    terminal.write("out/names.txt", b"x")
    again = ("pseudonymise", CRITICAL, "--key", key)

    assert "is there already" in terminal.type(*again, "--new-key", "--out", "new", exits=2).err
    assert "is not empty" in terminal.type(*again, "--out", "out", exits=2).err
    assert key.read_text("utf-8") == KEY


def test_a_pipe_cannot_be_read_twice(terminal: Terminal, key: Path) -> None:
    """And says so, instead of writing half of what it should."""
    ended = terminal.type("pseudonymise", "-", "--key", key, "--out", "out", stdin=b"MSH|", exits=2)

    assert "read the archive twice" in ended.err


def test_a_bad_roster_is_told_before_anything_is_written(terminal: Terminal, key: Path) -> None:
    """With its line, as when it is imported."""
    bad = terminal.write("bad.csv", ROSTER.read_bytes().replace(b",start,", b",began,", 1))
    ended = terminal.type("pseudonymise", CRITICAL, "--key", key, "--out", "out", "--roster", bad, exits=2)

    assert "bad.csv:2: " in ended.err
    assert not (terminal.folder / "out").exists()
