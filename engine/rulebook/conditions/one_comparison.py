"""What conditions share that apply one comparison to other results than the current one, or to several."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from engine.rulebook.conditions.base import Analytes, Condition
from engine.rulebook.conditions.values import Absolute, Comparison, Multiple
from engine.rulebook.syntax import Unreadable


@dataclass(frozen=True, slots=True)
class OfComparison(Condition):
    """A condition that says of which results a comparison holds."""

    comparison: Comparison

    @property
    def analytes(self) -> tuple[str, ...]:
        """That of the comparison."""
        return self.comparison.analytes

    @property
    def multiple_of(self) -> str:
        """The reference of the multiple."""
        return self.comparison.multiple_of

    @property
    def ranged(self) -> tuple[str, ...]:
        """The analyte whose printed range the comparison looks at."""
        return self.comparison.ranged

    def faults(self, analytes: Analytes) -> Iterator[Unreadable]:
        """Those of the comparison."""
        return self.comparison.faults(analytes)


def comparison_of(text: str, words: Mapping[str, str]) -> Comparison:
    """The comparison with a number or with a multiple that these words make."""
    form: type[Absolute | Multiple] = Absolute if "UNIT" in words else Multiple
    return form.build(text, words)
