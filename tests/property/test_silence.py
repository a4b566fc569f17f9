"""What is found silent at a glance is silent when every condition is asked."""

from __future__ import annotations

import pytest

from engine.rulebook import AlertRule, Annotation, Rule
from engine.rulebook.evaluate import is_silent, judgements, text_of
from engine.rulebook.trials import cases_of, standing_of
from tests.unit.rulebook.records import shipped, shipped_analytes, shipped_files


@pytest.mark.parametrize("rule", shipped().rules, ids=lambda rule: rule.id)
def test_no_rule_is_passed_over_that_has_something_to_say(rule: Rule) -> None:
    """In every situation that its cases tell of."""
    for case in cases_of(rule, shipped(), shipped_files(), shipped_analytes()):
        judged = judgements(rule, case.situation, standing_of(case))
        if isinstance(rule, AlertRule):
            speaks = any(each.severity is not None for each in judged)
        else:
            assert isinstance(rule, Annotation)
            speaks = any(text_of(rule, each.tree.truth) is not None for each in judged)
        assert not (speaks and is_silent(rule, case.situation, standing_of(case))), case.name
