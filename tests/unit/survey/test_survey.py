"""What is suggested for local codes: made up ones, with the oddities of real ones, judged by hand."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path

import pytest

from engine.survey import IGNORE, SuggestedCode, Survey, judge
from engine.taken import IntakeOptions
from engine.terminology import CompareUnits
from engine.transports.archive import ArchiveMessage
from tests.unit.terminology.tables import shipped

CODES = Path(__file__).with_name("local_codes.csv")
SENDER = "NEWLIS|CITY"


def truth() -> list[dict[str, str]]:
    """Every made-up code with the analyte that a person would map it to, empty for none."""
    with CODES.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def message(code: Mapping[str, str], *, patient: str = "H1", msh_9: str = "ORU^R01") -> bytes:
    """One message with one result of a code."""
    given = {"system": "L", "type": "NM", **code}
    identifier = f"{given['code']}^{given.get('text', '')}^{given['system']}"
    if given.get("alternate"):
        identifier += f"^{given['alternate']}"
    obx = (given["type"], identifier, "", given["value"], given.get("unit", ""), given.get("range", ""))
    segments = (
        f"MSH|^~\\&|NEWLIS|CITY|||20260312080000+0000||{msh_9}|C1|P|2.5.1||||||UNICODE UTF-8",
        f"PID|1||{patient}^^^CITY^MR||TESTCASE^{patient}||19700101|F",
        f"OBR|1||F1|B^{given.get('battery', '')}^L|||20260312070000+0000||||||||{given.get('specimen', '')}",
        f"OBX|1|{'|'.join(obx)}||||F",
    )
    return "\r".join(segments).encode()


def surveyed(*bodies: bytes) -> Survey:
    """The survey of an archive of these messages."""
    survey = Survey(shipped(), IntakeOptions())
    for number, body in enumerate(bodies, 1):
        survey.add(ArchiveMessage(f"day.hl7#{number}", body))
    return survey


def suggested(*bodies: bytes, compare: CompareUnits | None = None) -> tuple[SuggestedCode, ...]:
    """What is suggested for the only sender."""
    (site,) = surveyed(*bodies).sites.values()
    return judge(site, shipped(), compare)


@pytest.mark.parametrize("code", truth(), ids=lambda code: code["code"])
def test_every_code_gets_the_candidate_that_a_person_would_choose(code: dict[str, str]) -> None:
    """The best candidate is the right one, and what is none of ours gets none: `oddity` says what is hard."""
    (found,) = suggested(message(code))
    best = next((row.analyte for row in found.rows if row.analyte != IGNORE), "")

    assert (code["oddity"], best) == (code["oddity"], code["analyte"]), (found.rows, found.refused)


def test_a_candidate_says_what_speaks_for_it_and_against() -> None:
    """Text, unit, range and specimen are named as sent, so that a person can check them."""
    (found,) = suggested(
        message(
            {"code": "X", "text": "GPT", "unit": "U/L", "range": "10-400", "specimen": "SER", "value": "23"}
        )
    )
    (row,) = found.rows

    assert row.reasons == (
        '"GPT" is a name of it',
        "specimen SER fits",
        "unit U/L fits",
        "but range 10-400 is unlike the published one",
    )


def test_a_unit_of_another_property_is_decisive() -> None:
    """A name alone never wins against a unit that measures something else; the refusal is told."""
    (found,) = suggested(message({"code": "X", "text": "ALAT", "unit": "mmol/L", "value": "23"}))

    assert not found.rows
    assert found.refused == ("alt: unit mmol/L measures something else",)


@pytest.mark.parametrize(
    ("factor", "said"),
    [
        (Decimal(60), "unit kU/dL is convertible, says UCUM; units.csv needs a row"),
        (None, "but unit kU/dL is in no table"),
    ],
)
def test_ucum_is_asked_about_units_that_no_table_has(factor: Decimal | None, said: str) -> None:
    """Convertible or not even a unit: the reason says which."""
    sent = message({"code": "X", "text": "ALAT", "unit": "kU/dL", "value": "0.2"})
    (found,) = suggested(sent, compare=lambda _unit, _canonical: factor)

    assert said in found.rows[0].reasons


def test_a_unit_that_ucum_knows_as_another_property_is_decisive() -> None:
    """An ALAT in grams is none."""
    sent = message({"code": "X", "text": "ALAT", "unit": "ng", "value": "23"})

    assert not suggested(sent, compare=lambda _unit, _canonical: Decimal(0))[0].rows


def test_one_code_in_two_units_becomes_two_rows() -> None:
    """NEUT is a count in G/L and a share in %: each row is for its unit."""
    (found,) = suggested(
        message({"code": "NEUT", "text": "Neutrophile", "unit": "G/L", "value": "3.1"}),
        message({"code": "NEUT", "text": "Neutrophile", "unit": "%", "value": "55"}),
    )

    assert {(row.analyte, row.unit) for row in found.rows} == {
        ("neutrophils", "G/L"),
        ("neutrophils_percent", "%"),
    }


def test_the_same_code_in_urine_is_ignored_by_its_specimen() -> None:
    """CREA of a serum is creatinine, CREA of a urine is not."""
    (found,) = suggested(
        message({"code": "CREA", "text": "Creatinine", "unit": "umol/L", "specimen": "SER", "value": "70"}),
        message({"code": "CREA", "text": "Creatinine", "unit": "mmol/L", "specimen": "UR", "value": "7"}),
    )

    assert [(row.analyte, row.specimen) for row in found.rows] == [("creatinine", ""), (IGNORE, "UR")]


def test_values_are_told_as_powers_of_ten_of_at_least_five_persons() -> None:
    """What four persons have is theirs; of five, no more than the magnitude is told."""
    code = {"code": "X", "text": "Nothing known", "unit": "U/L"}
    sent = [message({**code, "value": f"{value}"}, patient=f"H{value}") for value in (3, 12, 47, 230)]
    (few,) = suggested(*sent)
    (more,) = suggested(*sent, message({**code, "value": "4100"}, patient="H9"))

    assert (few.numbers, few.few) == ("few persons", True)
    assert (more.numbers, more.few, more.persons) == ("10^0 to 10^3", False, 5)


def test_values_that_cannot_be_of_an_analyte_refuse_it() -> None:
    """Haemoglobin of 3000 g/L is none, once five persons have it."""
    code = {"code": "X", "text": "Hb", "unit": "g/L", "value": "3000"}
    sent = [message(code, patient=f"H{number}") for number in range(5)]

    assert suggested(sent[0])[0].rows
    assert not suggested(*sent)[0].rows


def test_only_what_the_engine_would_read_is_counted() -> None:
    """Test messages, orders and messages that cannot be read are no results; the latter are named."""
    code = {"code": "X", "text": "ALAT", "value": "23"}
    survey = surveyed(
        message(code),
        message(code, msh_9="ORM^O01"),
        message(code).replace(b"|P|2.5.1", b"|T|2.5.1"),
        b"PID|1||H1",
    )

    assert survey.sites[SENDER].codes["X"]["", ""].results == 1
    assert survey.unreadable == [("day.hl7#4", "no-header", "message")]


def test_a_code_that_is_mapped_is_counted_for_its_unit_only() -> None:
    """Of a LOINC nobody needs a suggestion; a unit that no table has makes the engine blind for it."""
    known = {"code": "1742-6", "text": "ALT", "system": "LN", "value": "23"}
    survey = surveyed(message({**known, "unit": "U/L"}), message({**known, "unit": "XU/dL"}))

    assert not survey.sites[SENDER].codes
    assert survey.sites[SENDER].units == {("alt", "XU/dL"): 1}


def test_a_code_labelled_loinc_that_is_none_is_told_as_such() -> None:
    """A row of a site never maps it: the sender must mend the label."""
    survey = surveyed(message({"code": "1742-5", "text": "ALT", "system": "LN", "value": "23"}))

    assert survey.sites[SENDER].mislabelled == {"1742-5": 1}
    assert not survey.sites[SENDER].codes
