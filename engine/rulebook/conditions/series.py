"""Conditions on the course of an analyte, and on its reference range."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from typing import ClassVar, Self

from engine.model.finding import UnknownCause
from engine.model.moment import Precision, later
from engine.model.quantity import Interval, Operator, Truth, any_of, plain
from engine.model.result import Result
from engine.rulebook.conditions.base import (
    Analytes,
    Condition,
    Verdict,
    View,
    badness,
    compare,
    evidence,
    gravest,
    interval_of,
    missing,
    nearest,
)
from engine.rulebook.conditions.one_analyte import OfAnalyte
from engine.rulebook.conditions.references import source_of
from engine.rulebook.syntax import Unreadable, period


@dataclass(frozen=True, slots=True)
class Change(OfAnalyte):
    """``albumin fell by 5 g/L in 52 w``, ``creatinine rose by more than 30 % in 52 w``."""

    moves: tuple[str, ...]
    strict: bool
    amount: Decimal
    unit: str
    within: timedelta
    period: str

    PATTERNS: ClassVar = (
        "ANALYTE changed by NUMBER UNIT in SPAN PERIOD",
        "ANALYTE MOVE by NUMBER UNIT in SPAN PERIOD",
        "ANALYTE changed by more than NUMBER UNIT in SPAN PERIOD",
        "ANALYTE MOVE by more than NUMBER UNIT in SPAN PERIOD",
    )
    MEANING: ClassVar = (
        "The current value lies at least so far (`more than`: farther than that) above (`rose`), below "
        "(`fell`) or either (`changed`) some earlier result that is not older than the period (`h`, `d`, "
        "`w`) before it; `%` is of that earlier result."
    )
    EXAMPLE: ClassVar = "creatinine changed by 30 % in 52 w"
    OF_RESULTS: ClassVar = True

    @classmethod
    def build(cls, text: str, words: Mapping[str, str]) -> Self:
        """The condition that these words make."""
        moves = (words["MOVE"],) if "MOVE" in words else ("rose", "fell")
        strict, amount = " by more than " in text, Decimal(words["NUMBER"])
        return cls(text, words["ANALYTE"], moves, strict, amount, words["UNIT"], *period(words))

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
        results = view.newest(self.analyte)
        if not results:
            return missing(self.text, self.analyte, view)
        return gravest(self._against_earlier(result, view) for result in results)

    def _against_earlier(self, result: Result, view: View) -> Verdict:
        start = later(result.collected.at, -self.within)
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
        truths: list[Truth] = []
        if "rose" in self.moves:
            above = Operator.GREATER if self.strict else Operator.GREATER_OR_EQUAL
            truths.append(compare(value, above, self._moved(earlier, self.amount)))
        if "fell" in self.moves:
            below = Operator.LESS if self.strict else Operator.LESS_OR_EQUAL
            truths.append(compare(value, below, self._moved(earlier, -self.amount)))
        return any_of(truths)

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
        verb = "changes" if len(self.moves) > 1 else "rises" if "rose" in self.moves else "falls"
        least = "more than" if self.strict else "at least"
        return f"{verb} by {least} {plain(self.amount)} {self.unit} within {self.period}"


@dataclass(frozen=True, slots=True)
class Range(OfAnalyte):
    """``albumin outside reference``."""

    outside: bool

    PATTERNS: ClassVar = ("ANALYTE SIDE reference",)
    MEANING: ClassVar = "The current value against the range printed with it; a missing side has no limit."
    EXAMPLE: ClassVar = "albumin outside reference"
    OF_RESULTS: ClassVar = True

    @classmethod
    def build(cls, text: str, words: Mapping[str, str]) -> Self:
        """The condition that these words make."""
        return cls(text, words["ANALYTE"], words["SIDE"] == "outside")

    @property
    def ranged(self) -> tuple[str, ...]:
        """The analyte whose range it is."""
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
            source=source_of(result, "range"),
        )
        worse = Operator.LESS if low is Truth.TRUE else Operator.GREATER
        return Verdict(seen, result, None, badness(nearest(interval, worse), worse))

    @property
    def saying(self) -> str:
        """``is outside its reference range``."""
        side = "outside" if self.outside else "within"
        return f"is {side} its reference range"


@dataclass(frozen=True, slots=True)
class TimeOfDay(OfAnalyte):
    """``alp time of day differs by 4 h``."""

    hours: Decimal

    PATTERNS: ClassVar = ("ANALYTE time of day differs by NUMBER h",)
    MEANING: ClassVar = (
        "The clocks of the ward showed at least so many hours more or less when the current value was drawn "
        "than when the one before it was; 23 h and 1 h are 2 h apart. UNKNOWN where only a date was told."
    )
    EXAMPLE: ClassVar = "alp time of day differs by 4 h"
    OF_RESULTS: ClassVar = True

    @classmethod
    def build(cls, text: str, words: Mapping[str, str]) -> Self:
        """The condition that these words make."""
        return cls(text, words["ANALYTE"], Decimal(words["NUMBER"]))

    def judge(self, view: View) -> Verdict:
        """Judge the times as they were told, each with its own offset."""
        result = view.current(self.analyte)
        if result is None:
            return missing(self.text, self.analyte, view)
        earlier = view.before(result)
        note, cause, truth = "no previous result", UnknownCause.REFERENCE, Truth.UNKNOWN
        if earlier and min(one.collected.precision for one in (result, earlier[-1])) < Precision.HOUR:
            note, cause = "the time of day was not told", UnknownCause.MISSING
        elif earlier:
            times = [one.collected.at for one in (earlier[-1], result)]
            minutes = [time.hour * 60 + time.minute for time in times]
            apart = abs(minutes[1] - minutes[0])
            truth = Truth.of(min(apart, 1440 - apart) >= self.hours * 60)
            note = "drawn at " + " and ".join(f"{time:%H:%M}" for time in times)
        known = None if truth is not Truth.UNKNOWN else cause
        return Verdict(evidence(self.text, truth, result, cause=known, note=note), result)

    @property
    def saying(self) -> str:
        """``was drawn at least 4 hours earlier or later in the day than before``."""
        return f"was drawn at least {plain(self.hours)} hours earlier or later in the day than before"
