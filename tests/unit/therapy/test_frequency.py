"""How often a day: table 0335 and what wards write instead."""

from __future__ import annotations

from datetime import timedelta
from fractions import Fraction

import pytest

from engine.therapy.frequency import duration, duration_of_code, times_per_day, times_per_day_of_period


@pytest.mark.parametrize(
    ("code", "times"),
    [
        ("QD", "1"),
        ("Q1D", "1"),
        ("q.d.", "1"),
        ("DAILY", "1"),
        ("OD", "1"),
        ("QAM", "1"),
        ("QPM", "1"),
        ("QHS", "1"),
        ("BID", "2"),
        ("b.i.d.", "2"),
        ("BD", "2"),
        ("TID", "3"),
        ("TDS", "3"),
        ("QSHIFT", "3"),
        ("QID", "4"),
        ("QDS", "4"),
        ("5ID", "5"),
        ("Q8H", "3"),
        ("Q 12 H", "2"),
        ("Q12HRS", "2"),
        ("Q24H", "1"),
        ("Q48H", "1/2"),
        ("QH", "24"),
        ("QOD", "1/2"),
        ("Q2D", "1/2"),
        ("EOD", "1/2"),
        ("alternate days", "1/2"),
        ("Q3D", "1/3"),
        ("QW", "1/7"),
        ("Q1W", "1/7"),
        ("Q2W", "1/14"),
        ("Q1L", "1/31"),
        ("QJ135", "3/7"),
        ("Q1J6", "1/7"),
        ("Q2J2", "1/14"),
        ("TIW", "3/7"),
        ("3X/WEEK", "3/7"),
        ("Q30M", "48"),
        ("ACM", "1"),
        ("PCV", "1"),
        ("CMDV", "3"),
    ],
)
def test_patterns_with_a_fixed_frequency(code: str, times: str) -> None:
    """Half a tablet on alternate days is half of it a day, exactly."""
    assert times_per_day(code) == Fraction(times)


@pytest.mark.parametrize(
    "code",
    [
        "",
        "PRN",
        "PRNQ6H",
        "C",
        "ONCE",
        "Once",
        "STAT",
        "QM",
        "QS",
        "Q0D",
        "0ID",
        "Q0J1",
        "QJ8",
        "U 0 8 * * *",
        "XYZ",
    ],
)
def test_patterns_without_one(code: str) -> None:
    """As needed, once, or not understood: a dose that is not known must not be guessed."""
    assert times_per_day(code) is None


@pytest.mark.parametrize("code", ["Q" + "9" * 5000 + "D", "9" * 5000 + "ID", "Q99999J1"])
def test_absurd_numbers_are_not_understood(code: str) -> None:
    """A hostile or broken message costs no time and raises nothing."""
    assert times_per_day(code) is None


def test_a_period_is_a_frequency_too() -> None:
    """RPT components 5 and 6."""
    assert times_per_day_of_period("12", "h") == 2
    assert times_per_day_of_period("2", "d") == Fraction(1, 2)
    assert times_per_day_of_period("", "d") is None
    assert times_per_day_of_period("0", "d") is None


@pytest.mark.parametrize(
    ("quantity", "unit", "days"),
    [
        ("14", "d", 14),
        ("2", "wk", 14),
        ("2", "Weeks", 14),
        ("28.0", "days", 28),
        ("1", "mo", 31),
        ("48", "h", 2),
    ],
)
def test_durations_with_a_unit(quantity: str, unit: str, days: int) -> None:
    """TQ1-6."""
    assert duration(quantity, unit) == timedelta(days=days)


@pytest.mark.parametrize(
    ("quantity", "unit"), [("", "d"), ("x", "d"), ("1", ""), ("0", "d"), ("999999", "mo")]
)
def test_unreadable_durations(quantity: str, unit: str) -> None:
    """No end is better than a wrong one: monitoring goes on."""
    assert duration(quantity, unit) is None


def test_durations_as_codes() -> None:
    """TQ component 3 and RXE-22."""
    assert duration_of_code("D14") == timedelta(days=14)
    assert duration_of_code("w2") == timedelta(days=14)
    assert duration_of_code("H1") == timedelta(hours=1)
    assert duration_of_code("L3") == timedelta(days=93)
    assert [duration_of_code(code) for code in ("X5", "INDEF", "", "D", "D0")] == [None] * 5
