"""What rules say of each other: names resolved, circles refused, and the order of judgement that follows."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import replace
from typing import TYPE_CHECKING

from engine.errors import Defect
from engine.rulebook.conditions.others import NothingFires, RuleFires
from engine.rulebook.frame import stem
from engine.rulebook.rule import Kind, Rule, Stage, Turn
from engine.rulebook.syntax import near

if TYPE_CHECKING:
    from engine.rulebook.parse import RuleFile

Graph = Mapping[str, tuple[str, ...]]


def reference_defects(read: Mapping[str, RuleFile]) -> Iterator[Defect]:
    """Everything wrong with ``supersedes`` and with conditions on other rules; ``read`` is by file."""
    kinds = {stem(file): rule_file.kind for file, rule_file in read.items()}
    yield from _supersedes(read, kinds)
    yield from _asked(read, kinds)


def with_turns(rules: Mapping[str, Rule]) -> Mapping[str, Rule]:
    """The rules, each with what follows from the rules it rests on; their references form no circle."""
    graph = {rule.id: asked_by(rule) for rule in rules.values()}
    last = _resting_on(graph, {rule.id for rule in rules.values() if _looks_at_all(rule)})
    modifiers = [rule.id for rule in rules.values() if rule.kind is Kind.MODIFIER]
    first = {name for modifier in modifiers for name in _reached(graph, modifier)}
    clocks = [rule.id for rule in rules.values() if any(each.TIMED for each in rule.conditions)]
    timed = {*_resting_on(graph, {*clocks}), *(last if clocks else ())}
    depths: dict[str, int] = {}

    def turn(rule: Rule) -> Turn:
        stage = Stage.MODIFIERS if rule.id in first else Stage.RULES
        return Turn(Stage.LAST if rule.id in last else stage, _depth(graph, rule.id, depths))

    return {name: replace(rule, turn=turn(rule), timed=name in timed) for name, rule in rules.items()}


def asked_by(rule: Rule) -> tuple[str, ...]:
    """The rules whose firing is a condition of this one."""
    return tuple(condition.rule for condition in rule.conditions if isinstance(condition, RuleFires))


def _looks_at_all(rule: Rule) -> bool:
    return any(isinstance(condition, NothingFires) for condition in rule.conditions)


def _reached(graph: Graph, start: str) -> AbstractSet[str]:
    """The rules that one rests on, itself included."""
    reached, ahead = {start}, [start]
    while ahead:
        for target in graph.get(ahead.pop(), ()):
            if target not in reached:
                reached.add(target)
                ahead.append(target)
    return reached


def _resting_on(graph: Graph, targets: AbstractSet[str]) -> AbstractSet[str]:
    """The rules that rest on one of the targets, those included."""
    return {name for name in graph if not targets.isdisjoint(_reached(graph, name))}


def _depth(graph: Graph, name: str, known: dict[str, int]) -> int:
    if name not in known:
        known[name] = max((_depth(graph, target, known) + 1 for target in graph[name]), default=0)
    return known[name]


def _asked(read: Mapping[str, RuleFile], kinds: Mapping[str, Kind]) -> Iterator[Defect]:
    """Conditions on rules that there are not, circles of them, and modifiers that come too late."""
    asked = {stem(file): _asking(rule_file) for file, rule_file in read.items()}
    graph = {name: tuple(others) for name, others in asked.items()}
    everything = {stem(file) for file, rule_file in read.items() if _lines_of_all(rule_file)}
    last = _resting_on(graph, everything)
    for file, rule_file in read.items():
        name = stem(file)
        for other, line in asked[name].items():
            if other not in kinds:
                known = [known for known, kind in kinds.items() if kind is not Kind.INVARIANT]
                yield Defect(file, line, f'asks about unknown rule "{other}"', near(other, known))
            elif kinds[other] is Kind.INVARIANT:
                yield Defect(file, line, f"rule {other} is an invariant", "an invariant never fires")
        path = _way_back(name, graph)
        if path and name == min(path):
            cycle = " > ".join((*path, name))
            yield Defect(
                file, asked[name][(*path, name)[1]], f"asks in a circle: {cycle}", "remove one of them"
            )
        if rule_file.kind is Kind.MODIFIER and name in last and not path:
            line = next(iter((*_lines_of_all(rule_file), *asked[name].values())))
            hint = "what it raises would change what it looks at; name rules instead"
            yield Defect(file, line, 'a modifier rests on "nothing fires above ..."', hint)


def _asking(rule_file: RuleFile) -> Mapping[str, int]:
    """Each rule that is asked about, with the line."""
    return {condition.rule: line for condition, line in rule_file.places if isinstance(condition, RuleFires)}


def _lines_of_all(rule_file: RuleFile) -> tuple[int, ...]:
    return tuple(line for condition, line in rule_file.places if isinstance(condition, NothingFires))


def _supersedes(read: Mapping[str, RuleFile], kinds: Mapping[str, Kind]) -> Iterator[Defect]:
    """Rules named by ``supersedes`` that do not exist or raise no alert, and circles of them."""
    stated = {file: rule_file.supersedes for file, rule_file in read.items()}
    graph = {stem(file): tuple(item.text for item in items) for file, items in stated.items()}
    for file, items in stated.items():
        for item in items:
            if item.text not in graph:
                yield Defect(
                    file, item.line, f'supersedes unknown rule "{item.text}"', near(item.text, graph)
                )
            elif kinds[item.text] is not Kind.ALERT:
                kind = kinds[item.text].value
                yield Defect(
                    file, item.line, f"{item.text} is of kind {kind}", "it raises no alert; remove it"
                )
        path = _way_back(stem(file), graph)
        if path and stem(file) == min(path):
            cycle = " > ".join((*path, stem(file)))
            yield Defect(file, items[0].line, f"supersedes in a circle: {cycle}", "remove one of them")


def _way_back(start: str, graph: Graph) -> tuple[str, ...]:
    """A way along the graph from ``start`` back to it, without the last step; empty where there is none."""
    ways: list[tuple[str, ...]] = [(start,)]
    seen: set[str] = set()
    while ways:
        way = ways.pop()
        for target in graph.get(way[-1], ()):
            if target == start:
                return way
            if target not in seen:
                seen.add(target)
                ways.append((*way, target))
    return ()
