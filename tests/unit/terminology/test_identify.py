"""What an observation identifier means when its triplets agree, disagree, or say little."""

from __future__ import annotations

import pytest

from engine.model.codes import CodeKind, Coding
from engine.terminology import parse_terminology
from tests.unit.terminology.tables import defects, files, identify, lines, shipped

_LOCAL_HEADER = "code,name,analyte,specimen,unit,unit_when_missing,method"


@pytest.mark.parametrize("system", ["LN", "ln", "LOINC", "Loinc", "LNC", "2.16.840.1.113883.6.1", " LN "])
def test_every_spelling_of_loinc_is_loinc(system: str) -> None:
    """Senders label LOINC in several ways; all of them are seen in feeds."""
    assert identify(Coding("1742-6", "ALT", system)).analyte == "alt"


@pytest.mark.parametrize("place", [0, 1, 2])
def test_the_loinc_may_stand_in_any_triplet(place: int) -> None:
    """Components 1-3, 4-6 and 10-12 of a CWE are equal; the local code stands first in most feeds."""
    codings = [Coding("X1", "own name", "L"), Coding(""), Coding("X2", "", "99LAB")]
    codings[place] = Coding("1742-6", "ALT", "LN")
    match = identify(*codings)

    assert ("alt", "1742-6", "LN") == (match.analyte, match.code, match.system)


def test_a_listed_loinc_without_system_is_accepted() -> None:
    """Many senders leave CWE-3 empty; a code of the table with its check digit right is no coincidence."""
    assert identify(Coding("1742-6", "ALT", "")).analyte == "alt"


def test_an_unlisted_loinc_without_system_is_a_local_code() -> None:
    """Taken for a LOINC that we do not watch, a local code of that shape would vanish unreported."""
    assert identify(Coding("2951-2", "Na", "")).kind is CodeKind.UNMAPPED


def test_a_listed_code_with_a_wrong_check_digit_needs_its_label() -> None:
    """5895-7 is in the table; without system the same text may be anything."""
    assert identify(Coding("5895-7", "INR", "LN")).kind is CodeKind.EXCLUDED
    assert identify(Coding("5895-7", "INR", "")).kind is CodeKind.UNMAPPED


@pytest.mark.parametrize(
    ("coding", "kind"),
    [
        (Coding("2951-2", "Na", "LN"), CodeKind.NOT_MONITORED),
        (Coding("2951-3", "Na", "LN"), CodeKind.UNMAPPED),
        (Coding("ALT", "ALT", "LN"), CodeKind.UNMAPPED),
        (Coding("ALT", "ALT", "L"), CodeKind.UNMAPPED),
        (Coding("", "ALT", ""), CodeKind.UNMAPPED),
    ],
)
def test_what_is_not_in_any_table(coding: Coding, kind: CodeKind) -> None:
    """A real LOINC is passed over; a local code, or nonsense labelled LOINC, is reported."""
    assert identify(coding).kind is kind


def test_local_codes_belong_to_their_site() -> None:
    """1001 is ALT at St Mary and means nothing from anybody else."""
    coding = Coding("1001", "Serum ALT level", "L")

    assert identify(coding, site="stmary").analyte == "alt"
    assert identify(coding, site="north").kind is CodeKind.UNMAPPED
    assert identify(coding, site="default").kind is CodeKind.UNMAPPED


def test_local_codes_are_case_sensitive() -> None:
    """Laboratories have used k for potassium and K for something else."""
    assert identify(Coding("sgpt", "", "L"), site="riverside").kind is CodeKind.UNMAPPED


def test_the_site_may_ignore_a_code() -> None:
    """Sodium with a row is ignored; without a row it would be reported as unmapped."""
    assert identify(Coding("NA", "Sodium", "L"), site="riverside").kind is CodeKind.IGNORED


def test_both_triplets_agreeing_keep_the_loinc_and_its_method() -> None:
    """The LOINC is the better name of the result."""
    match = identify(Coding("NL-ALT", "P-ALAT", "L"), Coding("1743-4", "", "LN"), site="north")

    assert ("alt", "1743-4", "With P-5'-P") == (match.analyte, match.code, match.method)
    assert match.text == "P-ALAT"


@pytest.mark.parametrize(
    "codings",
    [
        (Coding("1742-6", "", "LN"), Coding("NL-AST", "", "L")),
        (Coding("1742-6", "", "LN"), Coding("1920-8", "", "LN")),
        (Coding("1988-5", "CRP", "LN"), Coding("NL-ALT", "", "L")),
        (Coding("96586-3", "ALT DBS", "LN"), Coding("NL-ALT", "", "L")),
        (Coding("24325-3", "LFT", "LN"), Coding("NL-ALT", "", "L")),
        (Coding("1742-6", "", "LN"), Coding("NL-NA", "", "L")),
    ],
)
def test_triplets_that_contradict_each_other(codings: tuple[Coding, ...]) -> None:
    """One of two tables is wrong, and nobody here can know which: the message must not be used."""
    match = identify(*codings, site="north")

    assert match.kind is CodeKind.DISAGREE
    assert not match.analyte
    assert codings[0].code in match.detail
    assert codings[1].code in match.detail


def test_a_loinc_that_we_do_not_list_does_not_contradict() -> None:
    """Our table holds a few hundred of a hundred thousand codes; the laboratory's row knows better."""
    match = identify(Coding("2951-2", "", "LN"), Coding("NL-ALT", "", "L"), site="north")

    assert ("alt", "NL-ALT") == (match.analyte, match.code)


def test_two_loincs_of_one_analyte_agree() -> None:
    """A laboratory that sends the specific and the general code of ALT means ALT."""
    assert identify(Coding("1742-6", "", "LN"), Coding("1743-4", "", "LN")).analyte == "alt"


def test_swapped_metabolite_codes_are_caught_by_their_text() -> None:
    """6-TGN and 6-MMP have twin codes; 5700 of one read as the other is a twentyfold overdose."""
    assert identify(Coding("32660-3", "6-TGN", "LN")).analyte == "tgn"
    swapped = identify(Coding("32660-3", "6-Methylmercaptopurine", "LN"))

    assert swapped.kind is CodeKind.DISAGREE
    assert "tgn" in swapped.detail


def test_a_unit_is_supplied_only_where_the_site_says_so_and_none_came() -> None:
    """St Mary sends no unit for white cells and has confirmed it; it has confirmed nothing for platelets."""
    white, platelets = Coding("1020", "", "L"), Coding("1024", "", "L")

    assumed = identify(white, site="stmary", unit=" ")
    assert ("10*9/L", True) == (assumed.unit, assumed.unit_assumed)
    sent = identify(white, site="stmary", unit="/uL")
    assert ("/uL", False) == (sent.unit, sent.unit_assumed)
    nothing = identify(platelets, site="stmary", unit="")
    assert ("", False) == (nothing.unit, nothing.unit_assumed)


def test_the_most_specific_row_wins() -> None:
    """Specimen and unit beat specimen, specimen beats unit, unit beats neither, whatever their order."""
    terminology = parse_terminology(
        files(
            sites_north_csv=lines(
                _LOCAL_HEADER,
                "A,any,alt,,,,",
                "A,unit,ast,,U/L,,",
                "A,specimen,alp,SER,,,",
                "A,both,ggt,SER,U/L,,",
            )
        )
    )
    asked = [("", ""), ("", "U/L"), ("SER", ""), ("SER", "U/L"), ("PLAS", "U/L"), ("PLAS", "%")]
    found = [terminology.identify([Coding("A", "", "L")], "north", *what).analyte for what in asked]

    assert ["alt", "ast", "alp", "ggt", "ast", "alt"] == found


def test_urine_is_not_blood() -> None:
    """Riverside uses one code for albumin in serum and in urine; the specimen tells them apart."""
    albumin = Coding("ALB", "Albumin", "L")

    assert identify(albumin, site="riverside", specimen="SER").analyte == "albumin"
    assert identify(albumin, site="riverside", specimen="UR").kind is CodeKind.IGNORED


def test_codings_may_be_a_generator() -> None:
    """The reader hands over triplets one by one; looking at the text must not find them used up."""
    codings = (coding for coding in [Coding("32660-3", "6-MMP", "LN")])

    assert shipped().identify(codings, "default", "", "").kind is CodeKind.DISAGREE


def test_every_defect_of_a_code_file_is_named_with_its_line() -> None:
    """The engineer of a laboratory gets one list of everything to correct."""
    text = lines(
        _LOCAL_HEADER,
        "A,ALT,alt,,,,",
        "A,ALT again,alt,,,,",
        "B,what is this,sodium,,,,",
        ",no code,alt,,,,",
        "C,,alt,,,,",
        "D,ALT,alt,,,kg,",
        "E,Na,ignore,,,mmol/L,",
        "F,ALT,alt,,U/L,U/L,",
        "1.01825E+15,ALT,alt,,,,",
        "G,ALT,alt,,,",
    )
    found = defects(sites_north_csv=text)

    assert [defect.split(" (")[0] for defect in found] == [
        'sites/north.csv:3: code "A" stands twice',
        'sites/north.csv:4: unknown analyte "sodium"',
        "sites/north.csv:5: the row has no code",
        'sites/north.csv:6: code "C" has no name',
        "sites/north.csv:7: kg is not a unit of alt",
        "sites/north.csv:8: an ignored code with a unit or method",
        "sites/north.csv:9: unit and unit_when_missing in one row",
        'sites/north.csv:10: "1.01825E+15" is a rounded number, not a code',
        "sites/north.csv:11: 6 cells where the header has 7",
    ]
