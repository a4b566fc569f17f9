"""Conditions on the course of an analyte, and on its reference range."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from itertools import pairwise
from typing import ClassVar, Self

from engine.model.finding import UnknownCause
from engine.model.quantity import Interval, Operator, Truth, all_of, any_of, plain
from engine.model.result import Result
from engine.rulebook.conditions.base import (
    Analytes,
    Condition,
    Verdict,
    View,
    badness,
    compare,
    evidence,
    interval_of,
    missing,
    nearest,
)
from engine.rulebook.syntax import PERIODS, Unreadable

_PERIOD_WORDS = {"h": "hours", "d": "days", "w": "weeks"}


@dataclass(frozen=True, slots=True)
class Trend(Condition):
    """``wbc falling for 4 results``."""

    analyte: str
    rising: bool
    count: int

    PATTERNS: ClassVar = ("ANALYTE DIRECTION for COUNT results",)
    MEANING: ClassVar = (
        "Of the last so many results in scope each is above (or below) the one before it; equal is neither. "
        "With fewer results it is false."
    )
    EXAMPLE: ClassVar = "wbc falling for 4 results"

    @classmethod
    def build(cls, text: str, words: Mapping[str, str]) -> Self:
        """The condition that these words make."""
        return cls(text, words["ANALYTE"], words["DIRECTION"] == "rising", int(words["COUNT"]))

    @property
    def analytes(self) -> tuple[str, ...]:
        """The analytes it judges."""
        return (self.analyte,)

    def judge(self, view: View) -> Verdict:
        """Judge the steps between the last ``count`` results."""
        results = view.scoped(self.analyte)[-self.count :]
        if not results:
            return missing(self.text, self.analyte, view)
        values = [interval_of(result) for result in results]
        operator = Operator.GREATER if self.rising else Operator.LESS
        steps = [compare(later, operator, earlier) for earlier, later in pairwise(values)]
        truth, note = all_of(steps), "results: " + ", ".join(map(str, values))
        if len(results) < self.count and truth is not Truth.FALSE:
            truth, note = Truth.FALSE, f"{len(results)} of {self.count} results so far"
        seen = evidence(self.text, truth, results[-1], note=note)
        return Verdict(seen, results[-1], None, badness(nearest(values[-1], operator), operator))

    @property
    def saying(self) -> str:
        """``cells fall on 4 results in a row``."""
        verb = "rises" if self.rising else "falls"
        return f"{verb} over {self.count} results in a row"


@dataclass(frozen=True, slots=True)
class Change(Condition):
    """``creatinine changed by 30 % in 52 w``."""

    analyte: str
    amount: Decimal
    unit: str
    within: timedelta
    period: str

    PATTERNS: ClassVar = ("ANALYTE changed by NUMBER UNIT in SPAN PERIOD",)
    MEANING: ClassVar = (
        "The current value lies at least so far above or below some earlier result that is not older than "
        "the period (`h`, `d`, `w`) before it; `%` is of that earlier result."
    )
    EXAMPLE: ClassVar = "creatinine changed by 30 % in 52 w"

    @classmethod
    def build(cls, text: str, words: Mapping[str, str]) -> Self:
        """The condition that these words make."""
        within = timedelta(seconds=float(Decimal(words["SPAN"]) * PERIODS[words["PERIOD"]]))
        period = f"{words['SPAN']} {_PERIOD_WORDS[words['PERIOD']]}"
        return cls(text, words["ANALYTE"], Decimal(words["NUMBER"]), words["UNIT"], within, period)

    @property
    def analytes(self) -> tuple[str, ...]:
        """The analytes it judges."""
        return (self.analyte,)

    def faults(self, analytes: Analytes) -> Iterator[Unreadable]:
        """Also: a unit that is neither percent nor the analyte's."""
        yield from Condition.faults(self, analytes)
        definition = analytes.get(self.analyte)
        if definition and definition.units and self.unit not in ("%", *definition.units):
            yield Unreadable(
                f'unit "{self.unit}" is not a unit of {self.analyte} in "{self.text}"',
                f"write % or {' or '.join(definition.units)}",
            )

    def judge(self, view: View) -> Verdict:
        """Judge the current value against every earlier one in the period."""
        result = view.current(self.analyte)
        if result is None:
            return missing(self.text, self.analyte, view)
        start = result.collected.at - self.within
        earlier = [other for other in view.before(result) if other.collected.at >= start]
        if not earlier:
            note = f"no earlier result in {self.period}"
            seen = evidence(
                self.text, Truth.UNKNOWN, result, cause=UnknownCause.REFERENCE, kind="previous", note=note
            )
            return Verdict(seen, result)
        truths = [self._differs(interval_of(result), interval_of(other)) for other in earlier]
        truth = any_of(truths)
        # the newest of those that decide: the shortest way the value has come
        reference = next(o for o, t in zip(reversed(earlier), reversed(truths), strict=True) if t is truth)
        seen = evidence(
            self.text,
            truth,
            result,
            kind="previous",
            reference=str(interval_of(reference)),
            source=f"result of {reference.collected.at.date().isoformat()}",
        )
        return Verdict(seen, result, None, self._distance(result, reference))

    def _differs(self, value: Interval, earlier: Interval) -> Truth:
        up, down = self._moved(earlier, self.amount), self._moved(earlier, -self.amount)
        return any_of(
            (
                compare(value, Operator.GREATER_OR_EQUAL, up),
                compare(value, Operator.LESS_OR_EQUAL, down),
            )
        )

    def _moved(self, earlier: Interval, amount: Decimal) -> Interval:
        if self.unit == "%":
            return earlier.scaled(1 + amount / 100)
        return Interval(
            None if earlier.low is None else earlier.low + amount,
            None if earlier.high is None else earlier.high + amount,
            earlier.low_open,
            earlier.high_open,
        )

    @staticmethod
    def _distance(result: Result, reference: Result) -> Decimal | None:
        value, earlier = interval_of(result).point, interval_of(reference).point
        return None if value is None or earlier is None else abs(value - earlier)

    @property
    def saying(self) -> str:
        """``changes by at least 30 % within 52 weeks``."""
        amount = f"{plain(self.amount)} {self.unit}"
        return f"changes by at least {amount} within {self.period}"


@dataclass(frozen=True, slots=True)
class Range(Condition):
    """``albumin outside reference``."""

    analyte: str
    outside: bool

    PATTERNS: ClassVar = ("ANALYTE SIDE reference",)
    MEANING: ClassVar = "The current value against the range printed with it; a missing side has no limit."
    EXAMPLE: ClassVar = "albumin outside reference"

    @classmethod
    def build(cls, text: str, words: Mapping[str, str]) -> Self:
        """The condition that these words make."""
        return cls(text, words["ANALYTE"], words["SIDE"] == "outside")

    @property
    def analytes(self) -> tuple[str, ...]:
        """The analytes it judges."""
        return (self.analyte,)

    def judge(self, view: View) -> Verdict:
        """Judge the current value; UNKNOWN (reference) where the laboratory sent no range."""
        result = view.current(self.analyte)
        if result is None:
            return missing(self.text, self.analyte, view)
        limits = result.reference
        if limits is None or (limits.low is None and limits.high is None):
            seen = evidence(
                self.text,
                Truth.UNKNOWN,
                result,
                cause=UnknownCause.REFERENCE,
                note="no reference range with that result",
            )
            return Verdict(seen, result)
        interval = interval_of(result)
        low = high = Truth.FALSE
        if limits.low is not None:
            below = Operator.LESS_OR_EQUAL if limits.low_open else Operator.LESS
            low = interval.compare(below, limits.low)
        if limits.high is not None:
            above = Operator.GREATER_OR_EQUAL if limits.high_open else Operator.GREATER
            high = interval.compare(above, limits.high)
        truth = any_of((low, high))
        seen = evidence(
            self.text,
            truth if self.outside else truth.negated(),
            result,
            reference=limits.text,
            source="OBX-7 of that result",
        )
        worse = Operator.LESS if low is Truth.TRUE else Operator.GREATER
        return Verdict(seen, result, None, badness(nearest(interval, worse), worse))

    @property
    def saying(self) -> str:
        """``is outside its reference range``."""
        side = "outside" if self.outside else "within"
        return f"is {side} its reference range"
