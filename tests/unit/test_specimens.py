"""What is read of the condition of a specimen, and which values it spoils."""

from __future__ import annotations

import pytest

from engine.history import with_conditions
from engine.model.result import Problem, Result
from tests.unit.test_results import OBR, TERMINOLOGY, read

ALT = "OBX|1|NM|1742-6^ALT^LN||130|U/L|10-40|H|||F"
AST = "OBX|2|NM|1920-8^AST^LN||610|U/L|10-40|H|||F"
PLATELETS = "OBX|3|NM|777-3^PLT^LN||20|10*9/L|150-400|L|||F"
_SPM = "SPM|1|S1^LAB||119364003^Serum^SCT|||||||||||||202603120700"
REJECTED = f"{_SPM}||||RH^Hemolysis^HL70490"
HAEMOLYSED = f"{_SPM}|||||||HEM^Hemolyzed^HL70493"
CLOTTED = f"{_SPM}|||||||CLOT^Clotted^HL70493"


def seen(*lines: str) -> dict[str, tuple[str, bool]]:
    """Of each analyte the condition of its specimen, and whether that spoils the value."""
    results = with_conditions(read(*lines).results, TERMINOLOGY.is_spoiled)
    return {r.analyte: (r.specimen_condition, r.spoiled) for r in results if r.analyte}


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


def test_a_flag_of_a_laboratory_comes_from_its_table() -> None:
    """A code of OBX-8 means something only where the table says so."""
    flagged = AST.replace("|H|||F", "|H~HEM|||F")

    assert seen(OBR, flagged)["ast"] == ("", False)


def index(value: str, *, code: str = "HIX^Haemolysis index^L", limits: str = "", flag: str = "") -> str:
    kind = "NM" if value.replace(".", "").isdigit() else "ST"
    return f"OBX|3|{kind}|{code}||{value}||{limits}|{flag}|||F"


@pytest.mark.parametrize(
    "observation",
    [
        index("3+"),
        index("+"),
        index("Marked"),
        index("slight"),
        index("2+ (moderate)"),
        index("Moderately hemolyzed"),
        index("Haemolysis: gross"),
        index("2+", code="46424-8^Hemolysis index^LN"),
        index("present", code="20393-5^x^LN"),
        index("2+", code="H^Serum index H^L^20393-5^^LN"),
        index("120", limits="0-50"),
        index("50", limits="<50"),
        index("120", flag="H"),
        index("2", flag="A"),
        index("120", limits="0-500", flag="H"),
    ],
)
def test_an_index_that_says_haemolysed(observation: str) -> None:
    """By a word or grade, by the laboratory's own flag or by its own range, whatever the code is."""
    assert seen(OBR, AST, observation)["ast"] == ("haemolysed", True)


@pytest.mark.parametrize(
    "observation",
    [
        index("none"),
        index("NEG"),
        index("not haemolysed"),
        index("negative (0)"),
        index("no significant haemolysis"),
        index("0"),
        index("30", limits="0-50"),
        index("50", limits="0-50"),
        index("49", limits="<50"),
        index("12", flag="N"),
        index("3+", code="LIX^Lipaemia index^L"),
        index("3+").replace("|||F", "|||X"),
        index("3+").replace("|||F", "|||I"),
    ],
)
def test_an_index_that_denies_it_or_says_nothing_of_it(observation: str) -> None:
    """Nothing on the scale, inside the laboratory's range, about fat, or not a value at all."""
    assert seen(OBR, AST, observation)["ast"] == ("", False)


@pytest.mark.parametrize("value", ["30", "see comment", "not clearly present", "none to slight", "<10"])
def test_what_cannot_be_judged_is_noticed(value: str) -> None:
    """Every analyser has a scale of its own: 30 may be clear on one and gross on another."""
    reported = read(OBR, AST, index(value))

    assert {r.code: (r.specimen_condition, r.problem) for r in reported.results} == {
        "1920-8": ("", None),
        "HIX": ("", Problem.CODE_UNMAPPED),
    }
    assert [(entry.code, entry.kind) for entry in reported.ledger] == [("HIX", "unmapped")]


def test_a_comment_on_results_of_no_interest_is_kept_for_those_of_interest() -> None:
    """Potassium is not watched, but what is said of its tube holds for AST that comes in another message."""
    potassium = "OBX|1|NM|2823-3^Potassium^LN||6.1|mmol/L|||||F"
    (kept,) = read(OBR, potassium, "NTE|1|L|haemolysed").results

    assert (kept.analyte, kept.specimen_condition) == ("", "haemolysed")
    assert read(OBR, potassium).results == ()


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


def test_an_index_named_by_text_alone_is_said_of_the_values_beside_it() -> None:
    """Without a code there is nothing to keep it by."""
    assert seen(OBR, AST, index("3+", code="^Haemolysis index^L"))["ast"] == ("haemolysed", True)
