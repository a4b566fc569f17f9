"""``azawatch replay``, ``validate`` and ``send`` as a person meets them: files, exit codes, output."""

from __future__ import annotations

import gzip
import json
import os
import pty
import re
import subprocess
import sys
import zipfile
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.integration.installation import DAY, MESSAGES, ROSTER, day_file, rows
from tests.integration.terminal import Terminal

CRITICAL = day_file("stevlis-boris-alt-500")
WITHOUT_IDENTIFIER = day_file("stevlis-without-identifier")
EXPECTED = rows(DAY / "expected.csv")


def test_two_replays_are_byte_identical(terminal: Terminal) -> None:
    """An archive answers the same on Monday and on Friday: JSON, HL7, screen and summary."""
    outputs = []
    for number in (1, 2):
        files = [terminal.folder / f"{number}.jsonl", terminal.folder / f"{number}.hl7"]
        ended = terminal.type(
            "replay", MESSAGES, "--roster", ROSTER, "--alerts", files[0], "--hl7", files[1], exits=1
        )
        outputs.append((ended.out, ended.err, *(file.read_bytes() for file in files)))

    assert outputs[0] == outputs[1]
    assert outputs[0][2].count(b"\n") == outputs[0][3].count(b"MSH|") == len(EXPECTED)
    assert outputs[0][0].count("\n") == len(EXPECTED)


def test_a_replay_says_how_every_message_ended(terminal: Terminal) -> None:
    """The summary accounts for the whole archive, and names each held message with place and reason."""
    said = terminal.type("replay", MESSAGES, "--roster", ROSTER, exits=1).err
    outcomes = rows(DAY / "outcomes.csv")

    assert f"{len(outcomes)} messages" in said
    for row in outcomes:
        count = sum(
            1
            for one in outcomes
            if (one["disposition"], one["reason"]) == (row["disposition"], row["reason"])
        )
        assert f"{count}  {row['disposition']}: {row['reason']}" in said
        if row["disposition"] == "quarantined":
            assert f"{row['message']}#1: {row['reason']} at " in said


def test_quarantine_is_exit_1_and_lenient_makes_it_0(terminal: Terminal) -> None:
    """A script sees that something was held back, unless it says that it does not mind."""
    terminal.type("replay", WITHOUT_IDENTIFIER, exits=1)
    terminal.type("replay", WITHOUT_IDENTIFIER, "--lenient")
    terminal.type("replay", CRITICAL)


def test_alerts_alone_are_no_failure(terminal: Terminal) -> None:
    """A critical alert is what the engine is for: exit 0, one line on stdout, below those of the roster."""
    ended = terminal.type("replay", CRITICAL, "--roster", ROSTER)

    *of_the_roster, last = ended.out.splitlines()
    assert last.startswith("CRITICAL ")
    assert len(of_the_roster) == sum(row["message"] == ROSTER.name for row in EXPECTED)


@pytest.mark.parametrize("how", ["stdin", "gzip", "zip", "mllp", "folder"])
def test_an_archive_may_come_in_any_wrapping(how: str, terminal: Terminal) -> None:
    """Standard input, .gz, .zip, MLLP frames and folders are read alike."""
    body = CRITICAL.read_bytes()
    stdin, path = b"", Path("-")
    if how == "stdin":
        stdin = body
    elif how == "gzip":
        path = terminal.write("day.hl7.gz", gzip.compress(body))
    elif how == "zip":
        path = terminal.folder / "day.zip"
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("inner/day.hl7", body)
    elif how == "mllp":
        path = terminal.write("day.mllp", b"\x0b" + body + b"\x1c\r")
    else:
        path = terminal.write("day/one.hl7", body).parent
    ended = terminal.type("replay", path, "--roster", ROSTER, stdin=stdin)

    assert ended.out.splitlines()[-1].startswith("CRITICAL ")
    assert "1 messages" in ended.err


def test_until_leaves_out_what_came_later(terminal: Terminal) -> None:
    """What did the engine know at noon? Later messages are counted, not used."""
    alerts = terminal.folder / "alerts.jsonl"
    ended = terminal.type(
        *("replay", MESSAGES, "--roster", ROSTER, "--until", "2026-03-12T09:00+00:00"),
        *("--alerts", alerts, "--lenient"),
    )
    told = [json.loads(line)["decided_at"] for line in alerts.read_text().splitlines()]

    assert "ignored: after-until" in ended.err
    assert 0 < len(told) < len(EXPECTED)
    assert max(map(datetime.fromisoformat, told)) <= datetime(2026, 3, 12, 9, tzinfo=UTC)


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["nowhere.hl7"], "nowhere.hl7: no such file or folder"),
        ([], "Missing argument"),
        ([CRITICAL, "--until", "yesterday"], "2026-03-12"),
        ([CRITICAL, "--until", "9999-12-31T23:59:59-12:00"], "2026-03-12"),
        ([CRITICAL, "--roster", "nowhere.csv"], "nowhere.csv: cannot be read: No such file"),
        ([CRITICAL, "--rules", "nowhere"], "nowhere"),
        ([CRITICAL, "--mappings", "nowhere"], "nowhere"),
        ([CRITICAL, "--protocol", "no-such"], "no-such"),
        ([CRITICAL, "--config", "nowhere.toml"], "nowhere.toml: cannot be read"),
        ([CRITICAL, "--alerts", "no/folder/out.jsonl"], "no/folder/out.jsonl: cannot be written"),
        ([CRITICAL, "--hl7", "."], ".: cannot be written"),
        ([CRITICAL, "--lenent"], "--lenient"),
    ],
)
def test_usage_errors_name_the_place_and_are_exit_2(
    arguments: list[str | Path], says: str, terminal: Terminal
) -> None:
    """What is wrong with a command is said in one line, before anything was done."""
    ended = terminal.type("replay", *arguments, exits=2)

    assert says in ended.err
    assert ended.out == ""


def test_a_terminal_sees_how_far_it_is() -> None:
    """The bar goes to the terminal, and never into the alerts."""
    ours, theirs = pty.openpty()
    with os.fdopen(ours, "rb", buffering=0) as screen, os.fdopen(theirs, "wb", buffering=0) as terminal:
        ended = subprocess.run(
            [sys.executable, "-m", "engine", "replay", CRITICAL, "--roster", ROSTER],
            env={**os.environ, "TERM": "xterm"},
            stdout=subprocess.PIPE,
            stderr=terminal,
            timeout=60,
            check=True,
        )
        shown = screen.read(65536)

    assert b"replay" in shown
    assert "━".encode() in shown
    assert "━".encode() not in ended.stdout


@pytest.mark.parametrize("option", ["--alerts", "--hl7"])
def test_a_full_disk_is_said_in_words(option: str, terminal: Terminal) -> None:
    """Output that cannot be written to its end is an error, not a traceback and not a success."""
    full = Path("/dev/full")
    if not full.exists():
        pytest.skip("only Linux has a disk that is always full")

    ended = terminal.type("replay", CRITICAL, "--roster", ROSTER, option, full, exits=2)
    assert "/dev/full: cannot be read or written: No space left on device" in ended.err


def test_a_damaged_file_does_not_hide_the_others(terminal: Terminal) -> None:
    """What can be read of an archive is used; what cannot is named."""
    terminal.write("day/1.gz", gzip.compress(CRITICAL.read_bytes())[:200])
    terminal.write("day/2.hl7", CRITICAL.read_bytes())
    ended = terminal.type("replay", terminal.folder / "day", "--roster", ROSTER, exits=1)

    assert ended.out.splitlines()[-1].startswith("CRITICAL ")
    assert "day/1.gz: cannot be read" in ended.err


def test_validate_names_message_and_place(terminal: Terminal) -> None:
    """A sender's interface team reads what is wrong and where; what is right is exit 0."""
    right = terminal.folder / "alerts.hl7"
    terminal.type("replay", CRITICAL, "--roster", ROSTER, "--hl7", right)
    assert re.search(r"^\d messages, 0 problems$", terminal.type("validate", right).err, re.MULTILINE)

    wrong = right.read_bytes().replace(b"|ORU^R40^ORU_R40|", b"|ORU^R40^ORU_R40^X|").replace(b"|2.6|", b"||")
    ended = terminal.type("validate", "-", stdin=wrong, exits=1)
    assert "stdin#1: MSH[1]-12" in ended.out
    assert " 0 problems" not in ended.err
    assert "nowhere: no such file" in terminal.type("validate", "nowhere", exits=2).err


def test_send_says_what_is_wrong_with_an_address(terminal: Terminal) -> None:
    """A mistyped address is refused before anything is tried, and its password is not shown."""
    ended = terminal.type("send", CRITICAL, "--amqp", "http://u:s3cret@broker", exits=2)

    assert "amqp_url: not an AMQP address: write amqp://" in ended.err
    assert "s3cret" not in ended.err


def test_a_golden_run_fails_with_what_differs(terminal: Terminal) -> None:
    """What a hospital has looked at is kept as a file; exit 3 and one line for each difference from it."""
    kept = terminal.folder / "kept.jsonl"
    terminal.type("replay", CRITICAL, "--roster", ROSTER, "--alerts", kept)

    terminal.type("replay", CRITICAL, "--roster", ROSTER, "--expect", kept)
    kept.write_text(kept.read_text(encoding="utf-8").replace("ALT 500 U/L", "ALT 501 U/L"), encoding="utf-8")
    ended = terminal.type("replay", CRITICAL, "--roster", ROSTER, "--expect", kept, exits=3)

    assert 'message: "ALT 501 U/L' in ended.err
    kept.write_text("no event\n", encoding="utf-8")
    assert "kept.jsonl:1: " in terminal.type("replay", CRITICAL, "--expect", kept, exits=2).err


@pytest.mark.parametrize("option", ["--alerts", "--hl7", "--report", "--state"])
def test_an_output_never_overwrites_what_is_read(terminal: Terminal, option: str) -> None:
    """A slip in the command line costs no archive: by name, by link, as roster, or in the folder read."""
    folder = terminal.folder / "archive"
    folder.mkdir()
    archive, roster = folder / "m.hl7", terminal.folder / "roster.csv"
    archive.write_bytes(Path(CRITICAL).read_bytes())
    roster.write_bytes(Path(ROSTER).read_bytes())
    link = terminal.folder / "link"
    link.symlink_to(archive)
    before = archive.read_bytes(), roster.read_bytes()

    for path in (archive, link, roster):
        said = terminal.type("replay", archive, "--roster", roster, option, path, exits=2).err
        assert "is the same file as" in said
    said = terminal.type("replay", folder, option, folder / "new", exits=2).err

    assert "which is read" in said
    assert (archive.read_bytes(), roster.read_bytes()) == before
    assert [file.name for file in folder.iterdir()] == ["m.hl7"]


def test_two_outputs_are_two_files(terminal: Terminal) -> None:
    """Neither of two outputs of one name would be whole."""
    same = terminal.folder / "out"
    said = terminal.type("replay", CRITICAL, "--alerts", same, "--hl7", same, exits=2).err

    assert f"--hl7 {same} is the same file as --alerts {same}" in said.replace("\n", " ")
    assert not same.exists()


@pytest.mark.parametrize("name", ["state.share-1", "state-wal"])
def test_no_output_has_the_name_of_a_part_of_the_state(terminal: Terminal, name: str) -> None:
    """The state is more than one file, and alerts written into one of them would end it."""
    said = terminal.type("replay", CRITICAL, "--state", "state", "--alerts", name, exits=2).err

    assert f"--alerts {name} has the name of a file that belongs to --state" in said.replace("\n", " ")
    assert not list(terminal.folder.glob("state*"))


def test_a_replay_that_fails_leaves_the_file_of_the_one_before(terminal: Terminal) -> None:
    """Yesterday's alerts are still there when today's replay cannot write its report."""
    kept = terminal.folder / "alerts.jsonl"
    kept.write_text("yesterday", encoding="utf-8")

    terminal.type("replay", CRITICAL, "--alerts", kept, "--report", "/dev/full", exits=2)

    assert kept.read_text(encoding="utf-8") == "yesterday"
    assert [file.name for file in terminal.folder.iterdir() if file.suffix == ".part"] == []


def test_who_may_read_an_output_stays_as_it_was(terminal: Terminal) -> None:
    """A file of patients that was made private stays so when it is written anew."""
    kept = terminal.folder / "alerts.jsonl"
    kept.touch(mode=0o600)

    terminal.type("replay", CRITICAL, "--roster", ROSTER, "--alerts", kept)

    assert kept.read_bytes()
    assert kept.stat().st_mode & 0o777 == 0o600
