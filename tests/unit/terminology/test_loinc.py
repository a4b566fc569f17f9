"""The LOINC table: complete, names unchanged, check digits."""

from __future__ import annotations

import csv

import pytest

from engine.model.codes import CodeKind, Coding
from engine.terminology import has_right_check_digit
from tests.unit.terminology.tables import defects, files, identify, lines, shipped

# Every code that a rule or a derived value needs, and every look-alike, written out here so that a row lost
# from the table is noticed.
ANALYTES = {
    "alt": "1742-6 1743-4 1744-2 76625-3 77144-4 110094-0",
    "ast": "1920-8 30239-8 88112-8 110764-8",
    "alp": "6768-6 1783-0 77141-0",
    "ggt": "2324-2",
    "bilirubin": "1975-2 14631-6 42719-5 54363-7 77137-8 33898-8 33899-6 35194-0 109063-8",
    "direct_bilirubin": "1968-7 14629-0 110110-4",
    "albumin": "1751-7 61151-7 61152-5 77148-5 76631-1 2862-1 54347-0",
    "prothrombin_time": "5902-2 5964-2",
    "inr": "6301-6 34714-6 38875-1 46418-0 52129-4",
    "wbc": "6690-2 26464-8 804-5 33256-9 12227-5 49498-9",
    "neutrophils": "751-8 26499-4 753-4 30451-9 768-2",
    "granulocytes": "30394-1 20482-6",
    "bands": "26507-4 763-3 30229-9",
    "neutrophils_percent": "770-8 26511-6 23761-0 26505-8 769-0",
    "bands_percent": "764-1 26508-2 35332-6",
    "lymphocytes_percent": "736-9 26478-8 737-7",
    "monocytes_percent": "5905-5 26485-3 744-3",
    "eosinophils_percent": "713-8 26450-7 714-6",
    "basophils_percent": "706-2 30180-4 707-0",
    "lymphocytes": "731-0 26474-7 732-8",
    "eosinophils": "711-2 26449-9 712-0",
    "platelets": "777-3 26515-7 778-1 97995-5 49497-1 13056-7 74464-9",
    "haemoglobin": "718-7 20509-6 55782-7 30352-9 59260-0 110885-1",
    "mcv": "787-2 30428-7",
    "creatinine": "2160-0 14682-9 38483-4 59826-8 77140-2 35203-9 110658-2",
    "egfr": (
        "98979-8 62238-1 33914-3 77147-7 48642-3 48643-1 88294-4 88293-6 94677-2 98980-6 50210-4 "
        "69405-9 76633-7"
    ),
    "igg": "2465-3 77177-4",
    "tpmt_activity": "53819-9 21563-2 43421-7 79468-5 91141-2 91142-0 91143-8",
    "tpmt_genotype": "41048-0 36922-3 80738-8",
    "tpmt_phenotype": "79713-4",
    "tpmt_nudt15_genotype": "93193-1",
    "tgn": "32660-3",
    "mmp": "32654-6",
    "amylase": "1798-8 77146-9",
    "lipase": "3040-3",
    "ldh": "2532-0 14804-9 14805-6",
    "body_weight": "29463-7 3141-9",
}
OTHERS = {
    "not-monitored": (
        "1916-6 16325-3 1779-8 15152-2 29760-6 1971-1 14630-8 2885-2 46417-2 5894-1 3289-6 742-7 "
        "26484-6 743-5 704-7 26444-0 705-4 789-8 26453-1 4544-3 20570-8 48703-3 1988-5 30522-7 "
        "48421-2 71426-1 105126-7 76485-2 4537-7 30341-2 82477-1 "
        "63454-3 100665-9 100666-7 49653-9 49654-7 49655-4 100663-4 71356-0 43630-3 "
        "16419-4 5196-1 13952-7 13955-0"
    ),
    "panel": "91139-6 82869-9 24323-8 24325-3 58410-2 57021-8 57022-6 57782-5 69738-3",
    "excluded": (
        "96586-3 96587-1 16324-6 16412-9 48134-1 48136-6 44785-4 44786-2 27344-1 32351-9 32352-7 "
        "33028-2 85369-7 66139-7 62244-9 79427-1 5901-4 92891-1 5895-7 40248-7 32298-2 32324-6"
    ),
}
_HEADER = "loinc,use,analyte,name,name_kind,method"


@pytest.mark.parametrize("analyte", ANALYTES)
def test_every_code_of_an_analyte_is_recognised(analyte: str) -> None:
    """A LOINC of a monitored test is that test, whichever of its codes the laboratory chose."""
    found = {code: identify(Coding(code, "", "LN")).analyte for code in ANALYTES[analyte].split()}

    assert dict.fromkeys(ANALYTES[analyte].split(), analyte) == found


@pytest.mark.parametrize("kind", OTHERS)
def test_look_alikes_panels_and_context_are_told_apart_by_name(kind: str) -> None:
    """ALT in a dried blood spot, an INR goal or a CRP is never taken for a result of ours, and has a name."""
    matches = [identify(Coding(code, "", "LN")) for code in OTHERS[kind].split()]

    assert {CodeKind(kind)} == {match.kind for match in matches}
    assert all(match.title and not match.analyte for match in matches)


def test_nothing_else_is_in_the_table() -> None:
    """A code added to the table must be added to the list above, with somebody looking at it."""
    listed = {code for codes in (*ANALYTES.values(), *OTHERS.values()) for code in codes.split()}
    rows = csv.DictReader(files()["loinc.csv"].splitlines())

    assert listed == {row["loinc"] for row in rows}


def test_every_analyte_has_a_code() -> None:
    """An analyte that no LOINC leads to could only come from local codes, as NUDT15 alone does."""
    assert set(shipped().analytes) == {*ANALYTES, "nudt15_genotype", "nudt15_phenotype"}


@pytest.mark.parametrize("code", ["1742-6", "2160-0", "110094-0", "32660-3", "6768-6", "54363-7"])
def test_right_check_digits(code: str) -> None:
    """Real codes pass the mod 10 check."""
    assert has_right_check_digit(code)


@pytest.mark.parametrize(
    "code",
    ["1742-7", "54363-1", "5895-7", "17426", "1742-", "-6", "1742-66", "A742-6", "١٧٤٢-6", "12345678-1"],
)
def test_wrong_check_digits_and_other_shapes(code: str) -> None:
    """A mistyped code, a code without hyphen and digits of another script are no LOINC."""
    assert not has_right_check_digit(code)


def test_a_wrong_check_digit_in_the_table_is_a_warning() -> None:
    """A withdrawn code that never had a right check digit must not keep the engine from starting."""
    assert ["LOINC 5895-7 has a wrong check digit"] == [warning.message for warning in shipped().warnings]


def test_estimates_and_segmented_neutrophils_say_so() -> None:
    """Callers must tell a smear estimate from a count, and segmented neutrophils from all neutrophils."""
    methods = {code: identify(Coding(code, "", "LN")).method for code in ("49497-1", "49498-9", "30451-9")}

    assert {"49497-1": "estimate", "49498-9": "estimate", "30451-9": "segmented"} == methods


def test_names_that_are_not_loinc_names_are_marked() -> None:
    """The LOINC licence forbids changed names: what is not a long common name says so."""
    kinds = {row["loinc"]: row["name_kind"] for row in csv.DictReader(files()["loinc.csv"].splitlines())}

    assert kinds["1742-6"] == "long"
    assert kinds["53819-9"] == "descriptive"


def test_the_loinc_notice_is_shipped() -> None:
    """The licence asks for its copyright notice wherever the content goes."""
    notice = " ".join(files()["LOINC-NOTICE.txt"].split())

    assert "This material contains content from LOINC (http://loinc.org)." in notice
    assert "available at no cost under the license at http://loinc.org/license" in notice


def test_every_defect_of_the_table_is_named_with_its_line() -> None:
    """A file with six mistakes is corrected in one go, not in six starts."""
    text = lines(
        _HEADER,
        "1742-6,analyte,alt,ALT,long,",
        "1742-6,analyte,alt,ALT,long,",
        "1920-8,analyte,asat,AST,long,",
        "Jun-42,analyte,ast,AST,long,",
        "718-7,analyt,haemoglobin,Hb,long,",
        "2885-2,panel,albumin,Protein,long,",
        "777-3,analyte,platelets,,short,",
        "6690-2,analyte,wbc",
    )
    found = defects(loinc_csv=text)

    assert [defect.split(" (")[0] for defect in found] == [
        "loinc.csv:3: LOINC 1742-6 stands twice",
        'loinc.csv:4: unknown analyte "asat"',
        'loinc.csv:5: "Jun-42" is not a LOINC code',
        'loinc.csv:6: unknown use "analyt"',
        "loinc.csv:7: use panel with an analyte",
        "loinc.csv:8: LOINC 777-3 has no name",
        'loinc.csv:8: unknown name_kind "short"',
        "loinc.csv:9: 3 cells where the header has 6",
    ]
