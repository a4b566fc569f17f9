"""mappings/specimen.csv: what its mistakes are called, and what it says of a comment."""

from __future__ import annotations

import pytest

from engine.terminology import parse_terminology
from tests.unit.terminology.tables import defects, files, lines, shipped

_HEADER = "condition,field,as_sent,value"
_CONDITIONS = ("haemolysed,words,haemolysed,", "clotted,words,clotted,")


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ("haemolysed,SPM-20,RH,", 'specimen.csv:4: unknown field "SPM-20"'),
        ("haemolysed,SPM-21,,", "specimen.csv:4: as_sent is empty"),
        ("Haemolysed,SPM-21,RH,", 'specimen.csv:4: "Haemolysed" is not a condition'),
        ("haemolysed,negation-before,no,", "specimen.csv:4: a negation has no condition"),
        ("haemolysed,OBX-3,HIX,", 'specimen.csv:4: value of OBX-3 is ""'),
        ("haemolysed,words,red,yes", 'specimen.csv:4: value of words is "yes"'),
    ],
)
def test_every_mistake_is_named(row: str, message: str) -> None:
    """A condition under a wrong name would let a false value through."""
    (defect,) = defects(specimen_csv=lines(_HEADER, *_CONDITIONS, row))

    assert defect.startswith(message)


def test_an_analyte_is_spoiled_only_by_what_can_be_said() -> None:
    """A typing error in analytes.yaml must not let haemolysed values through."""
    analytes = files()["analytes.yaml"].replace("spoiled_by: [clotted]", "spoiled_by: [cloted]")

    assert [defect.partition(":")[2].split(": ", 1)[1] for defect in defects(analytes_yaml=analytes)] == [
        'platelets is spoiled by "cloted" (no row of specimen.csv names it)'
    ]


@pytest.mark.parametrize(
    ("text", "conditions"),
    [
        ("Sample haemolysed", {"haemolysed"}),
        ("Slightly hemolyzed, please repeat.", {"haemolysed"}),
        ("HAEMOLYSIS: marked", {"haemolysed"}),
        ("Provet hemolyserat", {"haemolysed"}),
        ("Platelet clumps seen; count may be low", {"clotted"}),
        ("Specimen clotted. No haemolysis.", {"clotted"}),
        ("Grossly haemolysed no potassium reported", {"haemolysed"}),
        ("No haemolysis", set()),
        ("No evidence of haemolysis", set()),
        ("not haemolysed", set()),
        ("non-haemolysed", set()),
        ("Haemolysis: none", set()),
        ("Haemolysis not detected", set()),
        ("Haemolysis index 0", set()),
        ("chaemolysed", set()),
        ("history of a clot", set()),
        ("", set()),
    ],
)
def test_a_comment_says_or_denies(text: str, conditions: set[str]) -> None:
    """Whole words count, and what is denied beside them is not said."""
    assert set(shipped().specimens.by_text(text)) == conditions


def test_codes_flags_and_indices_are_looked_up_whatever_their_case() -> None:
    """What a laboratory has of its own is a row of the table."""
    rows = ("haemolysed,OBX-8,HEM,", "haemolysed,OBX-3,HIX,3+")
    table = parse_terminology(files(specimen_csv=lines(_HEADER, *_CONDITIONS, *rows))).specimens

    assert table.by_code("OBX-8", "hem") == "haemolysed"
    assert table.by_code("SPM-21", "HEM") == ""
    assert table.by_observation("HIX", "3+") == "haemolysed"
    assert table.by_observation("HIX", "1+") == ""
