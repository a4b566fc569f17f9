"""TPMT and NUDT15: words, alleles and activities → levels."""

from __future__ import annotations

from decimal import Decimal

import pytest

from engine.model.facts import GeneLevel
from engine.model.quantity import Interval, Quantity
from engine.terminology.genes import parse_genes
from tests.unit.terminology.tables import defects, files, lines, shipped

_HEADER = "gene,kind,unit,value,level,source"
_TABLE = parse_genes("genes.csv", files()["genes.csv"], shipped().analyte("tpmt_activity").units, [])


def levels(analyte: str, text: str) -> dict[str, str]:
    return {found.gene: found.level for found in _TABLE.levels(analyte, text, None)}


def activity(interval: Interval, unit: str) -> GeneLevel:
    (found,) = _TABLE.levels("tpmt_activity", "", Quantity(interval, unit))
    return found


@pytest.mark.parametrize(
    ("unit", "number", "level"),
    [
        ("mU/L", "9.9", "deficient"),
        ("mU/L", "10", "possibly-deficient"),
        ("mU/L", "19.9", "possibly-deficient"),
        ("mU/L", "20", "intermediate"),
        ("mU/L", "30", "intermediate"),
        ("mU/L", "67.9", "intermediate"),
        ("mU/L", "68", "normal"),
        ("mU/L", "151", "normal"),
        ("nmol/h/g{Hb}", "9.9", "deficient"),
        ("nmol/h/g{Hb}", "10", "intermediate"),
        ("nmol/h/g{Hb}", "25.9", "intermediate"),
        ("nmol/h/g{Hb}", "26", "normal"),
        ("nmol/h/g{Hb}", "30", "normal"),
        ("nmol/h/g{Hb}", "51", "normal"),
        ("U/mL", "30", "indeterminate"),
    ],
)
def test_the_same_number_in_another_unit_is_another_activity(unit: str, number: str, level: str) -> None:
    """Bands begin at their lower end; a unit without bands settles nothing."""
    assert activity(Interval.exactly(Decimal(number)), unit).level == level


@pytest.mark.parametrize(
    ("interval", "level"),
    [
        (Interval(None, Decimal(10), high_open=True), "deficient"),
        (Interval(None, Decimal(10)), "indeterminate"),
        (Interval(None, Decimal(20), high_open=True), "indeterminate"),
        (Interval(Decimal(150), None, low_open=True), "normal"),
        (Interval(Decimal(60), None, low_open=True), "indeterminate"),
    ],
)
def test_an_interval_has_a_level_when_all_of_it_has(interval: Interval, level: str) -> None:
    """Below the measuring range of a laboratory is deficient only where the range ends low enough."""
    assert activity(interval, "mU/L").level == level


@pytest.mark.parametrize(
    ("text", "level"),
    [
        ("*1/*1", "normal"),
        ("*1/*3A", "intermediate"),
        ("*3A/*1", "intermediate"),
        ("TPMT *1/*3C", "intermediate"),
        ("TPMT*1/TPMT*2", "intermediate"),
        ("*3A/*3C", "deficient"),
        ("*3a/*3c", "deficient"),
        ("*2|*41", "deficient"),
        ("*1/*8", "indeterminate"),
        ("*8/*8", "indeterminate"),
        ("*3A/*8", "intermediate"),
        ("*1.001/*3A.002", "intermediate"),
        ("*1/*99", "indeterminate"),
        ("*1", ""),
        ("*1/*3A or *3B/*3C", ""),
        ("wild type", ""),
    ],
)
def test_two_alleles_of_tpmt(text: str, level: str) -> None:
    """Combined as CPIC does; a genotype that may be one of two is left to a human."""
    assert levels("tpmt_genotype", text).get("tpmt", "") == level


@pytest.mark.parametrize(
    ("text", "level"),
    [
        ("*1/*1", "normal"),
        ("*1/*3", "intermediate"),
        ("*1/*2", "intermediate"),
        ("*2/*3", "deficient"),
        ("*3/*3.002", "deficient"),
        ("*9/*3", "deficient"),
        ("*1/*4", "indeterminate"),
    ],
)
def test_two_alleles_of_nudt15(text: str, level: str) -> None:
    """By now *2 is a sub-allele of *3 by now; it has no function under either name."""
    assert levels("nudt15_genotype", text) == {"nudt15": level}


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("TPMT *1/*3A; NUDT15 *1/*1", {"tpmt": "intermediate", "nudt15": "normal"}),
        ("NUDT15 *3/*3, TPMT *1/*1", {"tpmt": "normal", "nudt15": "deficient"}),
        ("TPMT *1/*1", {"tpmt": "normal"}),
        ("*1/*3", {}),
    ],
)
def test_a_report_of_both_genes_names_them(text: str, found: dict[str, str]) -> None:
    """Without a name nobody knows whose *3 it is."""
    assert levels("tpmt_nudt15_genotype", text) == found


@pytest.mark.parametrize(
    ("text", "level"),
    [
        ("Poor metabolizer", "deficient"),
        ("TPMT poor  metaboliser", "deficient"),
        ("TPMT: Poor Metaboliser", "deficient"),
        ("Intermediate-metabolizer", "intermediate"),
        ("LA10317-8", "intermediate"),
        ("la9657-3", "deficient"),
        ("Normal", "normal"),
        ("High", "normal"),
        ("Indeterminate", "indeterminate"),
        ("not deficient", ""),
        ("normal metabolizer, see comment", ""),
    ],
)
def test_words_are_matched_whole(text: str, level: str) -> None:
    """What is not deficient is not deficient."""
    assert levels("tpmt_phenotype", text).get("tpmt", "") == level


def test_other_results_tell_of_no_gene() -> None:
    """An ALT does not."""
    assert _TABLE.levels("alt", "normal", None) == ()


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ("dpyd,allele,,*2A,no-function,x", 'genes.csv:2: unknown gene "dpyd"'),
        ("tpmt,gene,,*2,no-function,x", 'genes.csv:2: unknown kind "gene"'),
        ("tpmt,allele,,*2,deficient,x", 'genes.csv:2: unknown level "deficient"'),
        ("tpmt,allele,,2,no-function,x", 'genes.csv:2: "2" is not a star allele'),
        ("tpmt,phenotype,mU/L,poor,deficient,x", "genes.csv:2: a phenotype with a unit"),
        ("tpmt,phenotype,,poor,absent,x", 'genes.csv:2: unknown level "absent"'),
        ("tpmt,activity,U/L,10,deficient,x", 'genes.csv:2: "U/L" is not a unit of TPMT activity'),
        ("tpmt,activity,mU/L,<10,deficient,x", 'genes.csv:2: "<10" is not the lower end of a band'),
        ("tpmt,phenotype,,,deficient,x", "genes.csv:2: the row has no value"),
    ],
)
def test_every_mistake_is_named(row: str, message: str) -> None:
    """A wrong level would silence, or page for, every patient of a laboratory."""
    (defect,) = defects(genes_csv=lines(_HEADER, row))

    assert defect.startswith(message)


def test_a_row_twice_is_a_mistake() -> None:
    """One of the two would never be read."""
    row = "tpmt,allele,,*2,no-function,x"

    assert any("stands twice" in defect for defect in defects(genes_csv=lines(_HEADER, row, row)))
