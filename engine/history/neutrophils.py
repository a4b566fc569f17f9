"""Absolute neutrophil counts that the laboratory left to the reader.

Order of preference: a reported count; segmented plus band forms; white cells times the percentage, all
of one specimen. A bare percentage is never judged.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from decimal import Decimal

from engine.model.quantity import Interval, Quantity
from engine.model.result import Result

_PER_CENT = Decimal(100)
_SEGMENTED = "segmented"  # begins CodeMatch.method of counts that leave the band forms out

_Specimen = tuple[str, str, object]


def complete_neutrophils(by_analyte: Mapping[str, Sequence[Result]]) -> list[Result]:
    """The neutrophil series in 10*9/L: reported counts, completed and derived ones.

    A segmented count without band forms of its specimen stays as it was reported; where the laboratory
    reports a total as well, nothing is derived. Each analyte's results ascend in clinical order: where one
    specimen has two of a part, the later one counts.
    """
    specimens: dict[_Specimen, dict[str, Result]] = {}
    for part in ("neutrophils", "neutrophils_percent", "bands", "bands_percent", "wbc"):
        for result in by_analyte.get(part, ()):
            parts = specimens.setdefault(_specimen(result), {})
            if part not in parts or not _segmented(result) or _segmented(parts[part]):
                parts[part] = result
    reported = list(by_analyte.get("neutrophils", ()))
    completed = {}
    for specimen, parts in specimens.items():
        derived = _derive(parts)
        if derived is not None:
            completed[specimen] = derived
    return [r for r in reported if _specimen(r) not in completed] + list(completed.values())


def _specimen(result: Result) -> _Specimen:
    return (result.sender, result.order, result.collected.at)


def _segmented(result: Result) -> bool:
    return result.method.startswith(_SEGMENTED)


def _derive(parts: Mapping[str, Result]) -> Result | None:
    count = parts.get("neutrophils")
    if count is not None:
        if _segmented(count) and "bands" in parts:
            return _result([count, parts["bands"]], _number(count) + _number(parts["bands"]))
        return None
    share = parts.get("neutrophils_percent")
    if share is None or "wbc" not in parts:
        return None
    shares = [share]
    if _segmented(share) and "bands_percent" in parts:
        shares.append(parts["bands_percent"])
    percent = sum((_number(part) for part in shares), Decimal(0))
    return _result([parts["wbc"], *shares], _number(parts["wbc"]) * percent / _PER_CENT)


def _number(result: Result) -> Decimal:
    """The point value; NaN, which :func:`_result` refuses, where the laboratory sent an interval."""
    point = result.quantity.interval.point if result.quantity else None
    return Decimal("NaN") if point is None else point


def _result(parts: Sequence[Result], count: Decimal) -> Result | None:
    if count.is_nan():
        return None
    newest = max(parts, key=lambda part: part.version)
    return replace(
        newest,
        key="+".join(part.key for part in parts),
        analyte="neutrophils",
        quantity=Quantity(Interval.exactly(count), "10*9/L"),
        reference=None,
        sent="derived from " + " and ".join(f"{part.analyte} {part.sent}" for part in parts),
        flags=(),
        specimen_condition=next(filter(None, (part.specimen_condition for part in parts)), ""),
        spoiled=any(part.spoiled for part in parts),
        derived_from=tuple(part.key for part in parts),
    )
