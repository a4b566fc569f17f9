"""Conditions on how a patient was when the therapy began."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import ClassVar, Self

from engine.rulebook.conditions.base import Verdict, View, missing
from engine.rulebook.conditions.one_comparison import OfComparison, comparison_of

REACH = timedelta(days=90)


@dataclass(frozen=True, slots=True)
class AtStart(OfComparison):
    """``wbc < 2.5 10*9/L at start``."""

    PATTERNS: ClassVar = (
        "ANALYTE OPERATOR NUMBER UNIT at start",
        "ANALYTE OPERATOR NUMBER x LIMIT at start",
    )
    MEANING: ClassVar = (
        "The newest result from before the first start of the therapy, which may lie ahead, compares so, "
        "with the limits printed with it; UNKNOWN where none was collected in the 90 days before it (that "
        "number is our choice)."
    )
    EXAMPLE: ClassVar = "wbc < 2.5 10*9/L at start"
    OF_RESULTS: ClassVar = True

    @classmethod
    def build(cls, text: str, words: Mapping[str, str]) -> Self:
        """The condition that these words make."""
        return cls(text, comparison_of(text, words))

    def judge(self, view: View) -> Verdict:
        """Judge the newest draw before the start."""
        start, analyte = view.situation.scope_from, self.comparison.analyte
        before = [
            result for result in view.usable(analyte) if start - REACH <= result.collected.latest < start
        ]
        day = start.date().isoformat()
        if not before:
            note = f"nothing measured in the {REACH.days} days before the start of {day}"
            return missing(self.text, analyte, view, note)
        newest = max(result.collected.at for result in before)
        draw = [result for result in before if result.collected.at == newest]
        shown = self.comparison.gravest(draw, view)
        note = ", ".join(filter(None, (shown.evidence.note, f"newest before the start of {day}")))
        return shown._replace(evidence=replace(shown.evidence, note=note))

    @property
    def saying(self) -> str:
        """``was below 2.5 10*9/L at the start``."""
        return f"{self.comparison.saying.replace('is', 'was', 1)} at the start"
