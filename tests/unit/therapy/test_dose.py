"""Milligrams a day, exactly, or unknown; never a guess."""

from __future__ import annotations

from decimal import Decimal

import pytest

from tests.unit.therapy.world import AZATHIOPRINE, AZATHIOPRINE_50, one, orc, read, rxe, tq1


def dose(encoded: str, frequency: str = "QD", timing: str = "") -> str:
    mg_per_day = one(orc(), encoded, timing or tq1(frequency)).dose_mg_per_day
    return "unknown" if mg_per_day is None else str(mg_per_day)


@pytest.mark.parametrize(
    ("amount", "unit", "frequency", "expected"),
    [
        ("150", "mg", "QD", "150"),
        ("75", "MG^milligram", "BID", "150"),
        ("^mg", "mg", "BID", "unknown"),
        ("0.1", "g", "QD", "100"),
        ("50000", "mcg", "QD", "50"),
        ("62.5", "mg", "QD", "62.5"),
        ("50", "mg", "QOD", "25"),
        ("100", "mg", "Q3D", "33.33"),
        ("50", "mg", "QJ135", "21.43"),
        ("50", "mg", "PRN", "unknown"),
        ("50", "mg", "", "unknown"),
        ("50", "mg/kg", "QD", "unknown"),
        ("50", "", "QD", "unknown"),
        ("1e2", "mg", "QD", "unknown"),
        ("0", "mg", "QD", "unknown"),
        ("1500", "mg", "QD", "unknown"),
    ],
)
def test_amount_times_frequency(amount: str, unit: str, frequency: str, expected: str) -> None:
    """RXE-3 in RXE-5, as often as the timing says; nonsense is unknown."""
    assert dose(rxe(AZATHIOPRINE, amount, unit), frequency) == expected


def test_tablets_count_with_the_strength_of_their_code() -> None:
    """Two tablets of 50 mg are 100 mg."""
    assert dose(rxe(AZATHIOPRINE_50, "2", "TAB")) == "100"
    assert dose(rxe(AZATHIOPRINE_50, "1.5", "Tablet(s)"), "BID") == "150"


def strength(value: str, unit: str) -> str:
    return "|" * 20 + f"{value}|{unit}"


def test_tablets_count_with_the_strength_that_was_sent() -> None:
    """RXE-25 and RXE-26, where the code names the substance only."""
    assert dose(rxe(AZATHIOPRINE, "2", "TAB", strength("50", "mg"))) == "100"
    assert dose(rxe(AZATHIOPRINE, "2", "TAB", strength("0.05", "g"))) == "100"


def test_a_strength_that_contradicts_the_code_makes_the_dose_unknown() -> None:
    """One of the two is wrong, and nobody can tell which."""
    assert dose(rxe(AZATHIOPRINE_50, "2", "TAB", strength("50", "mg"))) == "100"
    assert dose(rxe(AZATHIOPRINE_50, "2", "TAB", strength("25", "mg"))) == "unknown"


def test_tablets_without_any_strength_are_unknown() -> None:
    """Azathioprine comes in 25, 50, 75 and 100 mg."""
    assert dose(rxe(AZATHIOPRINE, "2", "TAB")) == "unknown"
    assert dose(rxe(AZATHIOPRINE, "2", "PUFF")) == "unknown"


def test_liquids_count_with_their_concentration() -> None:
    """A suspension of 20 mg in 1 mL, or 100 mg in 5 mL."""
    assert dose(rxe(AZATHIOPRINE, "2.5", "mL", strength("20", "mg/mL"))) == "50"
    volume = strength("100", "mg") + "|" * 7 + "5|mL"
    assert dose(rxe(AZATHIOPRINE, "2.5", "mL", volume)) == "50"
    assert dose(rxe(AZATHIOPRINE, "2.5", "mL")) == "unknown"
    assert dose(rxe(AZATHIOPRINE, "2.5", "mL", strength("100", "mg"))) == "unknown"


def test_a_variable_dose_counts_as_the_larger() -> None:
    """The rules that look at a dose warn of too much."""
    assert dose(f"RXE||{AZATHIOPRINE}|50|100|mg") == "100"


def test_a_rate_replaces_a_missing_frequency() -> None:
    """RXE-22 to RXE-24: 100 mg per day."""
    rate = "|" * 17 + "D1|100|mg"
    assert dose(f"RXE||{AZATHIOPRINE}|50||mg{rate}", "PRN") == "100"
    assert dose(f"RXE||{AZATHIOPRINE}|||mg{'|' * 17}H12|50|mg") == "100"
    assert dose(f"RXE||{AZATHIOPRINE}|||mg{'|' * 17}D1|100|mL") == "unknown"


def test_the_original_request_has_a_dose_of_its_own() -> None:
    """RXO-2 in RXO-4, with RXO-18 and RXO-19 as strength."""
    order = one(orc(), f"RXO|{AZATHIOPRINE}|75||mg", tq1("BID"), kind="OMP^O09")
    assert order.dose_mg_per_day == Decimal(150)
    tablets = one(orc(), f"RXO|{AZATHIOPRINE}|2||TAB{'|' * 14}50|mg", tq1(), kind="OMP^O09")
    assert tablets.dose_mg_per_day == Decimal(100)


def test_frequencies_side_by_side_add_up() -> None:
    """One tablet in the morning and one at night."""
    assert dose(rxe(amount="1"), timing="TQ1|1||QAM~QHS") == "100"
    assert dose(rxe(amount="1"), timing="TQ1|1||QAM|||||||||A\rTQ1|2||QHS") == "100"
    assert dose(rxe(amount="1"), timing="TQ1|1||QAM~PRN") == "unknown"


def test_times_of_day_and_periods_are_frequencies() -> None:
    """TQ1-4, and TQ1-3 components 5 and 6."""
    assert dose(rxe(amount="1"), timing="TQ1|1|||0800~2000") == "100"
    assert dose(rxe(amount="1"), timing="TQ1|1||^^^^12^h") == "100"


def test_as_needed_by_priority_is_unknown() -> None:
    """TQ1-9 PRN."""
    assert dose(rxe(amount="1"), timing="TQ1|1||QD||||||PRN") == "unknown"


@pytest.mark.parametrize(
    ("quantity", "expected"), [("", "100"), ("1", "100"), ("2^TAB", "100"), ("3", "unknown")]
)
def test_a_quantity_in_the_timing_must_not_contradict(quantity: str, expected: str) -> None:
    """Three times two tablets, or three instead of two? Nobody knows."""
    assert dose(rxe(amount="2"), timing=f"TQ1|1|{quantity}|QD") == expected


def test_the_old_timing_field_has_the_frequency() -> None:
    """RXE-1 and ORC-7 of version 2.3: quantity, interval and times of day."""
    assert dose(f"RXE|1^BID^^20260310|{AZATHIOPRINE_50}|1||TAB", timing="NTE|1") == "100"
    assert dose(f"RXE|1^&0800,2000|{AZATHIOPRINE_50}|1||TAB", timing="NTE|1") == "100"
    old = one("ORC|NW|P1|||||1^Q12H^^20260310", rxe(amount="1"))
    assert old.dose_mg_per_day == Decimal(100)


def test_an_unknown_dose_is_noticed_with_its_reason() -> None:
    """Rules that need the dose stay silent; somebody should know why. No value is repeated."""
    (notice,) = read(orc(), rxe(AZATHIOPRINE, "2", "TAB"), tq1()).notices

    assert (notice.location, notice.text) == (
        "RXE[1]-2",
        "dose unknown: no strength for the unit in RXE[1]-5",
    )


def test_a_compound_has_no_dose_of_its_own() -> None:
    """Azathioprine as one component of a mixture is recognised; how much of it is given is not told."""
    read_ = read(orc(), rxe("MIX^oral suspension^L", "5", "mL"), tq1(), f"RXC|B|{AZATHIOPRINE}|50|mg")

    assert [(event.drug, event.dose_mg_per_day) for event in read_.events] == [("azathioprine", None)]
