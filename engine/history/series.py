"""Usable results per analyte in clinical order, and the observations that nobody could use."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from decimal import Decimal
from itertools import takewhile

from engine.history.neutrophils import complete_neutrophils
from engine.model.codes import ESTIMATE
from engine.model.quantity import Operator, Truth
from engine.model.result import STATUS_ACTIONS, Problem, Result, StatusAction

FINAL = frozenset({StatusAction.EVALUATE})
_HABIT = 3  # so many results in a row without a range; our choice
_BEYOND = frozenset({"H", "HH", "L", "LL"})  # HL7 table 0078: beyond a limit that was not sent
FINAL_AND_PROVISIONAL = frozenset({StatusAction.EVALUATE, StatusAction.PROVISIONAL})


def clinical_order(result: Result) -> tuple[object, ...]:
    """Sort key: collection time, then version, then key, so that ties never depend on arrival."""
    return (result.collected.at, result.version, result.key)


def series(results: Iterable[Result], actions: frozenset[StatusAction]) -> Mapping[str, tuple[Result, ...]]:
    """Results with a usable quantity or coded text, by analyte, ascending by collection time.

    Absolute neutrophils that no laboratory reported are derived from the same specimen
    (:mod:`engine.history.neutrophils`). Counts estimated from a smear (clumped platelets) judge nobody.
    """
    by_analyte: dict[str, list[Result]] = defaultdict(list)
    for result in results:
        usable = result.problem is None and result.analyte and result.method != ESTIMATE
        if usable and STATUS_ACTIONS[result.status] in actions:
            by_analyte[result.analyte].append(result)
    found = {name: tuple(sorted(several, key=clinical_order)) for name, several in by_analyte.items()}
    if "neutrophils_percent" in found or "bands" in found:
        counts = complete_neutrophils(found)
        found["neutrophils"] = tuple(sorted(counts, key=clinical_order))
    return {name: several for name, several in found.items() if several}


def unanswered_problems(results: Iterable[Result]) -> tuple[Result, ...]:
    """Observations without a usable value that no later usable observation has answered.

    A problem with an analyte is answered by the next usable result of that analyte; an unmapped code by
    the next result of the same sender and code that is mapped; an identity conflict by withdrawing it.
    """
    newest: dict[tuple[str, ...], Result] = {}
    for result in results:
        if STATUS_ACTIONS[result.status] not in FINAL:
            continue
        for subject in _answers(result):
            known = newest.get(subject)
            if known is None or clinical_order(known) < clinical_order(result):
                newest[subject] = result
    open_ones = (newest[subject] for subject in newest if newest[subject].problem is not None)
    problems = {result.key: result for result in open_ones if newest[_question(result)] is result}
    return tuple(sorted(problems.values(), key=clinical_order))


def without_range(
    usable: Mapping[str, Sequence[Result]],
    ranged: Collection[str],
    since: datetime,
    needed_above: Mapping[str, Decimal],
) -> tuple[Result, ...]:
    """A problem for each of the analytes ``ranged`` whose last results all came without any limit.

    No multiple of a limit can be judged on them, and nobody would notice. One range left out is no habit,
    but one too many where the value is above ``needed_above`` or flagged: then the multiple is asked for now.
    """
    found = []
    for name in sorted(set(ranged).intersection(usable)):
        newest = [r for r in usable[name] if not r.derived_from and r.collected.latest >= since]
        bare = list(takewhile(lambda result: not _has_limits(result), reversed(newest)))
        if len(bare) >= _HABIT or any(_asks_for_limits(r, needed_above.get(name)) for r in bare):
            last = bare[0]
            key = f"range-missing|{last.sender}|{name}"
            found.append(replace(last, key=key, quantity=None, problem=Problem.RANGE_MISSING))
    return tuple(found)


def _asks_for_limits(result: Result, above: Decimal | None) -> bool:
    if not _BEYOND.isdisjoint(flag.strip().upper() for flag in result.flags):
        return True
    interval = result.quantity.interval if result.quantity is not None else None
    return (
        above is not None and interval is not None and interval.compare(Operator.GREATER, above) is Truth.TRUE
    )


def _has_limits(result: Result) -> bool:
    limits = result.reference
    return limits is not None and not limits.assumed and (limits.low is not None or limits.high is not None)


def _question(result: Result) -> tuple[str, ...]:
    """What a problem is about."""
    if result.problem is Problem.IDENTITY_CONFLICT:
        return ("conflict", result.key)
    if result.problem is Problem.CODE_UNMAPPED or not result.analyte:  # without either: an answered question
        return ("code", result.sender, result.code)
    return ("analyte", result.analyte)


def _answers(result: Result) -> tuple[tuple[str, ...], ...]:
    """Which questions a result answers, or asks."""
    if result.analyte:
        return (("analyte", result.analyte), ("code", result.sender, result.code))
    return (_question(result),)
