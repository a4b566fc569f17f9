"""How often a drug is given: repeat patterns of HL7 table 0335, durations, and the words that wards use."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import timedelta
from fractions import Fraction

# Table 0335 codes that are one word, then what British, American and continental systems send instead.
_TIMES_PER_DAY: Mapping[str, Fraction] = {
    "QAM": Fraction(1),
    "QPM": Fraction(1),
    "QHS": Fraction(1),
    "QSHIFT": Fraction(3),
    "QOD": Fraction(1, 2),
    "BID": Fraction(2),
    "TID": Fraction(3),
    "QID": Fraction(4),
    "OD": Fraction(1),
    "OM": Fraction(1),
    "ON": Fraction(1),
    "MANE": Fraction(1),
    "NOCTE": Fraction(1),
    "DAILY": Fraction(1),
    "ONCEDAILY": Fraction(1),
    "QDAY": Fraction(1),
    "DIE": Fraction(1),
    "HS": Fraction(1),
    "BD": Fraction(2),
    "TWICEDAILY": Fraction(2),
    "TDS": Fraction(3),
    "QDS": Fraction(4),
    "EOD": Fraction(1, 2),
    "ALTERNATEDAYS": Fraction(1, 2),
    "EVERYOTHERDAY": Fraction(1, 2),
    "TIW": Fraction(3, 7),
    "WEEKLY": Fraction(1, 7),
}

# "L" is a month; 31 days, because an end that is told too late only means monitoring for longer.
_DAYS: Mapping[str, Fraction] = {
    "S": Fraction(1, 86400),
    "M": Fraction(1, 1440),
    "H": Fraction(1, 24),
    "D": Fraction(1),
    "W": Fraction(7),
    "L": Fraction(31),
}

# Units of a duration: UCUM, the letters above, and words.
_DURATION_UNITS: Mapping[str, str] = {
    "s": "S",
    "min": "M",
    "h": "H",
    "hr": "H",
    "hour": "H",
    "d": "D",
    "day": "D",
    "w": "W",
    "wk": "W",
    "week": "W",
    "mo": "L",
    "month": "L",
    "l": "L",
}

_EVERY = re.compile(r"Q([0-9]{0,4})(S|M|H|D|W|L)(?:RS?|OURS?|AYS?|EEKS?|K)?")
_ON_DAYS = re.compile(r"Q([0-9]{0,4})J([1-7]{1,7})")
_PER_DAY = re.compile(r"([0-9]{1,2})ID")
_PER_WEEK = re.compile(r"([1-7])X/?(?:W|WK|WEEK)")
_AT_MEALS = re.compile(r"[API]?C([MDV]+)")
_OLD_DURATION = re.compile(r"([SMHDWL])([0-9]{1,6})")
_LONGEST = timedelta(days=36525)  # a century; more is a typing error


def times_per_day(code: str) -> Fraction | None:
    """How often a day a repeat pattern asks for: ``BID`` 2, ``QOD`` 1/2, ``Q8H`` 3, ``QJ135`` 3/7.

    None where that is no fixed number: as needed (``PRN``, ``PRNQ6H``), continuous (``C``), once, a
    pattern that is not known, or an empty one.
    """
    word = re.sub(r"[\s.]", "", code).upper()
    known = _TIMES_PER_DAY.get(word)
    if known is not None:
        return known
    if match := _ON_DAYS.fullmatch(word):
        weeks = int(match[1] or 1)
        return Fraction(len(set(match[2])), 7 * weeks) if weeks else None
    if match := _EVERY.fullmatch(word):
        # Q2M is every two minutes; QM is not in the table and some write it for every morning or month
        if match[2] in "SM" and not match[1]:
            return None
        count = int(match[1] or 1)
        return 1 / (_DAYS[match[2]] * count) if count else None
    if match := _PER_DAY.fullmatch(word):
        return Fraction(int(match[1])) or None
    if match := _PER_WEEK.fullmatch(word):
        return Fraction(int(match[1]), 7)
    if match := _AT_MEALS.fullmatch(word):
        return Fraction(len(set(match[1])))
    return None


def times_per_day_of_period(quantity: str, unit: str) -> Fraction | None:
    """The same for a period: ``12``, ``h`` is twice a day (RPT components 5 and 6)."""
    length = duration(quantity, unit)
    return Fraction(86400, length // timedelta(seconds=1)) if length else None


def duration(quantity: str, unit: str) -> timedelta | None:
    """A positive number of whole units as a length of time (TQ1-6); None where it is not readable."""
    word = unit.strip().lower()
    letter = _DURATION_UNITS.get(word) or _DURATION_UNITS.get(word.removesuffix("s"))
    number = quantity.strip()
    if letter is None or not re.fullmatch(r"[0-9]{1,6}(\.0+)?", number):
        return None
    return _length(int(number.partition(".")[0]), letter)


def duration_of_code(code: str) -> timedelta | None:
    """The length of ``D14``, ``W2``, ``L3`` (TQ-3, RXE-22); None for ``X5``, ``INDEF`` and the like."""
    match = _OLD_DURATION.fullmatch(code.strip().upper())
    return _length(int(match[2]), match[1]) if match else None


def _length(count: int, letter: str) -> timedelta | None:
    length = timedelta(seconds=int(_DAYS[letter] * 86400) * count)
    return length if timedelta() < length <= _LONGEST else None
