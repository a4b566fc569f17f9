"""``azawatch compare`` as a pharmacist meets it: two sets of rules, one archive, what differs."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from tests.integration.installation import ROSTER, day_file
from tests.integration.terminal import Terminal

ROOT = Path(__file__).parents[2]
BORIS = day_file("stevlis-boris-alt-500")


@pytest.fixture
def changed(terminal: Terminal) -> Path:
    """The shipped rules with a02 at 501 U/L instead of 500."""
    folder = terminal.folder / "rules"
    shutil.copytree(ROOT / "rules", folder)
    rule = folder / "azathioprine" / "a02-alt-ast-500.yaml"
    text = rule.read_text(encoding="utf-8")
    assert text.count(">= 500 U/L") == 2
    rule.write_text(text.replace(">= 500 U/L", ">= 501 U/L"), encoding="utf-8")
    return folder


def test_a_changed_number_is_told_alert_by_alert(terminal: Terminal, changed: Path) -> None:
    """ALT 500 pages under the old number and not under the new one; exit 3 lets a pipeline stop."""
    ended = terminal.type("compare", BORIS, "--roster", ROSTER, "--against", changed, exits=3)

    assert "A 2026-03-12" in ended.out
    assert "a02-alt-ast-500: ALT 500 U/L" in ended.out
    assert "1 messages, 0 quarantined under A and 0 under B" in ended.err
    assert "H00" not in ended.out  # patients are numbered


def test_json_says_the_same_for_programs(terminal: Terminal, changed: Path) -> None:
    """One object with the differences, the totals of each rule and how long anybody was watched."""
    ended = terminal.type(
        "compare", BORIS, "--roster", ROSTER, "--against", changed, "--format", "json", "--identify", exits=3
    )

    said = json.loads(ended.out)
    (difference,) = [each for each in said["differences"] if each["a"]["rule"] == "a02-alt-ast-500"]
    assert difference["a"]["severity"] == "critical"
    assert difference["a"]["patient"] == "H0041714 STEVENS"
    assert said["rules"]["a02-alt-ast-500"] == {
        "a": {"alerts": 1, "pages": 1},
        "b": {"alerts": 0, "pages": 0},
    }


def test_the_same_rules_on_both_sides_differ_in_nothing(terminal: Terminal) -> None:
    """A copy of the rules gives exit 0, and says how much is alike."""
    ended = terminal.type("compare", BORIS, "--roster", ROSTER, "--against", ROOT / "rules")

    assert "alerts alike, 0 differ" in ended.out


def test_a_side_that_does_not_load_is_named(terminal: Terminal, changed: Path) -> None:
    """A broken rule on one side: its file and line, and which side it is on."""
    rule = changed / "azathioprine" / "a02-alt-ast-500.yaml"
    rule.write_text(rule.read_text(encoding="utf-8").replace("critical", "grave", 1), encoding="utf-8")

    ended = terminal.type("compare", BORIS, "--against", changed, exits=2)

    assert "a02-alt-ast-500.yaml:4: side B: " in ended.err


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["-", "--against", ROOT / "rules"], "standard input can be read only once"),
        ([BORIS], "both sides are the same"),
    ],
)
def test_what_cannot_be_compared_is_said(terminal: Terminal, arguments: list[str | Path], said: str) -> None:
    """Standard input twice, or a rule set with itself."""
    assert said in terminal.type("compare", *arguments, exits=2).err


def test_an_archive_that_cannot_be_read_is_no_comparison(terminal: Terminal) -> None:
    """Exit 0 would say that both sides tell the same: files are named, and so is one of no message."""
    broken, empty = terminal.folder / "broken.zip", terminal.folder / "empty.hl7"
    broken.write_bytes(b"PK\x03\x04 no archive")
    empty.write_bytes(b"")

    ended = terminal.type("compare", broken, "--against", ROOT / "rules", exits=2)
    assert "broken.zip" in ended.err
    ended = terminal.type("compare", empty, "--against", ROOT / "rules", exits=2)
    assert "empty.hl7" in ended.err
