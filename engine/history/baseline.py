"""The value that multiples of baseline are judged against, and why it is that value, or why there is none."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from statistics import median

from engine.model.facts import BASELINE_PREFIX
from engine.model.moment import later
from engine.model.quantity import plain
from engine.model.record import Baseline
from engine.model.result import Result
from engine.model.therapy import Fact, TherapySpan


def baseline_of(
    results: Sequence[Result],
    stated: Sequence[Fact],
    spans: Sequence[TherapySpan],
    window: timedelta,
) -> Baseline | str:
    """The baseline of one analyte for the last of ``spans``; ``results`` ascend by collection time.

    An explicitly stated value wins. Else the median of the results within ``window`` before the first
    thiopurine start. A restart takes a second candidate, the last result within ``window`` before it, and
    the lower of the two is used: the injury that led to the stop must not raise the bar for seeing the next
    one. Each is frozen: nothing that is collected later changes it. A text, which says why, where there is
    none: nothing measured, nothing so young, no plain number, or zero, of which no multiple means anything.
    """
    first = min(span.start for span in spans)
    if stated and stated[-1].effective.latest >= later(first, -window):
        return _stated(stated[-1])
    before = [result for result in results if _is_before(result, first)]
    candidates = [_median(_exact(_since(before, later(first, -window))))]
    if spans[-1].restart:
        start = spans[-1].start
        earlier = _exact(_since((r for r in results if _is_before(r, start)), later(start, -window)))
        candidates.append(_last(earlier))
    usable = [candidate for candidate in candidates if candidate is not None and candidate.value > 0]
    if usable:
        lowest = min(usable, key=lambda candidate: candidate.value)
        return _explained(lowest, next((other for other in usable if other is not lowest), None))
    if any(candidates):
        return "no baseline: what was measured before the start is 0"
    return f"no baseline: {_absence(before, stated, first, window)}"


def baselines(
    series: Mapping[str, Sequence[Result]],
    facts: Mapping[str, Sequence[Fact]],
    spans: Sequence[TherapySpan],
    window: timedelta,
) -> tuple[Mapping[str, Baseline], Mapping[str, str]]:
    """Baselines of every analyte that has one; of every other that was measured, why it has none."""
    stated = {name.removeprefix(BASELINE_PREFIX) for name in facts if name.startswith(BASELINE_PREFIX)}
    found: dict[str, Baseline] = {}
    absent: dict[str, str] = {}
    for name in sorted(stated.union(series)):
        told = facts.get(f"{BASELINE_PREFIX}{name}", ())
        baseline = baseline_of(series.get(name, ()), told, spans, window)
        if isinstance(baseline, Baseline):
            found[name] = baseline
        else:
            absent[name] = baseline
    return found, absent


def _stated(fact: Fact) -> Baseline | str:
    number, _, unit = fact.value.partition(" ")
    value = Decimal(number)
    source = f"stated {plain(value)} {unit} on {fact.effective.at.date()}"
    if value <= 0:
        return f"no baseline: {source}, of which no multiple means anything"
    return Baseline(value, unit.strip(), source)


def _median(results: Sequence[Result]) -> Baseline | None:
    if not results:
        return None
    value = median([_point(result) or Decimal(0) for result in results])
    if len(results) == 1:
        return _measured(value, f"result of {results[0].collected.at.date()}", results)
    days = f"{results[0].collected.at.date()} to {results[-1].collected.at.date()}"
    return _measured(value, f"median of {len(results)} results {days}", results)


def _last(results: Sequence[Result]) -> Baseline | None:
    if not results:
        return None
    last = results[-1]
    source = f"last result before restart, {last.collected.at.date()}"
    return _measured(_point(last) or Decimal(0), source, (last,))


def _measured(value: Decimal, source: str, results: Sequence[Result]) -> Baseline:
    unit = results[0].quantity.unit if results[0].quantity else ""
    return Baseline(
        value,
        unit,
        source,
        tuple(result.key for result in results),
        methods=_distinct(result.method for result in results),
        senders=_distinct(result.sender for result in results),
    )


def _explained(baseline: Baseline, other: Baseline | None) -> Baseline:
    """With where and how it was measured, and why it counts rather than the other candidate."""
    parts = [baseline.source, *(" at ".join(filter(None, s.split("|"))) for s in baseline.senders)]
    parts += baseline.methods
    if other is not None:
        parts.append(f"not above the other candidate {plain(other.value)}, {other.source}")
    return Baseline(
        baseline.value,
        baseline.unit,
        ", ".join(parts),
        baseline.result_keys,
        methods=baseline.methods,
        senders=baseline.senders,
    )


def _absence(before: Sequence[Result], stated: Sequence[Fact], first: datetime, window: timedelta) -> str:
    start = f"the start of {first.date()}"
    too_old = f"more than {window.days} days before {start}"
    if _since(before, later(first, -window)):
        condition = f" ({before[-1].specimen_condition})" if before[-1].spoiled else ""
        return f"only values such as {before[-1].sent}{condition} before {start}"
    if before:
        return f"last measured {before[-1].collected.at.date()}, {too_old}"
    if stated:
        return f"stated for {stated[-1].effective.at.date()}, {too_old}"
    return f"not measured before {start}"


def _since(results: Iterable[Result], begin: datetime) -> list[Result]:
    return [result for result in results if result.collected.at >= begin]


def _exact(results: Iterable[Result]) -> list[Result]:
    return [result for result in results if _point(result) is not None]


def _is_before(result: Result, start: datetime) -> bool:
    return result.collected.latest < start


def _point(result: Result) -> Decimal | None:
    return result.quantity.interval.point if result.quantity and not result.spoiled else None


def _distinct(texts: Iterable[str]) -> tuple[str, ...]:
    return tuple(sorted({text for text in texts if text}))
