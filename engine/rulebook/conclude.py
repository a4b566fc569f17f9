"""All rules in force applied to one situation, in an order in which each finds what it asks about."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta

from engine.model.finding import Finding, Label, Severity
from engine.model.quantity import Truth
from engine.model.record import Situation
from engine.rulebook.conditions import Analytes, Standing
from engine.rulebook.evaluate import annotate, evaluate
from engine.rulebook.rule import AlertRule, Annotation, Rule, Stage, Status

_SEVERITIES = tuple(Severity)


def conclude(rules: Iterable[Rule], situation: Situation, analytes: Analytes) -> tuple[Finding, ...]:
    """What the rules find, in order of rule and subject, raised by modifiers and with every label on it.

    What is published never rests on a rule in shadow: active rules do not see that it fires, and its
    labels and modifiers stand on findings of other rules in shadow only.
    """
    court = _Court(situation, analytes)
    ordered = sorted(rules, key=lambda rule: (rule.turn, rule.id))
    court.judge([rule for rule in ordered if rule.turn.stage is not Stage.LAST])
    court.speak()
    court.judge([rule for rule in ordered if rule.turn.stage is Stage.LAST])
    findings = sorted(court.findings, key=lambda finding: (finding.rule_id, finding.subject))
    return tuple(court.labelled(finding) for finding in findings)


@dataclass(slots=True)
class _Heard:
    """What has been concluded so far, for the rules that may know of it."""

    firing: set[str] = field(default_factory=set)
    speaking: dict[str, Severity] = field(default_factory=dict)
    repeat_within: dict[str, timedelta] = field(default_factory=dict)

    def standing(self) -> Standing:
        return Standing(self.firing, self.speaking, self.repeat_within)


@dataclass(slots=True)
class _Held:
    """An annotation that says something, and whether it holds for certain."""

    annotation: Annotation
    label: Label
    certain: bool

    def applies_to(self, finding: Finding) -> bool:
        if finding.severity is None or finding.family not in self.annotation.applies_to:
            return False
        return self.annotation.status is Status.ACTIVE or not finding.published

    def raises(self, finding: Finding) -> bool:
        groups = self.annotation.groups
        ours = not groups or finding.rule_id[0] in groups
        return self.annotation.raises and ours and self.applies_to(finding)


class _Court:
    """One judgement, rule by rule."""

    def __init__(self, situation: Situation, analytes: Analytes) -> None:
        self.situation = situation
        self.analytes = analytes
        self.findings: list[Finding] = []
        self.held: list[_Held] = []
        self.active, self.shadow = _Heard(), _Heard()

    def judge(self, rules: Sequence[Rule]) -> None:
        """Apply the rules, each after those it asks about."""
        for rule in rules:
            if isinstance(rule, AlertRule):
                self._alert(rule)
            elif isinstance(rule, Annotation):
                self._annotation(rule)

    def speak(self) -> None:
        """Make known how loud every rule judged so far speaks, raised ones as raised."""
        for finding in map(self._raised, self.findings):
            if finding.severity is not None:
                for heard in self._audience(published=finding.published):
                    loudest = heard.speaking.get(finding.rule_id, finding.severity)
                    heard.speaking[finding.rule_id] = max(loudest, finding.severity, key=_rank)

    def labelled(self, finding: Finding) -> Finding:
        """The finding as raised, with the labels that stand on it."""
        labels = tuple(held.label for held in self.held if held.applies_to(finding))
        raised = self._raised(finding)
        ordered = (*raised.labels, *sorted(labels, key=_rule_id))
        return replace(raised, labels=ordered) if labels else raised

    def _alert(self, rule: AlertRule) -> None:
        found = evaluate(rule, self.situation, self.analytes, self._standing(rule))
        self.findings.extend(found)
        if any(finding.truth is Truth.TRUE for finding in found):
            self._fires(rule)

    def _annotation(self, rule: Annotation) -> None:
        truth, label = annotate(rule, self.situation, self.analytes, self._standing(rule))
        if label is not None:
            self.held.append(_Held(rule, label, truth is Truth.TRUE))
        if truth is Truth.TRUE:
            self._fires(rule)
            if rule.repeat_within is not None:
                for heard in self._audience(published=rule.status is Status.ACTIVE):
                    for panel in rule.panels:
                        within = heard.repeat_within.get(panel, rule.repeat_within)
                        heard.repeat_within[panel] = min(within, rule.repeat_within)

    def _raised(self, finding: Finding) -> Finding:
        """One severity graver where a modifier holds, however many do."""
        if finding.severity in (None, Severity.CRITICAL):
            return finding
        if not any(held.certain and held.raises(finding) for held in self.held):
            return finding
        graver = _SEVERITIES[_rank(finding.severity) + 1]
        return replace(finding, severity=graver, raised_from=finding.severity)

    def _standing(self, rule: Rule) -> Standing:
        return (self.active if rule.status is Status.ACTIVE else self.shadow).standing()

    def _audience(self, *, published: bool) -> tuple[_Heard, ...]:
        return (self.active, self.shadow) if published else (self.shadow,)

    def _fires(self, rule: Rule) -> None:
        for heard in self._audience(published=rule.status is Status.ACTIVE):
            heard.firing.add(rule.id)


def _rank(severity: Severity) -> int:
    return severity.rank


def _rule_id(label: Label) -> str:
    return label.rule_id
