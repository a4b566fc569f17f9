"""``azawatch replay --jobs``: several processes tell what one tells, and end as one does."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.integration.installation import MESSAGES, ROSTER, environment, wait_until
from tests.integration.terminal import Terminal
from tests.support.archives import many_days


def told(terminal: Terminal, jobs: int, expected: Path) -> tuple[object, ...]:
    """Everything that a replay of the sample day leaves: exit code, screen, summary, files."""
    files = [terminal.folder / f"{jobs}{kind}" for kind in (".jsonl", ".hl7", ".html")]
    options = [word for pair in zip(("--alerts", "--hl7", "--report"), files, strict=True) for word in pair]
    ended = terminal.type(
        *("replay", MESSAGES, "--roster", ROSTER, "--jobs", str(jobs), "--until", "2026-04-20"),
        *("--expect", expected, *options),
        exits=None,
    )
    return (ended.code, ended.out, ended.err, *(file.read_bytes() for file in files))


def test_any_number_of_processes_tells_the_same(terminal: Terminal) -> None:
    """Alerts, HL7, report, screen, summary, difference to what was kept, exit code: byte for byte."""
    expected = terminal.folder / "expected.jsonl"
    terminal.type("replay", MESSAGES, "--roster", ROSTER, "--alerts", expected, "--lenient")

    alone = told(terminal, 1, expected)
    assert alone[0] == 3
    assert told(terminal, 2, expected) == alone
    assert told(terminal, 3, expected) == alone


def test_standard_input_can_be_split_too(terminal: Terminal) -> None:
    """What can be read only once is kept for as long as it is needed."""
    body = b"".join(file.read_bytes() + b"\r" for file in sorted(MESSAGES.iterdir())[:12])
    ended = [
        terminal.type("replay", "-", "--roster", ROSTER, "--jobs", jobs, stdin=body) for jobs in ("1", "2")
    ]

    assert ended[0] == ended[1]
    assert "1 file (messages one after the other)" in ended[0].err


@pytest.mark.parametrize("jobs", ["0", "11", "many"])
def test_a_wrong_number_of_processes_is_refused(jobs: str, terminal: Terminal) -> None:
    """As many as SQLite reads together, and at least one."""
    assert "--jobs" in terminal.type("replay", MESSAGES, "--jobs", jobs, exits=2).err


def children(pid: int) -> list[int]:
    """The processes that a process has started and that run Python code of ours."""
    told = Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii").split()
    commands = {int(child): Path(f"/proc/{child}/cmdline") for child in told}
    return [child for child, file in commands.items() if b"spawn_main" in file.read_bytes()]


def test_a_worker_that_is_killed_ends_the_replay_with_a_reason(tmp_path: Path) -> None:
    """The kernel takes the largest process when memory is short: exit 2 and words, never a wait for ever."""
    archive, roster = many_days(tmp_path, 3)
    running = subprocess.Popen(
        [sys.executable, "-m", "engine", "replay", archive, "--roster", roster, "--jobs", "2"],
        env=environment() | {"TMPDIR": str(tmp_path)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    with running:
        wait_until(lambda: len(children(running.pid)) == 2, "two workers")
        os.kill(children(running.pid)[1], signal.SIGKILL)
        _, said = running.communicate(timeout=120)

    assert running.returncode == 2
    assert "process 2 of 2 has ended by signal 9 before its load was done" in said
    assert "Traceback" not in said
    assert list(tmp_path.glob("azawatch-*")) == []


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_nothing_is_left_of_a_replay_that_is_stopped(
    number: signal.Signals, code: int, tmp_path: Path
) -> None:
    """The throw-away store holds patients: it goes with the replay, also after Ctrl-C and SIGTERM."""
    running = subprocess.Popen(
        [sys.executable, "-m", "engine", "replay", "-"],
        env=environment() | {"TMPDIR": str(tmp_path)},
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
    )
    with running:
        wait_until(
            lambda: any(store.stat().st_size for store in tmp_path.glob("azawatch-*/share-1")), "the store"
        )
        running.send_signal(number)
        try:
            _, said = running.communicate(timeout=60)
        except subprocess.TimeoutExpired:
            running.kill()
            raise

    assert running.returncode == code
    assert b"Traceback" not in said
    assert list(tmp_path.iterdir()) == []


LOST = """
import os, sys
import engine.workers

number, opened = int(sys.argv.pop()), engine.workers.open_store

class Gone:
    def __del__(self):
        os.kill(os.getpid(), number)
        [None for _ in range(1000)]

def opening(*given, **named):
    store = opened(*given, **named)
    Gone()
    return store

engine.workers.open_store = opening
from engine.cli import main
main()
"""


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_a_signal_that_comes_while_an_object_goes_is_not_lost(
    number: signal.Signals, code: int, tmp_path: Path
) -> None:
    """Python drops what is raised there: a replay went on to its end as if nobody had stopped it."""
    done = subprocess.run(
        [sys.executable, "-c", LOST, "replay", str(MESSAGES), str(int(number))],
        env=environment() | {"TMPDIR": str(tmp_path)},
        capture_output=True,
        timeout=60,
        check=False,
    )

    assert done.returncode == code, done.stderr
    assert b"taken in" not in done.stdout
    assert list(tmp_path.glob("azawatch-*")) == []
