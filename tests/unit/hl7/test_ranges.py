"""OBX-7: reference ranges as laboratories write them."""

from __future__ import annotations

from decimal import Decimal

import pytest

from engine.hl7 import parse, range_of, read_range
from engine.model.quantity import ReferenceRange
from engine.model.segments import Segment


def limits(found: ReferenceRange | None) -> tuple[str, ...] | None:
    if found is None:
        return None
    low = "" if found.low is None else f"{'>' if found.low_open else '>='}{found.low}"
    high = "" if found.high is None else f"{'<' if found.high_open else '<='}{found.high}"
    return low, high


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("10-40", (">=10", "<=40")),
        ("10.0 - 40.0", (">=10.0", "<=40.0")),
        ("  10  -  40  ", (">=10", "<=40")),
        ("10 to 40", (">=10", "<=40")),
        ("10–40", (">=10", "<=40")),
        ("10 – 40", (">=10", "<=40")),
        ("-5-5", (">=-5", "<=5")),
        ("-5 - 5", (">=-5", "<=5")),
        ("-10--5", (">=-10", "<=-5")),
        ("0-0", (">=0", "<=0")),
        ("<40", ("", "<40")),
        ("< 40", ("", "<40")),
        ("<=40", ("", "<=40")),
        (">5", (">5", "")),
        (">=5", (">=5", "")),
        ("[ 3.5 - 5.0 ]", (">=3.5", "<=5.0")),
        ("(10-40)", (">=10", "<=40")),
        ("[ < 5.0]", ("", "<5.0")),
    ],
)
def test_ranges(text: str, expected: tuple[str, ...]) -> None:
    """A range gives its limits; ``>5`` means that there is no upper one."""
    assert expected == limits(read_range(text, ""))


@pytest.mark.parametrize(
    "text",
    [
        "", " ", "Negative", "negativ", "see comment", "-", "- 3.0", "1.0 -", "40", "40-10", "3,5-5,0", "5-",
        "10-40 U/L", "<10 ug/dL", "10-20-30", "70_105", "<>5", "=5", "<1:80", ".4-1.5", "1e3-2e3", "NaN-5",
        "3.9-5.8) fasting", "(1-2) / (3-4)", "[]", "()", "[5", "15-200 / 15-50", "\uff11-\uff12",
        "M:", ":5-6", "1234567890123-2234567890123",
    ],
)  # fmt: skip
def test_anything_else_is_no_range(text: str) -> None:
    """A range that is not understood is not used, and never half understood."""
    assert read_range(text, "M") is None


@pytest.mark.parametrize(
    "text", ["M:10-50;F:10-35", "M: 10-50 ; F: 10-35", "m:10-50~f:10-35", "F:10-35;M:10-50;"]
)
def test_ranges_by_sex(text: str) -> None:
    """The range of the patient's sex is used; without a known sex there is none."""
    assert (">=10", "<=50") == limits(read_range(text, "M"))
    assert (">=10", "<=35") == limits(read_range(text, "f"))
    assert [None, None, None] == [read_range(text, sex) for sex in ("", "U", "O")]


@pytest.mark.parametrize("text", ["M:10-50;5-6", "M:10-50;M:10-60", "F:10-35", "M:high;F:low", "M:F:10-20"])
def test_incomplete_ranges_by_sex_are_none(text: str) -> None:
    """A second range for the same sex, or one without a sex, leaves nothing certain."""
    assert read_range(text, "M") is None


def test_the_text_is_kept() -> None:
    """The alert shows the range as the laboratory wrote it."""
    assert ReferenceRange(Decimal(10), Decimal(50), "M:10-50;F:10-35") == read_range(" M:10-50;F:10-35 ", "M")


def obx(text: str) -> Segment:
    message = f"MSH|^~\\&|L|N|||1||ORU^R01|1|P|2.5\rOBX|1|NM|X||5|U/L|{text}"
    return parse(message.encode()).segments[1]


@pytest.mark.parametrize(
    ("sent", "expected"),
    [
        ("10-40", (">=10", "<=40")),
        ("M:10-50~F:10-35", (">=10", "<=50")),
        ("10-40~", (">=10", "<=40")),
        ("10-40~11-41", None),
        ("4.5&5.9", None),
        ("<5&6", None),
        (">^11", None),
        ("10-40^text", None),
        ('""', None),
        ("", None),
    ],
)
def test_the_field_of_a_segment(sent: str, expected: tuple[str, ...] | None) -> None:
    """A range that a separator has cut is not read in part."""
    assert expected == limits(range_of(obx(sent), "M"))
