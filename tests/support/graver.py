"""More rules than are shipped: copies of them that demand worse results."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal
from itertools import cycle, islice

from engine.model.quantity import plain
from engine.rulebook import Rule
from engine.rulebook.conditions import Condition, read_condition
from engine.rulebook.conditions.base import HIGH
from engine.rulebook.conditions.values import Absolute, Multiple
from engine.rulebook.tree import All, AnyOf, Leaf, Node


def graver_copies(rules: Sequence[Rule], size: int) -> tuple[Rule, ...]:
    """The rules, and copies of them with ever graver numbers on the same analytes, so many in all."""
    return tuple(
        _with_other_numbers(rule, turn // len(rules)) for turn, rule in enumerate(islice(cycle(rules), size))
    )


def _with_other_numbers(rule: Rule, copy: int) -> Rule:
    """The same rule, or a copy of which every number that a result is compared with is somewhat graver."""
    if copy == 0:
        return rule
    graver = {each: _graver(each, copy) for each in rule.conditions}

    def changed(node: Node) -> Node:
        if isinstance(node, Leaf):
            return replace(node, condition=graver[node.condition])
        if isinstance(node, All | AnyOf):
            return replace(node, parts=tuple(map(changed, node.parts)))
        return replace(node, part=changed(node.part))

    conditions = tuple(graver[each] for each in rule.conditions)
    return replace(rule, id=f"{rule.id}-{copy}", when=changed(rule.when), conditions=conditions)


def _graver(condition: Condition, copy: int) -> Condition:
    if not isinstance(condition, Absolute | Multiple):
        return condition
    factor = 1 + Decimal(copy) / 10
    number = condition.number * factor if condition.operator in HIGH else condition.number / factor
    words = condition.text.split(" ")
    words[2] = plain(number.quantize(Decimal("0.001")))
    return read_condition(" ".join(words))
