"""UCUM, asked about units that no table has: for suggestions, and only where the library is installed.

``pip install azawatch[suggest]`` brings it; no result of a patient ever depends on it. Loading takes seconds.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from engine.terminology import normalised_unit

_ANNOTATION = re.compile(r"\{[^}]*\}")


@dataclass(slots=True)
class Ucum:
    """Compares units; ``read`` makes a quantity in base units of a UCUM text, or raises any error."""

    read: Callable[[str], Any]
    _known: dict[str, Any] = field(default_factory=dict)

    def compare(self, unit: str, canonical: str) -> Decimal | None:
        """How many canonical units one of these is, in nine digits.

        0 where they measure different things, None where one of them is no UCUM.
        """
        one, other = self._quantity(unit), self._quantity(canonical)
        if one is None or other is None:
            return None
        if one.dimensionality != other.dimensionality:
            return Decimal(0)
        return Decimal(f"{float(one.magnitude / other.magnitude):.9g}")

    def _quantity(self, unit: str) -> Any:
        text = normalised_unit(unit)
        text = "1" if _ANNOTATION.fullmatch(text) else text  # an annotation alone is the unity
        if text not in self._known:
            try:
                self._known[text] = self.read(text)
            except Exception:  # noqa: BLE001  its parser raises errors of many kinds
                self._known[text] = None
        return self._known[text]


def load() -> Ucum | None:
    """The library, or None where it is not installed."""
    try:
        from ucumvert import PintUcumRegistry  # noqa: PLC0415  takes seconds, and may be absent
    except ImportError:
        return None
    registry = PintUcumRegistry()
    return Ucum(lambda text: registry.from_ucum(text).to_base_units())
