"""``azawatch audit`` as those who answer for the record meet it."""

from __future__ import annotations

import json

import pytest

from tests.contract.test_store_asking import statement
from tests.integration.installation import ROSTER, Played
from tests.integration.terminal import Terminal


def exported(terminal: Terminal) -> list[dict[str, str]]:
    return [json.loads(line) for line in terminal.type("audit", "export").out.splitlines()]


def test_what_people_do_is_told_with_who_and_why(terminal: Terminal) -> None:
    """Roster, acknowledgment and migration of one store, by name where one is given."""
    terminal.type("roster", "import", ROSTER, "--by", "pharmacy")
    alert = json.loads(terminal.type("alerts", "list", "--json").out.splitlines()[0])["alert"]
    terminal.type("alerts", "ack", alert, "--by", "Dr Stevens")
    told = exported(terminal)

    assert [row["kind"] for row in told] == ["alert-event", "roster-imported", "alert-acknowledged"]
    imported, acknowledged = json.loads(told[1]["what"]), json.loads(told[2]["what"])
    assert (imported["by"], imported["file"], len(imported["sha256"])) == ("pharmacy", "roster.csv", 64)
    assert acknowledged == {"alert": alert, "by": "Dr Stevens"}

    head = terminal.type("audit", "head").out.strip()
    assert f"head {head}" in terminal.type("audit", "verify", "--head", head).err
    statement(f"sqlite:///{terminal.folder}/azawatch.db", "DELETE FROM audit WHERE sequence = 3")
    cut = terminal.type("audit", "verify", "--head", head, exits=1)
    assert cut.out == "row 3: cut off from the end\n"
    assert "1 faults: see deploy/RUNBOOK.md" in cut.err
    assert "is no head of an audit" in terminal.type("audit", "verify", "--head", "3", exits=2).err


def test_the_quarantine_tells_who_closed_what(hospital: Terminal) -> None:
    """A discarded message and the account at the terminal, and nothing of the time before the key."""
    held = json.loads(hospital.type("quarantine", "list", "--json").out.splitlines()[0])
    hospital.type("quarantine", "discard", str(held["id"]), "--why", "sent again")
    (told,) = exported(hospital)

    assert told["kind"] == "quarantine-discarded"
    what = json.loads(told["what"])
    assert (what["why"], what["control_id"]) == ("sent again", held["control_id"])
    assert what["by"]
    verdict = hospital.type("audit", "verify", exits=1)
    assert "no row of the audit vouches for it" in verdict.out
    assert len(verdict.out.splitlines()) == 100
    assert hospital.type("audit", "verify", "--since", told["at"]).code == 0


@pytest.mark.broker
def test_the_sample_day_leaves_an_audit_that_verifies(undisturbed: Played, terminal: Terminal) -> None:
    """From start to stop, with every message and alert of the day; its head is in the log."""
    terminal.set(STORE_URL=f"sqlite:///{undisturbed.store_file}", SITE_KEY="k" * 40)
    told = exported(terminal)
    heads = [line["head"] for line in undisturbed.log if line["event"] == "audit head"]

    assert told[-1]["kind"] == "engine-stopped"
    assert sum(row["kind"] == "alert-event" for row in told) == len(undisturbed.events)
    assert terminal.type("audit", "verify", *(f"--head={heads[0]}",)).code == 0
    assert heads[-1] == terminal.type("audit", "head").out.strip()
    terminal.set(SITE_KEY="another key" * 4)
    assert "rows 1 to " in terminal.type("audit", "verify", exits=1).out.splitlines()[0]
