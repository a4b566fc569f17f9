"""Facts that follow from results: the levels of TPMT and NUDT15, the body weight.

They are derived whenever a record is judged and never stored, so that a corrected or withdrawn result is
corrected or withdrawn here too.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import timedelta

from engine.history.series import FINAL, clinical_order
from engine.model.facts import GENES, METABOLISER_LEVELS, GeneLevel
from engine.model.quantity import plain
from engine.model.result import STATUS_ACTIONS, Result
from engine.model.therapy import Fact, TherapySpan

Facts = Mapping[str, tuple[Fact, ...]]
ReadLevels = Callable[[Result], Sequence[GeneLevel]]

_STATED = "stated"
_ACTIVITY = "activity"
WEIGHT = "body_weight"
# Red cells of a donor bring the donor's enzyme; four months are the life of a red cell.
_DONOR_CELLS_LIVE = timedelta(days=122)


def derived_facts(
    results: Iterable[Result], told: Facts, spans: Sequence[TherapySpan], read: ReadLevels
) -> Facts:
    """The facts told, with those that results tell of among them.

    Of a gene the gravest of what is stated, what the genotype, the phenotype and the activity say counts,
    of each the newest: a normal activity takes nothing back. ``read`` gives the levels of a result.
    """
    usable = [r for r in results if r.problem is None and STATUS_ACTIONS[r.status] in FINAL]
    found = dict(told)
    levels = [(result, level) for result in usable for level in read(result)]
    for gene in GENES:
        measured = [_fact(result, level, told, spans) for result, level in levels if level.gene == gene]
        stated = [(_STATED, fact) for fact in told.get(gene, ())]
        if measured:
            found[gene] = tuple(_gravest([*stated, *measured]))
    weights = tuple(_weights(sorted((r for r in usable if r.analyte == WEIGHT), key=clinical_order)))
    if weights:
        together = (*told.get("weight", ()), *weights)
        found["weight"] = tuple(sorted(together, key=lambda fact: fact.effective.at))
    return found


def _fact(result: Result, level: GeneLevel, told: Facts, spans: Sequence[TherapySpan]) -> tuple[str, Fact]:
    value, words, doubts = level.level, f"{level.kind} {level.words}", ""
    if level.kind == _ACTIVITY:
        if _transfused_before(result, told.get("transfusion", ())):
            doubts += "; transfused within 4 months before"
            if value == "normal":  # the donor's, perhaps
                value = "indeterminate"
        if any(span.start <= result.collected.at and not _over(span, result) for span in spans):
            doubts += "; measured on a thiopurine, which may falsify it"
    day = result.collected.at.date().isoformat()
    source = f"{words}, {result.sender}{doubts}"
    return level.kind, Fact(level.gene, value, result.collected, source, f"{words} of {day}{doubts}")


def _transfused_before(result: Result, transfusions: Iterable[Fact]) -> bool:
    at = result.collected.at
    return any(
        fact.value == "yes" and timedelta(0) <= at - fact.effective.at <= _DONOR_CELLS_LIVE
        for fact in transfusions
    )


def _over(span: TherapySpan, result: Result) -> bool:
    return span.stop is not None and span.stop <= result.collected.at


def _gravest(told: Iterable[tuple[str, Fact]]) -> Iterator[Fact]:
    """At each statement, what counts from then on: the gravest of the newest of each kind."""
    newest: dict[str, Fact] = {}
    for kind, fact in sorted(told, key=lambda one: (one[1].effective.at, one[1].value, one[1].source)):
        newest[kind] = fact
        counts = min(newest.values(), key=lambda one: _grade(one.value))
        yield replace(counts, effective=fact.effective)


def _grade(level: str) -> int:
    return METABOLISER_LEVELS.index(level)


def _weights(usable: Iterable[Result]) -> Iterator[Fact]:
    for result in usable:
        point = result.quantity.interval.point if result.quantity is not None else None
        if point is not None and result.quantity is not None:
            value = f"{plain(point)} {result.quantity.unit}"
            yield Fact("weight", value, result.collected, f"measured, {result.sender}")
