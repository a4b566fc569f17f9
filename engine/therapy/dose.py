"""How many milligrams a day an order amounts to, exactly, or that it cannot be told."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal, localcontext
from fractions import Fraction

from engine.model.segments import Segment
from engine.therapy.frequency import duration_of_code

LARGEST_MG_PER_DAY = Decimal(1000)

_MILLIGRAMS: Mapping[str, Fraction] = {
    "mg": Fraction(1),
    "milligram": Fraction(1),
    "g": Fraction(1000),
    "gm": Fraction(1000),
    "gram": Fraction(1000),
    "mcg": Fraction(1, 1000),
    "ug": Fraction(1, 1000),
    "µg": Fraction(1, 1000),
    "μg": Fraction(1, 1000),
    "microgram": Fraction(1, 1000),
}
_MILLILITRES: Mapping[str, Fraction] = {
    "ml": Fraction(1),
    "millilitre": Fraction(1),
    "milliliter": Fraction(1),
    "l": Fraction(1000),
}
# One piece of something that has a strength.
_PIECES = frozenset(
    {
        "1",
        "tab",
        "tabs",
        "tablet",
        "tbl",
        "tabl",
        "{tbl}",
        "{tablet}",
        "ftab",
        "cap",
        "caps",
        "capsule",
        "{cap}",
        "{capsule}",
        "ea",
        "each",
        "stk",
        "vial",
        "amp",
    }
)
_NUMBER = re.compile(r"[0-9]{1,9}(\.[0-9]{0,9})?")


@dataclass(frozen=True, slots=True)
class DoseFields:
    """Where a segment keeps its dose (HL7 v2.5.1 4.14.1 RXO, 4.14.4 RXE)."""

    least: int
    most: int
    unit: int
    strength: int
    strength_unit: int
    per_time: int
    rate: int
    rate_unit: int
    volume: int
    volume_unit: int


RXE_DOSE = DoseFields(3, 4, 5, 25, 26, 22, 23, 24, 33, 34)
RXO_DOSE = DoseFields(2, 3, 4, 18, 19, 17, 21, 22, 25, 26)


@dataclass(frozen=True, slots=True)
class Dose:
    """mg/day, or None and why it cannot be told; ``problem`` names no value."""

    mg_per_day: Decimal | None
    problem: str = ""


def daily_dose(
    segment: Segment,
    fields: DoseFields,
    per_day: Fraction | None,
    quantities: Sequence[str],
    strength_of_code: Decimal | None,
) -> Dose:
    """Dose per give times frequency; else the give rate (RXE-22 to RXE-24) where there is no frequency.

    A variable dose counts as its larger amount (RXE-4), because the rules that look at a dose warn of
    too much. Tablets count with the strength that the drug code implies, else RXE-25 and RXE-26; where
    both are there and disagree, nothing is computed. A quantity in TQ1-2 other than 1 might multiply
    the dose or repeat it: unless it repeats it word for word, nothing is computed.
    """
    amount = _number(segment.text(fields.most)) or _number(segment.text(fields.least))
    if per_day is None or amount is None:
        rate = _rate(segment, fields)
        if rate is None:
            missing = "no fixed frequency" if amount is not None else "no amount"
            return Dose(None, f"{missing} in {segment.location()}")
        return _plausible(rate, segment.location(fields.rate))
    for quantity in quantities:
        if _number(quantity) not in (None, Fraction(1), amount):
            return Dose(None, f"the quantity of the timing and the amount in {segment.location()} differ")
    per_give, problem = _milligrams(segment, fields, amount, strength_of_code)
    if per_give is None:
        return Dose(None, problem)
    return _plausible(per_give * per_day, segment.location(fields.least))


def is_dose_unit(text: str) -> bool:
    """Whether a text is a unit of a dose, a strength or a volume, as :func:`daily_dose` reads them."""
    word = text.strip().lower().rstrip(".")
    for form in (word, word.removesuffix("s"), word.removesuffix("(s)")):
        mass, slash, volume = form.partition("/")
        if form in _MILLIGRAMS or form in _MILLILITRES or form in _PIECES:
            return True
        if slash and mass in _MILLIGRAMS and volume in _MILLILITRES:
            return True
    return False


def _plausible(mg_per_day: Fraction, location: str) -> Dose:
    dose = _decimal(mg_per_day)
    if not 0 < dose <= LARGEST_MG_PER_DAY:
        return Dose(None, f"the daily dose computed from {location} is not plausible")
    return Dose(dose)


def _milligrams(
    segment: Segment, fields: DoseFields, amount: Fraction, strength_of_code: Decimal | None
) -> tuple[Fraction | None, str]:
    factor = _factor(segment, fields.unit, _MILLIGRAMS)
    if factor is not None:
        return amount * factor, ""
    millilitres = _factor(segment, fields.unit, _MILLILITRES)
    if millilitres is not None:
        concentration = _concentration(segment, fields)
        if concentration is None:
            return None, f"no strength per volume in {segment.location(fields.strength)}"
        return amount * millilitres * concentration, ""
    if not any(unit in _PIECES for unit in _units(segment, fields.unit)):
        return None, f"the unit in {segment.location(fields.unit)} is not known"
    strengths = set()
    if strength_of_code is not None:
        strengths.add(Fraction(strength_of_code))
    sent = _number(segment.text(fields.strength))
    sent_factor = _factor(segment, fields.strength_unit, _MILLIGRAMS)
    if sent is not None and sent_factor is not None:
        strengths.add(sent * sent_factor)
    if not strengths:
        return None, f"no strength for the unit in {segment.location(fields.unit)}"
    if len(strengths) > 1:
        return None, f"the strength in {segment.location(fields.strength)} is not that of the drug code"
    return amount * strengths.pop(), ""


def _concentration(segment: Segment, fields: DoseFields) -> Fraction | None:
    """Milligrams per mL: ``20`` ``mg/mL``, or a strength in mg with a strength volume in mL."""
    strength = _number(segment.text(fields.strength))
    if strength is None:
        return None
    for unit in _units(segment, fields.strength_unit):
        mass, _, volume = unit.partition("/")
        if mass in _MILLIGRAMS and volume in _MILLILITRES:
            return strength * _MILLIGRAMS[mass] / _MILLILITRES[volume]
    mass_factor = _factor(segment, fields.strength_unit, _MILLIGRAMS)
    size = _number(segment.text(fields.volume))
    size_factor = _factor(segment, fields.volume_unit, _MILLILITRES)
    if mass_factor is None or not size or size_factor is None:
        return None
    return strength * mass_factor / (size * size_factor)


def _rate(segment: Segment, fields: DoseFields) -> Fraction | None:
    """mg/day out of ``100 mg per D1``."""
    amount = _number(segment.text(fields.rate))
    factor = _factor(segment, fields.rate_unit, _MILLIGRAMS)
    period = duration_of_code(segment.text(fields.per_time))
    if amount is None or factor is None or period is None:
        return None
    return amount * factor * 86400 / int(period.total_seconds())


def _factor(segment: Segment, field: int, table: Mapping[str, Fraction]) -> Fraction | None:
    return next((table[unit] for unit in _units(segment, field) if unit in table), None)


def _units(segment: Segment, field: int) -> tuple[str, ...]:
    """The unit as code, as text, and as alternate code, in lower case and without plural."""
    words: list[str] = []
    for component in (1, 2, 4):
        word = segment.text(field, component).strip().lower().rstrip(".")
        words.extend((word, word.removesuffix("s"), word.removesuffix("(s)")))
    return tuple(word for word in words if word)


def _number(text: str) -> Fraction | None:
    stripped = text.strip()
    return Fraction(stripped) or None if _NUMBER.fullmatch(stripped) else None


def _decimal(value: Fraction) -> Decimal:
    """Exact where a decimal can be (``62.5``), else to hundredths (50 mg every third day: ``16.67``)."""
    with localcontext() as context:
        context.prec = 60
        exact = Decimal(value.numerator) / Decimal(value.denominator)
        if Fraction(exact) != value:
            exact = exact.quantize(Decimal("0.01"))
        return Decimal(format(exact.normalize(), "f"))
