"""The golden run: the sample day replayed, every alert event in full, as committed in ``alerts.jsonl``.

When a change of rules, wording or evidence is meant, regenerate with one command and review the diff:
``python -m tests.golden.sample_day``. The revision of the knowledge is left out, because it changes with
every letter of a rule file and says nothing about the alerts.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from engine.cli.main import app
from engine.expectation import differences, read_events

GOLDEN = Path(__file__).with_name("alerts.jsonl")
REGENERATE = "python -m tests.golden.sample_day"
DAY = Path(__file__).parents[1] / "sample_day"


def produced() -> list[dict[str, Any]]:
    """The alert events of a replay of the sample day, in order."""
    with TemporaryDirectory() as folder:
        alerts = Path(folder, "alerts.jsonl")
        arguments = ["replay", f"{DAY}/messages", "--roster", f"{DAY}/roster.csv", "--alerts", f"{alerts}"]
        app([*arguments, "--lenient"], prog_name="azawatch", standalone_mode=False)
        return read_events(alerts.read_text("utf-8").splitlines())


def main() -> int:
    """Write the golden file anew and say what has changed in it."""
    events = produced()
    before = read_events(GOLDEN.read_text("utf-8").splitlines()) if GOLDEN.exists() else []
    for line in differences(before, events):
        sys.stderr.write(f"{line}\n")
    GOLDEN.write_text("".join(f"{json.dumps(event, ensure_ascii=False)}\n" for event in events), "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
