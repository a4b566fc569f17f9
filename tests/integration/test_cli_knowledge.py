"""``azawatch rules``, ``mappings``, ``topology show``, ``doctor``, settings and ``--help``."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import typer.main

from engine.app import now
from engine.cli.main import app
from engine.model.alert import FEED_SILENT
from engine.model.watch import Watch
from engine.store import Feed, Store, TechnicalAlert
from tests.integration.installation import ROOT, environment
from tests.integration.terminal import Terminal


def commands(group: object = None, above: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """Every command and group there is."""
    group = group or typer.main.get_command(app)
    yield above
    for name, below in getattr(group, "commands", {}).items():
        yield from commands(below, (*above, name))


@pytest.mark.parametrize("command", list(commands()), ids=" ".join)
def test_help_says_what_a_command_does(command: tuple[str, ...], terminal: Terminal) -> None:
    """--help of every command has a sentence on what it does, and one on each of its options."""
    text = terminal.type(*command, "--help").out

    assert text.lstrip().startswith(f"Usage: azawatch {' '.join(command)}".rstrip())
    described = text.split("\n\n")[1].strip()
    assert described.endswith((".", ":", "…")) or "." in described
    for line in text.partition("Options:")[2].splitlines():
        assert not line.strip().startswith("--") or len(line.split("  ")) > 2 or line.startswith("  -"), line


def test_contract_commands_exist() -> None:
    """The commands that documents and scripts rely on are there."""
    assert set(commands()) >= {
        ("run",),
        ("replay",),
        ("send",),
        ("validate",),
        ("doctor",),
        *(("roster", name) for name in ("import", "export", "show")),
        *(("alerts", name) for name in ("list", "show", "ack")),
        *(("messages", name) for name in ("find", "show")),
        *(("quarantine", name) for name in ("list", "show", "release", "discard")),
        *(("rules", name) for name in ("check", "test", "list", "show", "new")),
        *(("mappings", name) for name in ("check", "lookup", "unmapped")),
        *(("topology", name) for name in ("apply", "show")),
    }


def test_the_module_runs_as_a_program() -> None:
    """``python -m engine`` is the same command line; a mistyped command is exit 2 with a suggestion."""
    arguments = [sys.executable, "-m", "engine"]
    version = subprocess.run([*arguments, "--version"], env=environment(), capture_output=True, check=True)
    wrong = subprocess.run([*arguments, "relpay"], env=environment(), capture_output=True, check=False)

    assert version.stdout.startswith(b"azawatch ")
    assert wrong.returncode == 2
    assert b"No such command 'relpay'" in wrong.stderr
    assert b"Traceback" not in wrong.stderr


def rule_file(folder: Path, table_id: str) -> Path:
    """The rule of a table id, not its cases."""
    return next(file for file in folder.glob(f"{table_id}-*.yaml") if not file.stem.endswith("_test"))


# --- rules -------------------------------------------------------------------------------------


def test_shipped_rules_pass_their_own_check_and_cases(terminal: Terminal) -> None:
    """What is shipped is sound: no defect, every case agrees, every condition seen both ways."""
    assert "no defect; revision" in terminal.type("rules", "check").err
    assert "0 disagree, 0 lines left unproven" in terminal.type("rules", "test").err


def test_rules_are_listed_and_shown_with_their_sources(terminal: Terminal) -> None:
    """A clinician reads every rule and where it comes from without opening a file."""
    listed = [json.loads(line) for line in terminal.type("rules", "list", "--json").out.splitlines()]
    assert len(listed) > 10
    assert len(terminal.type("rules", "list").out.splitlines()) == len(listed) + 1
    one_of_each_kind = {row["rule"][0]: row for row in listed}
    for row in one_of_each_kind.values():
        text = terminal.type("rules", "show", row["rule"]).out
        assert row["title"] in text
        assert "ource" in text
    assert "a01-" in terminal.type("rules", "show", "a01").out
    assert "azawatch rules list" in terminal.type("rules", "show", "zzz", exits=2).err


def test_a_draft_rule_says_what_is_still_missing(terminal: Terminal) -> None:
    """``rules new`` writes two files that ``rules check`` leads through; an id is never used twice."""
    shutil.copytree(ROOT / "rules", terminal.folder / "rules")
    folder = terminal.folder / "rules/azathioprine"
    terminal.type("rules", "new", "z01-my-rule", "--folder", folder)
    assert (folder / "z01-my-rule_test.yaml").exists()
    said = terminal.type("rules", "check", "--rules", terminal.folder / "rules", exits=2).err
    assert "z01-my-rule.yaml:" in said
    assert "exists" in terminal.type("rules", "new", "z01-my-rule", "--folder", folder, exits=2).err


def test_broken_rules_are_all_told_at_once(terminal: Terminal) -> None:
    """Every defect of every file, with line and hint; no command works on half a rulebook."""
    shutil.copytree(ROOT / "rules", terminal.folder / "rules")
    folder = terminal.folder / "rules/azathioprine"
    first = rule_file(folder, "a01")
    first.write_text(first.read_text("utf-8").replace("severity: critical", "severity: terrible"), "utf-8")
    second = rule_file(folder, "a02")
    second.write_text("id: [", "utf-8")
    for command in (("rules", "check"), ("rules", "list"), ("replay", "-")):
        said = terminal.type(*command, "--rules", terminal.folder / "rules", exits=2).err
        assert f"{first.name}:" in said
        assert "terrible" in said
        assert f"{second.name}:" in said
        assert "nothing was done" in said


def test_a_case_that_disagrees_is_exit_1(terminal: Terminal) -> None:
    """Changing a limit without its cases shows which case no longer holds, and what the source says."""
    shutil.copytree(ROOT / "rules", terminal.folder / "rules")
    file = rule_file(terminal.folder / "rules/azathioprine", "d02")
    file.write_text(file.read_text("utf-8").replace("platelets < 50", "platelets < 45"), "utf-8")

    ended = terminal.type("rules", "test", "--rules", terminal.folder / "rules", exits=1)
    assert f"{file.stem}_test.yaml:" in ended.out
    assert (
        'Contraindications and Cautions: "white blood cell count <2.5 × 10⁹/L or platelet count <50'
        in ended.out
    )
    assert " 0 disagree" not in ended.err


# --- mappings ----------------------------------------------------------------------------------


def test_shipped_mappings_pass_their_check(terminal: Terminal) -> None:
    """The tables are sound, and one sees how much is in them."""
    assert terminal.type("mappings", "check").out.startswith("TABLE")


@pytest.mark.parametrize(
    ("code", "says"),
    [("1742-6", "alt"), ("U/L", "U/L"), ("1742-7", "check digit"), ("NL-ALAT2", "in no table")],
)
def test_a_code_is_looked_up_with_its_place(code: str, says: str, terminal: Terminal) -> None:
    """What the engine makes of a code, and in which file and line."""
    ended = terminal.type("mappings", "lookup", code)

    assert says in ended.out + ended.err
    assert json.loads(terminal.type("mappings", "lookup", code, "--json").out)["code"] == code


def test_broken_mappings_are_all_told_at_once(terminal: Terminal) -> None:
    """Every defect of every table, with file and line, and nothing runs on the rest."""
    shutil.copytree(ROOT / "mappings", terminal.folder / "mappings")
    tables = sorted((terminal.folder / "mappings").glob("*.csv"))[:2]
    for table in tables:
        table.write_text(table.read_text("utf-8") + "one,two\n", "utf-8")
    for command in (("mappings", "check"), ("rules", "check"), ("mappings", "lookup", "1742-6")):
        said = terminal.type(*command, "--mappings", terminal.folder / "mappings", exits=2).err
        for table in tables:
            assert f"{table.name}:{len(table.read_text('utf-8').splitlines())}: " in said


def test_what_nobody_has_mapped_is_listed(hospital: Terminal) -> None:
    """Codes and units that came and were not understood, those of patients on therapy first."""
    found = [json.loads(line) for line in hospital.type("mappings", "unmapped", "--json").out.splitlines()]

    assert {"NL-ALAT2"} <= {row["code"] for row in found}
    treated = [row["on_therapy"] > 0 for row in found]
    assert treated == sorted(treated, reverse=True)
    assert len(hospital.type("mappings", "unmapped").out.splitlines()) == len(found) + 1


# --- settings, topology, doctor ----------------------------------------------------------------


def test_doctor_tells_of_a_clock_that_was_in_the_future(terminal: Terminal) -> None:
    """Time was judged up to an instant that has not come: what to do is said."""
    url = f"sqlite:///{terminal.folder}/clock.db"
    terminal.set(STORE_URL=url, AMQP_URL="amqp://guest:guest@127.0.0.1:1/%2F")
    ahead = datetime(9000, 1, 1, tzinfo=UTC)
    with Store.open(url).transaction() as unit:
        unit.put_watch(Watch(ahead - timedelta(days=900), ahead))
    said = terminal.type("doctor", exits=2).out

    assert "which has not come" in said
    assert "set the clock of this machine right" in said


def test_doctor_lists_who_sends_and_what_is_alarmed_on(terminal: Terminal) -> None:
    """Who is watched, by what, and who is not: read from the store, without the engine."""
    url = f"sqlite:///{terminal.folder}/feeds.db"
    terminal.set(STORE_URL=url, AMQP_URL="amqp://guest:guest@127.0.0.1:1/%2F")
    terminal.set(FEEDS__SILENT_MINUTES="south=60, west=0")
    at = now()
    with Store.open(url).technical() as technical:
        for name in ("north", "riverside", "west"):
            technical.put_feed(Feed(name, at, at))
        for week in (1, 2):
            technical.put_silences("north", [(at - timedelta(weeks=week), timedelta(minutes=52))])
        technical.put_alert(TechnicalAlert("a", FEED_SILENT, "south", 1, at))
    said = terminal.type("doctor", exits=2).out

    assert "senders of results: 3 heard, 1 not heard yet" in said
    assert re.search(r"\n  north: last heard .*; alarm after 104 minutes, .* more than 52 minutes\n", said)
    assert re.search(r"\n  riverside: last heard .*; not watched, it has no habit yet\n", said)
    assert "\n  south: never heard; alarm after 60 minutes, the settings allow 60 minutes\n" in said
    assert re.search(r"\n  west: last heard .*; not watched, the settings allow 0 minutes\n", said)
    assert re.search(r"\nalarms: 1 open\n  system-feed-silent since .*: south\n", said)


def test_wrong_settings_are_all_told_at_once(terminal: Terminal) -> None:
    """Every wrong line of the file and every wrong variable in one go, each with its place."""
    terminal.write("azawatch.toml", '[flow]\nprefetch = "many"\nprefech = 3\n[log]\nlevel = "loud"\n')
    terminal.set(PROTOCOLL="strictest", STORE_URL="mysql://x")
    for command in (("run",), ("doctor",), ("alerts", "list"), ("topology", "show")):
        said = terminal.type(*command, exits=2).err
        assert "azawatch.toml:2: flow.prefetch" in said
        assert "azawatch.toml:3: flow.prefech: unknown setting (did you mean flow.prefetch?)" in said
        assert "azawatch.toml:5: log.level" in said
        assert "AZAWATCH_PROTOCOLL: unknown setting (did you mean AZAWATCH_PROTOCOL?)" in said
        assert "AZAWATCH_STORE_URL: " in said
        assert "5 defects; nothing was done" in said


def test_topology_is_shown_without_a_broker(terminal: Terminal) -> None:
    """An administrator reads what will be declared before giving anybody the right to."""
    text = terminal.type("topology", "show").out

    for name in ("azawatch.inbound", "azawatch.alerts", "azawatch.alerts.out", "azawatch.quarantine"):
        assert name in text
    assert "azawatch.ack" in text


def test_doctor_checks_everything_even_when_the_broker_is_away(hospital: Terminal) -> None:
    """One broken part does not hide the state of the others; exit 2, and no password is shown."""
    hospital.set(AMQP_URL="amqp://engine:s3cret@127.0.0.1:1/%2F")
    ended = hospital.type("doctor", exits=2)

    assert "rules in force" in ended.out
    assert "integrity ok, 2 messages quarantined" in ended.out
    assert "broker: " in ended.out
    assert "engine:***@127.0.0.1:1" in ended.out
    assert "s3cret" not in ended.out + ended.err
