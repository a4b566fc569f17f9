"""The engine's log of the sample day: nothing in it tells who was ill with what."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from datetime import date

import pytest

from tests.integration.installation import ROSTER, Played, day_files, rows
from tests.sample_day.people import PEOPLE

pytestmark = pytest.mark.broker

# Where numbers and codes of the engine's own stand: counters, times, ids of messages, hashes.
OWN = {
    *("timestamp", "message_control_id", "revision", "patient_refs", "event_id", "alert_id"),
    *("duration_ms", "observations", "results", "alerts", "attempt", "pending", "count", "sequence", "head"),
}


def segments() -> Iterator[list[str]]:
    """Every segment of the day, whatever the line ends, charset and separators of the file."""
    for file in day_files():
        body = file.read_bytes()
        text = body.decode("latin-1" if b"|NORTHLAB|" in body else "utf-8")
        separator = text[3] if text.startswith("MSH") else "|"
        for line in re.split("[\r\n]+", text):
            yield line.split(separator)


def identifying() -> set[str]:
    """Names, numbers and birth dates of everybody in the messages and on the roster."""
    found = {row["patient_id"] for row in rows(ROSTER)}
    for patient in PEOPLE.values():
        born = date.fromisoformat(patient.birth_date)
        found |= {patient.mrn, patient.surname, patient.given, patient.birth_date, born.isoformat()}
    for fields in segments():
        if fields[0] in {"PID", "MRG"}:
            numbers = [*fields[1:5], *fields[18:20]] if fields[0] == "PID" else fields[1:5]
            found |= {re.split(r"[\^@&~]", number)[0] for number in numbers}
    return {text for text in found if len(text) > 2}


def values() -> set[str]:
    """Every OBX-5 of the day."""
    return {fields[5] for fields in segments() if fields[0] == "OBX" and len(fields) > 5 and fields[5]}


def test_no_name_number_or_birth_date_is_logged(undisturbed: Played) -> None:
    """Whoever runs the machine may read its log; patients are pseudonyms there."""
    log = (undisturbed.folder / "engine-0.log").read_text("utf-8")
    words = identifying()

    assert len(words) > 200
    assert [word for word in words if re.search(rf"(?<!\w){re.escape(word)}(?!\w)", log, re.IGNORECASE)] == []
    assert not [word for word in words if len(word) > 5 and word.casefold() in log.casefold()]


def test_no_result_value_is_logged(undisturbed: Played) -> None:
    """Outside of counters, times and ids of its own, no word of the log is a value of the day."""
    told = {
        word
        for line in undisturbed.log
        for key, value in line.items()
        if key not in OWN
        for word in re.split(r"[\s,;:()\[\]\"']+", json.dumps(value, ensure_ascii=False))
    }
    assert len(values()) > 100
    assert told & values() == set()


def test_every_message_has_one_line(undisturbed: Played) -> None:
    """The log accounts for each message with its outcome, and for each alert with its confirm."""
    lines = [line for line in undisturbed.log if line["event"] == "message"]
    published = [line for line in undisturbed.log if line["event"] == "published"]

    assert len(lines) == len(day_files())
    assert all(line["disposition"] and line["reason"] for line in lines)
    assert len(published) == len(undisturbed.published) + len(undisturbed.quarantined)
    assert {line["outcome"] for line in published} == {"confirmed"}


def test_a_patient_is_the_same_pseudonym_all_day(undisturbed: Played) -> None:
    """Support can follow one patient through the log without knowing who it is."""
    references = [
        reference for line in undisturbed.log for reference in line.get("patient_refs", []) if reference
    ]
    assert {len(reference) for reference in references} == {16}
    assert len(references) > 2 * len(set(references)) > 60
