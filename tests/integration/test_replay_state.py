"""``azawatch replay --state``: whatever stops it, the same command goes on as if nothing had."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.integration.installation import MESSAGES, ROSTER, environment, wait_until
from tests.integration.terminal import Terminal
from tests.support.archives import many_days

OUTPUTS = ("alerts", "hl7", "report")


def command(folder: Path, archive: Path, roster: Path, *more: str) -> list[str | Path]:
    """A replay of an archive that writes all its files into a folder."""
    folder.mkdir(exist_ok=True)
    outputs = [word for name in OUTPUTS for word in (f"--{name}", str(folder / name))]
    return [sys.executable, "-m", "engine", "replay", archive, "--roster", roster, *outputs, *more]


def size(file: Path) -> int:
    """How long a file is, 0 where there is none."""
    return file.stat().st_size if file.exists() else 0


@pytest.mark.parametrize("jobs", ["1", "2"])
def test_after_any_kill_the_files_are_those_of_an_undisturbed_replay(jobs: str, tmp_path: Path) -> None:
    """SIGKILL when something new is on disk, twice: alerts, HL7 and report lose and repeat nothing.

    Nor does a killed replay leave results of patients behind in the folder for temporary files.
    """
    archive, roster = many_days(tmp_path, 3)
    whole, broken = tmp_path / "whole", tmp_path / "broken"
    subprocess.run(
        [*command(whole, archive, roster, "--lenient")], env=environment(), check=True, capture_output=True
    )
    again = command(broken, archive, roster, "--lenient", "--jobs", jobs, "--state", str(tmp_path / "state"))
    for _ in range(2):
        before = size(broken / "alerts")
        with subprocess.Popen(
            again,
            env=environment() | {"TMPDIR": str(tmp_path)},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        ) as running:
            wait_until(lambda: size(broken / "alerts") > before, "more alerts")  # noqa: B023
            os.kill(running.pid, signal.SIGKILL)
    left = list(tmp_path.glob("azawatch-replay-*"))
    subprocess.run(again, env=environment() | {"TMPDIR": str(tmp_path)}, check=True, capture_output=True)

    for name in OUTPUTS:
        assert (broken / name).read_bytes() == (whole / name).read_bytes(), name
    assert left
    assert not list(tmp_path.glob("azawatch-replay-*"))


def test_a_replay_that_has_ended_can_be_asked_again(terminal: Terminal) -> None:
    """The same command once more does nothing twice: the same summary, the same files, the same exit code."""
    asked = ("replay", MESSAGES, "--roster", ROSTER, "--state", "state", "--alerts", "a", "--expect", "kept")
    terminal.type("replay", MESSAGES, "--roster", ROSTER, "--alerts", "kept", "--lenient")
    first = terminal.type(*asked, exits=1)
    written = (terminal.folder / "a").read_bytes()
    second = terminal.type(*asked, exits=1)

    assert written == (terminal.folder / "a").read_bytes() == (terminal.folder / "kept").read_bytes()
    assert "state: goes on after 169 messages" in second.err
    assert second.out == ""
    elsewhere = "reasons of the first 2 quarantined are in the log of the interrupted run\n"
    assert second.err.partition("169 messages, ")[2] == first.err.partition("169 messages, ")[2] + elsewhere


@pytest.mark.parametrize(
    ("changed", "says"),
    [
        (["--jobs", "2"], "--jobs is not what the replay was begun with"),
        (["--since", "2026-03-12"], "--since is not"),
        (["--until", "2026-03-13"], "--until is not"),
        (["--protocol", "s2"], "--protocol is not"),
        (["--alerts", "other"], "--alerts is not"),
        (["--roster", "other.csv"], "--roster is not"),
        (["--rules", "rules"], "the knowledge (--rules, --mappings) is not"),
    ],
)
def test_other_options_are_refused_by_name(changed: list[str], says: str, terminal: Terminal) -> None:
    """Half of an archive under one set of rules and half under another is the replay of neither."""
    terminal.write("other.csv", ROSTER.read_bytes() + b"H1,STEVENS,start,2026-03-01,azathioprine,100,,\n")
    shutil.copytree(MESSAGES.parents[2] / "rules", terminal.folder / "rules")
    rule = terminal.folder / "rules/azathioprine/a02-alt-ast-500.yaml"
    rule.write_text(rule.read_text(encoding="utf-8") + "# reviewed\n", encoding="utf-8")
    asked: list[str | Path] = ["replay", next(MESSAGES.iterdir()), "--state", "state", "--lenient"]
    terminal.type(*asked)
    before = (terminal.folder / "state").read_bytes()
    said = terminal.type(*asked, *changed, exits=2).err

    assert says in said
    assert "begin anew with another --state file" in said
    assert (terminal.folder / "state").read_bytes() == before


def test_another_archive_is_refused_with_what_differs(terminal: Terminal) -> None:
    """A file that was changed, added or taken away is named."""
    for name in ("1.hl7", "2.hl7"):
        terminal.write(f"in/{name}", next(MESSAGES.iterdir()).read_bytes())
    asked = ("replay", "in", "--state", "state")
    terminal.type(*asked)
    terminal.write("in/3.hl7", b"")
    assert "in/3.hl7 is new" in terminal.type(*asked, exits=2).err
    (terminal.folder / "in/3.hl7").unlink()
    terminal.write("in/2.hl7", b"MSH|")
    assert "in/2.hl7 has another size or time of change" in terminal.type(*asked, exits=2).err
    (terminal.folder / "in/2.hl7").unlink()
    assert "in/2.hl7 is gone" in terminal.type(*asked, exits=2).err


def test_what_cannot_be_gone_on_with_is_refused(terminal: Terminal) -> None:
    """Standard input, a pipe, a file of somebody else or of something else, an output that was cut."""
    one = next(MESSAGES.iterdir())
    assert (
        "--state cannot go on with standard input"
        in terminal.type("replay", "-", "--state", "state", exits=2).err
    )
    terminal.write("notes.txt", "notes")
    said = terminal.type("replay", one, "--state", "notes.txt", exits=2).err
    assert "notes.txt: is not the state of a replay" in said
    assert (terminal.folder / "notes.txt").read_text(encoding="utf-8") == "notes"
    assert (
        "is no file" in terminal.type("replay", one, "--state", "state", "--alerts", "/dev/null", exits=2).err
    )
    terminal.type("replay", MESSAGES, "--roster", ROSTER, "--state", "day", "--alerts", "a", exits=1)
    terminal.write("a", b"")
    cut = terminal.type("replay", MESSAGES, "--roster", ROSTER, "--state", "day", "--alerts", "a", exits=2)
    assert "a: is shorter than the replay has left it" in cut.err
    (terminal.folder / "day").chmod(0o666)
    open_to_all = terminal.type("replay", one, "--state", "day", exits=2).err
    assert "day: is not a file that only you may write" in open_to_all


def test_the_files_of_a_state_are_for_their_owner(terminal: Terminal) -> None:
    """They hold what the archive holds."""
    terminal.type("replay", next(MESSAGES.iterdir()), "--state", "state")

    modes = {file.name: file.stat().st_mode & 0o777 for file in terminal.folder.glob("state*")}
    assert modes == {"state": 0o600, "state.share-1": 0o600}
