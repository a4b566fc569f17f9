"""The roster file: what it may say, and that one bad row refuses it whole, with every defect in its place."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest

from engine.errors import ConfigError
from engine.model.moment import Precision
from engine.model.therapy import TherapyEventKind as Kind
from engine.therapy import RosterRow, read_roster, write_roster
from tests.unit.therapy.world import ANALYTES, LONDON, at

HEADER = "patient_id,assigning_authority,event,effective,drug,dose_mg_per_day,indication,note"


def check_baseline(analyte: str, number: Decimal, unit: str) -> str:
    """ALT in U/L above zero; an INR has no unit."""
    if number <= 0:
        return "is not above 0"
    if unit != ("" if analyte == "inr" else "U/L"):
        return f'the unit "{unit}" is not known'
    return ""


def check_rule_fact(name: str, value: str, _: date) -> str:
    """There is one protocol, and one limit that fits its rule."""
    known = {"protocol": "s2", "limit.a02.alt": "800 U/L until 2027-01-31 because hepatitis B"}
    return "" if known.get(name) == value else f'{name} "{value}" is not known'


def rows(*lines: str, header: str = HEADER) -> tuple[RosterRow, ...]:
    return read_roster(
        "\n".join((header, *lines)), "roster.csv", LONDON, ANALYTES, check_baseline, check_rule_fact
    )


def defects(*lines: str, header: str = HEADER) -> list[str]:
    with pytest.raises(ConfigError) as refused:
        rows(*lines, header=header)
    return [str(defect) for defect in refused.value.defects]


def test_a_row_says_who_what_when_and_how_much() -> None:
    """The columns of a start."""
    (row,) = rows("0041,STEVENS,start,2026-01-02,azathioprine,62.5,AIH,by letter")
    event = row.event

    assert (row.patient_id, row.assigning_authority, row.line) == ("0041", "STEVENS", 2)
    assert (event.kind, event.drug, event.dose_mg_per_day) == (Kind.START, "azathioprine", Decimal("62.5"))
    assert (event.indication, event.note, event.source) == ("AIH", "by letter", "roster")
    assert (at(event.effective), event.effective.precision) == ("2026-01-02T00:00", Precision.DAY)


@pytest.mark.parametrize(
    ("text", "expected", "assumed"),
    [
        ("2026-07-02", "2026-07-02T00:00", True),
        ("2026-07-02T08:30", "2026-07-02T08:30", True),
        ("2026-07-02 08:30:15", "2026-07-02T08:30", True),
        ("2026-07-02T08:30+02:00", "2026-07-02T07:30", False),
        ("2026-07-02T08:30:00Z", "2026-07-02T09:30", False),
    ],
)
def test_dates_and_times(text: str, expected: str, assumed: bool) -> None:
    """A time without an offset is one of the clinic's zone."""
    (row,) = rows(f"0041,STEVENS,stop,{text},azathioprine,,,")

    assert (at(row.event.effective), row.event.effective.zone_assumed) == (expected, assumed)


def test_an_hour_that_occurs_twice_is_the_first_and_marked() -> None:
    """The night when summer time ends."""
    (row,) = rows("0041,STEVENS,stop,2026-10-25T01:30,azathioprine,,,")

    assert row.event.effective.ambiguous
    assert row.event.effective.at.isoformat() == "2026-10-25T01:30:00+01:00"


def test_spelling_is_forgiving_where_nothing_can_be_confused() -> None:
    """Capitals, blanks around cells, blank lines, a byte order mark, Windows line ends."""
    text = f"\ufeff{HEADER}\r\n\r\n 0041 ,STEVENS, Start ,2026-01-02, Azathioprine , 150 ,,\r\n,,,,,,,\r\n"
    (row,) = read_roster(text, "roster.csv", LONDON, ANALYTES, check_baseline, check_rule_fact)

    assert (row.patient_id, row.event.kind, row.event.drug, row.line) == (
        "0041",
        Kind.START,
        "azathioprine",
        3,
    )


def test_leading_zeros_of_a_patient_id_count() -> None:
    """007 is not 7."""
    assert rows("007,STEVENS,stop,2026-01-02,azathioprine,,,")[0].patient_id == "007"


def test_cells_may_hold_commas_quotes_and_line_breaks() -> None:
    """And the next row still knows its line."""
    found = rows(
        '0041,STEVENS,start,2026-01-02,azathioprine,150,"AIH, ""overlap""","first line\nsecond line"',
        "0042,STEVENS,stop,2026-01-02,azathioprine,,,",
    )

    assert found[0].event.indication == 'AIH, "overlap"'
    assert found[0].event.note == "first line\nsecond line"
    assert [row.line for row in found] == [2, 4]


@pytest.mark.parametrize(
    ("note", "name", "value"),
    [
        ("tpmt=deficient", "tpmt", "deficient"),
        ("TPMT = Normal", "tpmt", "normal"),
        ("nudt15=intermediate", "nudt15", "intermediate"),
        ("symptom=nausea", "symptom", "nausea"),
        ("symptom=none", "symptom", "none"),
        ("symptom=Right upper quadrant pain", "symptom", "right-upper-quadrant-pain"),
        ("symptom=RUQ pain", "symptom", "right-upper-quadrant-pain"),
        ("cirrhosis=yes", "cirrhosis", "yes"),
        ("decompensation=no", "decompensation", "no"),
        ("pregnancy=yes", "pregnancy", "yes"),
        ("diagnosis=AIH", "diagnosis", "aih"),
        ("weight=70 kg", "weight", "70 kg"),
        ("weight = 62.50  kg", "weight", "62.5 kg"),
        ("hepatitis serology=Negative", "hepatitis-serology", "negative"),
        ("restart decision=documented", "restart-decision", "documented"),
        ("allopurinol cotherapy=intended", "allopurinol-cotherapy", "intended"),
        ("nudt15=possibly deficient", "nudt15", "possibly-deficient"),
        ("baseline.alt=31 U/L", "baseline.alt", "31 U/L"),
        ("baseline.alt = 31.5   U/L", "baseline.alt", "31.5 U/L"),
        ("baseline.inr=1.0", "baseline.inr", "1.0"),
    ],
)
def test_facts(note: str, name: str, value: str) -> None:
    """A closed list in the spelling that the rules use, however a clinic writes it."""
    event = rows(f"0041,STEVENS,fact,2026-01-02,,,,{note}")[0].event

    assert (event.kind, event.fact_name, event.fact_value, event.note) == (Kind.FACT, name, value, "")


def test_every_defect_of_a_file_is_told_at_once() -> None:
    """File, line, column, what is wrong, and what to do; nobody corrects a roster one error a day."""
    assert defects(
        ",STEVENS,start,2026-01-02,azathioprine,150,,",
        "0042,STEVENS,begin,2026-01-02,azathioprine,150,,",
        "0043,STEVENS,start,02/01/2026,azathioprin,many,,",
        "0044,STEVENS,dose,2026-02-30,azathioprine,,,",
        "0045,STEVENS,stop,,,50,,",
        "0046,STEVENS,start,2026-01-02,azathioprine,1500,,",
        "0047,STEVENS,dose,2026-01-02,azathioprine,0,,",
        "0048,STEVENS,start,0226-01-02,azathioprine",
        "0049,STEVENS,fact,2026-01-02,azathioprine,,,tpmt=normal",
    ) == [
        "roster.csv:2: patient_id: is empty (write the number that the laboratory sends in PID-3)",
        'roster.csv:3: event: "begin" is not an event (one of dose, fact, hold, restart, start, stop)',
        (
            'roster.csv:4: dose_mg_per_day: "many" is not a number'
            " (milligrams a day as digits with a decimal point: 62.5)"
        ),
        'roster.csv:4: drug: "azathioprin" is not a drug of the roster (did you mean azathioprine?)',
        (
            'roster.csv:4: effective: "02/01/2026" is not a date or time'
            " (a date like 2026-01-31, or a time like 2026-01-31T08:30 or 2026-01-31T08:30+01:00)"
        ),
        "roster.csv:5: dose_mg_per_day: is empty (a change of dose needs the new one in mg/day)",
        (
            'roster.csv:5: effective: "2026-02-30" is not in the calendar'
            " (a date like 2026-01-31, or a time like 2026-01-31T08:30 or 2026-01-31T08:30+01:00)"
        ),
        "roster.csv:6: dose_mg_per_day: a stop has no dose (leave it empty)",
        (
            "roster.csv:6: drug: is empty (one of azathioprine, mercaptopurine, "
            "allopurinol, febuxostat, prednisolone, budesonide, methotrexate, mycophenolate)"
        ),
        (
            "roster.csv:6: effective: is empty"
            " (a date like 2026-01-31, or a time like 2026-01-31T08:30 or 2026-01-31T08:30+01:00)"
        ),
        "roster.csv:7: dose_mg_per_day: 1500 is not above 0 and at most 1000 (milligrams a day)",
        "roster.csv:8: dose_mg_per_day: 0 is not above 0 and at most 1000 (for no dose write stop or hold)",
        "roster.csv:9: 5 columns instead of 8 (put a cell that holds a comma into double quotes)",
        "roster.csv:10: drug: a fact has no drug (leave it empty)",
    ]


@pytest.mark.parametrize(
    ("note", "message"),
    [
        ("", "note: a fact needs name=value (write name=value, such as tpmt=normal)"),
        ("tpmt", "note: a fact needs name=value (write name=value, such as tpmt=normal)"),
        ("tpmt=", "note: a fact needs name=value (write name=value, such as tpmt=normal)"),
        ("tmpt=normal", 'note: "tmpt" is not a fact (did you mean tpmt?)'),
        ("tpmt=absent", 'note: "absent" is not a value of tpmt (one of deficient, indeterminate,'),
        ("tpmt=norml", 'note: "norml" is not a value of tpmt (did you mean normal?)'),
        ("weight=70", 'note: "70" is not a number of kg (write weight=70 kg)'),
        ("weight=154 lb", 'note: "154 lb" is not a number of kg (write weight=70 kg)'),
        ("weight=700 kg", "note: weight=700 kg cannot be meant (between 2 and 400 kg)"),
        ("transfusion=perhaps", 'note: "perhaps" is not a value of transfusion (one of no, yes)'),
        ("baseline.alat=31 U/L", 'note: "alat" is not an analyte (did you mean alt?)'),
        ("baseline.alt=high", 'note: "high" is not a number and a unit (write baseline.alt=31 U/L)'),
        ("baseline.alt=31 mg/dL", 'note: baseline of alt: the unit "mg/dL" is not known'),
        ("baseline.alt=0 U/L", "note: baseline of alt: is not above 0"),
        ("tpmt=normal; nudt15=normal", 'note: "normal; nudt15=normal" is not a value of tpmt'),
    ],
)
def test_defective_facts(note: str, message: str) -> None:
    """A fact that no rule understands would silence a rule."""
    (defect,) = defects(f"0041,STEVENS,fact,2026-01-02,,,,{note}")

    assert defect.startswith(f"roster.csv:2: {message}")


@pytest.mark.parametrize(
    ("header", "hint"),
    [
        ("", f"the first line must be: {HEADER}"),
        ("patient,authority", f"the first line must be: {HEADER}"),
        (HEADER.upper(), f"the first line must be: {HEADER}"),
        (HEADER.replace(",", ";"), f"separate columns with commas; the first line must be: {HEADER}"),
    ],
)
def test_a_wrong_header_refuses_the_file(header: str, hint: str) -> None:
    """Columns in another order would make doses of indications."""
    assert defects(header=header) == [f"roster.csv:1: the header is not that of a roster ({hint})"]


@pytest.mark.parametrize(
    "line", ['0041,"STEVENS,stop,2026-01-02,azathioprine,,,', '0041,"STE"VENS,stop,,,,,']
)
def test_broken_quoting_is_a_defect_of_its_line(line: str) -> None:
    """Not a traceback."""
    (defect,) = defects(line)

    assert defect.startswith("roster.csv:2: not CSV")


def test_a_year_that_cannot_be_meant_is_a_defect() -> None:
    """2205 would start nobody's monitoring."""
    (defect,) = defects("0041,STEVENS,start,2205-01-02,azathioprine,,,")

    assert defect.startswith("roster.csv:2: effective: the year 2205 cannot be meant")


def test_rows_that_contradict_each_other_are_refused() -> None:
    """150 or 50 mg from the same day? A repetition of the same row is harmless."""
    first = "0041,STEVENS,start,2026-01-02,azathioprine,150,,"

    assert len(rows(first, first)) == 1
    assert defects(first, first.replace("150", "50")) == [
        "roster.csv:3: event: says something else about the same start as line 2 (keep the row that is true)"
    ]
    assert len(rows(first, first.replace("0041", "0042"), first.replace("STEVENS", "ENT"))) == 3


def test_importing_a_corrected_row_is_the_same_event() -> None:
    """The corrected dose replaces the wrong one instead of standing beside it."""
    one = rows("0041,STEVENS,start,2026-01-02,azathioprine,150,,")[0].event
    other = rows("0041,STEVENS,start,2026-01-02,azathioprine,50,,")[0].event

    assert one.event_id == other.event_id


def test_a_roster_without_rows_is_empty() -> None:
    """A new clinic."""
    assert rows() == ()


def test_what_was_read_can_be_written_and_read_again() -> None:
    """Export and import in another zone tell the same."""
    found = rows(
        '0041,STEVENS,start,2026-01-02,azathioprine,62.5,"AIH, overlap","two\nlines"',
        "0041,,dose,2026-07-02T08:30,mercaptopurine,50,,",
        "0041,STEVENS,fact,2026-01-02,,,,baseline.alt=31 U/L",
        "0041,STEVENS,hold,2026-01-02T08:30:15+05:00,azathioprine,,,",
    )

    written = write_roster(found, LONDON)
    again = read_roster(written, "again.csv", LONDON, ANALYTES, check_baseline, check_rule_fact)

    assert written.splitlines()[0] == HEADER
    assert [row.event.event_id for row in again] == [row.event.event_id for row in found]
    assert write_roster(again, LONDON) == written


def test_dates_are_written_in_the_zone_of_the_clinic() -> None:
    """A store that keeps instants in UTC must not move a start to the day before."""
    (row,) = rows("0041,STEVENS,start,2026-07-02,azathioprine,150,,")

    assert "2026-07-02" in write_roster((row,), LONDON)
    assert "2026-07-01" in write_roster((row,), ZoneInfo("America/New_York"))


def test_events_of_orders_cannot_be_written() -> None:
    """A roster has no word for a release or a supply."""
    (row,) = rows("0041,STEVENS,start,2026-07-02,azathioprine,150,,")
    with pytest.raises(ValueError, match="release"):
        write_roster((replace(row, event=replace(row.event, kind=Kind.RELEASE)),), LONDON)


@pytest.mark.parametrize(
    ("note", "name", "value"),
    [
        ("protocol=s2", "protocol", "s2"),
        (
            "limit.a02.alt=800 U/L until 2027-01-31 because hepatitis B",
            "limit.a02.alt",
            "800 U/L until 2027-01-31 because hepatitis B",
        ),
    ],
)
def test_facts_of_the_rules_folder_are_taken_as_written(note: str, name: str, value: str) -> None:
    """Protocols and limits are checked by whoever knows the rules, and read back as they were written."""
    (row,) = rows(f"1,A,fact,2026-01-02,,,,{note}")

    assert (row.event.fact_name, row.event.fact_value) == (name, value)
    assert f",{note}\n" in write_roster([row], LONDON)


@pytest.mark.parametrize("note", ["protocol=s22", "limit.a02.alt=900 U/L until 2027-01-31 because"])
def test_facts_that_the_rules_folder_does_not_know_are_refused(note: str) -> None:
    """With line, column and what the rules folder says about it."""
    name, _, value = note.partition("=")

    assert defects(f"1,A,fact,2026-01-02,,,,{note}") == [f'roster.csv:2: note: {name} "{value}" is not known']
