"""The cases of every shipped rule notice when its limits, its strictness or its references change."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal

import pytest

from engine.errors import ConfigError
from engine.rulebook import Rule, parse_rulebook
from engine.rulebook.trials import cases_of, run_case
from tests.unit.rulebook.bad_files import sources_text
from tests.unit.rulebook.records import shipped, shipped_analytes, shipped_files

_OPERATORS = {">=": (">", "<="), ">": (">=", "<"), "<=": ("<", ">="), "<": ("<=", ">")}
_REFERENCES = {"baseline": "ULN", "ULN": "baseline", "LLN": "ULN"}


def _mutants(condition: str) -> Iterator[str]:
    """The condition with another operator, a limit 1 % higher or lower, or another reference."""
    words = condition.split(" ")
    for place, word in enumerate(words):
        changes: tuple[str, ...] = _OPERATORS.get(word, ())
        if place and words[place - 1] in _OPERATORS:
            changes = (str(Decimal(word) * Decimal("1.01")), str(Decimal(word) * Decimal("0.99")))
        if word in _REFERENCES:
            changes = (_REFERENCES[word],)
        for change in changes:
            yield " ".join((*words[:place], change, *words[place + 1 :]))


def _changed(rule: Rule, condition: str, mutant: str) -> Rule | None:
    """The rule with one condition changed, None where it is not a rule any more."""
    text = shipped_files()[rule.file]
    lines = [
        line.replace(condition, mutant) if line.endswith(condition) else line for line in text.split("\n")
    ]
    files = {**shipped_files(), rule.file: "\n".join(lines)}
    try:
        return parse_rulebook(files, shipped_analytes(), sources_text()).by_id[rule.id]
    except ConfigError:
        return None


_MUTANTS = [
    pytest.param(rule, condition.text, mutant, id=f"{rule.id[:3]}: {mutant}")
    for rule in shipped().rules
    for condition in rule.conditions
    for mutant in _mutants(condition.text)
]


@pytest.mark.parametrize(("rule", "condition", "mutant"), _MUTANTS)
def test_a_changed_limit_is_noticed(rule: Rule, condition: str, mutant: str) -> None:
    """Nobody moves a limit by 1 %, or makes it strict, without a case of the rule failing."""
    changed = _changed(rule, condition, mutant)
    if changed is None:
        return  # the check refuses it
    cases = cases_of(changed, shipped_files(), shipped_analytes())

    assert any(run_case(changed, case, shipped_analytes()) for case in cases)
