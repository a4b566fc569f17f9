"""The list of analytes, files as spreadsheets and editors leave them, and files that are not there."""

from __future__ import annotations

from decimal import Decimal

import pytest

from engine.errors import ConfigError
from engine.model.codes import AnalyteKind
from engine.terminology import parse_terminology
from tests.unit.terminology.tables import defects, files, lines, shipped


def test_definitions_carry_what_rules_need() -> None:
    """A rule's author is told the unit that a threshold must have."""
    wbc, inr, tpmt, genotype = (
        shipped().analyte(name) for name in ("wbc", "inr", "tpmt_activity", "tpmt_genotype")
    )

    assert ("WBC", "10*9/L", ("10*9/L",), "blood") == (wbc.title, wbc.unit, wbc.units, wbc.panel)
    assert (Decimal(0), Decimal(500)) == (wbc.low, wbc.high)
    assert inr.accepts_empty_unit
    assert tpmt.unit == ""
    assert {"mU/L", "nmol/h/g{Hb}"} <= set(tpmt.units)
    assert (AnalyteKind.CODED, ()) == (genotype.kind, genotype.units)


def test_every_quantity_has_a_unit_and_bounds() -> None:
    """Without bounds a wrong unit would pass."""
    for definition in shipped().analytes.values():
        if definition.kind is AnalyteKind.QUANTITY:
            assert definition.units
            assert definition.low is not None
            assert definition.high is not None


def test_every_defect_of_the_analytes_is_named_with_its_line() -> None:
    """All mistakes at once, and none of the follow-up noise hides them."""
    text = """\
alt:
  title: ALT
  panel: liver
  kind: quantity
  unit: U/L
  unit_group: enzyme
  plausible: {low: 5, high: 1}
AST:
  panel: livre
  kind: number
  unit: U/L
  unit_group: enzyme
  plausible: {low: zero, high: 1e5}
tpmt_genotype:
  title: TPMT
  panel: thiopurine
  kind: coded
  unit: text
  color: red
enzyme:
  title: E
  panel: liver
  kind: quantity
  unit: U/L
"""
    found = [line.split(" (")[0] for line in defects(analytes_yaml=text) if line.startswith("analytes.yaml")]

    assert found == [
        "analytes.yaml:1: the unit group enzyme has the name of an analyte",
        "analytes.yaml:7: plausible of analyte alt: low is not below high",
        'analytes.yaml:8: "AST" is not an analyte name',
        "analytes.yaml:8: the unit group enzyme has the name of an analyte",
        'analytes.yaml:9: analyte AST has no "title"',
        'analytes.yaml:9: unknown panel "livre" of analyte AST',
        'analytes.yaml:10: unknown kind "number" of analyte AST',
        'analytes.yaml:13: plausible high of analyte AST is "1e5"',
        'analytes.yaml:13: plausible low of analyte AST is "zero"',
        "analytes.yaml:18: analyte tpmt_genotype is coded and has unit",
        'analytes.yaml:19: unknown key "color" in analyte tpmt_genotype',
        'analytes.yaml:21: analyte enzyme has no "plausible"',
    ]


def test_reference_ranges_are_checked() -> None:
    """An assumed range without a source or in another unit is worse than none."""
    text = lines(
        "analyte,sex,low,high,unit,source",
        "alt,,5,42,U/L,book",
        "alt,,5,42,U/L,book",
        "sodium,,135,145,mmol/L,book",
        "bilirubin,,0.2,1.0,mg/dL,book",
        "ast,W,5,42,U/L,book",
        "ast,,5,42,U/L,",
        "ggt,,,,U/L,book",
        "alp,,141,42,U/L,book",
        "mcv,,a,100,fL,book",
    )

    assert [line.split(" (")[0] for line in defects(reference_ranges_csv=text)] == [
        "reference_ranges.csv:3: alt stands twice for this sex",
        'reference_ranges.csv:4: unknown analyte "sodium"',
        "reference_ranges.csv:5: mg/dL is not the canonical unit of bilirubin",
        'reference_ranges.csv:6: unknown sex "W"',
        "reference_ranges.csv:7: the range has no source",
        "reference_ranges.csv:8: the range has no limit",
        "reference_ranges.csv:9: low is not below high",
        'reference_ranges.csv:10: low is "a"',
    ]


def test_spreadsheet_habits_are_understood() -> None:
    """A byte order mark, CRLF, blank lines, another order of columns and outer spaces change nothing."""
    text = "\ufeffdrug,system,code,strength_mg,name\r\n\r\n azathioprine ,rxnorm, 1256 ,,\r\n,,,,\r\n"

    assert not defects(drugs_csv=text)


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("", "drugs.csv:1: the file is empty"),
        ("system;code;drug;strength_mg;name\n", "semicolons"),
        ("system,code,drug,strength\n", "missing strength_mg, name; unknown strength"),
        ("system,code,drug,strength_mg,name,name\n", "a column stands twice"),
        ('system,code,drug,strength_mg,name\nrxnorm,"1256,azathioprine,,\n', "not valid CSV"),
    ],
)
def test_files_that_are_no_such_table(text: str, complaint: str) -> None:
    """The complaint says what the editor or spreadsheet did."""
    assert any(complaint in defect for defect in defects(drugs_csv=text))


def test_missing_files_are_all_named() -> None:
    """An empty folder is told from a wrong one."""
    with pytest.raises(ConfigError) as caught:
        parse_terminology({"README.md": ""})

    assert [defect.file for defect in caught.value.defects] == [
        "analytes.yaml",
        "drugs.csv",
        "facts.csv",
        "genes.csv",
        "loinc.csv",
        "methods.csv",
        "reference_ranges.csv",
        "sites.yaml",
        "specimen.csv",
        "spoiling.csv",
        "units.csv",
    ]


def test_defects_of_several_files_come_together() -> None:
    """One start, one list."""
    found = defects(drugs_csv="a\n", sites_yaml="default: [", units_csv="")

    assert {"drugs.csv", "sites.yaml", "units.csv"} <= {line.split(":")[0] for line in found}


def test_the_shipped_files_load() -> None:
    """What we deliver has no defect."""
    assert not defects()
    assert len(files()) > 6


def test_defects_name_files_as_they_were_given() -> None:
    """The engineer can click on mappings/drugs.csv:2; the folder may have any name."""
    moved = {f"hospital/{name}": text for name, text in files(drugs_csv="a\n").items()}
    with pytest.raises(ConfigError) as caught:
        parse_terminology(moved)

    assert [defect.file for defect in caught.value.defects] == ["hospital/drugs.csv"]
    intact = parse_terminology({f"hospital/{name}": text for name, text in files().items()})
    assert [warning.file for warning in intact.warnings] == ["hospital/loinc.csv"]
    assert intact.site("NORTHLAB", "NORTH").name == "north"
