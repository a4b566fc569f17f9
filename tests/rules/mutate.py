"""Do the cases of the rules prove every line of them? ``python -m tests.rules.mutate [RULE...]``.

Each rule is changed in one place at a time: an operator made strict or not strict, a number moved by its
last digit up and down, a reference exchanged, a condition dropped, a ``not`` removed. At least one of the
rule's own cases must then have another outcome, or the check must refuse the rule. What a case says under
``because`` is not looked at: it names the changed line, so it would notice every change and prove nothing.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from functools import cache
from typing import NamedTuple

from engine.rulebook import Rule
from engine.rulebook.cases import Case
from engine.rulebook.conditions.others import NothingFires
from engine.rulebook.parse import compile_rule
from engine.rulebook.references import asked_by
from engine.rulebook.sources import SourceBook, read_sources
from engine.rulebook.trials import cases_of, run_case
from engine.strictyaml import Node, Scalar, Table, load
from engine.strictyaml import Sequence as YamlSequence
from tests.unit.rulebook.bad_files import sources_text
from tests.unit.rulebook.records import shipped, shipped_analytes, shipped_files

_OTHER_WORD = {">=": ">", ">": ">=", "<=": "<", "<": "<=", "baseline": "ULN", "ULN": "baseline", "LLN": "ULN"}
_NUMBER = re.compile(r"\d+(\.\d+)?")
_FRACTION = re.compile(r"(\d+)/(\d+)")


@dataclass(frozen=True, slots=True)
class Mutant:
    """A rule with one change; ``change`` says which, for people."""

    line: int
    change: str
    when: Node


class Trial(NamedTuple):
    """How many changes of a rule were tried, and those that nothing noticed, with file and line."""

    changes: int
    survivors: tuple[str, ...]


def mutants(node: Node) -> Iterator[Mutant]:
    """The tree of conditions ``node``, changed in one place at a time."""
    if isinstance(node, Scalar):
        for text in _changed_lines(node.text):
            yield Mutant(node.line, f"{node.text} -> {text}", replace(node, text=text))
    elif isinstance(node, Table):
        for combiner, inner in node.entries.items():
            if combiner == "not":
                yield Mutant(node.line, "not removed", inner)
            if isinstance(inner, YamlSequence):
                yield from _shorter(combiner, inner)
                for place, item in enumerate(inner.items):
                    for mutant in mutants(item):
                        items = (*inner.items[:place], mutant.when, *inner.items[place + 1 :])
                        yield replace(mutant, when=_table(combiner, YamlSequence(items, inner.line)))
            else:
                for mutant in mutants(inner):
                    yield replace(mutant, when=_table(combiner, mutant.when))


def _table(combiner: str, inner: Node) -> Table:
    return Table({combiner: inner}, inner.line, {combiner: inner.line})


def _shorter(combiner: str, parts: YamlSequence) -> Iterator[Mutant]:
    """The combination without one of its parts; of two parts the other is left alone."""
    for place, part in enumerate(parts.items):
        left = (*parts.items[:place], *parts.items[place + 1 :])
        when = left[0] if len(left) == 1 else _table(combiner, YamlSequence(left, parts.line))
        yield Mutant(part.line, f"dropped from {combiner}: {_words(part)}", when)


def _words(node: Node) -> str:
    if isinstance(node, Scalar):
        return node.text
    if isinstance(node, YamlSequence):
        return f"[{', '.join(map(_words, node.items))}]"
    return ", ".join(f"{combiner}: {_words(inner)}" for combiner, inner in node.entries.items())


def _changed_lines(condition: str) -> Iterator[str]:
    words = condition.split(" ")
    for place, word in enumerate(words):
        for other in _changed_words(word):
            yield " ".join((*words[:place], other, *words[place + 1 :]))


def _changed_words(word: str) -> Iterator[str]:
    if word in _OTHER_WORD:
        yield _OTHER_WORD[word]
    elif _NUMBER.fullmatch(word):
        yield from _neighbours(word)
    elif fraction := _FRACTION.fullmatch(word):
        above, below = fraction.groups()
        yield from (f"{number}/{below}" for number in _neighbours(above))
        yield from (f"{above}/{number}" for number in _neighbours(below))


def _neighbours(number: str) -> Iterator[str]:
    """The number moved by one of its last digit: 499 and 501 of 500, 2.4 and 2.6 of 2.5."""
    value = Decimal(number)
    step = Decimal(1).scaleb(int(value.as_tuple().exponent))
    yield str(value + step)
    if value >= step:
        yield str(value - step)


def trial(rule: Rule) -> Trial:
    """Every change of the rule tried."""
    cases = _cases(rule)
    changes = 0
    survivors: list[str] = []
    for mutant, changed in _changed_rules(rule):
        changes += 1
        if changed is not None and not any(_fails(changed, case) for case in cases):
            survivors.append(f"{rule.file}:{mutant.line}: {mutant.change}")
    return Trial(changes, tuple(survivors))


def proving_cases(rule: Rule) -> tuple[Case, ...]:
    """As few of the rule's cases as notice every change that some case of it notices; one of them speaks."""
    cases = _cases(rule)
    open_changes = [changed for _, changed in _changed_rules(rule) if changed is not None]
    notices = {case.name: {n for n, rule in enumerate(open_changes) if _fails(rule, case)} for case in cases}
    speaking = next((case.name for case in cases if case.severity is not None), cases[0].name)
    left = set[int]().union(*notices.values()) - notices[speaking]
    chosen = {speaking}
    while left:
        best = max(cases, key=lambda case: len(notices[case.name] & left)).name
        chosen.add(best)
        left -= notices[best]
    return tuple(case for case in cases if case.name in chosen)


def _cases(rule: Rule) -> tuple[Case, ...]:
    stated = cases_of(rule, shipped(), shipped_files(), shipped_analytes())
    return tuple(replace(case, because=()) for case in stated)


def _changed_rules(rule: Rule) -> Iterator[tuple[Mutant, Rule | None]]:
    """Each change and the rule that it makes, None where the check refuses that."""
    document = load(shipped_files()[rule.file], rule.file)
    assert isinstance(document, Table)
    when = document.entries.get("when")
    for mutant in mutants(when) if when is not None else ():
        entries = {**document.entries, "when": mutant.when}
        changed = compile_rule(replace(document, entries=entries), rule.file, shipped_analytes(), _sources())
        yield mutant, changed.rule if isinstance(changed.rule, Rule) else None


def _fails(changed: Rule, case: Case) -> bool:
    if not any(isinstance(condition, NothingFires) for condition in changed.conditions):
        # a rule that asks no more whether another fires is not refused for it: its outcome must differ
        asked = asked_by(changed)
        case = replace(case, firing={name: said for name, said in case.firing.items() if name in asked})
    return bool(run_case(changed, case, shipped_analytes()))


@cache
def _sources() -> SourceBook:
    return read_sources(sources_text())


def main(names: Sequence[str]) -> int:
    """Try the rules whose ids begin so, without names all; print what survives, 1 if anything does."""
    wanted = tuple(name.lower() for name in names) or ("",)
    rules = [rule for rule in shipped().rules if rule.id.startswith(wanted)]
    trials = [trial(rule) for rule in rules]
    survivors = [survivor for each in trials for survivor in each.survivors]
    for survivor in survivors:
        print(survivor)
    print(f"{sum(each.changes for each in trials)} changes of {len(rules)} rules, {len(survivors)} survive")
    return 1 if survivors else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
