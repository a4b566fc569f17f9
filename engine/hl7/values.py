"""OBX-5, OBX-6 and OBX-7: what a result says, and whether it can be calculated with.

Numbers are read by a grammar of our own and only then handed to Decimal, which would also accept NaN,
Infinity, 1e3, 1_000 and digits of other scripts. What is not plainly a number is never guessed: a
decimal comma, a number followed by words and several numbers are unreadable, and say why.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum

from engine.model.quantity import Interval
from engine.model.segments import Segment


class ValueWarning(StrEnum):
    """What was odd about a value; all but the first two leave it without an interval."""

    SN_IN_ST = "sn_in_st"  # a comparator and a number in NM, ST, TX or FT (should be SN since 2.7)
    ST_IN_SN = "st_in_sn"  # a plain number or "<5" in the first component of an SN
    NO_VALUE = "no_value"  # OBX-5 is empty or the delete indicator
    NOT_A_NUMBER = "not_a_number"
    NUMBER_WITH_TEXT = "number_with_text"  # "12 haemolysed"
    COMMA = "comma"  # "5,3" may be a decimal or a thousands comma
    SEVERAL_VALUES = "several_values"  # repetitions, or components where the type has none
    NOT_AN_INTERVAL = "not_an_interval"  # SN: ratio, category, "not equal", or a malformed range
    TYPE_NOT_EVALUATED = "type_not_evaluated"  # OBX-2 holds something else than a number or a code


@dataclass(frozen=True, slots=True)
class ValueReading:
    """The numbers that a value may be (None when it cannot be calculated with), its text, and a warning."""

    interval: Interval | None
    text: str
    warning: str = ""


NUMBER = r"[+-]?[0-9]{1,12}(?:\.[0-9]{0,16})?"
"""NM (HL7 v2.9 2A.3.46), bounded to what Decimal holds exactly in its 28 digits."""

_COMPARATOR = r"<=|>=|<|>"
_PLAIN = re.compile(NUMBER)
_COMPARED = re.compile(rf"({_COMPARATOR})[ \t]*({NUMBER})")
_STARTS_WITH_NUMBER = re.compile(r"[<>=+-]*[ \t]*[0-9]")
_WITH_COMMA = re.compile(r"[<>=]*[ \t]*[+-]?[0-9]+(?:,[0-9]+)+(?:\.[0-9]*)?")
_BLANKS = " \t\r\n"

_NUMERIC_TYPES = frozenset({"NM", "ST", "TX", "FT", ""})
_CODED_TYPES = frozenset({"CE", "CWE", "CNE"})


def read_value(obx: Segment) -> ValueReading:
    """Read OBX-5 according to OBX-2 (NM SN ST TX FT CE CWE CNE or empty); never raises.

    The text is what to show to a person: repetitions on lines of their own, a code by its text. Values
    of other types (ED, RP, TS ...) are kept as text and not evaluated.
    """
    value_type = obx.text(2).strip().upper()
    repetitions = [
        components
        for number in range(1, obx.repetitions(5) + 1)
        if any(components := obx.whole_components(5, number))
    ]
    if not repetitions:
        return ValueReading(None, "", ValueWarning.NO_VALUE)
    if value_type in _CODED_TYPES:
        return ValueReading(None, "\n".join(_coded_text(components) for components in repetitions))
    glue = "" if value_type == "SN" else "^"
    text = "\n".join(glue.join(components).rstrip("^") for components in repetitions)
    if value_type != "SN" and value_type not in _NUMERIC_TYPES:
        return ValueReading(None, text, ValueWarning.TYPE_NOT_EVALUATED)
    if len(repetitions) > 1:
        numeric = [components for components in repetitions if _starts_with_number("".join(components))]
        warning = ValueWarning.SEVERAL_VALUES if len(numeric) > 1 else _complaint(text.strip(_BLANKS))
        return ValueReading(None, text, warning)
    if value_type == "SN":
        return _structured(repetitions[0], text)
    if any(repetitions[0][1:]):
        # An unescaped "10^9" would otherwise be read as 10.
        return ValueReading(None, text, ValueWarning.SEVERAL_VALUES)
    return read_number(repetitions[0][0], value_type)


def read_number(text: str, value_type: str) -> ValueReading:
    """Read the text of an NM, ST, TX or FT value: a number, or one of < <= > >= and a number."""
    if value_type not in _NUMERIC_TYPES:
        return ValueReading(None, text, ValueWarning.TYPE_NOT_EVALUATED)
    stripped = text.strip(_BLANKS)
    if not stripped:
        return ValueReading(None, text, ValueWarning.NO_VALUE)
    if _PLAIN.fullmatch(stripped):
        return ValueReading(Interval.exactly(Decimal(stripped)), text)
    compared = _COMPARED.fullmatch(stripped)
    if compared:
        interval = _bounded(compared[1], Decimal(compared[2]))
        return ValueReading(interval, text, ValueWarning.SN_IN_ST)
    return ValueReading(None, text, _complaint(stripped))


def unit_of(obx: Segment) -> str:
    """The unit of OBX-6 as one string, unescaped; empty when there is none.

    The identifier of the UCUM triplet, else of the first, else a text. An unescaped ``10^9/L``, which the
    separator has cut into ``10`` and ``9/L``, is put together again.
    """
    parts = [part.strip() for part in (*obx.components(6), "", "", "", "", "", "")[:6]]
    identifier, text, system, alternate, alternate_text, alternate_system = parts
    if _POWER_BASE.fullmatch(identifier) and _POWER_REST.match(text):
        return f"{identifier}^{text}"
    if alternate and alternate_system.upper() == "UCUM" and system.upper() != "UCUM":
        return alternate
    return identifier or text or alternate or alternate_text


_POWER_BASE = re.compile(r"[xX*×]?[ ]?10")
_POWER_REST = re.compile(r"[0-9]{1,2}(?![0-9])")


def _structured(components: tuple[str, ...], text: str) -> ValueReading:
    """SN (HL7 v2.9 2A.3.69): comparator, number, separator, number."""
    comparator, first, separator, second = [part.strip(_BLANKS) for part in (*components, "", "", "", "")[:4]]
    if not (first or separator or second):
        reading = read_number(comparator, "ST")
        return ValueReading(
            reading.interval, text, ValueWarning.ST_IN_SN if reading.interval else reading.warning
        )
    if not _PLAIN.fullmatch(first) or (second and not _PLAIN.fullmatch(second)):
        return ValueReading(None, text, _complaint(f"{first}{separator}{second}"))
    number = Decimal(first)
    if not separator and not second:
        if comparator in ("", "="):
            return ValueReading(Interval.exactly(number), text)
        if comparator in ("<", "<=", ">", ">="):
            return ValueReading(_bounded(comparator, number), text)
    elif separator == "-" and second and comparator in ("", "=") and number <= Decimal(second):
        return ValueReading(Interval(number, Decimal(second)), text)
    return ValueReading(None, text, ValueWarning.NOT_AN_INTERVAL)


def _bounded(comparator: str, number: Decimal) -> Interval:
    is_open = len(comparator) == 1
    if comparator[0] == "<":
        return Interval(None, number, high_open=is_open)
    return Interval(number, None, low_open=is_open)


def _complaint(text: str) -> ValueWarning:
    """Why a text is not a number."""
    if _WITH_COMMA.fullmatch(text):
        return ValueWarning.COMMA
    return ValueWarning.NUMBER_WITH_TEXT if _STARTS_WITH_NUMBER.match(text) else ValueWarning.NOT_A_NUMBER


def _starts_with_number(text: str) -> bool:
    return _STARTS_WITH_NUMBER.match(text.strip(_BLANKS)) is not None


def _coded_text(components: tuple[str, ...]) -> str:
    """Of a CE or CWE: the text, else the original text, the alternate text or a code."""
    for position in (1, 8, 4, 0, 3):
        if len(components) > position and components[position]:
            return components[position]
    return ""
