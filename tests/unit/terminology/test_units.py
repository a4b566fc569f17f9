"""Units as laboratories write them, converted exactly or refused."""

from __future__ import annotations

from decimal import Decimal

import pytest

from engine.model.quantity import Interval, Quantity, ReferenceRange
from engine.model.result import Problem
from tests.unit.terminology.tables import defects, shipped

_HEADER = "applies_to,as_sent,canonical,factor,note"


def convert(analyte: str, value: str, unit: str) -> str:
    """``analyte value unit`` as the engine understands it, or the name of the problem."""
    return str(shipped().quantity(analyte, Interval.exactly(Decimal(value)), unit))


@pytest.mark.parametrize(
    ("unit", "value", "expected"),
    [
        *((unit, "6.1", "6.1 10*9/L") for unit in (
            "10*9/L", "10^9/L", "10^9/l", "x10^9/L", "X10^9/L", "x10*9/l", "x10E9/L", "10e9/l", "x10S9/l",
            "x 10^9 / L", "10⁹/L", "x10⁹/l", "×10^9/L", "10(9)/L", "10 9/L", "G/L", "G/l", "giga/L",
            "giga.l-1", "Gpt/l", "/nL", "K/uL", "K/µL", "K/μL", "k/ul", "K/UL", "K/mcL", "K/mm3", "K/cumm",
            "10*3/uL", "10^3/uL", "10³/µl", "x10(3)/mcL", "x103/uL", "10E3/uL", "10^3/mm3", "10*3/mm^3",
            "10³/mm³", "thou/uL", "Thousand/uL", "Tsd/µl",
        )),
        *((unit, "6100", "6.1 10*9/L") for unit in (
            "/uL", "/µl", "/mm3", "/mm³", "cells/uL", "cells/µL", "{cells}/uL", "/cumm", "10*6/L", "10^6/l",
        )),
    ],
)  # fmt: skip
def test_cell_counts(unit: str, value: str, expected: str) -> None:
    """Every spelling of a cell count that feeds use means the same number of cells."""
    assert expected == convert("wbc", value, unit)


@pytest.mark.parametrize(
    ("unit", "value", "expected"),
    [
        *((unit, "204", "204 U/L") for unit in (
            "U/L", "U/l", "u/l", "u/L", "IU/L", "IU/l", "iu/l", "iu/L", "UI/L", "UI/l", "[IU]/L", "[iU]/L",
            "Units/L", "mU/mL", " U/L ",
        )),
        *((unit, "3.4", "204 U/L") for unit in ("ukat/L", "µkat/L", "μkat/L", "µkat/l", "ukat/l", "UKAT/L")),
        ("nkat/L", "3400", "204 U/L"),
    ],
)  # fmt: skip
def test_enzymes(unit: str, value: str, expected: str) -> None:
    """One katal is sixty million units, and u/l is not an atomic mass per litre."""
    assert expected == convert("alt", value, unit)


@pytest.mark.parametrize(
    ("analyte", "value", "unit", "expected"),
    [
        ("bilirubin", "2.0", "mg/dL", "34.2 umol/L"),
        ("bilirubin", "2.0", "mg/dl", "34.2 umol/L"),
        ("bilirubin", "17", "µmol/L", "17 umol/L"),
        ("bilirubin", "17", "UMOLL", "17 umol/L"),
        ("bilirubin", "0.017", "mmol/L", "17 umol/L"),
        ("direct_bilirubin", "0.2", "mg/dL", "3.42 umol/L"),
        ("creatinine", "1.1", "mg/dL", "97.24 umol/L"),
        ("albumin", "4.1", "g/dL", "41 g/L"),
        ("albumin", "4.1", "g/dl", "41 g/L"),
        ("igg", "1250", "mg/dL", "12.5 g/L"),
        ("amylase", "90", "IU/L", "90 U/L"),
        ("amylase", "5", "ukat/L", "300 U/L"),
        ("lipase", "180", "U/L", "180 U/L"),
        ("ldh", "4", "µkat/L", "240 U/L"),
        ("body_weight", "70", "kg", "70 kg"),
        ("body_weight", "71500", "g", "71.5 kg"),
        ("body_weight", "154", "[lb_av]", "69.85322498 kg"),
        ("haemoglobin", "13.2", "g/dL", "132 g/L"),
        ("haemoglobin", "8.2", "mmol/L", "132.02 g/L"),
        ("mcv", "91", "um3", "91 fL"),
        ("mcv", "91", "µm³", "91 fL"),
        ("neutrophils_percent", "0.45", "{fraction}", "45 %"),
        ("neutrophils_percent", "45", "%", "45 %"),
        ("inr", "1.1", "", "1.1 {INR}"),
        ("inr", "1.1", "1", "1.1 {INR}"),
        ("inr", "1.1", "INR", "1.1 {INR}"),
        ("prothrombin_time", "13", "sec", "13 s"),
        ("egfr", "60", "mL/min/1.73m2", "60 mL/min/{1.73_m2}"),
        ("egfr", "60", "ml/min/1.73 m²", "60 mL/min/{1.73_m2}"),
        ("egfr", "60", "mL/min/1.73m^2", "60 mL/min/{1.73_m2}"),
        ("tgn", "300", "pmol/8x10(8)RBC", "300 pmol/(8.10*8{RBC})"),
        ("tgn", "300", "pmol/8x10^8 RBC", "300 pmol/(8.10*8{RBC})"),
        ("tgn", "300", "pmol/8 x 10⁸ RBC", "300 pmol/(8.10*8{RBC})"),
        ("tgn", "300", "pmol/10*8{RBC}", "2400 pmol/(8.10*8{RBC})"),
        ("tgn", "300", "pmol/10^8 RBC", "2400 pmol/(8.10*8{RBC})"),
        ("tpmt_activity", "30", "mU/L", "30 mU/L"),
        ("tpmt_activity", "30", "nmol/h/g Hb", "30 nmol/h/g{Hb}"),
        ("tpmt_activity", "30", "pmol/h/mg{Hb}", "30 nmol/h/g{Hb}"),
    ],
)
def test_other_analytes(analyte: str, value: str, unit: str, expected: str) -> None:
    """Conversions are exact to the last digit of the published factor."""
    assert expected == convert(analyte, value, unit)


@pytest.mark.parametrize(
    ("analyte", "unit"),
    [
        ("albumin", "G/L"),
        ("albumin", "umol/L"),
        ("igg", "umol/L"),
        ("bilirubin", "?mol/L"),
        ("bilirubin", "\ufffdmol/L"),
        ("bilirubin", "Âµmol/L"),
        ("bilirubin", "mol/L"),
        ("bilirubin", "Mg/dL"),
        ("egfr", "mL/min"),
        ("prothrombin_time", "%"),
        ("alt", "U"),
        ("alt", "g/L"),
        ("alt", "MU/L"),
        ("wbc", "%"),
        ("tgn", "pmol"),
        ("tgn", "pmol/g{Hb}"),
        ("tpmt_activity", "U/L"),
        ("neutrophils_percent", "10*9/L"),
    ],
)
def test_what_is_not_listed_for_the_analyte_is_unknown(analyte: str, unit: str) -> None:
    """A unit that is ambiguous, damaged or about something else is refused, not guessed."""
    assert Problem.UNIT_UNKNOWN == convert(analyte, "30", unit)


def test_a_missing_unit_is_not_assumed() -> None:
    """Bilirubin 2.0 may be mg/dL or umol/L."""
    assert Problem.UNIT_MISSING == convert("bilirubin", "2.0", "")
    assert Problem.UNIT_MISSING == convert("tpmt_activity", "30", "  ")


def test_a_lost_micro_sign_is_named() -> None:
    """The notice tells the laboratory what to repair."""
    assert "MSH-18" in shipped().unit_advice("bilirubin", "?mol/L")
    assert "MSH-18" in shipped().unit_advice("bilirubin", "Âµmol/L")
    assert "10*9/L" in shipped().unit_advice("wbc", "furlong")
    assert "OBX-6" in shipped().unit_advice("wbc", "")


def test_comparators_survive_conversion() -> None:
    """>8 ukat/L is >480 U/L and not 480 U/L."""
    above = shipped().quantity("alt", Interval(Decimal(8), None, low_open=True), "ukat/L")

    assert Quantity(Interval(Decimal(480), None, low_open=True), "U/L") == above


@pytest.mark.parametrize(
    ("analyte", "value", "unit", "accepted"),
    [
        ("wbc", "500", "10*9/L", True),
        ("wbc", "500.1", "10*9/L", False),
        ("wbc", "5000", "10*3/uL", False),
        ("wbc", "0", "10*9/L", True),
        ("wbc", "-0.1", "10*9/L", False),
        ("platelets", "3000", "10*9/L", True),
        ("platelets", "3001", "10*9/L", False),
        ("haemoglobin", "20", "g/L", True),
        ("haemoglobin", "19", "g/L", False),
        ("haemoglobin", "13.2", "g/L", False),
        ("haemoglobin", "251", "g/L", False),
        ("alt", "50000", "U/L", True),
        ("alt", "50001", "U/L", False),
        ("alt", "900", "ukat/L", False),
        ("bilirubin", "1500", "umol/L", True),
        ("bilirubin", "1501", "umol/L", False),
        ("creatinine", "1.1", "umol/L", False),
        ("albumin", "4.1", "g/L", False),
        ("neutrophils_percent", "101", "%", False),
    ],
)
def test_values_outside_the_bounds_are_not_believed(
    analyte: str, value: str, unit: str, accepted: bool
) -> None:
    """A public example holds WBC 5000 with 10*3/uL; the bound itself is still believed."""
    assert accepted == (convert(analyte, value, unit) != Problem.IMPLAUSIBLE)


@pytest.mark.parametrize(
    ("interval", "accepted"),
    [
        (Interval(None, Decimal(10), high_open=True), True),
        (Interval(Decimal(1000), None, low_open=True), True),
        (Interval(Decimal(60000), None, low_open=True), False),
        (Interval(None, Decimal(60000), high_open=True), False),
        (Interval(Decimal(50000), None, low_open=True), False),
        (Interval(None, Decimal(0), high_open=True), False),
        (Interval(Decimal(-5), Decimal(5)), False),
    ],
)
def test_bounds_apply_to_the_known_ends(interval: Interval, accepted: bool) -> None:
    """For <10 and >1000 only the end that was sent can be checked, and it is."""
    assert accepted == isinstance(shipped().quantity("alt", interval, "U/L"), Quantity)


def test_reference_ranges_are_converted_with_their_result() -> None:
    """ULN 0.75 ukat/L is 45 U/L; the text stays as sent, and an unusable unit leaves no limits."""
    sent = ReferenceRange(Decimal("0.15"), Decimal("0.75"), "0.15-0.75")

    assert ReferenceRange(Decimal(9), Decimal(45), "0.15-0.75") == shipped().reference("alt", sent, "µkat/L")
    assert ReferenceRange(None, None, "0.15-0.75") == shipped().reference("alt", sent, "stone")


def test_assumed_ranges_say_so_and_respect_sex() -> None:
    """A range that no laboratory sent is labelled; men and women differ where the source says so."""
    alt = shipped().assumed_reference("alt", "F", "U/L")
    man, woman = (shipped().assumed_reference("ggt", sex, "U/L") for sex in "MF")

    assert alt is not None
    assert alt.assumed
    assert man is not None
    assert woman is not None
    assert (Decimal(46), Decimal(29)) == (man.high, woman.high)
    assert shipped().assumed_reference("ggt", "", "U/L") is None
    assert shipped().assumed_reference("inr", "F", "{INR}") is None
    assert shipped().assumed_reference("alt", "F", "ukat/L") is None


def test_every_defect_of_the_unit_table_is_named_with_its_line() -> None:
    """Bad factors and contradictions are found at start, not in a patient's alert."""
    rows = [
        _HEADER,
        "enzyme,U/L,U/L,1,",
        "enzyme,U/L,U/L,1,",
        "enzyme,u / L,U/L,1,",
        "enzyme,µ/L,U/L,2,",
        "enzymes,IU/L,U/L,1,",
        "enzyme,g/L,g/L,1,",
        "enzyme,a/L,U/L,1/3,",
        "enzyme,b/L,U/L,0,",
        "enzyme,c/L,U/L,1e3,",
        "enzyme,,U/L,1,",
        "alp,U/L,U/L,2,",
    ]
    found = [defect.split(" (")[0] for defect in defects(units_csv="\n".join(rows))]

    assert "units.csv:3: U/L stands twice for alt" in found
    assert "units.csv:5: µ/L means two things for alt: line 4 says U/L" in found
    assert 'units.csv:6: unknown analyte or unit group "enzymes"' in found
    assert "units.csv:7: g/L is not the unit of alt, which is U/L" in found
    assert 'units.csv:8: the factor "1/3" is not exact' in found
    assert 'units.csv:9: the factor "0" is not exact' in found
    assert 'units.csv:10: the factor "1e3" is not exact' in found
    assert "units.csv:11: as_sent and canonical must not be empty" in found
    assert "units.csv:12: U/L to itself with factor 2" in found
    assert "units.csv: no row gives wbc its canonical unit 10*9/L" in found


def test_a_family_of_units_needs_its_canonical_row() -> None:
    """Values kept as sent must have a unit to be kept in."""
    found = defects(units_csv=f"{_HEADER}\nthiopurine-enzyme,mU/l,mU/L,1,\n")

    assert any("mU/L is a canonical unit of tpmt_activity without a row of its own" in line for line in found)
