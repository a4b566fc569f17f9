"""Conditions on the baseline itself: which multiples mean something for this patient."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import ClassVar, Self

from engine.model.finding import Evidence, UnknownCause
from engine.model.quantity import Operator, Truth, plain
from engine.model.result import Result
from engine.rulebook.conditions.base import (
    OPERATOR_WORDS,
    Verdict,
    View,
    compare,
    gravest,
    missing,
    ratio,
)
from engine.rulebook.conditions.one_analyte import OfAnalyte
from engine.rulebook.conditions.references import reference_of


@dataclass(frozen=True, slots=True)
class BaselineMultiple(OfAnalyte):
    """``alt baseline >= 1.5 x ULN``."""

    operator: Operator
    number: Decimal

    PATTERNS: ClassVar = ("ANALYTE baseline OPERATOR NUMBER x ULN",)
    MEANING: ClassVar = (
        "The patient's baseline against a multiple of the upper limit of normal printed with the current "
        "value: whether the patient was normal before the therapy."
    )
    EXAMPLE: ClassVar = "alt baseline >= 1.5 x ULN"

    @classmethod
    def build(cls, text: str, words: Mapping[str, str]) -> Self:
        """The condition that these words make."""
        return cls(text, words["ANALYTE"], Operator(words["OPERATOR"]), Decimal(words["NUMBER"]))

    @property
    def ranged(self) -> tuple[str, ...]:
        """The analyte with whose limit the baseline is compared."""
        return (self.analyte,)

    def judge(self, view: View) -> Verdict:
        """Judge the baseline; the verdict names no result, for no measured value is high or low by it."""
        results = view.newest(self.analyte)
        if not results:
            return missing(self.text, self.analyte, view)
        return gravest(self._against(result, view) for result in results)

    def _against(self, result: Result, view: View) -> Verdict:
        baseline = reference_of("baseline", result, view)
        limit = reference_of("ULN", result, view)
        if baseline.interval is None or limit.interval is None:
            absent = baseline if baseline.interval is None else limit
            return Verdict(
                Evidence(
                    self.text,
                    Truth.UNKNOWN,
                    self.analyte,
                    reference_kind="ULN" if absent is limit else "baseline",
                    cause=UnknownCause.REFERENCE,
                    note=absent.source,
                )
            )
        value, bound = baseline.interval.point, limit.interval.point
        threshold = limit.interval.scaled(self.number)
        return Verdict(
            Evidence(
                self.text,
                compare(baseline.interval, self.operator, threshold),
                self.analyte,
                value=str(baseline.interval),
                unit=result.quantity.unit if result.quantity else "",
                reference_kind="ULN",
                reference_value=str(limit.interval),
                reference_source=limit.source,
                threshold=str(threshold),
                fold=ratio(value, bound, self.number) if value and bound else "",
                note=f"baseline: {baseline.source}",
            )
        )

    @property
    def saying(self) -> str:
        """``baseline is at least 1.5 x upper limit of normal``."""
        return f"baseline is {OPERATOR_WORDS[self.operator]} {plain(self.number)} x upper limit of normal"


@dataclass(frozen=True, slots=True)
class BaselineKnown(OfAnalyte):
    """``bilirubin baseline known``."""

    PATTERNS: ClassVar = ("ANALYTE baseline known",)
    MEANING: ClassVar = (
        "The current value has a baseline of the patient to be compared with; false where it has none or "
        "nothing was measured, never UNKNOWN."
    )
    EXAMPLE: ClassVar = "bilirubin baseline known"
    CAN_BE_UNKNOWN: ClassVar = False

    @classmethod
    def build(cls, text: str, words: Mapping[str, str]) -> Self:
        """The condition that these words make."""
        return cls(text, words["ANALYTE"])

    def judge(self, view: View) -> Verdict:
        """Look for the baseline; the verdict names no result, for no measured value is high or low by it."""
        result = view.current(self.analyte)
        if result is None:
            return Verdict(Evidence(self.text, Truth.FALSE, self.analyte, note="not measured"))
        found = reference_of("baseline", result, view)
        known = Truth.of(found.interval is not None)
        return Verdict(Evidence(self.text, known, self.analyte, note=f"baseline: {found.source}"))

    @property
    def saying(self) -> str:
        """``has a baseline of the patient``."""
        return "has a baseline of the patient"
