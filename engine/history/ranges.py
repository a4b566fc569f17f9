"""Published reference ranges for results whose laboratory printed none, where a site asks for them."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace

from engine.model.quantity import ReferenceRange
from engine.model.result import Result

Assumed = Callable[[str, str, str], ReferenceRange | None]
"""The published range of an analyte for a sex and a unit."""


def with_assumed_ranges(results: Iterable[Result], sex: str, assumed: Assumed) -> tuple[Result, ...]:
    """The results with a published range where no limit was printed; they are judged so, never kept."""
    return tuple(_completed(result, sex, assumed) for result in results)


def _completed(result: Result, sex: str, assumed: Assumed) -> Result:
    printed = result.reference
    if result.quantity is None or (printed and (printed.low is not None or printed.high is not None)):
        return result
    found = assumed(result.analyte, sex, result.quantity.unit)
    return result if found is None else replace(result, reference=found)
