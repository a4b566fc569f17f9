"""What an invariant may promise about the rules of a folder; :mod:`engine.rulebook.invariants` proves it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class NeverUsed:
    """No rule has one of these conditions."""

    conditions: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Wording:
    """What uses one of the words is silent while ``only_unless``, a condition, certainly holds."""

    words: tuple[str, ...]
    only_unless: str


@dataclass(frozen=True, slots=True)
class LeastResults:
    """No alert of severity review or above rests on fewer results of this analyte and nothing else."""

    analyte: str
    results: int


Promise = NeverUsed | Wording | LeastResults
