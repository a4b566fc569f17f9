"""What is read of the condition of a specimen, and which values it spoils."""

from __future__ import annotations

import pytest

from engine.model.result import Result
from tests.unit.test_results import OBR, read

ALT = "OBX|1|NM|1742-6^ALT^LN||130|U/L|10-40|H|||F"
AST = "OBX|2|NM|1920-8^AST^LN||610|U/L|10-40|H|||F"
PLATELETS = "OBX|3|NM|777-3^PLT^LN||20|10*9/L|150-400|L|||F"
_SPM = "SPM|1|S1^LAB||119364003^Serum^SCT|||||||||||||202603120700"
REJECTED = f"{_SPM}||||RH^Hemolysis^HL70490"
HAEMOLYSED = f"{_SPM}|||||||HEM^Hemolyzed^HL70493"
CLOTTED = f"{_SPM}|||||||CLOT^Clotted^HL70493"


def seen(*lines: str) -> dict[str, tuple[str, bool]]:
    """Of each analyte the condition of its specimen, and whether that spoils the value."""
    return {r.analyte: (r.specimen_condition, r.spoiled) for r in read(*lines).results if r.analyte}


@pytest.mark.parametrize(
    "lines",
    [
        (OBR, ALT, AST, REJECTED),
        (OBR, ALT, AST, HAEMOLYSED),
        (OBR, HAEMOLYSED, ALT, AST),
        (OBR, ALT, AST, f"{_SPM}||||^Hemolyzed"),
        (OBR, ALT, AST, f"{_SPM}||||X9^Specimen hemolyzed^L"),
        (OBR, ALT, AST, f"{_SPM}|||||||^grossly haemolysed"),
        (OBR, ALT, AST, _SPM, "NTE|1|L|Sample grossly haemolysed"),
        (OBR, "NTE|1|L|Sample grossly haemolysed", ALT, AST),
        (OBR, ALT, "NTE|1|L|haemolysed", AST),
        (OBR, ALT, AST, "NTE|1|L|Repeat advised~sample hemolyzed"),
        (OBR, ALT, AST, "OBX|3|TX|COM^Comment^L||Sample haemolysed||||||F"),
        (OBR, ALT, AST, "OBX|3|CWE|COM^Comment^L||C7^Haemolysis marked^L||||||F"),
    ],
)
def test_haemolysis_spoils_ast_and_is_told_of_all(lines: tuple[str, ...]) -> None:
    """Whoever says it, wherever it stands: it holds for all that was measured in that specimen."""
    assert seen(*lines) == {"alt": ("haemolysed", False), "ast": ("haemolysed", True)}


def test_a_clotted_specimen_spoils_platelets() -> None:
    """Platelets that lie in the clot are not counted."""
    assert seen(OBR, AST, PLATELETS, CLOTTED) == {"ast": ("clotted", False), "platelets": ("clotted", True)}


def test_the_flag_and_the_index_of_a_laboratory_come_from_its_table() -> None:
    """Codes of OBX-8 and of a serum index mean something only where the table says so."""
    flagged = AST.replace("|H|||F", "|H~HEM|||F")
    index = "OBX|3|ST|HIX^Haemolysis index^L||3+||||||F"

    assert seen(OBR, flagged)["ast"] == ("", False)
    assert seen(OBR, AST, index)["ast"] == ("", False)


def test_what_is_said_of_another_specimen_is_not_said_of_this_one() -> None:
    """Two tubes of one message: one haemolysed, one not."""
    other = OBR.replace("F1^LAB", "F2^LAB")

    found = read(OBR, ALT, HAEMOLYSED, other, AST, _SPM.replace("S1", "S2")).results

    assert [(r.analyte, r.specimen_condition) for r in found] == [("alt", "haemolysed"), ("ast", "")]


def test_one_specimen_of_two_orders_has_one_condition() -> None:
    """The comment of the first order is about the tube that the second was measured in."""
    other = OBR.replace("F1^LAB", "F2^LAB")

    found = read(OBR, ALT, HAEMOLYSED, other, AST, _SPM).results

    assert [(r.analyte, r.spoiled) for r in found] == [("alt", False), ("ast", True)]


def test_a_condition_told_later_is_another_version() -> None:
    """The same value with a comment is no resend, and without one its version is as it was."""

    def only(*lines: str) -> Result:
        (found,) = read(*lines).results
        return found

    assert only(OBR, AST).version != only(OBR, AST, "NTE|1|L|haemolysed").version
    assert only(OBR, AST).version == only(OBR, AST, "NTE|1|L|fasting").version
