"""``azawatch compare`` as a pharmacist meets it: two sets of rules, one archive, what differs."""

from __future__ import annotations

import gzip
import json
import re
import shutil
from pathlib import Path

import pytest

from tests.integration.installation import ROSTER, day_file
from tests.integration.terminal import Terminal
from tests.support.rule_pair import RulePair, write_rule_pair

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


# What the archive of tests/support/rule_pair.py shows: patient, rule, change, days earlier, severities.
KNOWN = {
    ("ONLY-A STEVENS", "t02-platelets-low", "only in A", None, "urgent", None),
    ("ONLY-B STEVENS", "t03-wbc-low", "only in B", None, None, "critical"),
    ("EARLIER STEVENS", "t01-alt-high", "earlier in B", 7, "urgent", "urgent"),
    ("LATER STEVENS", "t02-platelets-low", "later in B", -14, "urgent", "urgent"),
    ("GRAVER STEVENS", "t04-alp-high", "other severity", 0, "review", "urgent"),
}


@pytest.fixture
def pair(terminal: Terminal) -> RulePair:
    return write_rule_pair(terminal.folder)


def compared(terminal: Terminal, pair: RulePair, *options: str | Path) -> str:
    """What the comparison of the pair prints."""
    sides = ("--rules", pair.a, "--against", pair.b)
    return terminal.type(
        "compare", pair.archive, "--roster", pair.roster, *sides, "--identify", *options, exits=3
    ).out


def test_json_lists_exactly_the_known_differences(terminal: Terminal, pair: RulePair) -> None:
    """Each kind of change once, with its days and severities, and nothing else; totals of both sides."""
    said = json.loads(compared(terminal, pair, "--format", "json"))

    found = set()
    for each in said["differences"]:
        a, b = each["a"] or {}, each["b"] or {}
        told = a or b
        (change,) = each["changes"]
        severities = (a.get("severity"), b.get("severity"))
        found.add((told["patient"], told["rule"], change, each["days_earlier"], *severities))
    assert found == KNOWN
    assert len(said["differences"]) == len(KNOWN)
    assert said["same"] == 1
    assert said["rules"]["t02-platelets-low"] == {
        "a": {"alerts": 2, "pages": 3},
        "b": {"alerts": 1, "pages": 1},
    }
    years = said["patient_days"] / 365.25
    rates = said["per_100_patient_years"]["t02-platelets-low"]
    assert rates["a"]["pages"] == pytest.approx(300 / years, abs=0.05)
    assert rates["b"]["alerts"] == pytest.approx(100 / years, abs=0.05)
    assert said["sides"]["a"]["rules"] == str(pair.a)


def test_text_lists_exactly_the_known_differences(terminal: Terminal, pair: RulePair) -> None:
    """A pharmacist reads kind by kind who would be told what, and by how many days it moves."""
    listed, _, totals = compared(terminal, pair).partition("\nrule ")
    head, *kinds = listed.rstrip().split("\n\n")

    assert head.startswith("1 alerts alike, 5 differ; ")
    found = {kind.partition(" (")[0]: kind.splitlines()[1:] for kind in kinds}
    assert {
        change: (*(line.split()[0] for line in lines), lines[-1].partition("  ")[2].split("  ")[-1])
        for change, lines in found.items()
        if change in ("earlier in B", "later in B")
    } == {
        "earlier in B": ("A", "B", "7 d earlier"),
        "later in B": ("A", "B", "14 d later"),
    }
    patients = {change: {name for name, *_ in KNOWN if name in str(lines)} for change, lines in found.items()}
    assert patients == {change: {name} for name, _, change, *_ in KNOWN}
    assert "t02-platelets-low   2         1         3        1" in totals


def test_html_lists_exactly_the_known_differences(terminal: Terminal, pair: RulePair) -> None:
    """The page has a row and a drawn alert for each; printed and written to a file it is the same page."""
    file = terminal.folder / "comparison.html"
    html = compared(terminal, pair, "--format", "html", "--report", file)

    assert file.read_text(encoding="utf-8") == html
    rows = [
        row.split("<td")
        for row in html.split("List of differences")[2].split("</table>")[0].split("<tr>")[2:]
    ]
    words = [[re.sub("<[^>]*>|^[^>]*>", "", cell) for cell in row] for row in rows]
    assert [(row[1], row[4]) for row in words] == [
        ("only in A", "ONLY-A STEVENS"),
        ("only in B", "ONLY-B STEVENS"),
        ("earlier in B (7 d)", "EARLIER STEVENS"),
        ("later in B (14 d)", "LATER STEVENS"),
        ("other severity", "GRAVER STEVENS"),
    ]
    assert html.count('class="chart"') == 5
    assert "tells nothing: platelets 80 10*9/L is not below 50 10*9/L." in html
    assert "tells nothing: WBC 2.5 10*9/L is not below 2 10*9/L." in html
    assert "script" not in html.replace("description", "")


def test_a_comparison_names_nobody_unasked(terminal: Terminal, pair: RulePair) -> None:
    """A board may be handed the page: patients are numbered in every format."""
    sides = ("--rules", pair.a, "--against", pair.b)
    for form in ("text", "json", "html"):
        said = terminal.type(
            "compare", pair.archive, "--roster", pair.roster, *sides, "--format", form, exits=3
        ).out
        assert "patient 1" in said
        assert "ONLY-A" not in said


def test_since_leaves_out_what_was_paged_before(terminal: Terminal, pair: RulePair) -> None:
    """Alerts of before are matched, so that none of them seems new, and do not count; days neither."""
    whole = json.loads(compared(terminal, pair, "--format", "json"))
    began = sorted((each["b"] or each["a"])["began"] for each in whole["differences"])
    since = began[len(began) // 2]

    part = json.loads(compared(terminal, pair, "--format", "json", "--since", since))

    def pages(said: dict[str, dict[str, dict[str, dict[str, int]]]]) -> int:
        return sum(side["pages"] for rule in said["rules"].values() for side in rule.values())

    expected = [
        each
        for each in whole["differences"]
        if any(side and side["began"] >= since for side in (each["a"], each["b"]))
    ]
    assert 0 < len(expected) < len(whole["differences"])
    assert part["differences"] == expected
    assert pages(part) < pages(whole)
    assert part["patient_days"] < whole["patient_days"]


def test_a_span_that_is_none_is_refused(terminal: Terminal, pair: RulePair) -> None:
    """As in a replay: nothing lies between."""
    sides = ("--rules", pair.a, "--against", pair.b, "--since", "2030-01-01", "--until", "2029-01-01")
    said = terminal.type("compare", pair.archive, "--roster", pair.roster, *sides, exits=2)
    assert "--since is later than --until" in said.err


@pytest.mark.parametrize("jobs", ["1", "3"])
def test_two_comparisons_are_byte_identical(terminal: Terminal, pair: RulePair, jobs: str) -> None:
    """The page can be kept beside the change that it was made for, by however many processes it was made."""
    again = compared(terminal, pair, "--format", "html", "--jobs", jobs)
    assert again == compared(terminal, pair, "--format", "html")


def test_a_page_that_cannot_be_written_is_said_before_the_work(terminal: Terminal, pair: RulePair) -> None:
    """Nobody waits for two replays to hear that a folder does not exist."""
    ended = terminal.type(
        "compare", pair.archive, "--against", pair.b, "--report", "nowhere/page.html", exits=2
    )

    assert "nowhere/page.html: cannot be written" in ended.err


def test_a_side_that_does_not_load_leaves_an_older_page_as_it_was(terminal: Terminal, pair: RulePair) -> None:
    """The page of last week is not lost to a misspelt folder, and no empty page looks like a result."""
    older = terminal.write("older.html", "last week")

    for name in ("older.html", "new.html"):
        terminal.type("compare", pair.archive, "--against", "no-such-rules", "--report", name, exits=2)

    assert older.read_text("utf-8") == "last week"
    assert not (terminal.folder / "new.html").exists()

    compared(terminal, pair, "--report", "older.html")
    assert older.read_text("utf-8").startswith("<!doctype html>")


def test_a_protocol_that_one_side_does_not_have_is_named(terminal: Terminal, pair: RulePair) -> None:
    """The other rule set has no such protocol: the side is said, and what there is."""
    ended = terminal.type("compare", pair.archive, "--rules", pair.a, "--against-protocol", "strict", exits=2)

    assert 'side B: no protocol "strict"' in ended.err


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

    ended = terminal.type("compare", BORIS, "--rules", changed, "--against", ROOT / "rules", exits=2)
    assert "a02-alt-ast-500.yaml:4: side A: " in ended.err


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


def test_the_defects_of_both_sides_are_told_at_once(terminal: Terminal) -> None:
    """Nobody waits for a replay of side A to learn that side B does not load."""
    missing = terminal.folder / "missing"
    said = terminal.type(
        "compare", BORIS, "--rules", missing, "--against", terminal.folder / "b", exits=2
    ).err

    assert "side A: " in said
    assert "side B: " in said


def test_a_truncated_file_is_compared_as_far_as_it_goes(terminal: Terminal, changed: Path) -> None:
    """One damaged file does not cost the comparison; its name comes last, and exit 1 tells a pipeline."""
    damaged = terminal.folder / "damaged.gz"
    damaged.write_bytes(gzip.compress(Path(BORIS).read_bytes())[:60])

    for against, code in ((changed, 3), (ROOT / "rules", 1)):
        ended = terminal.type("compare", BORIS, damaged, "--roster", ROSTER, "--against", against, exits=code)
        assert "damaged.gz" in ended.err
        assert "alerts alike" in ended.out


def test_a_report_never_overwrites_the_archive(terminal: Terminal, changed: Path) -> None:
    """The archive named as --report by a slip is refused before it is opened."""
    archive = terminal.folder / "m.hl7"
    archive.write_bytes(Path(BORIS).read_bytes())

    terminal.type("compare", archive, "--against", changed, "--report", archive, exits=2)

    assert archive.read_bytes() == Path(BORIS).read_bytes()
