"""Conditions on the last few results of an analyte: falling, rising, stable, or so for some time."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from decimal import Decimal
from itertools import pairwise, permutations, product
from typing import ClassVar, Self

from engine.model.moment import later
from engine.model.quantity import Interval, Operator, Truth, all_of, any_of, plain
from engine.model.result import Result
from engine.rulebook.conditions.base import (
    Verdict,
    View,
    badness,
    compare,
    cut,
    evidence,
    interval_of,
    missing,
    nearest,
)
from engine.rulebook.conditions.one_analyte import OfAnalyte
from engine.rulebook.conditions.one_comparison import OfComparison, comparison_of

Draw = tuple[Result, ...]


@dataclass(frozen=True, slots=True)
class Trend(OfAnalyte):
    """``wbc falling for 4 results``, ``wbc falling by more than 10 % for 4 results``."""

    rising: bool
    count: int
    percent: Decimal

    PATTERNS: ClassVar = (
        "ANALYTE DIRECTION for COUNT results",
        "ANALYTE DIRECTION by more than NUMBER % for COUNT results",
    )
    MEANING: ClassVar = (
        "Of the last so many results in scope each is above (or below) the one before it, or more than so "
        "many per cent of the one before it; equal is neither. Results of one time are one step: the pair "
        "that speaks most for the rule counts. With fewer results it is false."
    )
    EXAMPLE: ClassVar = "wbc falling by more than 10 % for 4 results"
    OF_RESULTS: ClassVar = True

    @classmethod
    def build(cls, text: str, words: Mapping[str, str]) -> Self:
        """The condition that these words make."""
        percent = Decimal(words.get("NUMBER", "0"))
        return cls(text, words["ANALYTE"], words["DIRECTION"] == "rising", int(words["COUNT"]), percent)

    def judge(self, view: View) -> Verdict:
        """Judge the steps between the last ``count`` results."""
        draws = view.draws(self.analyte)[-self.count :]
        if not draws:
            return missing(self.text, self.analyte, view)
        operator = Operator.GREATER if self.rising else Operator.LESS
        truth = all_of(self._step(*pair, operator) for pair in pairwise(draws))
        note = f"results: {_values(draws)}{_steps(draws) if self.percent else ''}"
        if len(draws) < self.count and truth is not Truth.FALSE:
            truth, note = Truth.FALSE, f"{len(draws)} of {self.count} results so far"
        newest = draws[-1][-1]
        number = badness(nearest(interval_of(newest), operator), operator)
        return Verdict(evidence(self.text, truth, newest, note=note), newest, None, number)

    def _step(self, earlier: Draw, later: Draw, operator: Operator) -> Truth:
        factor = 1 + (self.percent if self.rising else -self.percent) / 100
        return any_of(
            compare(interval_of(after), operator, interval_of(before).scaled(factor))
            for before, after in product(earlier, later)
        )

    @property
    def saying(self) -> str:
        """``falls by more than 10 % a step over 4 results in a row``."""
        verb = "rises" if self.rising else "falls"
        amount = f" by more than {plain(self.percent)} % a step" if self.percent else ""
        return f"{verb}{amount} over {self.count} results in a row"


def _values(draws: list[Draw]) -> str:
    return ", ".join("/".join(str(interval_of(result)) for result in draw) for draw in draws)


def _steps(draws: list[Draw]) -> str:
    """The change from each result to the next in per cent, one decimal, cut: `` (-11.6 %, -9.4 %)``."""
    points = [interval_of(draw[-1]).point for draw in draws]
    steps = [
        f"{plain(cut((after - before) * 100 / before, 1))} %" if before and after is not None else "?"
        for before, after in pairwise(points)
    ]
    return f" ({', '.join(steps)})" if steps else ""


@dataclass(frozen=True, slots=True)
class Stable(OfAnalyte):
    """``alt stable within 20 % for 3 results``."""

    percent: Decimal
    count: int

    PATTERNS: ClassVar = ("ANALYTE stable within NUMBER % for COUNT results",)
    MEANING: ClassVar = (
        "The largest and the smallest of the last so many results in scope differ by at most so many per "
        "cent of the smallest. With fewer results it is false."
    )
    EXAMPLE: ClassVar = "alt stable within 20 % for 3 results"
    OF_RESULTS: ClassVar = True

    @classmethod
    def build(cls, text: str, words: Mapping[str, str]) -> Self:
        """The condition that these words make."""
        return cls(text, words["ANALYTE"], Decimal(words["NUMBER"]), int(words["COUNT"]))

    def judge(self, view: View) -> Verdict:
        """Judge every pair of the last ``count`` results, those of one time included."""
        draws = view.draws(self.analyte)[-self.count :]
        if not draws:
            return missing(self.text, self.analyte, view)
        values = [interval_of(result) for draw in draws for result in draw]
        truth = all_of(self._near(*pair) for pair in permutations(values, 2))
        note = f"results: {_values(draws)}"
        if len(draws) < self.count and truth is not Truth.FALSE:
            truth, note = Truth.FALSE, f"{len(draws)} of {self.count} results so far"
        newest = draws[-1][-1]
        return Verdict(evidence(self.text, truth, newest, note=note), newest)

    def _near(self, value: Interval, other: Interval) -> Truth:
        return compare(value, Operator.LESS_OR_EQUAL, other.scaled(1 + self.percent / 100))

    @property
    def saying(self) -> str:
        """``stays within 20 % over 3 results in a row``."""
        return f"stays within {plain(self.percent)} % over {self.count} results in a row"


@dataclass(frozen=True, slots=True)
class Lasting(OfComparison):
    """``alt > 5 x ULN lasting 14 d``."""

    days: Decimal

    PATTERNS: ClassVar = (
        "ANALYTE OPERATOR NUMBER UNIT lasting SPAN d",
        "ANALYTE OPERATOR NUMBER x LIMIT lasting SPAN d",
    )
    MEANING: ClassVar = (
        "The current value compares so, and so do all results in scope back to one at least so many days "
        "earlier, each with the limits printed with it; false where none is so old."
    )
    EXAMPLE: ClassVar = "alt > 5 x ULN lasting 14 d"
    OF_RESULTS: ClassVar = True

    @classmethod
    def build(cls, text: str, words: Mapping[str, str]) -> Self:
        """The condition that these words make."""
        return cls(text, comparison_of(text, words), Decimal(words["SPAN"]))

    def judge(self, view: View) -> Verdict:
        """Judge back to the newest result that is old enough; the evidence shows the newest that decides."""
        draws = view.draws(self.comparison.analyte)
        if not draws:
            return missing(self.text, self.comparison.analyte, view)
        old_enough = later(draws[-1][-1].collected.at, -timedelta(seconds=int(self.days * 86400)))
        first = next(
            (n for n in range(len(draws) - 1, -1, -1) if draws[n][-1].collected.at <= old_enough), None
        )
        reach = draws[first or 0 :]
        verdicts = [self.comparison.gravest(draw, view) for draw in reach]
        truth = all_of(verdict.truth for verdict in verdicts)
        shown = next(verdict for verdict in reversed(verdicts) if verdict.truth is truth)
        since = f"results since {reach[0][-1].collected.at.date().isoformat()}: {_values(reach)}"
        if first is None and truth is not Truth.FALSE:
            truth, shown, since = Truth.FALSE, verdicts[-1], f"{since}, none {plain(self.days)} days old"
        cause = shown.evidence.cause if truth is Truth.UNKNOWN else None
        seen = replace(shown.evidence, condition=self.text, truth=truth, cause=cause, note=since)
        return shown._replace(evidence=seen)

    @property
    def saying(self) -> str:
        """``is above 5 x upper limit of normal for at least 14 days``."""
        return f"{self.comparison.saying} for at least {plain(self.days)} days"
