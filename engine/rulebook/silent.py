"""Whether a rule says nothing, and what shows it, with no more conditions than that takes.

Of a hundred rules nearly all are silent of most people, and each alert that is told says why of every one.
"""

from __future__ import annotations

from typing import NamedTuple

from engine.model.finding import Evidence, UnknownCause
from engine.model.quantity import Truth
from engine.rulebook.conditions import View
from engine.rulebook.evaluate import distance, evidence_of, judged_in
from engine.rulebook.rule import AlertRule, Rule, Status
from engine.rulebook.tree import Asked


class Silence(NamedTuple):
    """What of a silent rule's finding tells why: ``evidence`` has the first of it."""

    rule_id: str
    truth: Truth
    evidence: tuple[Evidence, ...]
    published: bool
    subject: str = ""


def is_silent(rule: Rule, view: View) -> bool:
    """Whether a rule says nothing of final values, where no limit is stated for this patient.

    It asks no more conditions than it takes to know: one that does not hold is enough for most rules.
    """
    if isinstance(rule, AlertRule) and rule.problems:
        return not any(problem.problem in rule.problems for problem in view.situation.problems)
    if rule.needs and view.series.keys().isdisjoint(rule.needs):
        return True
    asked = Asked(rule.conditions, rule.pair_within, view, wary=rule.wary)
    if not rule.doubts:
        return not rule.when.is_true(asked)
    if rule.when.is_false(asked):
        return True
    if UnknownCause.MISSING in rule.doubts or rule.when.is_true(asked):  # or values that lie too far apart
        return False
    verdicts = (asked[place] for place in range(len(rule.conditions)))
    in_doubt = (verdict.evidence for verdict in verdicts if verdict.truth is Truth.UNKNOWN)
    return rule.doubts.isdisjoint(evidence.cause or UnknownCause.VALUE for evidence in in_doubt)


def silences_of(rule: AlertRule, view: View) -> tuple[Silence, ...]:
    """Why a rule is silent that :func:`is_silent` says is: none of a data-quality rule without a problem."""
    if rule.problems:
        return ()
    asked = Asked(rule.conditions, rule.pair_within, view, wary=rule.wary)
    published = rule.status is Status.ACTIVE
    if rule.when.is_false(asked):
        nearest = min(rule.when.why_false(asked), key=distance)
        return (Silence(rule.id, Truth.FALSE, (nearest.evidence,), published),)
    judgement = judged_in(rule, view)
    return (Silence(rule.id, judgement.tree.truth, evidence_of(judgement, None)[:1], published),)
