"""Laws of unit conversion that hold for every row of the table and every number."""

from __future__ import annotations

import csv
from decimal import Decimal
from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st

from engine.model.codes import AnalyteKind, CodeKind, Coding
from engine.model.quantity import Interval, Quantity
from engine.model.result import Problem
from engine.terminology.analytes import parse_analytes
from engine.terminology.units import normalised, parse_factor, parse_units
from tests.unit.terminology.tables import files, shipped


def _known_units() -> list[tuple[str, str]]:
    """Every (analyte, unit as listed), by reading the table once more."""
    entries = parse_analytes("analytes.yaml", files()["analytes.yaml"], [])
    found = []
    for row in csv.DictReader(files()["units.csv"].splitlines()):
        target = row["applies_to"]
        found += [
            (name, row["as_sent"]) for name, entry in entries.items() if target in (name, entry.unit_group)
        ]
    return found


_ENTRIES = parse_analytes("analytes.yaml", files()["analytes.yaml"], [])
_TABLE, _ = parse_units("units.csv", files()["units.csv"], _ENTRIES, [])
_KNOWN = _known_units()

known = st.sampled_from(_KNOWN)
numbers = st.decimals(min_value=0, max_value=10**6, places=4, allow_nan=False, allow_infinity=False)


def convert(analyte: str, value: Decimal, unit: str) -> Quantity | Problem:
    return shipped().quantity(analyte, Interval.exactly(value), unit)


def factor_of(analyte: str, unit: str) -> Decimal:
    found = _TABLE.find(analyte, unit)
    assert found is not None
    return found.factor


@given(known, numbers)
def test_conversion_is_exact(pair: tuple[str, str], value: Decimal) -> None:
    """The converted number is value times factor to the last digit, or it is implausible."""
    found = convert(pair[0], value, pair[1])

    if isinstance(found, Problem):
        assert found is Problem.IMPLAUSIBLE
    else:
        assert found.interval.point is not None
        assert Fraction(value) * Fraction(factor_of(*pair)) == Fraction(found.interval.point)


@given(known, st.data(), st.decimals(min_value=0, max_value=10, places=3))
def test_the_same_amount_in_any_unit_is_the_same_result(
    pair: tuple[str, str], data: st.DataObject, value: Decimal
) -> None:
    """Two laboratories with different units and one truth give one stored value."""
    analyte, unit = pair
    conversion = _TABLE.find(analyte, unit)
    assert conversion is not None
    same_family = [name for name, found in _TABLE.of(analyte) if found.unit == conversion.unit]
    other = data.draw(st.sampled_from(same_family))
    here, there = factor_of(analyte, unit), factor_of(analyte, other)

    assert convert(analyte, value * there, unit) == convert(analyte, value * here, other)


@given(known, numbers, numbers)
def test_more_stays_more(pair: tuple[str, str], one: Decimal, two: Decimal) -> None:
    """Conversion keeps the order of values; a rising series rises in every unit."""
    first, second = convert(pair[0], one, pair[1]), convert(pair[0], two, pair[1])

    if isinstance(first, Quantity) and isinstance(second, Quantity):
        assert first.interval.low is not None
        assert second.interval.low is not None
        assert (one < two) == (first.interval.low < second.interval.low)


@given(known, numbers, numbers, st.booleans(), st.booleans())
def test_intervals_keep_their_shape(
    pair: tuple[str, str], one: Decimal, two: Decimal, low_open: bool, high_open: bool
) -> None:
    """A range stays a range with its open ends."""
    sent = Interval(min(one, two), max(one, two), low_open, high_open)
    found = shipped().quantity(pair[0], sent, pair[1])

    if isinstance(found, Quantity):
        got = found.interval
        assert got.low is not None
        assert got.high is not None
        assert got.low <= got.high
        assert (low_open, high_open) == (got.low_open, got.high_open)


@given(known, st.data())
def test_spelling_does_not_change_the_meaning(pair: tuple[str, str], data: st.DataObject) -> None:
    """White space, either micro sign, the caret, superscripts and a small litre change nothing."""
    analyte, unit = pair
    decorated = "".join(data.draw(st.sampled_from(["", "", " ", "\u00a0"])) + character for character in unit)
    micro = data.draw(st.sampled_from("uµμ"))
    decorated = decorated.replace("u", micro) + data.draw(st.sampled_from(["", " ", "\t"]))
    decorated = decorated.replace("*", data.draw(st.sampled_from("*^")))

    assert _TABLE.find(analyte, decorated) == _TABLE.find(analyte, unit) or (
        # two aliases that are spelt alike agree on everything but the note
        factor_of(analyte, decorated) == factor_of(analyte, unit)
    )


def test_no_unit_means_two_things_for_one_analyte() -> None:
    """Whatever is ignored in reading a unit, one text has one unit and one factor."""
    meanings: dict[tuple[str, str], set[tuple[str, Decimal]]] = {}
    for analyte, unit in _KNOWN:
        found = _TABLE.find(analyte, unit)
        assert found is not None
        meanings.setdefault((analyte, normalised(unit)), set()).add((found.unit, found.factor))

    assert {1} == {len(found) for found in meanings.values()}


@given(st.text(max_size=20))
def test_normalising_twice_changes_nothing(unit: str) -> None:
    """What was ignored once is not there any more."""
    assert normalised(unit) == normalised(normalised(unit))


@given(st.sampled_from(sorted(shipped().analytes)), st.text(max_size=12))
def test_any_text_is_a_unit_or_a_problem(analyte: str, unit: str) -> None:
    """Nothing that a laboratory can write in OBX-6 stops the engine."""
    if shipped().analyte(analyte).kind is AnalyteKind.QUANTITY:
        assert isinstance(convert(analyte, Decimal(50), unit), Quantity | Problem)
        assert isinstance(shipped().unit_advice(analyte, unit), str)


_text = st.text(max_size=8) | st.sampled_from(["LN", "L", "1742-6", "NL-ALT", "SGPT", "32660-3", "6-mmp", ""])


@given(
    st.lists(st.builds(Coding, _text, _text, _text), max_size=3),
    st.sampled_from(["north", "x"]),
    _text,
    _text,
)
def test_any_identifier_has_one_meaning(codings: list[Coding], site: str, specimen: str, unit: str) -> None:
    """Every OBX-3 ends as exactly one kind, and only kind analyte names an analyte."""
    match = shipped().identify(codings, site, specimen, unit)

    assert (match.kind is CodeKind.ANALYTE) == bool(match.analyte)
    assert match == shipped().identify(codings, site, specimen, unit)


@given(
    st.decimals(min_value=Decimal("0.0001"), max_value=10**6, places=4),
    st.sampled_from([1, 2, 4, 5, 8, 10, 1000]),
)
def test_factors_are_read_exactly(number: Decimal, divisor: int) -> None:
    """A fraction that is finite as a decimal keeps every digit."""
    text = format(number, "f")

    assert parse_factor(text) == number
    assert parse_factor(f"{text}/{divisor}") == number / divisor
