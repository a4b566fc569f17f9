"""A command whose reader has gone."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.integration.installation import ROSTER, day_file

ROOT = Path(__file__).parents[2]
CRITICAL = day_file("stevlis-boris-alt-500")


@pytest.mark.parametrize("jobs", ["1", "2"])
def test_a_reader_that_has_gone_ends_a_replay_as_sigpipe_does(tmp_path: Path, jobs: str) -> None:
    """``azawatch replay | head``: no traceback, no half output, and the code that a shell knows."""
    reading, writing = os.pipe()
    os.close(reading)
    files = ("--roster", ROSTER, "--alerts", tmp_path / "alerts.jsonl")
    ended = subprocess.run(
        [sys.executable, "-m", "engine", "replay", CRITICAL, *files, "--jobs", jobs],
        stdout=writing,
        stderr=subprocess.PIPE,
        check=False,
        cwd=ROOT,
        env={**os.environ, "TMPDIR": str(tmp_path)},
    )
    os.close(writing)

    assert ended.returncode == 128 + signal.SIGPIPE
    assert b"Traceback" not in ended.stderr
    assert b"BrokenPipe" not in ended.stderr
    assert list(tmp_path.iterdir()) == []
