"""A worse value never makes a quieter alert."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from decimal import Decimal

import pytest
from _pytest.mark import ParameterSet
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from engine.alerts import choose
from engine.model.finding import Severity
from engine.model.quantity import Quantity
from engine.model.record import Situation
from engine.model.result import Result
from engine.rulebook import AlertRule, conclude
from engine.rulebook.conditions import Condition
from engine.rulebook.conditions.base import HIGH
from engine.rulebook.conditions.stretches import Repeated
from engine.rulebook.conditions.values import Absolute, Multiple
from engine.rulebook.evaluate import judgements
from engine.rulebook.tree import leaves, speaking_leaves
from engine.rulebook.trials import cases_of, standing_of
from tests.unit.rulebook.records import (
    shipped,
    shipped_alerts,
    shipped_analytes,
    shipped_files,
    situation,
)

WORSE = tuple(map(Decimal, ("1.01", "1.5", "4", "40")))
LIMITS = ("baseline", "ULN", "LLN", "")


def one_sided(rule: AlertRule, *, high: bool) -> frozenset[str]:
    """The analytes of which the rule asks nothing but whether their value lies above (or below) limits."""
    speaking = {leaf.index for leaf in speaking_leaves(rule.when)}
    asked: dict[str, bool] = {}
    for leaf in leaves(rule.when):
        fits = leaf.index in speaking and _is_limit(leaf.condition, high=high)
        for analyte in leaf.condition.analytes:
            asked[analyte] = asked.get(analyte, True) and fits
    return frozenset(analyte for analyte, fits in asked.items() if fits)


def _is_limit(condition: Condition, *, high: bool) -> bool:
    comparison = condition.comparison if isinstance(condition, Repeated) else condition
    if isinstance(comparison, Multiple) and comparison.reference not in LIMITS:
        return False
    return isinstance(comparison, Absolute | Multiple) and (comparison.operator in HIGH) == high


def changed(seen: Situation, analyte: str, factor: Decimal) -> Situation:
    """The same with the newest values of an analyte multiplied."""
    return replace(
        seen,
        series=_with_changed(seen.series, analyte, factor),
        provisional=_with_changed(seen.provisional, analyte, factor),
    )


def _with_changed(
    series: Mapping[str, tuple[Result, ...]], analyte: str, factor: Decimal
) -> Mapping[str, tuple[Result, ...]]:
    results = series.get(analyte, ())
    if not results:
        return series
    newest = results[-1].collected.at
    return {
        **series,
        analyte: tuple(_times(each, factor) if each.collected.at == newest else each for each in results),
    }


def _times(result: Result, factor: Decimal) -> Result:
    if result.quantity is None:
        return result
    return replace(result, quantity=Quantity(result.quantity.interval.scaled(factor), result.quantity.unit))


def rank(severity: Severity | None) -> int:
    return -1 if severity is None else severity.rank


def sided_rules() -> Iterator[ParameterSet]:
    """Each rule with each analyte that it asks one side of."""
    for rule in shipped_alerts():
        for high in (True, False):
            for analyte in sorted(one_sided(rule, high=high)):
                side = "higher" if high else "lower"
                yield pytest.param(rule, analyte, high, id=f"{rule.id}, {side} {analyte}")


@pytest.mark.parametrize(("rule", "analyte", "high"), list(sided_rules()))
def test_a_rule_is_never_quieter_about_a_worse_value(rule: AlertRule, analyte: str, *, high: bool) -> None:
    """In every situation that the cases of the rule tell of."""
    for case in cases_of(rule, shipped(), shipped_files(), shipped_analytes()):
        before = [rank(each.severity) for each in judgements(rule, case.situation, standing_of(case))]
        for factor in WORSE:
            worse = changed(case.situation, analyte, factor if high else 1 / factor)
            after = [rank(each.severity) for each in judgements(rule, worse, standing_of(case))]
            assert max(after) >= max(before), (case.name, factor)


RECORD = """\
ranges: {{alt: 10-40, ast: 10-40, bilirubin: 3-17}}
baseline: {{alt: {baseline} U/L, ast: 22 U/L, bilirubin: 8 umol/L}}
facts: {{symptom: {symptom}}}
therapy: {therapy}
results:
  alt: {{-14d: {earlier} U/L, 0d: {alt} U/L}}
  ast: {{0d: {ast} U/L}}
  bilirubin: {{0d: {bilirubin} umol/L}}
"""


def loudest(seen: Situation, family: str) -> int:
    """How loud the alert of a family is, after all rules have spoken."""
    chosen = choose(conclude(shipped().in_force, seen, shipped_analytes()))
    return max(
        (rank(each.finding.severity) for (name, _), each in chosen.items() if name == family), default=-1
    )


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    record=st.fixed_dictionaries(
        {
            "baseline": st.sampled_from(("20", "30", "70")),
            "symptom": st.sampled_from(("none", "nausea", "jaundice", "rash")),
            "therapy": st.sampled_from(
                (
                    "{started: -60d}",
                    "{started: -200d, stopped: -60d, restarted: -20d}",
                    "{started: -60d, held: -3d}",
                )
            ),
            "earlier": st.integers(10, 700),
            "alt": st.integers(10, 700),
            "ast": st.integers(10, 700),
            "bilirubin": st.integers(4, 60),
        }
    ),
    analyte=st.sampled_from(("alt", "ast", "bilirubin")),
    factor=st.sampled_from(WORSE),
)
def test_all_rules_together_are_never_quieter_about_a_worse_liver(
    record: Mapping[str, object], analyte: str, factor: Decimal
) -> None:
    """Whichever rule takes over as a value rises, the alert about the liver does not become milder."""
    seen = situation(RECORD.format(**record))

    assert loudest(changed(seen, analyte, factor), "liver-injury") >= loudest(seen, "liver-injury")
