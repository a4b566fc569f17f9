"""``azawatch explain``: what would come of one message, and that nothing comes of it."""

from __future__ import annotations

import gzip
import json
import sqlite3
import zipfile
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from engine.explanation.explain import _TO_DO
from engine.model.disposition import Reason
from tests.integration.installation import MESSAGES, ROOT, ROSTER, day_file
from tests.integration.terminal import Ended, Terminal

CRITICAL = day_file("stevlis-boris-alt-500")
WITHOUT_IDENTIFIER = day_file("stevlis-without-identifier")
_HELD = list(Reason)[list(Reason).index(Reason.UNREADABLE) :]


def explained(ended: Ended) -> list[dict[str, Any]]:
    """The explanations of ``--format json``."""
    return [json.loads(line) for line in ended.out.splitlines()]


def bytes_of(folder: Path) -> dict[str, bytes]:
    """Every file of a folder with its content."""
    return {file.name: file.read_bytes() for file in folder.iterdir()}


def test_the_whole_path_of_a_message_is_told(terminal: Terminal) -> None:
    """Segments, the row that maps each code and unit, person, therapy, rules with evidence, the page."""
    page = terminal.type("explain", CRITICAL, "--roster", ROSTER).out

    assert "ORU^R01" in page
    assert "protocol strictest, knowledge " in page
    assert "outcome    accepted: results" in page
    assert "OBX[1]   used     an observation" in page
    assert '1742-6 "Alanine aminotransferase' in page
    assert "loinc.csv:2)" in page
    assert "500 U/L -> 500 U/L; " in page
    assert "units.csv:2 (x 1)" in page
    assert "azathioprine since" in page
    assert "a02-alt-ast-500 (critical): ALT 500 U/L" in page
    assert "true     alt >= 500 U/L: 500 U/L" in page
    assert "alert.critical.start: hl7_r40" in page
    assert "pager: CRITICAL " in page


def test_an_index_of_the_specimen_is_told_as_one(terminal: Terminal) -> None:
    """A grade says it, a word denies it, and a number alone is not comparable between analysers."""
    meanings = {"3+": "says: haemolysed", "none": "says: not haemolysed", "30": "nobody can judge"}
    order = "OBR|1||S1^LAB|24325-3^LFT^LN|||20260302080000+0000"
    for value, says in meanings.items():
        message = terminal.folder / "index.hl7"
        message.write_text(
            "MSH|^~\\&|LAB|HOSP|||20260302100000+0000||ORU^R01^ORU_R01|X1|P|2.5.1\r"
            f"PID|1||V1^^^LOCAL^MR||VECTOR^ONE||19700101|F\r{order}\r"
            f"OBX|1|ST|HIX^Haemolysis index^L||{value}||||||F\r",
            "utf-8",
        )

        assert says in terminal.type("explain", message).out


def test_rules_stand_in_the_order_of_what_they_say(terminal: Terminal) -> None:
    """First what fires, then what cannot be decided and what is missing for it, then what stayed silent."""
    page = terminal.type("explain", CRITICAL, "--roster", ROSTER).out
    places = [page.index(words) for words in ("true: these fire", "unknown: these", "false: these looked")]

    assert places == sorted(places)
    assert "rules that this message does not concern (--all)" in page
    assert "(--all)" not in terminal.type("explain", CRITICAL, "--roster", ROSTER, "--all").out


def test_events_are_those_of_a_replay(terminal: Terminal) -> None:
    """The explanation is of the flow that really runs: a whole day told twice tells the same alerts."""
    alerts = terminal.folder / "alerts.jsonl"
    terminal.type("replay", MESSAGES, "--roster", ROSTER, "--alerts", alerts, exits=1)
    replayed = [json.loads(line) for line in alerts.read_text("utf-8").splitlines()]
    found = explained(terminal.type("explain", MESSAGES, "--roster", ROSTER, "--format", "json", exits=1))
    told = [event for one in found for event in one["events"] if not event["shadow"]]
    of_messages = [event for event in replayed if event["message_control_id"] != "roster.csv"]

    assert [(one["rule"], one["severity"], one["phase"]) for one in told] == [
        (one["rule"], one["severity"], one["phase"]) for one in of_messages
    ]


def test_a_store_is_only_looked_at(hospital: Terminal) -> None:
    """Not one byte of the database changes, and no file appears beside it."""
    before = bytes_of(hospital.folder)
    url = f"sqlite:///{hospital.folder}/azawatch.db"
    (again,) = explained(hospital.type("explain", CRITICAL, "--store", url, "--format", "json"))

    assert bytes_of(hospital.folder) == before
    assert (again["disposition"], again["reason"]) == ("duplicate", "seen-before")
    assert "as it stands" in again["judged"]
    assert {rule["rule"] for rule in again["rules"] if rule["truth"] == "true"} >= {"a02-alt-ast-500"}


def test_a_message_that_is_held_already_says_why(hospital: Terminal) -> None:
    """What is in quarantine is told with reason and place, not as a mere duplicate."""
    url = f"sqlite:///{hospital.folder}/azawatch.db"
    (held,) = explained(
        hospital.type("explain", WITHOUT_IDENTIFIER, "--store", url, "--format", "json", exits=1)
    )

    assert (held["reason"], held["place"]) == ("no-patient-identifier", "PID[1]-3")
    assert "taken_in_before" in held["warnings"]


def test_a_store_in_use_is_seen_as_last_committed(hospital: Terminal) -> None:
    """Beside a running engine the newest commit is seen, though it is not yet in the file itself."""
    file = hospital.folder / "azawatch.db"
    with closing(sqlite3.connect(file)) as engine:
        engine.execute("PRAGMA wal_autocheckpoint=0")
        engine.execute("DELETE FROM messages")
        engine.commit()
        before = file.read_bytes(), Path(f"{file}-wal").read_bytes()
        ended = hospital.type("explain", CRITICAL, "--store", f"sqlite:///{file}", "--format", "json")
        after = file.read_bytes(), Path(f"{file}-wal").read_bytes()

    assert explained(ended)[0]["disposition"] == "accepted"
    assert after == before


@pytest.mark.parametrize(
    ("content", "said"),
    [(None, "there is no such store"), (b"", "is no store of azawatch"), (b"text" * 300, "cannot be opened")],
)
def test_what_is_no_store_is_refused(terminal: Terminal, content: bytes | None, said: str) -> None:
    """A misspelt URL never makes an empty database that then answers."""
    file = terminal.folder / "mine.db"
    if content is not None:
        file.write_bytes(content)
    ended = terminal.type("explain", CRITICAL, "--store", f"sqlite:///{file}", exits=2)

    assert said in ended.err
    assert ended.out == ""
    assert file.exists() is (content is not None)


def test_a_store_of_an_older_release_is_not_upgraded(hospital: Terminal) -> None:
    """Looking changes nothing, not even the tables: the engine upgrades its store itself."""
    file = hospital.folder / "azawatch.db"
    with closing(sqlite3.connect(file)) as older:
        older.execute("UPDATE alembic_version SET version_num = '1'")
        older.commit()
    before = file.read_bytes()
    ended = hospital.type("explain", CRITICAL, "--store", f"sqlite:///{file}", exits=2)

    assert "store has schema 1" in ended.err
    assert file.read_bytes() == before


def test_a_held_message_says_where_why_and_what_to_do(terminal: Terminal) -> None:
    """Quarantine is exit 1, with the place in the message and the file that would mend it."""
    page = terminal.type("explain", WITHOUT_IDENTIFIER, exits=1).out

    assert "quarantined: no-patient-identifier at PID[1]-3" in page
    assert "identifier_types of the site in mappings/sites.yaml" in page
    assert "nothing: the message is held back whole" in page


def test_every_reason_to_hold_a_message_has_something_to_do() -> None:
    """A new reason for the quarantine cannot come without advice."""
    assert set(_TO_DO) == set(_HELD)


def test_messages_of_a_file_build_on_each_other(terminal: Terminal) -> None:
    """In order, each meets what those before have left; one that is picked out meets nothing."""
    file = terminal.folder / "two.hl7"
    file.write_bytes(CRITICAL.read_bytes() + b"\r" + CRITICAL.read_bytes())
    both = explained(terminal.type("explain", file, "--format", "json"))
    (second,) = explained(terminal.type("explain", f"{file}#2", "--format", "json"))
    (same,) = explained(terminal.type("explain", file, "--message", "2", "--format", "json"))

    assert [one["disposition"] for one in both] == ["accepted", "duplicate"]
    assert (second["source"], second["disposition"]) == (f"{file}#2", "accepted")
    assert same == second
    assert "there is no such message" in terminal.type("explain", f"{file}#3", exits=2).err


def test_a_message_inside_a_zip_file_is_found_by_the_name_that_replay_gives_it(terminal: Terminal) -> None:
    """What a replay names can be pasted."""
    archive = terminal.folder / "day.zip"
    with zipfile.ZipFile(archive, "w") as packed:
        packed.write(CRITICAL, "ward/results.hl7")
        packed.write(WITHOUT_IDENTIFIER, "ward/other.hl7")
    (one,) = explained(terminal.type("explain", f"{archive}/ward/results.hl7#1", "--format", "json"))

    assert one["disposition"] == "accepted"


def test_what_was_read_of_a_cut_off_file_is_told(terminal: Terminal) -> None:
    """The messages before the damage are explained; then file and place of it, exit 1."""
    file = terminal.folder / "day.hl7.gz"
    messages = b"\r".join(one.read_bytes() for one in sorted(MESSAGES.iterdir())[:40])
    file.write_bytes(gzip.compress(messages)[:-2000])
    ended = terminal.type("explain", file, "--format", "json", exits=1)

    assert explained(ended)[0]["source"] == f"{file}#1"
    assert f"cannot be read beyond message {len(explained(ended))}: it ends too early" in ended.err


def test_a_message_in_another_charset_stops_no_other(terminal: Terminal) -> None:
    """One message with bytes that do not fit its MSH-18 is held; those around it are explained."""
    folder = ROOT / "tests/messages"
    file = terminal.folder / "mixed.hl7"
    names = ("charset-declared-8859.hl7", "latin-1-declared-utf-8.hl7", "latin-1-undeclared.hl7")
    file.write_bytes(b"\r".join((folder / name).read_bytes() for name in names))
    found = explained(terminal.type("explain", file, "--format", "json", exits=1))

    assert [(one["source"], one["reason"]) for one in found if one["to_do"]] == [(f"{file}#2", "charset")]
    assert found[1]["place"] == "MSH[1]-18"


def test_store_and_roster_exclude_each_other(terminal: Terminal) -> None:
    """A roster would have to be written into the store."""
    ended = terminal.type("explain", CRITICAL, "--store", "sqlite:///a.db", "--roster", ROSTER, exits=2)

    assert "cannot go together" in ended.err
