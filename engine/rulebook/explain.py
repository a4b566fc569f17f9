"""Rules and findings in a clinician's words: ``rules show``, and why a rule stayed silent."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from engine.model.finding import Evidence, Finding, Severity, UnknownCause
from engine.model.quantity import Operator, Truth, plain, with_unit
from engine.rulebook.cases import Case
from engine.rulebook.conditions import Analytes, Condition, read_condition
from engine.rulebook.conditions.base import OPERATOR_WORDS
from engine.rulebook.conditions.clocks import Overdue
from engine.rulebook.conditions.values import Comparison, Multiple
from engine.rulebook.promises import NeverUsed, Promise, Wording
from engine.rulebook.rule import AlertRule, Annotation, Heading, Invariant, Protocol, Rule
from engine.rulebook.silent import Silence
from engine.rulebook.syntax import Unreadable
from engine.rulebook.tree import All, AnyOf, Leaf, Node, Not, can_be_unknown

_NOT_WORDS: Mapping[Operator, str] = {
    Operator.GREATER_OR_EQUAL: "below",
    Operator.GREATER: "not above",
    Operator.LESS_OR_EQUAL: "above",
    Operator.LESS: "not below",
}
_BRANCH_WORDS: Mapping[type[Node], str] = {All: "all of these hold:", AnyOf: "at least one of these holds:"}


def describe(rule: Heading, analytes: Analytes) -> str:
    """The rule as a clinician would read it: how loud, why, when it fires, what to do, and who says so."""
    lines = [f"{rule.id} ({rule.kind.value}, version {rule.version}, {rule.status.value})", rule.title, ""]
    if isinstance(rule, AlertRule):
        lines.append(f"Severity: {rule.severity.value}, {_SEVERITY_WORDS[rule.severity]}")
    lines.append(f"Why: {rule.rationale}")
    if isinstance(rule, AlertRule):
        lines.extend(_alert(rule, analytes))
    elif isinstance(rule, Annotation):
        lines.extend(_annotation(rule, analytes))
    elif isinstance(rule, Invariant):
        lines.append(_promise(rule.ensures, analytes))
    if isinstance(rule, Rule) and rule.allow_preliminary:
        lines.append("Looks at preliminary results too.")
    lines.extend(f"Source: {source.cited}" for source in rule.sources)
    return "\n".join(lines) + "\n"


def describe_trials(rule: Rule, protocols: Iterable[Protocol], cases: Iterable[Case]) -> str:
    """Where a rule is in force, and its cases by what they expect."""
    names = [protocol.name for protocol in protocols if rule.id in protocol.rules]
    lines = [f"In force under: {', '.join(names) or 'no protocol'}"]
    of_truth: dict[Truth, list[str]] = {truth: [] for truth in _CASE_WORDS}
    for case in cases:
        of_truth[case.truth].append(case.name)
    for truth, words in _CASE_WORDS.items():
        if of_truth[truth]:
            lines.append(f"{words}:")
            lines.extend(f"  - {name}" for name in of_truth[truth])
    return "\n".join(lines) + "\n"


def _alert(rule: AlertRule, analytes: Analytes) -> Iterator[str]:
    yield "Fires when"
    yield from _tree(rule.when, analytes, 1)
    if can_be_unknown(rule.when):
        for cause, said in rule.if_unknown.items():
            loud = "silent" if said is None else said.value
            yield f"When that cannot be decided because {_CAUSE_WORDS[cause]}: {loud}."
    yield f"Message: {rule.message}"
    if rule.message_unknown is not None:
        yield f"Message when it cannot be decided: {rule.message_unknown}"
    yield f"Action: {rule.action}"
    if rule.action_unknown is not None:
        yield f"Action when it cannot be decided: {rule.action_unknown}"
    if rule.trigger:
        yield f"Names first: {analytes[rule.trigger].title}"
    yield f"Family: {rule.family}"
    if rule.supersedes:
        yield f"Takes precedence over: {', '.join(rule.supersedes)}"


def _annotation(rule: Annotation, analytes: Analytes) -> Iterator[str]:
    yield f"Stands on alerts about {', '.join(sorted(rule.applies_to))} when"
    yield from _tree(rule.when, analytes, 1)
    yield f"Label: {rule.label}"
    if can_be_unknown(rule.when):
        yield f"Label when that cannot be decided: {rule.label_unknown or 'none'}"
    if rule.effects:
        yield f"While it holds: {', '.join(rule.effects)}."
    if rule.raises:
        yield "Nothing gets graver than critical, and several modifiers make one step."


def _promise(promise: Promise, analytes: Analytes) -> str:
    if isinstance(promise, NeverUsed):
        said = " or ".join(read_condition(line).words(analytes) for line in promise.conditions)
        return f"Proven of all rules: none asks whether {said}."
    if isinstance(promise, Wording):
        fact = read_condition(promise.only_unless).words(analytes)
        return f"Proven of all rules: what says {' or '.join(promise.words)} is silent while {fact}."
    results = f"{promise.results} results of {analytes[promise.analyte].title} alone"
    return f"Proven of all rules: no alert above info rests on fewer than {results}."


_ABBREVIATION = 4

_SEVERITY_WORDS: Mapping[Severity, str] = {
    Severity.CRITICAL: "page now",
    Severity.URGENT: "same working day",
    Severity.REVIEW: "routine queue",
    Severity.INFO: "record only",
}
_CASE_WORDS: Mapping[Truth, str] = {
    Truth.TRUE: "Cases in which it fires",
    Truth.FALSE: "Cases in which it does not",
    Truth.UNKNOWN: "Cases that it cannot decide",
}
_CAUSE_WORDS: Mapping[UnknownCause, str] = {
    UnknownCause.VALUE: "a value such as >480 is not exact enough",
    UnknownCause.REFERENCE: "there is nothing to compare with",
    UnknownCause.FACT: "a fact is not on record",
    UnknownCause.MISSING: "a value is missing, or values are too far apart",
    UnknownCause.SPOILED: "its specimen has spoiled a value",
}


def _tree(node: Node, analytes: Analytes, depth: int) -> Iterator[str]:
    indent = "  " * depth
    if isinstance(node, Leaf):
        yield f"{indent}- {node.condition.words(analytes)}"
    elif isinstance(node, All | AnyOf):
        yield f"{indent}- {_BRANCH_WORDS[type(node)]}"
        for part in node.parts:
            yield from _tree(part, analytes, depth + 1)
    else:
        yield f"{indent}- {'not' if isinstance(node, Not) else 'unless it is certain that'}:"
        yield from _tree(node.part, analytes, depth + 1)


def why_silent(finding: Finding | Silence) -> str:
    """One line on why a finding says nothing: ``ALT 120 U/L is below 5 x baseline 31 (155)``.

    Rests on the finding alone, for the rule may have changed since; names the limits that are stated for
    this patient. Empty when the rule fired.
    """
    if finding.truth is Truth.TRUE or not finding.evidence:
        return ""
    limits = {evidence.limit: evidence for evidence in finding.evidence if evidence.limit}
    below = (evidence for evidence in limits.values() if evidence.truth is Truth.FALSE)
    return "; ".join((_why(next(below, finding.evidence[0])), *limits))


def _why(evidence: Evidence) -> str:
    try:
        condition = read_condition(evidence.condition)
    except Unreadable:  # the engine's own line about values that are too far apart
        return f"{evidence.note}: not {evidence.condition}"
    if evidence.truth is Truth.UNKNOWN:
        return _undecided(condition, evidence)
    if isinstance(condition, Overdue):
        return evidence.note
    if isinstance(condition, Comparison) and evidence.threshold:
        words = OPERATOR_WORDS if evidence.truth is Truth.TRUE else _NOT_WORDS
        return f"{_measured(evidence)} is {words[condition.operator]} {_limit(condition, evidence)}"
    details = [evidence.value if not evidence.analyte else "", evidence.note]
    shown = f"{evidence.condition}: {'yes' if evidence.truth is Truth.TRUE else 'no'}"
    return ", ".join((shown, *filter(None, details)))


def _undecided(condition: Condition, evidence: Evidence) -> str:
    if evidence.cause is UnknownCause.VALUE:
        return f"{_measured(evidence)} leaves open whether it {condition.saying}"
    if evidence.cause is UnknownCause.REFERENCE:
        return f"{_measured(evidence)}: {evidence.note}"
    return f"{_name(evidence.analyte)}: {evidence.note}" if evidence.analyte else evidence.note


def _measured(evidence: Evidence) -> str:
    name = _name(evidence.analyte)
    return f"{name} {with_unit(f'{evidence.comparator}{evidence.value}', evidence.unit)}"


def _name(analyte: str) -> str:
    """``ALT``, ``bilirubin``: short names are abbreviations."""
    words = analyte.replace("_", " ")
    return words.upper() if len(words) <= _ABBREVIATION else words


def _limit(condition: Comparison, evidence: Evidence) -> str:
    if not isinstance(condition, Multiple):
        return condition.limit
    multiple = f"{plain(condition.number)} x {condition.reference}"
    return f"{multiple} {evidence.reference_value} ({evidence.threshold})"
