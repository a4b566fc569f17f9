"""``azawatch roster``, ``alerts``, ``messages`` and ``quarantine`` on the database of the sample day."""

from __future__ import annotations

import json
from collections import Counter

import pytest

from tests.integration.installation import DAY, ROSTER, control_ids, day_file, day_files, rows
from tests.integration.terminal import Terminal

OUTCOMES = rows(DAY / "outcomes.csv")
EXPECTED = rows(DAY / "expected.csv")
HEADING = "patient_id,assigning_authority,event,effective,drug,dose_mg_per_day,indication,note\n"


def json_lines(text: str) -> list[dict[str, str]]:
    return [json.loads(line) for line in text.splitlines()]


# --- roster ------------------------------------------------------------------------------------


def test_a_roster_survives_export_and_import(terminal: Terminal) -> None:
    """What a service has imported can be taken to another installation, and importing twice is once."""
    said = terminal.type("roster", "import", ROSTER).err
    assert f"{len(rows(ROSTER))} events of " in said
    exported = terminal.type("roster", "export").out
    terminal.type("roster", "import", ROSTER)
    assert terminal.type("roster", "export").out == exported

    file = terminal.write("exported.csv", exported)
    terminal.set(STORE_URL=f"sqlite:///{terminal.folder}/other.db")
    terminal.type("roster", "import", file)
    assert terminal.type("roster", "export").out == exported
    assert len(rows(file)) == len(rows(ROSTER))


def test_a_wrong_roster_is_refused_whole_with_every_defect(terminal: Terminal) -> None:
    """The pharmacist gets all mistakes of a file at once, with line and column; nothing is taken in."""
    file = terminal.write(
        "roster.csv",
        HEADING
        + "H1,STEVENS,start,2026-01-12,azathioprine,150,,\n"
        + "H2,STEVENS,begin,2026-01-12,azathioprine,150,,\n"
        + "H3,STEVENS,start,12.1.2026,azathioprin,lots,,\n"
        + ",STEVENS,fact,2026-01-12,,,,baseline.alt=31 XU/dL\n",
    )
    said = terminal.type("roster", "import", file, exits=2).err

    for line in (3, 4, 5):
        assert f"{file}:{line}: " in said
    for column in ("event", "effective", "drug", "dose_mg_per_day", "patient_id", "note"):
        assert column in said
    assert f"{file}:2: " not in said
    assert "nothing was done" in said
    assert terminal.type("roster", "export", exits=2).out == ""


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "roster.csv"),
        (b"patient,drug\n1,azathioprine\n", "roster.csv:1: "),
        (HEADING.encode() + b"H1,ST\xc4,start,2026-01-12,azathioprine,150,,\n", "roster.csv:2: is not UTF-8"),
    ],
)
def test_a_file_that_is_no_roster_is_told_apart(content: bytes, says: str, terminal: Terminal) -> None:
    """A wrong file, or a wrong encoding, is one clear sentence."""
    assert says in terminal.type("roster", "import", terminal.write("roster.csv", content), exits=2).err


def test_a_patient_is_shown_by_the_exact_number(hospital: Terminal) -> None:
    """Therapy, newest results and open alerts of one patient; a number that differs is nobody."""
    shown = hospital.type("roster", "show", "H0041854").out
    assert "azathioprine since 2" in shown
    assert "alt >1000 U/L" in shown
    assert "open alert" in shown

    ended = hospital.type("roster", "show", "41854", exits=2)
    assert "no patient" in ended.err
    assert "leading zeros count" in ended.err


# --- alerts ------------------------------------------------------------------------------------


def test_open_alerts_are_listed_and_ended_ones_on_request(hospital: Terminal) -> None:
    """The list is what is open now; --all has every alert of the day."""
    opened = json_lines(hospital.type("alerts", "list", "--json").out)
    every = json_lines(hospital.type("alerts", "list", "--all", "--json").out)

    started = sum(row["phase"] == "start" for row in EXPECTED)
    ended = sum(row["phase"] == "end" for row in EXPECTED)
    assert (len(every), len(opened)) == (started, started - ended)
    assert {row["state"] for row in opened} == {"open"}
    table = hospital.type("alerts", "list").out.splitlines()
    assert len(table) == len(opened) + 1
    assert table[0].split()[:3] == ["ALERT", "SEVERITY", "STATE"]


def test_the_evidence_card_answers_why(hospital: Terminal) -> None:
    """Patient, therapy, condition with limit and origin, source, and the message it came from."""
    row = next(
        row for row in json_lines(hospital.type("alerts", "list", "--json").out) if row["rule"][:3] == "a02"
    )
    card = hospital.type("alerts", "show", row["alert"][:8]).out

    for part in (row["patient"], "therapy", "because", "true", "limit", "source", "message", "rule"):
        assert part in card
    (event, *_) = json_lines(hospital.type("alerts", "show", row["alert"], "--json").out)
    assert event["alert_id"] == row["alert"]


def test_an_acknowledged_alert_names_who_has_taken_it_on(hospital: Terminal) -> None:
    """Two people do not chase the same patient; an unknown alert is said to be unknown."""
    alert = json_lines(hospital.type("alerts", "list", "--json").out)[0]["alert"]
    hospital.type("alerts", "ack", alert, "--by", "A. Pharmacist")

    rows_now = {row["alert"]: row for row in json_lines(hospital.type("alerts", "list", "--json").out)}
    assert rows_now[alert]["acknowledged"] == "A. Pharmacist"
    assert "no open alert" in hospital.type("alerts", "ack", "NONE", "--by", "X", exits=2).err
    assert "azawatch alerts list" in hospital.type("alerts", "show", "NONE", exits=2).err
    assert "--by" in hospital.type("alerts", "ack", alert, exits=2).err


# --- messages ----------------------------------------------------------------------------------


def test_every_message_can_be_found_and_counted(hospital: Terminal) -> None:
    """Where did message X end? The ledger knows each, and its counts are those of the day."""
    counted = Counter(
        {
            (line.split()[0], line.split()[1]): int(line.split()[2])
            for line in hospital.type("messages", "find", "--count").out.splitlines()[1:]
        }
    )
    assert counted == Counter((row["disposition"], row["reason"]) for row in OUTCOMES)
    found = json_lines(hospital.type("messages", "find", "--limit", "1000", "--json").out)
    assert {row["control_id"] for row in found} == set(control_ids(day_files()).values())
    shown = hospital.type("messages", "show", "STEVLIS000033").out
    assert "accepted" in shown
    assert "no message" in hospital.type("messages", "show", "NONE", exits=2).err


def test_messages_are_found_by_patient_and_outcome(hospital: Terminal) -> None:
    """All messages of a patient, of either number after a merge, and all of one outcome."""
    new, old = (
        json_lines(hospital.type("messages", "find", "--patient", number, "--json").out)
        for number in ("H0041875", "H0099017")
    )
    assert new == old != []
    held = hospital.type("messages", "find", "--disposition", "quarantined").out
    assert len(held.splitlines()) == 1 + sum(row["disposition"] == "quarantined" for row in OUTCOMES)
    assert hospital.type("messages", "find", "--patient", "NOBODY", "--json").out == ""


# --- quarantine --------------------------------------------------------------------------------


def held_ids(terminal: Terminal, *options: str) -> dict[str, str]:
    listed = json_lines(terminal.type("quarantine", "list", "--json", *options).out)
    return {row["reason"]: str(row["id"]) for row in listed}


def test_held_messages_are_listed_and_shown_byte_for_byte(hospital: Terminal) -> None:
    """Whoever works the quarantine sees reason, place, and exactly what was received."""
    ids = held_ids(hospital)
    assert set(ids) == {row["reason"] for row in OUTCOMES if row["disposition"] == "quarantined"}
    shown = hospital.type("quarantine", "show", ids["no-patient-identifier"]).out
    assert "PID[1]-3" in shown
    body = hospital.type("quarantine", "show", ids["no-patient-identifier"], "--body").out
    sent = day_file("stevlis-without-identifier").read_bytes().rstrip(b"\r\n")
    assert body.encode().replace(b"\n", b"\r") == sent.replace(b"\n", b"\r")
    assert "no quarantined message 99" in hospital.type("quarantine", "show", "99", exits=2).err


def test_a_message_that_still_cannot_be_used_stays_held(hospital: Terminal) -> None:
    """Releasing without having put anything right is exit 1 and loses nothing."""
    number = held_ids(hospital)["no-patient-identifier"]
    ended = hospital.type("quarantine", "release", number, exits=1)

    assert "still held: no-patient-identifier at PID[1]-3" in ended.err
    assert held_ids(hospital)["no-patient-identifier"] == number


def test_a_discarded_message_stays_on_record_with_the_reason(hospital: Terminal) -> None:
    """Nothing disappears: closed messages are listed with --all, and cannot be closed or released again."""
    number = held_ids(hospital)["no-header"]
    assert "--why" in hospital.type("quarantine", "discard", number, exits=2).err
    hospital.type("quarantine", "discard", number, "--why", "cut off by the sender")

    assert "no-header" not in held_ids(hospital)
    assert held_ids(hospital, "--all")["no-header"] == number
    assert "cut off by the sender" in hospital.type("quarantine", "show", number).out
    again = hospital.type("quarantine", "discard", number, "--why", "again", exits=2).err
    assert "discarded" in again
    assert "discarded" in hospital.type("quarantine", "release", number, exits=2).err
    assert "cut off by the sender" in hospital.type("quarantine", "show", number).out


def test_a_database_of_another_kind_is_refused(terminal: Terminal) -> None:
    """A file that is no database, or a folder that is none, is one sentence and exit 2."""
    terminal.write("azawatch.db", b"this is no database, it is a letter to the editor" * 50)
    assert terminal.type("alerts", "list", exits=2).err
    terminal.set(STORE_URL="sqlite:////no/such/folder/azawatch.db")
    assert terminal.type("alerts", "list", exits=2).err
    terminal.set(STORE_URL="postgres://x")
    assert "AZAWATCH_STORE_URL: " in terminal.type("alerts", "list", exits=2).err
