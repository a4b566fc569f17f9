"""What people are told about codes and units, and what looks unfinished."""

from __future__ import annotations

from engine.terminology import parse_terminology
from tests.unit.terminology.tables import files, shipped


def test_a_loinc_is_explained() -> None:
    """The row, its file and its line."""
    (entry,) = shipped().look_up("1743-4").entries

    assert entry.place.startswith("loinc.csv:")
    assert entry.meaning.startswith("alt: Alanine aminotransferase")
    assert "With P-5'-P" in entry.meaning


def test_a_local_code_is_explained_with_its_conditions() -> None:
    """One code may mean two things; the specimen that tells them apart is shown."""
    meanings = [entry.meaning for entry in shipped().look_up("ALB").entries]

    assert meanings == ["ignored: Albumin Urine (only specimen UR)", "albumin: Albumin"]


def test_supplied_units_are_shown() -> None:
    """Whoever looks up 1020 must see that its unit is an assumption."""
    assert "10*9/L when no unit is sent" in shipped().look_up("1020").entries[0].meaning


def test_a_unit_is_explained_for_its_analytes() -> None:
    """G/L is a count and nothing else."""
    (entry,) = shipped().look_up("G/L").entries

    assert "1 10*9/L for" in entry.meaning
    assert "platelets" in entry.meaning
    assert "albumin" not in entry.meaning


def test_drug_codes_are_explained() -> None:
    """NDC with its package is found as well."""
    assert "azathioprine, 50 mg" in shipped().look_up("197388").entries[0].meaning
    assert "azathioprine, 50 mg" in shipped().look_up("16571-0835-01").entries[0].meaning


def test_unknown_codes_get_suggestions_and_remarks() -> None:
    """A person decides; the engine never matches by name."""
    unknown = shipped().look_up("XALT", "Serum ALT level")

    assert not unknown.entries
    assert unknown.suggestions[0] == "alt"
    assert "not monitored" in shipped().look_up("2951-2").remarks[0]
    assert "check digit is wrong" in shipped().look_up("2951-3").remarks[0]
    assert "MSH-18" in shipped().look_up("?mol/L").remarks[0]
    assert "azathioprine" in shipped().look_up("AZA50", "Imuran 50 mg").remarks[0]
    assert not shipped().look_up("").entries
    assert shipped().suggest("!") == ()


def test_the_report_counts_every_kind() -> None:
    """Numbers that change by surprise show a lost table."""
    counts = shipped().check_report().counts

    assert counts["loinc analyte"] == 141
    assert counts["loinc excluded"] == 22
    assert counts["loinc panel"] == 9
    assert counts["sites"] == 4
    assert counts["site north ignored"] == 8


def test_unfinished_sites_are_warned_about() -> None:
    """A laboratory whose platelets have no code is not monitored, and nobody would notice."""
    header = "code,name,analyte,specimen,unit,unit_when_missing,method"
    unfinished = parse_terminology(files(sites_north_csv=f"{header}\nA,ALT,alt,,,,\n"))
    without = parse_terminology(
        files(sites_yaml=files()["sites.yaml"].replace("  codes: sites/north.csv\n", ""))
    )

    assert any("none for ast, alp" in str(item) for item in unfinished.check_report().warnings)
    assert any("site north has no local codes" in str(item) for item in without.check_report().warnings)


def test_an_index_of_the_specimen_is_explained() -> None:
    """By its LOINC, and by the limit that a site has stated for a code of its own."""
    limited = files()["sites/stmary.csv"].replace("index,ignore", "index,haemolysed >= 100")
    stated = parse_terminology(files(sites_stmary_csv=limited)).look_up("1109")

    assert [entry.meaning for entry in shipped().look_up("20393-5").entries] == [
        "an index of the specimen: haemolysed"
    ]
    assert shipped().look_up("20393-5").remarks == ()
    assert stated.entries[0].meaning == "an index of the specimen: haemolysed >= 100: Haemolysis index"
