"""Rules and findings in a clinician's words: ``rules show``, and why a rule stayed silent."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from decimal import Decimal

from engine.model.finding import Evidence, Finding, UnknownCause
from engine.model.quantity import Operator, Truth
from engine.rulebook.conditions import Condition, Verdict
from engine.rulebook.conditions.base import OPERATOR_WORDS
from engine.rulebook.conditions.values import Comparison, Multiple
from engine.rulebook.rule import Rule
from engine.rulebook.tree import All, AnyOf, Judged, Leaf, Node, Not, decisive, judge

_NOT_WORDS: Mapping[Operator, str] = {
    Operator.GREATER_OR_EQUAL: "below",
    Operator.GREATER: "not above",
    Operator.LESS_OR_EQUAL: "above",
    Operator.LESS: "not below",
}
_BRANCH_WORDS: Mapping[type[Node], str] = {All: "all of these hold:", AnyOf: "at least one of these holds:"}


def describe(rule: Rule) -> str:
    """The rule as a clinician would read it: when it fires, how loud, what to do, and who says so."""
    lines = [f"{rule.id} (version {rule.version}, {rule.status.value})", rule.title, ""]
    lines.append(f"Fires as {rule.severity.value} when")
    lines.extend(_tree(rule.when, rule.titles, 1))
    loud = {cause: said for cause, said in rule.if_unknown.items() if said is not None}
    for cause, said in loud.items():
        lines.append(f"When that cannot be decided ({_CAUSE_WORDS[cause]}): {said.value}.")
    lines.append(f"Message: {rule.message}")
    if rule.message_unknown is not None:
        lines.append(f"Message when it cannot be decided: {rule.message_unknown}")
    lines.append(f"Action: {rule.action}")
    if rule.supersedes:
        lines.append(f"Takes precedence over: {', '.join(rule.supersedes)}")
    if rule.allow_preliminary:
        lines.append("Looks at preliminary results too.")
    lines.append(f"Rationale: {rule.rationale}")
    for source in rule.sources:
        quote = f': "{source.quote}"' if source.quote else ""
        lines.append(f"Source: {source}{quote}")
    return "\n".join(lines) + "\n"


_CAUSE_WORDS: Mapping[UnknownCause, str] = {
    UnknownCause.VALUE: "a value such as >480 is not exact enough",
    UnknownCause.REFERENCE: "there is nothing to compare with",
    UnknownCause.FACT: "a fact is not on record",
    UnknownCause.MISSING: "a value is missing, or values are too far apart",
}


def _tree(node: Node, titles: Mapping[str, str], depth: int) -> Iterator[str]:
    indent = "  " * depth
    if isinstance(node, Leaf):
        yield f"{indent}- {node.condition.words(titles)}"
    elif isinstance(node, All | AnyOf):
        yield f"{indent}- {_BRANCH_WORDS[type(node)]}"
        for part in node.parts:
            yield from _tree(part, titles, depth + 1)
    else:
        yield f"{indent}- {'not' if isinstance(node, Not) else 'unless it is certain that'}:"
        yield from _tree(node.part, titles, depth + 1)


def why_silent(rule: Rule, finding: Finding) -> str:
    """One line on why ``finding``, a finding of ``rule``, says nothing: ``ALT 120 U/L is below 5 x
    baseline 31 (155)``. Empty when it fired.
    """
    if finding.truth is Truth.TRUE:
        return ""
    shown = {evidence.condition: evidence for evidence in finding.evidence}
    verdicts = [Verdict(shown[condition.text]) for condition in rule.conditions if condition.text in shown]
    if len(verdicts) < len(rule.conditions):
        return "the rule has changed since"
    apart = [evidence for evidence in finding.evidence[len(rule.conditions) :] if evidence.note]
    if apart and finding.truth is Truth.UNKNOWN:
        return f"{apart[0].note} are too far apart to be judged together"
    tree = judge(rule.when, verdicts, rule.pair_within)
    reasons = [judged for judged in decisive(tree) if isinstance(judged.node, Leaf)]
    return _because(max(reasons, key=_closeness), rule.titles) if reasons else ""


def _closeness(judged: Judged) -> tuple[bool, Decimal]:
    """Measured reasons first, and of those the one that came nearest to firing."""
    evidence = judged.verdict.evidence if judged.verdict is not None else None
    if evidence is None or not evidence.value:
        return False, Decimal(0)
    try:
        value, threshold = Decimal(evidence.value), Decimal(evidence.threshold)
    except ArithmeticError:
        return True, Decimal(0)
    if not value or not threshold:
        return True, Decimal(0)
    return True, min(value / threshold, threshold / value)


def _because(judged: Judged, titles: Mapping[str, str]) -> str:
    assert isinstance(judged.node, Leaf)  # noqa: S101 - why_silent passes leaves only
    assert judged.verdict is not None  # noqa: S101
    condition, evidence = judged.node.condition, judged.verdict.evidence
    if evidence.truth is Truth.UNKNOWN:
        return _undecided(condition, evidence, titles)
    if isinstance(condition, Comparison):
        holds = evidence.truth is Truth.TRUE
        words = OPERATOR_WORDS if holds else _NOT_WORDS
        return f"{_measured(evidence, titles)} is {words[condition.operator]} {_limit(condition, evidence)}"
    note = f" ({evidence.note})" if evidence.note else ""
    value = f": {evidence.value}" if evidence.value and not evidence.analyte else ""
    verb = "" if evidence.truth is Truth.TRUE else "not: "
    return f"{verb}{condition.words(titles)}{value}{note}"


def _undecided(condition: Condition, evidence: Evidence, titles: Mapping[str, str]) -> str:
    if evidence.cause is UnknownCause.VALUE:
        return f"{_measured(evidence, titles)} leaves open whether {condition.words(titles)}"
    if evidence.cause is UnknownCause.REFERENCE:
        return f"{_measured(evidence, titles)}: {evidence.note}"
    name = titles.get(evidence.analyte, evidence.analyte)
    return f"{name}: {evidence.note}" if name else evidence.note


def _measured(evidence: Evidence, titles: Mapping[str, str]) -> str:
    name = titles.get(evidence.analyte, evidence.analyte)
    return f"{name} {evidence.comparator}{evidence.value} {evidence.unit}".rstrip()


def _limit(condition: Comparison, evidence: Evidence) -> str:
    if isinstance(condition, Multiple):
        multiple = condition.limit.split(" x ")[0]
        return f"{multiple} x {condition.reference} {evidence.reference_value} ({evidence.threshold})"
    return condition.limit
