"""A rule that never comes to an end, and the message that wakes it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from engine.hang import HUNG
from tests.integration.installation import ROOT


def test_a_message_that_wakes_a_rule_without_end_is_held_unread(tmp_path: Path) -> None:
    """Alone it ends three processes, long before the time of a batch is over, and no fourth."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.support.spinning_rule", str(tmp_path)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=600,  # without the limit, this is a batch that may take an hour
    )

    assert done.stdout.split() == [str(HUNG)] * 3 + ["crashes-the-engine", "0"], done.stderr


@pytest.mark.parametrize(
    ("work", "code"), [("while True: pass", HUNG), ("time.sleep(1.2)", 0)], ids=["computing", "waiting"]
)
def test_only_what_is_computed_counts(tmp_path: Path, work: str, code: int) -> None:
    """A store that lets a message wait does not make it a message that hangs the engine."""
    program = (
        "import time\nfrom engine import log\nfrom engine.hang import HangGuard\nlog.configure()\n"
        f"dog = HangGuard(600)\ndog.start()\nwith dog.computing(0.2):\n    {work}\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=tmp_path,
        env={"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == code
    assert ("a batch hangs" in done.stderr) is bool(code)
