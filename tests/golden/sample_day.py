"""The golden run: the sample day replayed, every alert event in full, as committed in ``alerts.jsonl``.

When a change of rules, wording or evidence is meant, regenerate with one command and review the diff:
``python -m tests.golden.sample_day``. The revision of the knowledge is left out, because it changes with
every letter of a rule file and says nothing about the alerts.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from engine.cli.main import app

GOLDEN = Path(__file__).with_name("alerts.jsonl")
REGENERATE = "python -m tests.golden.sample_day"
DAY = Path(__file__).parents[1] / "sample_day"


def produced() -> list[dict[str, Any]]:
    """The alert events of a replay of the sample day, in order."""
    with TemporaryDirectory() as folder:
        alerts = Path(folder, "alerts.jsonl")
        arguments = ["replay", f"{DAY}/messages", "--roster", f"{DAY}/roster.csv", "--alerts", f"{alerts}"]
        app([*arguments, "--lenient"], prog_name="azawatch", standalone_mode=False)
        return [without_revision(line) for line in alerts.read_text("utf-8").splitlines()]


def without_revision(line: str) -> dict[str, Any]:
    """One event, without the revision of the rules and mappings."""
    event: dict[str, Any] = json.loads(line)
    del event["knowledge_revision"]
    return event


def committed() -> list[dict[str, Any]]:
    """The alert events as they were when somebody last looked at them."""
    return [json.loads(line) for line in GOLDEN.read_text("utf-8").splitlines()]


def name_of(event: dict[str, Any]) -> str:
    """How an event is called in a difference: message, patient, rule and phase."""
    return " ".join((event["message_control_id"], event["patient"]["id"], event["rule"], event["phase"]))


def differences(old: list[dict[str, Any]], new: list[dict[str, Any]]) -> Iterator[str]:
    """What a reviewer wants to read: events lost, events added, and fields that say something else."""
    before = {name_of(event): event for event in old}
    after = {name_of(event): event for event in new}
    yield from (f"- no longer told: {name}" for name in before if name not in after)
    yield from (f"+ told now:       {name}" for name in after if name not in before)
    for name, event in before.items():
        yield from (f"  {name}: {field}" for field in _fields(event, after.get(name, event)))
    if list(before) != list(after) and set(before) == set(after):
        yield "  the same events in another order"


def _fields(old: Any, new: Any, place: str = "") -> Iterator[str]:
    if isinstance(old, dict) and isinstance(new, dict):
        for key in old | new:
            yield from _fields(old.get(key), new.get(key), f"{place}.{key}" if place else key)
    elif isinstance(old, list) and isinstance(new, list) and len(old) == len(new):
        for number, (one, other) in enumerate(zip(old, new, strict=True)):
            yield from _fields(one, other, f"{place}[{number}]")
    elif old != new:
        yield f"{place}: {_short(old)} -> {_short(new)}"


def _short(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) < 160 else f"{text[:150]}... ({len(text)} characters)"


def main() -> int:
    """Write the golden file anew and say what has changed in it."""
    events = produced()
    for line in differences(committed() if GOLDEN.exists() else [], events):
        sys.stderr.write(f"{line}\n")
    GOLDEN.write_text("".join(f"{json.dumps(event, ensure_ascii=False)}\n" for event in events), "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
