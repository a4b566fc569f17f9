"""The roster under the pseudonyms of its messages."""

from __future__ import annotations

from engine import app
from engine.therapy.roster import write_roster
from tests.support.pseudonymising import knowledge, read, rewritten

ROSTER = """\
patient_id,assigning_authority,event,effective,drug,dose_mg_per_day,indication,note
H0041707,HOSP,start,2026-01-05,azathioprine,150,autoimmune hepatitis,known to Dr Doe
H0041707,HOSP,stop,2026-03-26T08:30,azathioprine,,Jane's rash,
H0041707,HOSP,fact,2026-03-01,,,,weight=70 kg
H0041707,HOSP,fact,2026-03-01,,,,limit.a02-alt-ast-500.alt=800 U/L until 2027-01-31 because Jane has hepatitis
"""
MESSAGE = (
    b"MSH|^~\\&|LAB|HOSP|||20260312083000||ORU^R01|1|P|2.5.1\rPID|1||H0041707^^^HOSP^MR||DOE||19600101|F\r"
    b"OBR|1|P|F|X|||20260312\r"
)


def test_a_roster_goes_with_its_messages() -> None:
    """The same number and weeks; texts of people are gone, and it can be imported as it is."""
    result = rewritten([MESSAGE])
    rows = app.roster_rows(ROSTER, "roster.csv", knowledge())
    text = write_roster(result.roster(rows), knowledge().terminology.sites["default"].time_zone)
    again = app.roster_rows(text, "again.csv", knowledge())

    pid = next(segment for segment in read(result.bodies[0][0]).segments if segment.name == "PID")
    assert {(row.patient_id, row.assigning_authority) for row in again} == {(pid.text(3), pid.text(3, 4))}
    assert "Jane" not in text
    assert "Doe" not in text
    moved = {new.event.effective.at - old.event.effective.at for old, new in zip(rows, again, strict=True)}
    (sent,) = {segment.text(7) for segment in read(result.bodies[0][0]).segments if segment.name == "OBR"}
    assert len(moved) == 1
    assert sent < "20260312"
    assert [new.event.effective.precision for new in again] == [old.event.effective.precision for old in rows]
    assert [row.event.indication for row in again] == ["autoimmune hepatitis", "", "", ""]
    assert {row.event.fact_value for row in again} >= {"70 kg"}
    assert "800 U/L until 202" in text
    assert "because [removed]" in text
