"""Conditions on measured values: against a number, against a multiple of a reference, against each other."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import ClassVar, Self

from engine.model.finding import UnknownCause
from engine.model.quantity import Operator, Truth, any_of, plain, with_unit
from engine.model.result import Result
from engine.rulebook.conditions.base import (
    OPERATOR_WORDS,
    Analytes,
    Condition,
    Verdict,
    View,
    badness,
    compare,
    evidence,
    excess,
    gravest,
    interval_of,
    missing,
    nearest,
    ratio,
)
from engine.rulebook.conditions.one_analyte import OfAnalyte
from engine.rulebook.conditions.references import (
    BELOW_SPLIT,
    REFERENCE_WORDS,
    multiples,
    reference_of,
    source_of,
)
from engine.rulebook.syntax import Unreadable


@dataclass(frozen=True, slots=True)
class Comparison(OfAnalyte):
    """A condition that compares one result at a time with a threshold."""

    operator: Operator
    number: Decimal

    OF_RESULTS: ClassVar = True

    def judge(self, view: View) -> Verdict:
        """Judge the current value; of several of the same time the one that speaks most for the rule."""
        results = view.newest(self.analyte)
        return self.gravest(results, view) if results else missing(self.text, self.analyte, view)

    def gravest(self, results: Sequence[Result], view: View) -> Verdict:
        """The verdict on the result that speaks most for the rule: a true one, then one in doubt."""
        return gravest(self.judge_result(result, view) for result in results)

    def truth(self, view: View) -> Truth:
        """That of the verdict on the current value, without its evidence."""
        results = view.newest(self.analyte)
        return self.gravest_truth(results, view) if results else Truth.UNKNOWN

    def gravest_truth(self, results: Sequence[Result], view: View) -> Truth:
        """That of :meth:`gravest`."""
        return any_of([self.truth_of(result, view) for result in results])

    @abstractmethod
    def judge_result(self, result: Result, view: View) -> Verdict:
        """Judge one result of the analyte."""

    @abstractmethod
    def truth_of(self, result: Result, view: View) -> Truth:
        """That of :meth:`judge_result`."""

    @property
    @abstractmethod
    def limit(self) -> str:
        """The threshold in words: ``500 U/L``, ``5 x baseline``."""

    @property
    def saying(self) -> str:
        """``is at least 500 U/L``."""
        return f"is {OPERATOR_WORDS[self.operator]} {self.limit}"


@dataclass(frozen=True, slots=True)
class Absolute(Comparison):
    """``alt >= 500 U/L``."""

    unit: str

    PATTERNS: ClassVar = ("ANALYTE OPERATOR NUMBER UNIT",)
    MEANING: ClassVar = "The current value, in the analyte's canonical unit, against a number."
    EXAMPLE: ClassVar = "alt >= 500 U/L"

    @classmethod
    def build(cls, text: str, words: Mapping[str, str]) -> Self:
        """The condition that these words make."""
        number = Decimal(words["NUMBER"])
        return cls(text, words["ANALYTE"], Operator(words["OPERATOR"]), number, words["UNIT"])

    def faults(self, analytes: Analytes) -> Iterator[Unreadable]:
        """Also: a unit that is not the analyte's."""
        yield from Condition.faults(self, analytes)
        definition = analytes.get(self.analyte)
        if definition and definition.units and self.unit not in definition.units:
            units = " or ".join(definition.units)
            yield Unreadable(
                f'unit "{self.unit}" is not a unit of {self.analyte} in "{self.text}"',
                f"{definition.title} is judged in {units}",
            )

    def judge_result(self, result: Result, view: View) -> Verdict:
        """Judge one result; another unit than the rule's cannot be compared."""
        if result.quantity is None or result.quantity.unit != self.unit:
            return missing(self.text, self.analyte, view, f"measured in another unit than {self.unit}")
        interval = interval_of(result)
        number = nearest(interval, self.operator)
        return Verdict(
            evidence(
                self.text,
                self.truth_of(result, view),
                result,
                threshold=plain(self.number),
            ),
            result,
            excess(number, self.operator, self.number),
            badness(number, self.operator),
        )

    def truth_of(self, result: Result, view: View) -> Truth:
        """UNKNOWN of another unit than the rule's."""
        del view
        if result.quantity is None or result.quantity.unit != self.unit:
            return Truth.UNKNOWN
        return interval_of(result).compare(self.operator, self.number)

    @property
    def limit(self) -> str:
        """``500 U/L``."""
        return with_unit(plain(self.number), self.unit)


@dataclass(frozen=True, slots=True)
class Multiple(Comparison):
    """``alt >= 5 x baseline``."""

    reference: str

    PATTERNS: ClassVar = ("ANALYTE OPERATOR NUMBER x REFERENCE",)
    MEANING: ClassVar = (
        "The current value against a multiple of: the patient's `baseline`; the upper or lower limit of "
        "normal printed with that very result (`ULN`, `LLN`); the `previous` result; the `peak`, which is "
        "the highest result in scope, the current one included."
    )
    EXAMPLE: ClassVar = "alt >= 5 x baseline"

    @classmethod
    def build(cls, text: str, words: Mapping[str, str]) -> Self:
        """The condition that these words make."""
        reference = words.get("REFERENCE") or words["LIMIT"]
        number = Decimal(words["NUMBER"])
        return cls(text, words["ANALYTE"], Operator(words["OPERATOR"]), number, reference)

    @property
    def multiple_of(self) -> str:
        """The reference of the multiple."""
        return self.reference

    def judge_result(self, result: Result, view: View) -> Verdict:
        """Judge one result; UNKNOWN (reference) where there is nothing to compare with."""
        reference = reference_of(self.reference, result, view, self.operator)
        if reference.interval is None:
            return Verdict(
                evidence(
                    self.text,
                    Truth.UNKNOWN,
                    result,
                    kind=self.reference,
                    cause=UnknownCause.REFERENCE,
                    note=reference.source,
                ),
                result,
            )
        if not reference.judges:
            return Verdict(
                evidence(
                    self.text,
                    Truth.FALSE,
                    result,
                    kind=self.reference,
                    reference=str(reference.interval),
                    source=reference.source,
                    note=BELOW_SPLIT,
                ),
                result,
            )
        threshold = reference.interval.scaled(self.number)
        interval = interval_of(result)
        number = nearest(interval, self.operator)
        point = reference.interval.point
        fold = ratio(number, point, self.number) if number and point else ""
        return Verdict(
            evidence(
                self.text,
                compare(interval, self.operator, threshold),
                result,
                kind=self.reference,
                reference=str(reference.interval),
                source=reference.source,
                threshold=str(threshold),
                fold=fold,
                note=multiples(self.reference, self.operator, result, view),
            ),
            result,
            excess(number, self.operator, threshold.point),
            badness(number, self.operator),
        )

    def truth_of(self, result: Result, view: View) -> Truth:
        """UNKNOWN where there is nothing to compare with, FALSE where nothing is judged by it."""
        reference = reference_of(self.reference, result, view, self.operator)
        if reference.interval is None:
            return Truth.UNKNOWN
        if not reference.judges:
            return Truth.FALSE
        return compare(interval_of(result), self.operator, reference.interval.scaled(self.number))

    @property
    def limit(self) -> str:
        """``5 x baseline``."""
        return f"{plain(self.number)} x {REFERENCE_WORDS[self.reference]}"


@dataclass(frozen=True, slots=True)
class Ratio(Condition):
    """``ast / alt <= 0.4``, or with each value divided by its own upper limit of normal."""

    numerator: str
    denominator: str
    operator: Operator
    number: Decimal
    by_limit: bool

    PATTERNS: ClassVar = (
        "ANALYTE / OTHER OPERATOR NUMBER",
        "ANALYTE xULN / OTHER xULN OPERATOR NUMBER",
    )
    MEANING: ClassVar = (
        "The quotient of the current value and the value of the other analyte in the same specimen or order; "
        "with `xULN` each is first divided by its own upper limit of normal (R value)."
    )
    EXAMPLE: ClassVar = "alt xULN / alp xULN >= 5"
    OF_RESULTS: ClassVar = True

    @classmethod
    def build(cls, text: str, words: Mapping[str, str]) -> Self:
        """The condition that these words make."""
        operator, number = Operator(words["OPERATOR"]), Decimal(words["NUMBER"])
        return cls(text, words["ANALYTE"], words["OTHER"], operator, number, "xULN" in text)

    @property
    def analytes(self) -> tuple[str, ...]:
        """The analytes it judges."""
        return (self.numerator, self.denominator)

    def judge(self, view: View) -> Verdict:
        """Judge the current value and its partner of the same specimen; never mixes two blood draws."""
        above = view.current(self.numerator)
        if above is None:
            return missing(self.text, self.numerator, view)
        partners = [other for other in view.scoped(self.denominator) if same_specimen(above, other)]
        if not partners:
            note = f"no {self.denominator} of the same specimen"
            return missing(self.text, self.numerator, view, note)
        below = partners[-1]
        # cross-multiplied, so that nothing is rounded: a/b >= n is a >= n*b
        left, right = interval_of(above), interval_of(below)
        if self.by_limit:
            limits = [reference_of("ULN", result, view).interval for result in (above, below)]
            if limits[0] is None or limits[1] is None:
                seen = evidence(
                    self.text,
                    Truth.UNKNOWN,
                    above,
                    kind="ULN",
                    cause=UnknownCause.REFERENCE,
                    note=f"no ULN with {self.numerator if limits[0] is None else self.denominator}",
                )
                return Verdict(seen, above)
            left = left.scaled(limits[1].point or Decimal(1))
            right = right.scaled(limits[0].point or Decimal(1))
        quotient, shown = None, ""
        if left.point and right.point:
            quotient = left.point / right.point
            shown = ratio(left.point, right.point, self.number)
        truth = compare(left, self.operator, right.scaled(self.number))
        seen = evidence(
            self.text,
            truth,
            above,
            source=self._assumed(above, below),
            threshold=plain(self.number),
            fold=shown,
            cause=UnknownCause.SPOILED if truth is Truth.UNKNOWN and below.spoiled else None,
            note=f"{self.numerator} {above.quantity}, {self.denominator} {below.quantity}",
        )
        number = badness(quotient, self.operator)
        return Verdict(seen, above, excess(quotient, self.operator, self.number), number)

    def _assumed(self, *results: Result) -> str:
        """The first range behind the quotient that no laboratory printed."""
        ranges = (r for r in results if self.by_limit and r.reference is not None and r.reference.assumed)
        return next((source_of(result, "ULN") for result in ranges), "")

    @property
    def ranged(self) -> tuple[str, ...]:
        """Both analytes where each is divided by its limit."""
        return self.analytes if self.by_limit else ()

    @property
    def saying(self) -> str:
        """``is at most 0.4 in one specimen``."""
        unit = "(each as a multiple of its upper limit of normal) " if self.by_limit else ""
        return f"{unit}is {OPERATOR_WORDS[self.operator]} {plain(self.number)} in one specimen"


def same_specimen(one: Result, other: Result) -> bool:
    """Whether two results are of one specimen, or of one order where no specimen is named."""
    if one.sender != other.sender:
        return False
    if one.specimen and other.specimen:
        return one.specimen == other.specimen
    return bool(one.order) and one.order == other.order
