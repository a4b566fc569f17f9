"""What conditions on one analyte share."""

from __future__ import annotations

from dataclasses import dataclass

from engine.rulebook.conditions.base import Condition


@dataclass(frozen=True, slots=True)
class OfAnalyte(Condition):
    """A condition on the results of one analyte."""

    analyte: str

    @property
    def analytes(self) -> tuple[str, ...]:
        """The analyte that it is about."""
        return (self.analyte,)
