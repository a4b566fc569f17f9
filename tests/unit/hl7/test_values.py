"""OBX-5 and OBX-6: numbers as intervals, everything else as text with a reason."""

from __future__ import annotations

import pytest

from engine.hl7 import ValueReading, ValueWarning, parse, read_number, read_value, unit_of
from engine.model.segments import Segment


def obx(value_type: str, value: str, unit: str = "") -> Segment:
    text = f"MSH|^~\\&|LAB|NORTH|||20260105||ORU^R01|1|P|2.5\rOBX|1|{value_type}|X||{value}|{unit}"
    return parse(text.encode()).segments[1]


def summary(reading: ValueReading) -> tuple[str | None, str]:
    return None if reading.interval is None else str(reading.interval), reading.warning


@pytest.mark.parametrize("value_type", ["NM", "ST", "TX", "FT", "", "nm", " NM ", "NM^x"])
@pytest.mark.parametrize(
    ("value", "interval"),
    [
        ("52", "52"),
        ("5.30", "5.3"),
        ("5.", "5"),
        ("-3", "-3"),
        ("+7", "7"),
        ("007", "7"),
        ("0", "0"),
        (" 4.2 ", "4.2"),
    ],
)
def test_numbers(value_type: str, value: str, interval: str) -> None:
    """A number is a number in every type that laboratories use for one."""
    assert (interval, "") == summary(read_value(obx(value_type, value)))


def test_numbers_are_exact() -> None:
    """102.3 is not a nearby binary fraction, and its digits are kept."""
    reading = read_value(obx("NM", "102.30"))
    assert reading.interval is not None
    assert "102.30" == str(reading.interval.low)


@pytest.mark.parametrize("value_type", ["NM", "ST", "TX", "FT", ""])
@pytest.mark.parametrize(
    ("value", "interval"),
    [("<5", "<5"), (">1000", ">1000"), ("<= 0.5", "<=0.5"), (">=90", ">=90"), (" < 5 ", "<5")],
)
def test_comparators_in_other_types_are_intervals(value_type: str, value: str, interval: str) -> None:
    """>1000 in an NM is above 1000, and it is said that the type was wrong."""
    assert (interval, "sn_in_st") == summary(read_value(obx(value_type, value)))


@pytest.mark.parametrize(
    ("value", "warning"),
    [
        ("5,3", "comma"),
        ("1,000", "comma"),
        ("<0,5", "comma"),
        ("1,234,567.8", "comma"),
        ("12 haemolysed", "number_with_text"),
        ("5 mg", "number_with_text"),
        ("1e3", "number_with_text"),
        ("1_000", "number_with_text"),
        ("5-10", "number_with_text"),
        ("2+", "number_with_text"),
        ("5%", "number_with_text"),
        ("1:80", "number_with_text"),
        ("1.2.3", "number_with_text"),
        ("=>5", "number_with_text"),
        ("=5", "number_with_text"),
        ("<>5", "number_with_text"),
        ("<<5", "number_with_text"),
        ("< 5 (rechecked)", "number_with_text"),
        ("1234567890123", "number_with_text"),
        ("0.12345678901234567", "number_with_text"),
        ("NaN", "not_a_number"),
        ("Infinity", "not_a_number"),
        ("-inf", "not_a_number"),
        (".5", "not_a_number"),
        ("see comment", "not_a_number"),
        ("haemolysed", "not_a_number"),
        ("\u0661\u0662", "not_a_number"),
        ("\uff11\uff12", "not_a_number"),
        ("½", "not_a_number"),
        ("≥5", "not_a_number"),
        ("-", "not_a_number"),
        ("10^9", "several_values"),
        ("5&6", "number_with_text"),
        ("5~6", "several_values"),
        ("5~5", "several_values"),
        ("12~haemolysed", "number_with_text"),
        ("haemolysed~clotted", "not_a_number"),
        ("", "no_value"),
        ('""', "no_value"),
        ("~", "no_value"),
        ("   ", "no_value"),
    ],
)
def test_what_is_not_plainly_a_number_is_not_guessed(value: str, warning: str) -> None:
    """A wrong number is worse than none; the reason tells the laboratory what to mend."""
    for value_type in ("NM", "ST", ""):
        assert (None, warning) == summary(read_value(obx(value_type, value)))


def test_empty_repetitions_do_not_count() -> None:
    """A trailing repetition or component separator leaves one value."""
    for value in ("5~", "~5", "5^", "5^^", "5~^"):
        assert ("5", "") == summary(read_value(obx("NM", value)))


@pytest.mark.parametrize(
    ("value", "interval", "warning"),
    [
        ("^5", "5", ""),
        ("=^5", "5", ""),
        (">^1000", ">1000", ""),
        (">=^90.5", ">=90.5", ""),
        ("<^10", "<10", ""),
        ("<=^0.1", "<=0.1", ""),
        (" > ^ 5 ", ">5", ""),
        ("^10^-^20", "10-20", ""),
        ("=^10^-^20", "10-20", ""),
        ("^-5^-^5", "-5-5", ""),
        ("^7^-^7", "7", ""),
        ("12.5", "12.5", "st_in_sn"),
        ("<9.9", "<9.9", "st_in_sn"),
        ("^20^-^10", None, "not_an_interval"),
        (">^10^-^20", None, "not_an_interval"),
        ("^1^:^80", None, "not_an_interval"),
        ("^1^/^2", None, "not_an_interval"),
        ("^2^+", None, "not_an_interval"),
        ("^2^-", None, "not_an_interval"),
        ("^2^^5", None, "not_an_interval"),
        ("<>^5", None, "not_an_interval"),
        ("=>^5", None, "not_an_interval"),
        ("<^5^:^80", None, "not_an_interval"),
        ("^5,3", None, "comma"),
        ("^5 haemolysed", None, "number_with_text"),
        ("^^-^5", None, "number_with_text"),
        ("=", None, "not_a_number"),
        ("see comment", None, "not_a_number"),
        ("^1e3", None, "number_with_text"),
        ("^5~^6", None, "several_values"),
        ("", None, "no_value"),
    ],
)
def test_structured_numerics(value: str, interval: str | None, warning: str) -> None:
    """SN with a comparator or a range is an interval; a ratio or a category is no number."""
    assert (interval, warning) == summary(read_value(obx("SN", value)))


@pytest.mark.parametrize(
    ("value_type", "value", "text"),
    [
        ("NM", "5.30", "5.30"),
        ("SN", ">^1000", ">1000"),
        ("SN", "^1^:^80", "1:80"),
        ("ST", "12 haemolysed", "12 haemolysed"),
        ("TX", "one~two\\.br\\three", "one\ntwo\nthree"),
        ("TX", "a^b & c", "a^b & c"),
        ("ST", "10^9/L", "10^9/L"),
        ("CE", "LA1^Deficient^LN", "Deficient"),
        ("CWE", "LA1^^LN^D^deficient^L", "deficient"),
        ("CWE", "^^^^^^^^homozygous", "homozygous"),
        ("CWE", "*1/*3A", "*1/*3A"),
        ("CE", "^^^D", "D"),
        ("CWE", "LA1^Deficient~LA2^Low", "Deficient\nLow"),
        ("CWE^Coded^HL70125", "LA1^A & B^LN", "A & B"),
        ("CE", "^^LN", ""),
    ],
)
def test_the_text_is_what_a_person_reads(value_type: str, value: str, text: str) -> None:
    """Evidence shows the value as the laboratory wrote it, a code by its text."""
    assert text == read_value(obx(value_type, value)).text


@pytest.mark.parametrize(("value_type", "value"), [("ED", "^TEXT^^Base64^QQ=="), ("TS", "2026"), ("XX", "5")])
def test_other_types_are_kept_and_not_evaluated(value_type: str, value: str) -> None:
    """A document or a time is no laboratory value, even where it looks like a number."""
    reading = read_value(obx(value_type, value))
    assert (None, "type_not_evaluated") == summary(reading)
    assert reading.text


def test_read_number_is_for_text_types_only() -> None:
    """A number is only looked for in types that may hold one."""
    assert ("5", "") == summary(read_number("5", "NM"))
    assert (None, ValueWarning.TYPE_NOT_EVALUATED) == summary(read_number("5", "DT"))


@pytest.mark.parametrize(
    ("sent", "unit"),
    [
        ("U/L", "U/L"),
        (" U/L ", "U/L"),
        ("10*9/L", "10*9/L"),
        ("10\\S\\9/L", "10^9/L"),
        ("10^9/L", "10^9/L"),
        ("x10^9/L", "x10^9/L"),
        ("X10^12/l", "X10^12/l"),
        ("*10^3/uL", "*10^3/uL"),
        ("10^9/L^^ISO+", "10^9/L"),
        ("10^9 /L", "10^9 /L"),
        ("10^cells^L", "10"),
        ("g/dL^gram per decilitre^UCUM", "g/dL"),
        ("GDL^g/dL^L^g/dL^^UCUM", "g/dL"),
        ("g/dL^^UCUM^g/L^^UCUM", "g/dL"),
        ("^U/L", "U/L"),
        ("^^^U/L^^L", "U/L"),
        ("^^^^U/L", "U/L"),
        ("%", "%"),
        ("", ""),
        ('""', ""),
    ],
)
def test_units(sent: str, unit: str) -> None:
    """10^9/L is the same unit whether or not its sender escaped the separator in it."""
    assert unit == unit_of(obx("NM", "5", sent))
