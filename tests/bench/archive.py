"""Replay of an archive of the mixed feed, by one process and by two."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from functools import partial
from pathlib import Path

from tests.bench.common import Effort, Servers, Spent, in_turns, tell, tell_ratio, tell_tally
from tests.integration.installation import environment


def main(effort: Effort, _: Servers) -> None:
    """Messages a second, start of the processes included."""
    count = effort.of(6000, 200)
    tell(f"replay of {count} messages of the mixed feed, start included")
    with tempfile.TemporaryDirectory() as folder:
        feed = Path(folder) / "feed"
        _run("generate", str(feed), "--messages", str(count))
        tally = in_turns(
            effort.rounds,
            {f"--jobs {jobs}": partial(_replay, feed, jobs, count) for jobs in (1, 2)},
        )
        told = len((feed.parent / "alerts.jsonl").read_text().splitlines())
    tell_tally(tally)
    tell_ratio(tally, "--jobs 2", "--jobs 1")
    tell(
        f"  {1 / tally.cpu('--jobs 1'):.0f} messages for a second of CPU, target 8,000; "
        f"{told / count:.2%} of messages told of something"
    )


def _replay(feed: Path, jobs: int, count: int) -> Spent:
    began, before = time.perf_counter(), os.times()
    _run(
        *("replay", str(feed / "messages"), "--roster", str(feed / "roster.csv"), "--jobs", str(jobs)),
        *("--alerts", str(feed.parent / "alerts.jsonl")),
    )
    after = os.times()
    cpu = after.children_user + after.children_system - before.children_user - before.children_system
    return Spent(count, time.perf_counter() - began, cpu)


def _run(*arguments: str) -> None:
    subprocess.run(
        [sys.executable, "-m", "engine", *arguments], env=environment(), check=True, capture_output=True
    )
