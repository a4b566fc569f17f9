"""mappings/specimen.csv: what its mistakes are called, and what it says of a comment."""

from __future__ import annotations

import pytest

from engine.terminology import parse_terminology
from tests.unit.terminology.tables import defects, files, lines, shipped

_HEADER = "condition,field,as_sent,value"
_CONDITIONS = ("haemolysed,words,haemolysed,", "clotted,words,clotted,")
_SPOILING = "condition,analyte,effect,source"


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ("haemolysed,SPM-20,RH,", 'specimen.csv:4: unknown field "SPM-20"'),
        ("haemolysed,SPM-21,,", "specimen.csv:4: as_sent is empty"),
        ("Haemolysed,SPM-21,RH,", 'specimen.csv:4: "Haemolysed" is not a condition'),
        ("haemolysed,negation-before,no,", "specimen.csv:4: negation-before has no condition"),
        ("haemolysed,index-yes,3+,", "specimen.csv:4: index-yes has no condition"),
        (",index-name,haemolysis index,", 'specimen.csv:4: "" is not a condition'),
        ("haemolysed,OBX-3,HIX,", 'specimen.csv:4: value of OBX-3 is ""'),
        ("haemolysed,words,red,yes", 'specimen.csv:4: value of words is "yes"'),
    ],
)
def test_every_mistake_is_named(row: str, message: str) -> None:
    """A condition under a wrong name would let a false value through."""
    (defect,) = defects(specimen_csv=lines(_HEADER, *_CONDITIONS, row), spoiling_csv=_SPOILING)

    assert defect.startswith(message)


@pytest.mark.parametrize(
    ("row", "message"),
    [
        (
            "cloted,platelets,not-judged,us",
            'nothing says "cloted" of a specimen (no row of specimen.csv names it)',
        ),
        (
            "clotted,platlets,not-judged,us",
            'unknown analyte "platlets" (use a name of analytes.yaml, or any)',
        ),
        ("clotted,platelets,spoils,us", 'unknown effect "spoils" (not-judged or reserve)'),
        ("clotted,platelets,reserve,", "the row has no source (who says so, or: our caution)"),
    ],
)
def test_a_mistake_about_what_is_spoiled_is_named(row: str, message: str) -> None:
    """A typing error must not let haemolysed values through."""
    assert defects(spoiling_csv=lines(_SPOILING, row)) == [f"spoiling.csv:2: {message}"]


def test_an_effect_stands_once() -> None:
    """Not judged and judged with reserve at once: nobody knows which."""
    rows = ("clotted,wbc,not-judged,us", "clotted,wbc,reserve,us")

    (defect,) = defects(spoiling_csv=lines(_SPOILING, *rows))

    assert defect.startswith("spoiling.csv:3: wbc in clotted stands twice")


def test_a_limit_of_a_site_is_about_a_condition_that_is_known() -> None:
    """``hemolysed >= 100`` beside rows on ``haemolysed`` would spoil nothing."""
    codes = files()["sites/stmary.csv"].replace(
        "Haemolysis index,ignore", "Haemolysis index,hemolysed >= 100"
    )

    (defect,) = defects(sites_stmary_csv=codes)

    assert 'nothing says "hemolysed" of a specimen' in defect


@pytest.mark.parametrize(
    ("text", "conditions"),
    [
        ("Sample haemolysed", {"haemolysed"}),
        ("Slightly hemolyzed, please repeat.", {"haemolysed"}),
        ("HAEMOLYSIS: marked", {"haemolysed"}),
        ("Provet hemolyserat", {"haemolysed"}),
        ("Platelet clumps seen; count may be low", {"clumped"}),
        ("Platelet clumps; repeated in citrate.", set()),
        ("Platelet clumps; to be repeated in citrate.", {"clumped"}),
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
    table = parse_terminology(
        files(specimen_csv=lines(_HEADER, *_CONDITIONS, *rows), spoiling_csv=_SPOILING)
    ).specimens

    assert table.by_code("OBX-8", "hem") == "haemolysed"
    assert table.by_code("SPM-21", "HEM") == ""
    assert table.by_observation("HIX", "3+") == "haemolysed"
    assert table.by_observation("HIX", "1+") == ""


@pytest.mark.parametrize(
    "comment",
    [
        "Haemolysis: no",
        "Haemolysis - No",
        "haemolysed: N",
        "Hämolyse: keine",
        "haemolysis <10",
        "haemolysis ruled out",
        "No lipaemia, icterus or haemolysis",
        "No evidence of significant in-vitro haemolysis",
        "AST may be unaffected by haemolysis",
        "Film: no fibrin, clots or platelet clumps seen",
        "Clots present: no",
        "platelet clumps were not seen on the film",
        "Platelet clumps: not observed by microscopy",
        "haemolysis has been ruled out",
        "haemolysis could not be detected",
        "Neither icterus nor haemolysis",
        "Sample isn't haemolysed",
        "Hemolys: inte påvisad",
        "No obvious evidence of any platelet clumps",
        "no haemolysis",
        "Not haemolysed",
        "non-haemolysed",
        "haemolysis not seen",
        "Haemolysis was not detected",
        "Keine Hämolyse",
        "Hämolyse nicht nachweisbar",
        "ohne Hämolyse",
        "Ingen hemolys",
        "inte hemolyserat",
        "haemolysis: 0",
        "haemolysis: absent",
        "free of haemolysis",
        "Hemolysis index: negative",
        "pas d'hemolysis",
    ],
)
def test_what_a_comment_denies_hides_no_value(comment: str) -> None:
    """However a laboratory writes that there was none: platelets of 12 must not be taken for a clot."""
    assert not shipped().specimens.by_text(comment)


@pytest.mark.parametrize(
    "comment",
    [
        "Specimen haemolysed not suitable for potassium",
        "haemolysed, not suitable",
        "haemolysed; no result for potassium",
        "Specimen haemolysed.",
        "No result for potassium: specimen haemolysed",
        "Potassium not reported, specimen haemolysed",
        "Specimen clotted - no platelet count possible",
        "Probe hämolytisch",
        "slightly haemolysed",
        "Platelet clumps seen",
        "clots present",
        "Haemolysis: 2+",
        "grossly hemolyzed sample, K not reported",
        "haemolysis present",
        "Sample haemolysed. No icterus.",
    ],
)
def test_what_a_comment_says_is_heard_beside_other_denials(comment: str) -> None:
    """That potassium was not reported, or is not to be, denies nothing of the specimen."""
    assert shipped().specimens.by_text(comment)
