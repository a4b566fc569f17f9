"""Three-valued truth, and values as exact intervals with a unit."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from enum import StrEnum

from engine.model.frozen import frozen


class Truth(StrEnum):
    """Kleene truth: UNKNOWN is never treated as false."""

    TRUE = "true"
    FALSE = "false"
    UNKNOWN = "unknown"

    @classmethod
    def of(cls, value: bool) -> Truth:
        """TRUE or FALSE."""
        return cls.TRUE if value else cls.FALSE

    def negated(self) -> Truth:
        """Kleene negation: UNKNOWN stays UNKNOWN."""
        if self is Truth.UNKNOWN:
            return self
        return Truth.FALSE if self is Truth.TRUE else Truth.TRUE


def all_of(truths: Iterable[Truth]) -> Truth:
    """Kleene conjunction; every operand is looked at, so that evidence is complete."""
    seen = set(truths)
    if Truth.FALSE in seen:
        return Truth.FALSE
    return Truth.UNKNOWN if Truth.UNKNOWN in seen else Truth.TRUE


def any_of(truths: Iterable[Truth]) -> Truth:
    """Kleene disjunction."""
    seen = set(truths)
    if Truth.TRUE in seen:
        return Truth.TRUE
    return Truth.UNKNOWN if Truth.UNKNOWN in seen else Truth.FALSE


class Operator(StrEnum):
    """Comparison in a rule; strictness is part of the rule."""

    LESS = "<"
    LESS_OR_EQUAL = "<="
    GREATER = ">"
    GREATER_OR_EQUAL = ">="


def plain(value: Decimal) -> str:
    """Write a Decimal without exponent and without trailing zeros: ``5.0`` and ``5E+0`` give ``5``."""
    text = format(value, "f")
    return text.rstrip("0").rstrip(".") if "." in text else text


@frozen()
class Interval:
    """All numbers a value may be: ``>1000`` is (1000, none), ``212`` is [212, 212].

    ``low``/``high`` are None where unbounded; ``low_open``/``high_open`` exclude the bound itself.
    """

    low: Decimal | None
    high: Decimal | None
    low_open: bool = False
    high_open: bool = False

    @classmethod
    def exactly(cls, value: Decimal) -> Interval:
        """The interval of one number."""
        return cls(value, value)

    @property
    def point(self) -> Decimal | None:
        """The single number, where the interval is one."""
        return self.low if self.low is not None and self.low == self.high else None

    def compare(self, operator: Operator, threshold: Decimal) -> Truth:
        """Whether every (TRUE), no (FALSE) or only some (UNKNOWN) number of the interval satisfies it."""
        if operator in (Operator.GREATER, Operator.GREATER_OR_EQUAL):
            strict = operator is Operator.GREATER
            if self.low is not None and (
                self.low > threshold or (self.low == threshold and (not strict or self.low_open))
            ):
                return Truth.TRUE
            if self.high is not None and (
                self.high < threshold or (self.high == threshold and (strict or self.high_open))
            ):
                return Truth.FALSE
            return Truth.UNKNOWN
        opposite = Operator.GREATER_OR_EQUAL if operator is Operator.LESS else Operator.GREATER
        return self.compare(opposite, threshold).negated()

    def scaled(self, factor: Decimal) -> Interval:
        """Multiply by a positive factor."""
        return Interval(
            None if self.low is None else self.low * factor,
            None if self.high is None else self.high * factor,
            self.low_open,
            self.high_open,
        )

    def __str__(self) -> str:
        if self.point is not None:
            return plain(self.point)
        if self.low is not None and self.high is not None:
            return f"{plain(self.low)}-{plain(self.high)}"
        if self.low is not None:
            return f"{'>' if self.low_open else '>='}{plain(self.low)}"
        if self.high is not None:
            return f"{'<' if self.high_open else '<='}{plain(self.high)}"
        return "any"


def with_unit(value: str, unit: str) -> str:
    """A value for a reader: ``42 U/L``; a UCUM annotation such as ``{INR}`` says nothing and is left out."""
    return f"{value} {unit}" if value and unit and not unit.startswith("{") else value


@frozen()
class Quantity:
    """A value in a canonical UCUM unit (``U/L``, ``10*9/L``, ``umol/L``)."""

    interval: Interval
    unit: str

    @property
    def comparator(self) -> str:
        """``<``, ``<=``, ``>``, ``>=``, or empty for a plain number or a closed range."""
        text = str(self.interval)
        return "".join(character for character in text[:2] if character in "<>=")

    @property
    def number(self) -> str:
        """The value without its comparator, as text: ``1000`` of ``>1000``."""
        return str(self.interval)[len(self.comparator) :]

    @property
    def shown(self) -> str:
        """The value with its unit for a reader."""
        return with_unit(str(self.interval), self.unit)

    def __str__(self) -> str:
        return f"{self.interval} {self.unit}".rstrip()


@frozen()
class ReferenceRange:
    """A laboratory's reference range in the unit of its result; None where a side is not limited.

    ``assumed``: no laboratory printed it with the result; it is a published one that the site asked for.
    """

    low: Decimal | None
    high: Decimal | None
    text: str
    low_open: bool = False
    high_open: bool = False
    assumed: bool = False
