"""What was said of a specimen holds for every value of it, in whichever message either of them came."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from engine.model.result import Problem, Result

Spoils = Callable[[str, str], bool]
"""Whether a value of an analyte is not to be believed in a specimen of that condition."""


def with_conditions(results: Sequence[Result], spoils: Spoils) -> Sequence[Result]:
    """The results, each with all that was said of its specimen.

    One specimen: the same sender, specimen number (else order number) and time of collection.
    """
    said: defaultdict[tuple[str, str], list[Result]] = defaultdict(list)
    for result in results:
        if result.specimen_condition and not result.withdrawn:
            said[result.sender, result.specimen].append(result)
    if not said:
        return results
    return [_with_condition(result, said, spoils) for result in results]


def _with_condition(
    result: Result, said: Mapping[tuple[str, str], Sequence[Result]], spoils: Spoils
) -> Result:
    of_specimen = said.get((result.sender, result.specimen), ()) if result.analyte else ()
    conditions = set(filter(None, result.specimen_condition.split(", ")))
    for other in of_specimen:
        if other.collected.overlaps(result.collected):
            conditions.update(other.specimen_condition.split(", "))
    condition = ", ".join(sorted(conditions))
    if condition == result.specimen_condition:
        return result
    return replace(result, specimen_condition=condition, spoiled=spoils(result.analyte, condition))


def spoiled_values(
    usable: Mapping[str, Sequence[Result]],
    judged: Collection[str],
    reserved_in: Mapping[str, Collection[str]],
    since: datetime,
) -> Iterator[Result]:
    """A problem for each of the analytes ``judged`` whose newest value is spoiled or judged with reserve.

    The next good value answers it; one of the same time, of another specimen, too.
    """
    for name in sorted(set(judged).intersection(usable)):
        measured = [r for r in usable[name] if not r.derived_from and r.collected.latest >= since]
        bad = [r for r in measured if r.specimen_condition and _is_bad(r, reserved_in.get(name, ()))]
        if not bad:
            continue
        good = max((r.collected.latest for r in measured if r not in bad), default=None)
        last = bad[-1]
        if good is None or last.collected.at > good:
            yield replace(last, key=f"specimen|{last.key}", problem=Problem.SPECIMEN_SPOILED)


def _is_bad(result: Result, reserved_in: Collection[str]) -> bool:
    return result.spoiled or not set(reserved_in).isdisjoint(result.specimen_condition.split(", "))
