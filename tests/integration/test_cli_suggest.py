"""``azawatch mappings suggest``: from an archive that nobody has mapped to rows that somebody confirmed."""

from __future__ import annotations

import gzip
import re
import shutil
import sys
import zipfile
from pathlib import Path

import pytest

from tests.integration.installation import MESSAGES, ROOT
from tests.integration.terminal import Terminal
from tests.unit.survey.test_survey import message

ALAT = {"code": "GPT", "text": "GPT (ALAT)", "unit": "U/L", "range": "10-41", "value": "517"}
LEUKO = {"code": "LC", "text": "Leukozyten", "unit": "G/l", "range": "4,4-11,3", "value": "6.1"}
SODIUM = {"code": "NA", "text": "Natrium", "unit": "mmol/l", "range": "135-145", "value": "139"}
URINE = {"code": "ALBU", "text": "Albumin", "battery": "Urinstatus", "unit": "mg/l", "value": "5"}


@pytest.fixture
def archive(terminal: Terminal) -> Path:
    """Twelve messages of six patients from a laboratory without a site."""
    folder = terminal.folder / "archive"
    folder.mkdir()
    sent = [
        message(code, patient=f"H{number}").replace(b"|C1|", f"|C{number}{code['code']}|".encode())
        for number in range(6)
        for code in (ALAT, LEUKO, SODIUM, URINE)
    ]
    (folder / "day.hl7").write_bytes(b"\r".join(sent))
    return folder


@pytest.fixture
def mappings(terminal: Terminal) -> Path:
    """The shipped mappings as a site's own folder."""
    folder = terminal.folder / "mappings"
    shutil.copytree(ROOT / "mappings", folder)
    return folder


def critical(terminal: Terminal, archive: Path, mappings: Path) -> int:
    """How many critical alerts a replay tells of the six patients, who all take azathioprine."""
    roster = terminal.folder / "roster.csv"
    rows = [f"H{number},CITY,start,2025-06-16,azathioprine,150,," for number in range(6)]
    header = "patient_id,assigning_authority,event,effective,drug,dose_mg_per_day,indication,note"
    roster.write_text("\n".join((header, *rows)), "utf-8")
    told = terminal.type("replay", archive, "--mappings", mappings, "--roster", roster).out
    return sum(line.startswith("CRITICAL ") for line in told.splitlines())


def test_the_table_tells_what_is_sent_and_what_it_may_be(terminal: Terminal, archive: Path) -> None:
    """By count: texts, units, ranges, how many persons, the candidate, and the reasons below."""
    page = terminal.type("mappings", "suggest", archive).out

    assert page.startswith("NEWLIS|CITY: 4 codes in no table")
    (line,) = (line for line in page.splitlines() if line.startswith("GPT "))
    assert re.split(r"  +", line) == ["GPT", "6", "6", "GPT (ALAT)", "U/L", "10-41", "10^2 to 10^2", "alt 95"]
    assert 'GPT may be alt: "GPT (ALAT)" is a name of it; unit U/L fits; range 10-41 is like' in page
    assert 'ALBU is not albumin: ordered as "Urinstatus"' in page


def test_no_patient_is_in_the_output(terminal: Terminal, archive: Path) -> None:
    """Neither values nor identifiers nor names, in the table or in the site file."""
    for form in ("text", "site"):
        page = terminal.type("mappings", "suggest", archive, "--format", form).out
        assert not re.search(r"517|TESTCASE|\bH\d\b|1970", page)


def test_from_an_archive_to_mapped_results(terminal: Terminal, archive: Path, mappings: Path) -> None:
    """Suggested rows change nothing; those that a person uncomments are checked and count as mapped."""
    suggested = mappings / "sites/city.csv.suggested"
    terminal.type("mappings", "suggest", archive, "--mappings", mappings, "--out", suggested)
    checked = terminal.type("mappings", "check", "--mappings", mappings)

    assert "city" not in checked.out + checked.err
    assert critical(terminal, archive, mappings) == 0

    text = suggested.read_text("utf-8")
    assert all(line.startswith(("# ", "code,name,")) for line in text.splitlines())
    confirmed = text.replace("# GPT,GPT (ALAT),alt", "GPT,GPT (ALAT),alt")
    confirmed = confirmed.replace("# LC,Leukozyten,wbc", "LC,Leukozyten,wbc")
    confirmed = confirmed.replace("# NA,Natrium,ignore", "NA,Natrium,ignore")
    (mappings / "sites/city.csv").write_text(confirmed, "utf-8")
    drafted = text[text.index("#   NAME:") : text.index("# run azawatch")]
    entry = re.sub("^#   ", "", drafted, flags=re.MULTILINE).replace("NAME", "city")
    with (mappings / "sites.yaml").open("a", encoding="utf-8") as sites:
        sites.write("\n" + entry)

    counted = terminal.type("mappings", "check", "--mappings", mappings).out
    assert re.search(r"site city analyte +2\b", counted)
    assert re.search(r"site city ignored +1\b", counted)
    assert critical(terminal, archive, mappings) == 6
    left = terminal.type("mappings", "suggest", archive, "--mappings", mappings).out
    assert re.findall(r"^(\w+) +6 ", left, re.MULTILINE) == ["ALBU"]


def test_two_rows_of_one_code_are_refused(terminal: Terminal, archive: Path, mappings: Path) -> None:
    """Whoever takes the hash off a row and off the one that ignores the code is told."""
    file = mappings / "sites/north.csv"
    text = terminal.type("mappings", "suggest", archive, "--format", "site").out
    file.write_text(re.sub(r"^# (GPT,)", r"\1", text, flags=re.MULTILINE), "utf-8")

    assert (
        'code "GPT" stands twice' in terminal.type("mappings", "check", "--mappings", mappings, exits=2).err
    )


def test_nothing_is_overwritten(terminal: Terminal, archive: Path) -> None:
    """Somebody's half-confirmed file is not lost to a second run."""
    file = terminal.folder / "city.csv.suggested"
    file.write_text("confirmed by me", "utf-8")

    assert "exists" in terminal.type("mappings", "suggest", archive, "--out", file, exits=2).err
    assert file.read_text("utf-8") == "confirmed by me"


def test_a_site_file_is_of_one_sender(terminal: Terminal) -> None:
    """The same code means something else elsewhere: several senders need --sender, and are named."""
    file = terminal.folder / "two.hl7"
    file.write_bytes(message(ALAT) + b"\r" + message(ALAT).replace(b"CITY", b"TOWN"))
    refused = terminal.type("mappings", "suggest", file, "--format", "site", exits=2).err
    chosen = terminal.type("mappings", "suggest", file, "--format", "site", "--sender", "NEWLIS|TOWN").out

    assert '"NEWLIS|CITY", "NEWLIS|TOWN"' in refused
    assert "NEWLIS|TOWN" in chosen
    assert "CITY" not in chosen
    assert "no message of" in terminal.type("mappings", "suggest", file, "--sender", "X|Y", exits=2).err


def test_a_sender_with_a_site_is_told_where_rows_go(terminal: Terminal) -> None:
    """For a known laboratory no entry of sites.yaml is drafted: it has a file."""
    text = terminal.type(
        "mappings", "suggest", MESSAGES, "--format", "site", "--sender", "north", exits=1
    ).out

    assert "copy those rows into the file that the site names" in text
    assert "senders:" not in text


def test_what_was_read_of_damaged_archives_is_told(terminal: Terminal, archive: Path) -> None:
    """A cut off file, an encrypted zip and a message in another charset: each named, the rest counted."""
    sent = (archive / "day.hl7").read_bytes()
    (archive / "cut.hl7.gz").write_bytes(gzip.compress(sent * 50)[:-300])
    with zipfile.ZipFile(archive / "locked.zip", "w") as packed:
        packed.writestr("in.hl7", sent)
    locked = bytearray((archive / "locked.zip").read_bytes())
    for header, place in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        locked[locked.index(header) + place] |= 1
    (archive / "locked.zip").write_bytes(locked)
    mixed = message({**ALAT, "text": "Größe"}).decode().encode("latin-1")
    (archive / "mixed.hl7").write_bytes(message(LEUKO) + b"\r" + mixed)
    ended = terminal.type("mappings", "suggest", archive, exits=1)

    assert re.search(r"cut\.hl7\.gz: cannot be read beyond message \d+: it ends too early", ended.err)
    assert "locked.zip/in.hl7: cannot be read: it is encrypted" in ended.err
    assert f"not read: {archive}/mixed.hl7#2: charset at MSH[1]-18" in ended.err
    (line,) = (line for line in ended.out.splitlines() if line.startswith("GPT "))
    assert int(line.split()[1]) > 6


def test_units_that_no_table_has_are_listed_with_what_ucum_thinks(terminal: Terminal) -> None:
    """A new unit of a mapped code makes the engine blind for it; UCUM says how it converts."""
    known = {"code": "1742-6", "text": "ALT", "system": "LN", "value": "2"}
    file = terminal.folder / "units.hl7"
    file.write_bytes(b"\r".join(message({**known, "unit": unit}) for unit in ("kU/L", "g/L", "XU")))
    page = terminal.type("mappings", "suggest", file).out

    assert re.search(r"alt +kU/L +1 +1 is 1000 U/L", page)
    assert re.search(r"alt +g/L +1 +measures something else", page)
    assert re.search(r"alt +XU +1 +no unit of UCUM", page)


def test_without_the_unit_library_that_is_said(terminal: Terminal, monkeypatch: pytest.MonkeyPatch) -> None:
    """An installation without the extra still suggests, and says what it did not look at."""
    monkeypatch.setitem(sys.modules, "ucumvert", None)
    file = terminal.folder / "units.hl7"
    file.write_bytes(message({**ALAT, "unit": "kU/dL"}))
    ended = terminal.type("mappings", "suggest", file)

    assert "pip install 'azawatch[suggest]'" in ended.err
    assert "GPT may be alt" in ended.out
