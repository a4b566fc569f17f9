"""The sample hospital day: rebuilt as committed, readable, invented, and covered by our mappings."""

from __future__ import annotations

import csv
import io
import re
from collections import Counter
from decimal import Decimal
from pathlib import Path

import hl7
import pytest

from engine.model.codes import CodeKind, Coding
from engine.model.quantity import Interval, Quantity
from engine.terminology import Terminology, parse_terminology
from tests.sample_day.build import HERE, MIDNIGHT, build, numbered, whole_day
from tests.sample_day.laboratories import LABORATORIES
from tests.sample_day.people import FICTIONAL_SURNAMES, PEOPLE

MESSAGES = sorted((HERE / "messages").glob("*.hl7")) + sorted((HERE / "extra").glob("*.hl7"))
BROKEN = "unknown-truncated"

# Sent on purpose without a meaning in our tables.
UNMAPPED = frozenset({"NL-ALAT2", "NL-NYTT"})


def rows(name: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO((HERE / name).read_text("utf-8"))))


def lines_of(path: Path) -> list[str]:
    """Segments with the standard separators, whatever the line ends and separators of the file."""
    body = path.read_bytes()
    text = body.decode("latin-1" if b"|NORTHLAB|" in body else "utf-8")
    if text[3:8] != "|^~\\&":
        text = text.translate(str.maketrans(text[3:8], "|^~\\&"))
    return [line for line in re.split("[\r\n]+", text) if line]


def fields_of(name: str) -> list[tuple[Path, list[str]]]:
    return [
        (path, line.split("|"))
        for path in MESSAGES
        if BROKEN not in path.name
        for line in lines_of(path)
        if line.startswith(name)
    ]


@pytest.fixture(scope="module")
def terminology() -> Terminology:
    folder = HERE.parent.parent / "mappings"
    return parse_terminology(
        {
            path.relative_to(folder).as_posix(): path.read_text("utf-8")
            for path in sorted(folder.rglob("*"))
            if path.suffix in {".csv", ".yaml"}
        }
    )


def test_rebuilding_gives_the_committed_bytes() -> None:
    """The files in the repository are exactly what the stories say."""
    built = build()
    committed = {
        str(path.relative_to(HERE)): path.read_bytes()
        for path in HERE.rglob("*")
        if path.suffix in {".hl7", ".csv"}
    }

    assert built.keys() == committed.keys()
    assert [] == [name for name, content in built.items() if content != committed[name]]


def test_building_twice_gives_the_same_bytes() -> None:
    """Nothing in the day depends on a clock, on chance or on the environment."""
    assert build() == build()


def test_the_day_is_as_large_as_promised() -> None:
    """Enough people and messages to look like a hospital, few enough alerts to be read."""
    day = whole_day()

    assert len(PEOPLE) >= 60
    assert 150 <= len(day.drafts) <= 250
    assert len(day.on_therapy) >= 35
    assert len(PEOPLE) - len(day.on_therapy) >= 25
    assert len(rows("expected.csv")) <= 60


def test_the_messages_are_all_of_the_day() -> None:
    """The weeks before are loaded at its beginning: the clock of a replay passes through one day only."""
    days = {draft.sent.date() for draft in whole_day().drafts}

    assert days == {MIDNIGHT.date()}


def test_order_of_the_files_is_the_order_of_sending() -> None:
    """A sender's clock never runs backwards through the numbered files."""
    sent = [draft.sent for _, draft in numbered(whole_day().drafts)]

    assert sent == sorted(sent)


def test_exactly_two_messages_of_the_day_are_unusable() -> None:
    """The demonstration shows two quarantined messages; the identity conflict is kept for tests."""
    quarantined = Counter(
        row["reason"] for row in rows("outcomes.csv") if row["disposition"] == "quarantined"
    )

    assert quarantined == {"no-header": 1, "no-patient-identifier": 1}
    assert [row["reason"] for row in rows("extra/outcomes.csv")] == ["identity-conflict"]


def test_the_day_shows_these_rules() -> None:
    """Of each kind of harm somebody has it; all other rules have their cases and vectors."""
    fired = {row["rule"] for row in rows("expected.csv")} | {
        row["rule"] for row in rows("extra/expected.csv")
    }

    assert fired == {
        *("a01", "a02", "a03", "a04", "a05", "a06", "a07", "a09", "a10", "a13", "a15"),
        *(
            "b02",
            "b03",
            "b07",
            "c03",
            "c04",
            "d01",
            "d02",
            "e02",
            "e05",
            "f15",
            "g05",
            "h01",
            "p03",
            "p05",
            "p13",
        ),
        *("q01", "q02", "q03", "q04", "q05", "q06", "q07", "q08"),
    }


def test_every_turn_in_the_life_of_an_alert_is_shown() -> None:
    """Start, worse, escalation, fall, change of rule, and the three ways to end."""
    turns = {(row["phase"], row["reason"]) for row in rows("expected.csv")}

    assert turns == {
        ("start", "new"),
        ("update", "worse"),
        ("update", "changed"),
        ("escalate", "worse"),
        ("deescalate", "changed"),
        ("end", "resolved"),
        ("end", "corrected"),
        ("end", "withdrawn"),
    }


def test_events_are_expected_only_of_people_on_therapy() -> None:
    """Whoever takes no thiopurine must not cause an alert, however bad the values are."""
    watched = {PEOPLE[name].mrn for name in whole_day().on_therapy}

    assert {row["patient"] for row in rows("expected.csv")} <= watched
    assert all(row["why"] for row in rows("expected.csv"))


@pytest.mark.parametrize("path", MESSAGES, ids=lambda path: path.stem)
def test_every_message_but_one_is_hl7(path: Path) -> None:
    """An independent reader accepts each message once the line ends are CR, except the truncated one."""
    body = path.read_bytes()
    text = body.decode("latin-1" if b"|NORTHLAB|" in body else "utf-8")
    normalised = text.replace("\r\n", "\r").replace("\n", "\r")
    if BROKEN in path.name:
        with pytest.raises(hl7.ParseException):
            hl7.parse(normalised)
        return

    message = hl7.parse(normalised)

    assert str(message.segment("MSH")[12]) in {"2.3", "2.4", "2.5", "2.5.1"}
    assert len(list(message)) == len(lines_of(path))


def test_every_name_is_invented() -> None:
    """Nobody can mistake a person of the day for a real one."""
    surnames = {fields[5].split("^")[0] for _, fields in fields_of("PID|")}

    assert surnames <= FICTIONAL_SURNAMES
    assert {fields[7].split("^")[1] for _, fields in fields_of("PV1|")} == {"SAMPLE"}
    assert len({(person.surname, person.given) for person in PEOPLE.values()}) == len(PEOPLE)


def test_every_line_end_charset_and_separator_of_the_feed_is_there() -> None:
    """LF, CR LF, latin-1, undeclared UTF-8 and unusual separators each come at least once."""
    bodies = [path.read_bytes() for path in MESSAGES]

    assert any(b"\r\n" in body for body in bodies)
    assert any(b"\n" in body and b"\r" not in body for body in bodies)
    assert any("MÖCKUP".encode("latin-1") in body for body in bodies)
    assert any("TÉSTCASE".encode() in body and b"UNICODE" not in body for body in bodies)
    assert any(body.startswith(b"MSH!") for body in bodies)


def test_local_codes_and_units_have_a_meaning_in_the_mappings(terminology: Terminology) -> None:
    """What the laboratories send is understood, except where a story is about not understanding it."""
    for laboratory in LABORATORIES:
        for analyte, assay in laboratory.tests.items():
            code, text, system = assay.identifier.split("^")
            site = terminology.site(laboratory.sender.application, laboratory.sender.facility)
            match = terminology.identify(
                [Coding(code, text, system)], site.name, "", assay.unit.split("^^")[0]
            )
            if analyte in {"crp", "sodium"}:
                assert match.kind in {CodeKind.IGNORED, CodeKind.NOT_MONITORED}
                continue

            assert (match.kind, match.analyte) == (CodeKind.ANALYTE, analyte), assay.identifier
            for value in assay.healthy:
                interval = Interval.exactly(Decimal(value))
                assert isinstance(terminology.quantity(analyte, interval, match.unit), Quantity), assay


def test_every_code_sent_is_mapped_but_for_those_meant_not_to_be(terminology: Terminology) -> None:
    """A code that nobody has mapped comes only where a story needs it."""
    unmapped = set()
    for path in MESSAGES:
        if BROKEN in path.name:
            continue
        lines = lines_of(path)
        header = lines[0].split("|")
        site = terminology.site(header[2], header[3])
        for fields in (line.split("|") for line in lines if line.startswith("OBX|")):
            parts = [*fields[3].split("^"), "", "", ""]
            codings = [
                Coding(*parts[first : first + 3]) for first in (0, 3) if parts[first : first + 1] > [""]
            ]
            match = terminology.identify(codings, site.name, "", fields[6].split("^")[0])
            if match.kind in {CodeKind.UNMAPPED, CodeKind.DISAGREE, CodeKind.EXCLUDED}:
                unmapped.add(match.code)

    assert unmapped == UNMAPPED
