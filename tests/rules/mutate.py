"""Do the cases of the rules prove every line of them? ``python -m tests.rules.mutate [RULE...]``.

Each rule is changed in one place at a time: an operator made strict or not strict, a number moved by its
last digit up and down, a reference exchanged, a condition dropped, a ``not`` removed; the days of
``pair_within`` and ``repeat_within`` moved by one, what UNKNOWN becomes exchanged, ``raise_by`` removed. At
least one of the rule's own cases must then have another outcome, or the check must refuse the rule. What a
case says under ``because`` is not looked at: it names the changed line, so it would notice every change and
prove nothing.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from functools import cache
from typing import NamedTuple

from engine.model.quantity import Truth
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


_DAYS = ("pair_within", "repeat_within")
_OTHER_SEVERITY = {
    "silent": "info",
    "info": "silent",
    "review": "info",
    "urgent": "review",
    "critical": "urgent",
}


@dataclass(frozen=True, slots=True)
class Mutant:
    """One entry of a rule, such as its ``when``, with one change; ``change`` says which, for people."""

    line: int
    change: str
    entry: Node


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
                        items = (*inner.items[:place], mutant.entry, *inner.items[place + 1 :])
                        yield replace(mutant, entry=_table(combiner, YamlSequence(items, inner.line)))
            else:
                for mutant in mutants(inner):
                    yield replace(mutant, entry=_table(combiner, mutant.entry))


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
    if " by more than " in condition:
        yield condition.replace(" by more than ", " by ")
    elif " by " in condition:
        yield condition.replace(" by ", " by more than ")
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
    for mutant, changed in changed_rules(rule):
        changes += 1
        if changed is not None and not any(_fails(changed, case) for case in cases):
            survivors.append(f"{rule.file}:{mutant.line}: {mutant.change}")
    return Trial(changes, tuple(survivors))


def proving_cases(rule: Rule) -> tuple[Case, ...]:
    """As few of the rule's cases as notice every change that some case of it notices; one of them speaks."""
    cases = _cases(rule)
    open_changes = [changed for _, changed in changed_rules(rule) if changed is not None]
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


def changed_rules(rule: Rule) -> Iterator[tuple[Mutant, Rule | None]]:
    """Each change and the rule that it makes, None where the check refuses that."""
    document = load(shipped_files()[rule.file], rule.file)
    assert isinstance(document, Table)
    entries_tried = document.entries
    if all(case.truth is not Truth.UNKNOWN for case in _cases(rule)):
        # each condition was seen UNKNOWN (coverage_gaps), the whole never is: what it becomes is idle
        entries_tried = {name: entry for name, entry in entries_tried.items() if name != "if_unknown"}
    for name, entry in entries_tried.items():
        for mutant in _mutants_of(name, entry):
            yield mutant, _compiled(replace(document, entries={**document.entries, name: mutant.entry}), rule)
    if "raise_by" in document.entries:
        left = {name: entry for name, entry in document.entries.items() if name not in ("raise_by", "groups")}
        step = document.entries["raise_by"]
        yield Mutant(step.line, "raise_by removed", step), _compiled(replace(document, entries=left), rule)


def _compiled(document: Table, rule: Rule) -> Rule | None:
    changed = compile_rule(document, rule.file, shipped_analytes(), _sources()).rule
    return changed if isinstance(changed, Rule) else None


def _mutants_of(name: str, entry: Node) -> Iterator[Mutant]:
    if name == "when":
        yield from mutants(entry)
    elif name in _DAYS and isinstance(entry, Scalar):
        for text in _changed_lines(entry.text):
            yield Mutant(entry.line, f"{name}: {entry.text} -> {text}", replace(entry, text=text))
    elif name == "if_unknown" and isinstance(entry, Scalar):
        yield from _changed_severity(name, entry)
    elif name == "if_unknown" and isinstance(entry, Table):
        for cause, severity in entry.entries.items():
            assert isinstance(severity, Scalar)
            for mutant in _changed_severity(f"{name} {cause}", severity):
                causes = {**entry.entries, cause: mutant.entry}
                yield replace(mutant, entry=replace(entry, entries=causes))


def _changed_severity(name: str, severity: Scalar) -> Iterator[Mutant]:
    other = _OTHER_SEVERITY[severity.text]
    yield Mutant(severity.line, f"{name}: {severity.text} -> {other}", replace(severity, text=other))


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
