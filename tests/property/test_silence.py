"""What is found silent at a glance is silent when every condition is asked."""

from __future__ import annotations

from dataclasses import replace

import pytest

from engine.rulebook import AlertRule, Annotation, Rule, why_silent
from engine.rulebook.cases import Case
from engine.rulebook.conditions import View
from engine.rulebook.docket import docket_of
from engine.rulebook.evaluate import finding_of, judgements, text_of
from engine.rulebook.limits import is_limited
from engine.rulebook.silent import is_silent, silences_of
from engine.rulebook.trials import cases_of, standing_of
from tests.unit.rulebook.records import shipped, shipped_analytes, shipped_files


@pytest.mark.parametrize("rule", shipped().rules, ids=lambda rule: rule.id)
def test_no_rule_is_passed_over_that_has_something_to_say(rule: Rule) -> None:
    """In every situation that its cases tell of."""
    for case in cases_of(rule, shipped(), shipped_files(), shipped_analytes()):
        assert not (_speaks(rule, case) and _is_passed_over(rule, case)), case.name


def _speaks(rule: Rule, case: Case) -> bool:
    judged = judgements(rule, case.situation, standing_of(case))
    if isinstance(rule, AlertRule):
        return any(each.severity is not None for each in judged)
    assert isinstance(rule, Annotation)
    return any(text_of(rule, each.tree.truth) is not None for each in judged)


def _is_passed_over(rule: Rule, case: Case) -> bool:
    seen = case.situation
    if is_limited(seen) or (rule.allow_preliminary and seen.provisional is not seen.series):
        return False
    return is_silent(rule, View(seen, preliminary=False, standing=standing_of(case)))


@pytest.mark.parametrize("rule", shipped().rules, ids=lambda rule: rule.id)
def test_what_rules_demand_together_silences_none_that_has_something_to_say(rule: Rule) -> None:
    """None of the rules that are passed over in the first case of this one; this one in none of its cases."""
    docket = docket_of(shipped().rules)
    cases = list(cases_of(rule, shipped(), shipped_files(), shipped_analytes()))
    for number, case in enumerate(cases):
        bare = replace(case, situation=replace(case.situation, series={}, provisional={}))
        for each in (case, bare):
            if is_limited(each.situation):
                continue
            passed = docket.passed_over(View(each.situation, preliminary=False))
            early = each.situation.provisional is not each.situation.series
            for other in [rule] if number else shipped().rules:
                if other.id in passed and not (early and other.allow_preliminary):
                    assert not _speaks(other, each), (case.name, other.id)


@pytest.mark.parametrize("rule", shipped().rules, ids=lambda rule: rule.id)
def test_no_rule_is_passed_over_that_speaks_of_what_is_missing(rule: Rule) -> None:
    """In the situations of its cases, before anything was measured."""
    for case in cases_of(rule, shipped(), shipped_files(), shipped_analytes()):
        bare = replace(case, situation=replace(case.situation, series={}, provisional={}))
        assert not (_speaks(rule, bare) and _is_passed_over(rule, bare)), case.name


@pytest.mark.parametrize("rule", shipped().rules, ids=lambda rule: rule.id)
def test_a_condition_is_as_true_at_a_glance_as_by_its_evidence(rule: Rule) -> None:
    """In every situation that the cases of the rule tell of."""
    for case in cases_of(rule, shipped(), shipped_files(), shipped_analytes()):
        view = View(case.situation, preliminary=False, standing=standing_of(case))
        for condition in rule.conditions:
            if condition.BY_RECORD:
                assert condition.truth(view) is condition.judge(view).truth, (case.name, condition.text)


@pytest.mark.parametrize("rule", shipped().rules, ids=lambda rule: rule.id)
def test_why_a_rule_is_silent_is_told_as_its_finding_tells_it(rule: Rule) -> None:
    """In every situation of its cases that it says nothing of, and before anything was measured."""
    if not isinstance(rule, AlertRule):
        return
    for case in cases_of(rule, shipped(), shipped_files(), shipped_analytes()):
        bare = replace(case, situation=replace(case.situation, series={}, provisional={}))
        for each in (case, bare):
            if not _is_passed_over(rule, each):
                continue
            judged = judgements(rule, each.situation, standing_of(each))
            found = [finding_of(rule, judgement, shipped_analytes()) for judgement in judged]
            view = View(each.situation, preliminary=False, standing=standing_of(each))
            told = silences_of(rule, view)
            assert [silence.truth for silence in told] == [finding.truth for finding in found], each.name
            assert [why_silent(silence) for silence in told] == [*map(why_silent, found)], each.name
