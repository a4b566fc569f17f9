"""What multiples are multiples of: limits of normal, earlier values, and the baseline in its three modes."""

from __future__ import annotations

from decimal import Decimal
from typing import NamedTuple

from engine.model.finding import ASSUMED
from engine.model.quantity import Interval, Operator, plain
from engine.model.record import BaselineMode
from engine.model.result import Result
from engine.rulebook.conditions.base import HIGH, View, interval_of, ratio

SPLIT_AT = Decimal("1.5")
BELOW_SPLIT = f"baseline below {SPLIT_AT} x ULN: judged by multiples of ULN"

REFERENCE_WORDS = {
    "baseline": "baseline",
    "ULN": "upper limit of normal",
    "LLN": "lower limit of normal",
    "previous": "the previous value",
    "peak": "the peak value",
}


class Reference(NamedTuple):
    """What a multiple is a multiple of; ``interval`` is None where there is none, and ``source`` says why.

    ``judges`` is false where the baseline is known and by the protocol nothing is judged against it.
    """

    interval: Interval | None
    source: str
    judges: bool = True


def reference_of(kind: str, result: Result, view: View, operator: Operator = Operator.LESS) -> Reference:
    """The number that ``result`` is compared with, and where it comes from.

    The limits of normal are those of that very observation (OBX-7): laboratories differ nearly twofold.
    A baseline or upper limit of zero means nothing, so it counts as absent. ``operator`` matters for a
    baseline: only what is judged for being too high is judged by the mode of the protocol.
    """
    if kind in ("ULN", "LLN"):
        limits = result.reference
        bound = None if limits is None else limits.high if kind == "ULN" else limits.low
        found = Reference(None, f"no {kind} with that result")
        if bound is not None:
            found = Reference(Interval.exactly(bound), source_of(result, kind))
    elif kind == "baseline":
        baseline = view.situation.baselines.get(result.analyte)
        found = Reference(None, view.situation.without_baseline.get(result.analyte, "no baseline"))
        if baseline is not None:
            source = baseline.source
            if result.method and baseline.methods and result.method not in baseline.methods:
                source = f"{source}; this result: {result.method}"
            found = Reference(Interval.exactly(baseline.value), source)
            if operator in HIGH:
                found = _by_mode(found, baseline.value, result, view.situation.baseline_mode)
    elif kind == "previous":
        earlier = view.before(result)
        found = Reference(None, "no previous result")
        if earlier:
            found = _of_result(earlier[-1], "previous result")
    else:
        found = _of_result(max(view.scoped(result.analyte), key=_peak_order), "highest result")
    if kind != "LLN" and found.interval is not None and found.interval.point == 0:
        return Reference(None, f"{kind} is 0")
    return found


def source_of(result: Result, kind: str) -> str:
    """Where a limit of the result's range is from: printed with it, or ``assumed ULN: 10-40, ...``."""
    if result.reference is not None and result.reference.assumed:
        return f"{ASSUMED}{kind}: {result.reference.text}"
    return "OBX-7 of that result"


def upper_limit(result: Result) -> Decimal | None:
    """The upper limit of normal printed with that result; None where there is none, and where it is 0."""
    return result.reference.high or None if result.reference is not None else None


def multiples(kind: str, operator: Operator, result: Result, view: View) -> str:
    """Of a value judged for being too high over its baseline, all three multiples; else empty."""
    if kind != "baseline" or operator not in HIGH:
        return ""
    baseline, upper = view.situation.baselines.get(result.analyte), upper_limit(result)
    number = result.quantity.interval.point if result.quantity else None
    if number is None or baseline is None or not baseline.value or upper is None:
        return ""
    own, of_limit = ratio(number, baseline.value), ratio(number, upper)
    higher = ratio(number, max(baseline.value, upper))
    return (
        f"{own} x own baseline {plain(baseline.value)}, {of_limit} x ULN {plain(upper)}, "
        f"{higher} x the higher of both"
    )


def _by_mode(own: Reference, baseline: Decimal, result: Result, mode: BaselineMode) -> Reference:
    """The own baseline as the protocol uses it; without a printed ULN as it is, so that nothing is hidden."""
    upper = upper_limit(result)
    if upper is None:
        return own
    if mode is BaselineMode.FLOOR_ULN and upper > baseline:
        printed = result.reference is None or not result.reference.assumed
        source = "the ULN of that result" if printed else source_of(result, "ULN")
        source = f"{source}, above the own baseline {plain(baseline)}"
        return Reference(Interval.exactly(upper), source)
    if mode is BaselineMode.SPLIT and baseline < SPLIT_AT * upper:
        return own._replace(judges=False)
    return own


def _of_result(result: Result, what: str) -> Reference:
    return Reference(interval_of(result), f"{what}, {result.collected.at.date().isoformat()}")


def _peak_order(result: Result) -> Decimal:
    interval = interval_of(result)
    # >1000 may be higher than any number: nothing that is written as a number outranks it
    return Decimal("Infinity") if interval.high is None else interval.high
