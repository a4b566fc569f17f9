"""The value that multiples of baseline are judged against, and why it is that value."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from statistics import median

from engine.model.quantity import plain
from engine.model.record import Baseline
from engine.model.result import Result
from engine.model.therapy import Fact, TherapySpan


def baseline_of(
    results: Sequence[Result],
    stated: Sequence[Fact],
    spans: Sequence[TherapySpan],
    window: timedelta,
) -> Baseline | None:
    """The baseline of one analyte for the last of ``spans``; ``results`` ascend by collection time.

    An explicitly stated value wins. Else the median of the results within ``window`` before the first
    thiopurine start. A restart takes a second candidate, the last result before it, and the lower of
    the two is used: the injury that led to the stop must not raise the bar for seeing the next one.
    None when there is nothing, or when the value is not above zero: no multiple of it means anything.
    """
    if stated:
        return _stated(stated[-1])
    first = spans[0].start
    before = [
        r
        for r in results
        if first - window <= r.collected.at and _is_before(r, first) and _point(r) is not None
    ]
    candidates = []
    if before:
        value = median([_point(r) or Decimal(0) for r in before])
        days = f"{before[0].collected.at.date()} to {before[-1].collected.at.date()}"
        what = "result of" if len(before) == 1 else f"median of {len(before)} results"
        span_text = str(before[0].collected.at.date()) if len(before) == 1 else days
        candidates.append(
            Baseline(value, _unit(before[0]), f"{what} {span_text}", tuple(r.key for r in before))
        )
    if spans[-1].restart:
        earlier = [r for r in results if _is_before(r, spans[-1].start) and _point(r) is not None]
        if earlier:
            last = earlier[-1]
            source = f"last result before restart, {last.collected.at.date()}"
            candidates.append(Baseline(_point(last) or Decimal(0), _unit(last), source, (last.key,)))
    usable = [candidate for candidate in candidates if candidate.value > 0]
    return min(usable, key=lambda candidate: candidate.value) if usable else None


def baselines(
    series: Mapping[str, Sequence[Result]],
    facts: Mapping[str, Sequence[Fact]],
    spans: Sequence[TherapySpan],
    window: timedelta,
) -> Mapping[str, Baseline]:
    """Baselines of every analyte that has one."""
    names = set(series) | {name.removeprefix("baseline.") for name in facts if name.startswith("baseline.")}
    found = {}
    for name in sorted(names):
        stated = facts.get(f"baseline.{name}", ())
        baseline = baseline_of(series.get(name, ()), stated, spans, window)
        if baseline is not None:
            found[name] = baseline
    return found


def _stated(fact: Fact) -> Baseline | None:
    number, _, unit = fact.value.partition(" ")
    value = Decimal(number)
    if value <= 0:
        return None
    return Baseline(value, unit.strip(), f"stated {plain(value)} {unit} on {fact.effective.at.date()}")


def _is_before(result: Result, start: datetime) -> bool:
    return result.collected.latest < start


def _point(result: Result) -> Decimal | None:
    return result.quantity.interval.point if result.quantity else None


def _unit(result: Result) -> str:
    return result.quantity.unit if result.quantity else ""
