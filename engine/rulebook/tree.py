"""How conditions are combined, and what a judged combination says about its parts.

Kleene logic without short cuts: every condition is judged, so that the evidence is complete.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from itertools import combinations, product
from typing import NamedTuple

from engine.model.finding import UnknownCause
from engine.model.quantity import Truth, all_of, any_of
from engine.model.result import Result
from engine.rulebook.conditions import Condition, Verdict, View
from engine.rulebook.conditions.values import Comparison, same_specimen


class Asked:
    """The conditions of a rule, each judged when it is asked for: its verdict by its index."""

    __slots__ = ("_conditions", "pair_within", "view", "wary")

    def __init__(
        self, conditions: Sequence[Condition], pair_within: timedelta, view: View, *, wary: bool
    ) -> None:
        self._conditions = conditions
        self.pair_within = pair_within
        self.view = view
        self.wary = wary

    def __getitem__(self, index: int) -> Verdict:
        condition = self._conditions[index]
        return judged_warily(condition, self.view) if self.wary else self.view.judged(condition)


def judged_warily(condition: Condition, view: View) -> Verdict:
    """The verdict for a rule that speaks of spoiled values: no older value is proof against a newer one."""
    verdict = view.judged(condition)
    if verdict.truth is not Truth.FALSE or verdict.result is None or not isinstance(condition, Comparison):
        return verdict
    spoiled = view.spoiled_since(verdict.result)
    return verdict if spoiled is None else condition.judge_result(spoiled, view)


# Each node says whether :func:`judge` makes it TRUE or FALSE, and by which conditions (:func:`decisive`),
# asking no more than it takes to know.


@dataclass(frozen=True, slots=True)
class Leaf:
    """One condition; ``index`` is its place among the distinct conditions of the rule."""

    index: int
    condition: Condition

    def is_true(self, asked: Asked) -> bool:
        """Whether the condition holds."""
        return asked.view.truth(self.condition) is Truth.TRUE

    def is_false(self, asked: Asked) -> bool:
        """Whether it certainly does not."""
        if asked.view.truth(self.condition) is not Truth.FALSE:
            return False
        return not asked.wary or judged_warily(self.condition, asked.view).truth is Truth.FALSE

    def why_true(self, asked: Asked) -> Iterator[Verdict]:
        """Its verdict."""
        yield asked[self.index]

    why_false = why_true


@dataclass(frozen=True, slots=True)
class All:
    """True when every part is, by values that were measured near each other (``pair_within``)."""

    parts: tuple[Node, ...]

    def is_true(self, asked: Asked) -> bool:
        """Whether every part is, and no values lie too far apart."""
        for part in self.parts:  # a loop: any() and all() cost more than most conditions do
            if not part.is_true(asked):
                return False
        return judge(self, asked, asked.pair_within).truth is Truth.TRUE

    def is_false(self, asked: Asked) -> bool:
        """Whether some part is: values that lie too far apart make nothing false."""
        for part in self.parts:  # noqa: SIM110
            if part.is_false(asked):
                return True
        return False

    def why_true(self, asked: Asked) -> Iterator[Verdict]:
        """What makes its parts true."""
        for part in self.parts:
            yield from part.why_true(asked)

    def why_false(self, asked: Asked) -> Iterator[Verdict]:
        """What makes those parts false that are."""
        for part in self.parts:
            if part.is_false(asked):
                yield from part.why_false(asked)


@dataclass(frozen=True, slots=True)
class AnyOf:
    """True when some part is."""

    parts: tuple[Node, ...]

    def is_true(self, asked: Asked) -> bool:
        """Whether some part is."""
        for part in self.parts:  # noqa: SIM110
            if part.is_true(asked):
                return True
        return False

    def is_false(self, asked: Asked) -> bool:
        """Whether every part is."""
        for part in self.parts:  # noqa: SIM110
            if not part.is_false(asked):
                return False
        return True

    def why_true(self, asked: Asked) -> Iterator[Verdict]:
        """What makes those parts true that are."""
        for part in self.parts:
            if part.is_true(asked):
                yield from part.why_true(asked)

    def why_false(self, asked: Asked) -> Iterator[Verdict]:
        """What makes its parts false."""
        for part in self.parts:
            yield from part.why_false(asked)


@dataclass(frozen=True, slots=True)
class Not:
    """True when the part is false; UNKNOWN stays UNKNOWN."""

    part: Node

    def is_true(self, asked: Asked) -> bool:
        """Whether the part is false."""
        return self.part.is_false(asked)

    def is_false(self, asked: Asked) -> bool:
        """Whether the part is true."""
        return self.part.is_true(asked)

    def why_true(self, asked: Asked) -> Iterator[Verdict]:
        """What makes the part false."""
        return self.part.why_false(asked)

    def why_false(self, asked: Asked) -> Iterator[Verdict]:
        """What makes the part true."""
        return self.part.why_true(asked)


@dataclass(frozen=True, slots=True)
class Unless:
    """False when the part is certainly true, true otherwise: only a proven exclusion silences a rule."""

    part: Node

    def is_true(self, asked: Asked) -> bool:
        """Whether the part is not certainly true."""
        return not self.part.is_true(asked)

    def is_false(self, asked: Asked) -> bool:
        """Whether it is."""
        return self.part.is_true(asked)

    def why_true(self, asked: Asked) -> Iterator[Verdict]:
        """What makes the part false, or leaves it open."""
        judged = decisive(judge(self.part, asked, asked.pair_within))
        return (each.verdict for each in judged if each.verdict is not None)

    def why_false(self, asked: Asked) -> Iterator[Verdict]:
        """What makes the part true."""
        return self.part.why_true(asked)


Node = Leaf | All | AnyOf | Not | Unless


def leaves(node: Node) -> Iterator[Leaf]:
    """Every condition of the tree, in the order of the file."""
    if isinstance(node, Leaf):
        yield node
    elif isinstance(node, All | AnyOf):
        for part in node.parts:
            yield from leaves(part)
    else:
        yield from leaves(node.part)


def speaking_leaves(node: Node) -> Iterator[Leaf]:
    """The conditions that can speak for the rule: those not inside ``not`` or ``unless``."""
    if isinstance(node, Leaf):
        yield node
    elif isinstance(node, All | AnyOf):
        for part in node.parts:
            yield from speaking_leaves(part)


def can_be_unknown(node: Node) -> bool:
    """Whether the tree can come out UNKNOWN at all."""
    if isinstance(node, Leaf):
        return node.condition.CAN_BE_UNKNOWN
    if isinstance(node, All | AnyOf):
        return any(can_be_unknown(part) for part in node.parts)
    return isinstance(node, Not) and can_be_unknown(node.part)


def needs(node: Node, form: type[Condition]) -> bool:
    """Whether the tree can only hold where a condition of that form does."""
    if isinstance(node, Leaf):
        return isinstance(node.condition, form)
    if isinstance(node, All):
        return any(needs(part, form) for part in node.parts)
    return isinstance(node, AnyOf) and all(needs(part, form) for part in node.parts)


def needed_results(node: Node) -> frozenset[str]:
    """Analytes of which one must have a result, or the tree cannot hold; empty where it may hold without."""
    if isinstance(node, Leaf):
        return frozenset(node.condition.analytes if node.condition.OF_RESULTS else ())
    if isinstance(node, All):
        parts = filter(None, map(needed_results, node.parts))
        return min(parts, key=lambda names: (len(names), sorted(names)), default=frozenset())
    if isinstance(node, AnyOf):
        each = [needed_results(part) for part in node.parts]
        return frozenset().union(*each) if all(each) else frozenset()
    return frozenset()


class Judged(NamedTuple):
    """A node with its truth. ``apart`` says which values were too far apart to be taken together."""

    node: Node
    truth: Truth
    parts: tuple[Judged, ...] = ()
    verdict: Verdict | None = None
    apart: str = ""


def judge(node: Node, verdicts: Sequence[Verdict] | Asked, pair_within: timedelta) -> Judged:
    """Combine the verdicts of the rule's conditions (by index) along the tree."""
    if isinstance(node, Leaf):
        verdict = verdicts[node.index]
        return Judged(node, verdict.truth, (), verdict)
    if isinstance(node, AnyOf):
        parts = tuple(judge(part, verdicts, pair_within) for part in node.parts)
        return Judged(node, any_of(part.truth for part in parts), parts)
    if isinstance(node, All):
        parts = tuple(judge(part, verdicts, pair_within) for part in node.parts)
        truth = all_of(part.truth for part in parts)
        apart = _apart(Judged(node, truth, parts), pair_within) if truth is not Truth.FALSE else ""
        return Judged(node, Truth.UNKNOWN if apart else truth, parts, None, apart)
    inner = judge(node.part, verdicts, pair_within)
    if isinstance(node, Not):
        return Judged(node, inner.truth.negated(), (inner,))
    return Judged(node, Truth.of(inner.truth is not Truth.TRUE), (inner,))


def _apart(judged: Judged, within: timedelta) -> str:
    """Empty when some way of being true has values that belong together; else which values do not."""
    results = {result.key: result for result in _deciding(judged, judged.truth)}.values()
    if all(_together(*pair, within) for pair in combinations(results, 2)):
        return ""  # whichever of the ways, of which there may be hundreds
    note = ""
    for way in _ways(judged, judged.truth):
        strangers = next((pair for pair in combinations(way, 2) if not _together(*pair, within)), None)
        if strangers is None:
            return ""
        note = note or " and ".join(
            f"{result.analyte} of {result.collected.at.date().isoformat()}" for result in strangers
        )
    return note


def _deciding(judged: Judged, truth: Truth) -> Iterator[Result]:
    """The results of all ways together."""
    if isinstance(judged.node, Leaf):
        if judged.verdict is not None and judged.verdict.result is not None:
            yield judged.verdict.result
    elif isinstance(judged.node, All | AnyOf):
        either = isinstance(judged.node, AnyOf)
        for part in judged.parts:
            if not either or part.truth is Truth.TRUE or part.truth is truth:
                yield from _deciding(part, truth)


def _ways(judged: Judged, truth: Truth) -> Iterator[tuple[Result, ...]]:
    """Each way in which the node comes to be true (or may be): the results that would make it so."""
    if isinstance(judged.node, Not | Unless):
        yield ()
    elif isinstance(judged.node, AnyOf):
        for part in judged.parts:
            if part.truth is Truth.TRUE or part.truth is truth:
                yield from _ways(part, truth)
    elif isinstance(judged.node, All):
        for chosen in product(*(tuple(_ways(part, truth)) for part in judged.parts)):
            yield tuple(result for way in chosen for result in way)
    elif isinstance(judged.node, Leaf):
        result = None if judged.verdict is None else judged.verdict.result
        if result is not None:
            yield (result,)
        elif judged.verdict is None or judged.verdict.evidence.cause is not UnknownCause.MISSING:
            yield ()  # a fact, or what is past: it belongs to every value


def _together(one: Result, other: Result, within: timedelta) -> bool:
    if one.analyte == other.analyte or same_specimen(one, other):
        return True
    return abs(one.collected.at - other.collected.at) <= within


def decisive(judged: Judged) -> Iterator[Judged]:
    """The judged leaves (and unpaired ``all`` nodes) that make the truth what it is."""
    if judged.apart or isinstance(judged.node, Leaf):
        yield judged
    elif isinstance(judged.node, Not | Unless):
        yield from decisive(judged.parts[0])
    else:
        for part in judged.parts:
            if part.truth is judged.truth:
                yield from decisive(part)


def supporting(judged: Judged) -> Iterator[Verdict]:
    """The verdicts that speak for the rule: not false, and not inside ``not`` or ``unless``."""
    if judged.truth is Truth.FALSE or isinstance(judged.node, Not | Unless):
        return
    if judged.verdict is not None:
        yield judged.verdict
    for part in judged.parts:
        yield from supporting(part)


def unpaired(judged: Judged) -> Iterator[Judged]:
    """Every ``all`` whose values were too far apart."""
    if judged.apart:
        yield judged
    for part in judged.parts:
        yield from unpaired(part)


def unknown_rank(judged: Judged, ranks: dict[UnknownCause, int], *, negated: bool = False) -> int:
    """How loud an UNKNOWN is: -1 silent, else the rank of a severity; ``ranks`` has it for each cause.

    What must hold together is as loud as its least loud unknown part: where one part is unknown for a
    cause that the rule keeps silent about, the whole is silent. Of alternatives the loudest counts.
    """
    if judged.apart:
        return ranks[UnknownCause.MISSING]
    if judged.verdict is not None:
        return ranks[judged.verdict.evidence.cause or UnknownCause.VALUE]
    if isinstance(judged.node, Not):
        return unknown_rank(judged.parts[0], ranks, negated=not negated)
    unknown = [part for part in judged.parts if part.truth is Truth.UNKNOWN]
    loudness = [unknown_rank(part, ranks, negated=negated) for part in unknown]
    return min(loudness) if isinstance(judged.node, All) is not negated else max(loudness)
