"""The rules in force in the order in which they are judged, and what most of them can be passed over by.

Nearly every rule demands something that is not so of nearly everybody. What several rules demand is looked
at once for all of them, and of demands that differ by their number alone the easiest first: who has no ALT of
100 U/L has none of 500.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from functools import lru_cache
from itertools import chain
from operator import is_, le
from typing import NamedTuple, TypeVar

from engine.model.finding import UnknownCause
from engine.model.quantity import Truth
from engine.model.result import Problem
from engine.rulebook.conditions import View
from engine.rulebook.conditions.base import HIGH
from engine.rulebook.conditions.values import Absolute, Multiple
from engine.rulebook.rule import AlertRule, Rule, Stage
from engine.rulebook.tree import All, AnyOf, Asked, Leaf, Node, Not

_What = TypeVar("_What")


class _Manner(NamedTuple):
    """How a rule takes what it demands: the causes of doubt that it may speak of, and whether it is wary."""

    doubts: frozenset[UnknownCause]
    wary: bool


class _Demand(NamedTuple):
    """A part of some rules without which they say nothing; ``own`` are their ids.

    ``rules`` are those and, in a chain, the ids of all that demand something harder of the same ``analytes``.
    """

    node: Leaf | AnyOf | Not
    manner: _Manner
    analytes: frozenset[str]
    own: frozenset[str]
    rules: frozenset[str]


def _is_quiet(node: Node, asked: Asked, doubts: frozenset[UnknownCause]) -> bool:
    """Whether it is false, or open for a cause that the rule keeps silent about.

    What must hold together is as loud as its least loud part: one quiet part silences the rule. Not where it
    speaks of what is missing, for so it does of values that lie too far apart.
    """
    if isinstance(node, AnyOf):
        for part in node.parts:  # noqa: SIM110 - as in tree.py, a loop costs less
            if not _is_quiet(part, asked, doubts):
                return False
        return True
    if not doubts:
        return not node.is_true(asked)
    if node.is_false(asked):
        return True
    if UnknownCause.MISSING in doubts or not isinstance(node, Leaf):
        return False
    if asked.view.truth(node.condition) is not Truth.UNKNOWN:
        return False
    return (asked.view.judged(node.condition).evidence.cause or UnknownCause.VALUE) not in doubts


class Docket:
    """``early`` are judged first, each after those it asks about; ``last`` rest on what all others say."""

    __slots__ = ("_by_needs", "_by_problems", "_chains", "early", "last")

    def __init__(self, rules: Sequence[Rule]) -> None:
        ordered = sorted(rules, key=lambda rule: (rule.turn, rule.id))
        self.early = tuple(rule for rule in ordered if rule.turn.stage is not Stage.LAST)
        self.last = tuple(rule for rule in ordered if rule.turn.stage is Stage.LAST)
        self._by_needs = _alike((rule.needs, rule) for rule in ordered if not _problems(rule))
        self._by_problems = _alike((_problems(rule), rule) for rule in ordered)
        self._chains = tuple(sorted(_chains(ordered), key=lambda demands: -len(demands[0].rules)))

    def passed_over(self, view: View) -> set[str]:
        """The ids of rules that say nothing of final values, where no limit is stated for this patient.

        Not of all that are silent: :func:`~engine.rulebook.silent.is_silent` says it of each.
        """
        known, found = view.series.keys(), {result.problem for result in view.situation.problems}
        passed = set[str]().union(
            *(rules for needs, rules in self._by_needs if known.isdisjoint(needs)),
            *(rules for problems, rules in self._by_problems if found.isdisjoint(problems)),
        )
        asking = {wary: Asked((), timedelta(0), view, wary=wary) for wary in (False, True)}
        for demands in self._chains:
            if demands[0].rules <= passed:
                continue
            for demand in demands:
                doubts, wary = demand.manner
                if not _is_quiet(demand.node, asking[wary], doubts):
                    continue
                if not doubts or demand.node.is_false(asking[wary]) or _is_plain(demand, view):
                    passed |= demand.rules  # in place: there may be hundreds
                    break
                passed |= demand.own
        return passed


def _is_plain(demand: _Demand, view: View) -> bool:
    """Whether what is open of a demand leaves a harder one open for the same cause, or makes it false.

    Of several results that count, another one may be in doubt of what is harder, for a cause that the rule
    speaks of; and where it is wary, a spoiled result behind one that is no more in doubt.
    """
    counted = max((len(view.newest(analyte)) for analyte in demand.analytes), default=0)
    return counted == 0 or (counted == 1 and not demand.manner.wary)


def docket_of(rules: Iterable[Rule]) -> Docket:
    """The docket of these rules; those of the last few sets of rules are remembered."""
    return _docket(_Rules(tuple(rules)))


class _Rules:
    """Rules that are looked up by their ids: to hash all that they say takes longer than to judge by them."""

    __slots__ = ("_ids", "rules")

    def __init__(self, rules: tuple[Rule, ...]) -> None:
        self.rules = rules
        self._ids = tuple([rule.id for rule in rules])

    def __hash__(self) -> int:
        return hash(self._ids)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, _Rules) or len(self.rules) != len(other.rules):
            return False
        # rules that were read twice are equal, but to find that out takes longer still
        return all(map(is_, self.rules, other.rules))


@lru_cache(maxsize=16)
def _docket(rules: _Rules) -> Docket:
    return Docket(rules.rules)


def _problems(rule: Rule) -> frozenset[Problem]:
    return rule.problems if isinstance(rule, AlertRule) else frozenset()


def _alike(
    asking: Iterable[tuple[frozenset[_What], Rule]],
) -> tuple[tuple[frozenset[_What], frozenset[str]], ...]:
    """The ids of the rules that ask for the same; without those that ask for nothing."""
    rules: defaultdict[frozenset[_What], set[str]] = defaultdict(set)
    for what, rule in asking:
        if what:
            rules[what].add(rule.id)
    return tuple((what, frozenset(ids)) for what, ids in rules.items())


def _chains(rules: Iterable[Rule]) -> Iterator[tuple[_Demand, ...]]:
    """Demands that differ by their number alone, the easiest first; any other demand alone."""
    nodes: dict[tuple[_Manner, object], Leaf | AnyOf | Not] = {}
    demanding: defaultdict[tuple[_Manner, object], set[str]] = defaultdict(set)
    for rule in rules:
        manner = _Manner(rule.doubts, rule.wary)
        for node in _demands(rule):
            what = manner, _text(node)
            nodes.setdefault(what, node)
            demanding[what].add(rule.id)
    alike: defaultdict[object, list[_Demand]] = defaultdict(list)
    for (manner, text), node in nodes.items():
        numbered = tuple(replace(each, text="", number=Decimal(0)) for each in _numbered(node))
        analytes = frozenset(each.analyte for each in numbered)
        own = frozenset(demanding[manner, text])
        demand = _Demand(node, manner, analytes, own, own)
        alike[manner, type(node), numbered or text].append(demand)
    for demands in alike.values():
        yield from _in_chains(sorted(demands, key=_hardness))


def _in_chains(demands: Sequence[_Demand]) -> Iterator[tuple[_Demand, ...]]:
    """Each demand with the rules of all harder ones after it; what is harder in part begins a new one."""
    links: list[_Demand] = []
    for demand in reversed(demands):
        if links and all(map(le, _hardness(demand), _hardness(links[-1]))):
            links.append(demand._replace(rules=demand.rules | links[-1].rules))
            continue
        if links:
            yield tuple(reversed(links))
        links = [demand]
    yield tuple(reversed(links))


def _demands(rule: Rule) -> Iterator[Leaf | AnyOf | Not]:
    """What a rule cannot do without, as far as it rests on the record alone."""
    if _problems(rule):
        return
    for node in rule.when.parts if isinstance(rule.when, All) else (rule.when,):
        if isinstance(node, Leaf | AnyOf | Not) and _rests_on_record(node):
            yield node


def _rests_on_record(node: Node) -> bool:
    if isinstance(node, Leaf):
        return node.condition.BY_RECORD
    if isinstance(node, AnyOf):
        return all(map(_rests_on_record, node.parts))
    return isinstance(node, Not) and _rests_on_record(node.part)


def _text(node: Node) -> object:
    """What a node says, whatever rule it stands in."""
    if isinstance(node, Leaf):
        return node.condition.text
    return type(node), tuple(map(_text, node.parts if isinstance(node, AnyOf | All) else (node.part,)))


def _numbered(node: Node) -> tuple[Absolute | Multiple, ...]:
    """The comparisons that the node consists of: one, or alternatives; none where it has anything else."""
    if isinstance(node, Leaf):
        return (node.condition,) if isinstance(node.condition, Absolute | Multiple) else ()
    if not isinstance(node, AnyOf):
        return ()
    parts = [_numbered(part) for part in node.parts]
    return tuple(chain.from_iterable(parts)) if all(parts) else ()


def _hardness(demand: _Demand) -> tuple[Decimal, ...]:
    return tuple(each.number if each.operator in HIGH else -each.number for each in _numbered(demand.node))
