"""What a rule concludes about a situation: one finding, with the evidence of every condition."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from functools import partial

from engine.model.finding import Evidence, Finding, Label, Severity, UnknownCause
from engine.model.quantity import Truth, plain
from engine.model.record import BaselineMode, Situation
from engine.model.result import Problem, Result
from engine.rulebook.conditions import ALONE, Analytes, Standing, Verdict, View
from engine.rulebook.conditions.others import RuleFires
from engine.rulebook.limits import NO_EFFECT, Effect, effect_of, limited, said_of_limit
from engine.rulebook.message import Material, Template, fill
from engine.rulebook.own_baseline import asks_for_baseline, label_against
from engine.rulebook.rule import AlertRule, Annotation, Rule, Status
from engine.rulebook.tree import (
    Asked,
    Judged,
    decisive,
    judge,
    supporting,
    unknown_rank,
    unpaired,
)

_SEVERITIES = tuple(Severity)
_SILENT = -1
CANNOT_EXCLUDE = "Cannot exclude: "
_OF_SENDERS = frozenset({Problem.CODE_UNMAPPED, Problem.RANGE_MISSING})


@dataclass(frozen=True, slots=True)
class Judgement:
    """A rule applied to one subject: the judged tree, each condition's verdict, and what to say.

    ``severity`` is None where an alert rule says nothing; an annotation has none. ``limits`` tells of limits
    that are stated for this patient, ``effect`` what those in force do to the rule.
    """

    rule: Rule
    view: View
    verdicts: tuple[Verdict, ...]
    tree: Judged
    severity: Severity | None
    limits: tuple[str, ...] = ()
    effect: Effect = NO_EFFECT

    @property
    def instants(self) -> tuple[datetime, ...]:
        """When time alone may change it."""
        return tuple(verdict.look_at for verdict in self.verdicts if verdict.look_at is not None)


def evaluate(
    rule: AlertRule, situation: Situation, analytes: Analytes, standing: Standing = ALONE
) -> tuple[Finding, ...]:
    """The findings of one rule: exactly one of a clinical rule, whatever its truth, so that silence can be
    explained; of a data-quality rule one for each subject (:func:`subject_of`) of that problem.
    ``analytes`` gives the names that messages use, ``standing`` what other rules have concluded. The
    evidence that decided comes first.

    Pure and total: it never raises, and the same situation gives the same findings.
    """
    return findings_of(rule, judgements(rule, situation, standing), situation, analytes, standing)


def findings_of(
    rule: AlertRule,
    judged: Sequence[Judgement],
    situation: Situation,
    analytes: Analytes,
    standing: Standing = ALONE,
) -> tuple[Finding, ...]:
    """What :func:`evaluate` makes of the judged trees of a rule."""
    found = tuple(finding_of(rule, judgement, analytes) for judgement in judged)
    if situation.baseline_mode is not BaselineMode.LITERAL or not asks_for_baseline(rule):
        return found
    if all(finding.severity is None for finding in found):
        return found
    floor = evaluate(rule, replace(situation, baseline_mode=BaselineMode.FLOOR_ULN), analytes, standing)
    marks = (label_against(*pair) for pair in zip(found, floor, strict=True))
    return tuple(
        replace(finding, labels=(*finding.labels, mark)) if mark is not None else finding
        for finding, mark in zip(found, marks, strict=True)
    )


def judgements(rule: Rule, situation: Situation, standing: Standing = ALONE) -> tuple[Judgement, ...]:
    """The judged trees behind :func:`evaluate`; of an annotation exactly one."""
    problems = rule.problems if isinstance(rule, AlertRule) else frozenset()
    if not problems:
        final = judged_in(rule, View(situation, preliminary=False, standing=standing))
        if not rule.allow_preliminary or situation.provisional is situation.series:
            return (final,)
        # A preliminary value may raise an alert; it never lowers what a final one says.
        provisional = judged_in(rule, View(situation, preliminary=True, standing=standing))
        silent = _loudness(final) == _SILENT
        louder = silent or _loudness(provisional) > _loudness(final)
        return (provisional if louder else final,)
    subjects: dict[str, list[Result]] = {}
    for result in situation.problems:
        if result.problem in problems and result.collected.latest >= situation.scope_from:
            subjects.setdefault(subject_of(result), []).append(result)
    return tuple(
        judged_in(
            rule,
            View(
                situation,
                preliminary=rule.allow_preliminary,
                unusable=_newest_first(subjects[name]),
                standing=standing,
            ),
        )
        for name in sorted(subjects)
    )


def _newest_first(results: Sequence[Result]) -> tuple[Result, ...]:
    """Of one time in the order of their codes, so that a panel reads the same whatever its values are."""
    by_code = sorted(results, key=lambda result: (result.code, result.key))
    return tuple(sorted(by_code, key=lambda result: result.collected.at, reverse=True))


def _loudness(judgement: Judgement) -> int:
    if isinstance(judgement.rule, Annotation):
        if text_of(judgement.rule, judgement.tree.truth) is None:
            return _SILENT
        return 1 if judgement.tree.truth is Truth.TRUE else 0
    return _SILENT if judgement.severity is None else judgement.severity.rank


def subject_of(result: Result) -> str:
    """What a data-quality finding is about: the analyte, or the sender of what is missing with all its tests.

    Mapping is done for a sender, not for a code: hundreds of notices would hide the one thing to do. So is
    a sample repeated, not a test: what one condition has spoiled is one notice.
    """
    if result.problem is Problem.SPECIMEN_SPOILED:
        return result.specimen_condition
    return result.sender if result.problem in _OF_SENDERS else result.analyte or result.code


def judged_in(rule: Rule, view: View) -> Judgement:
    """The rule applied to what it sees, with the limits of the patient."""
    personal = limited(rule, view.situation)
    asked = Asked(personal.conditions, rule.pair_within, view, wary=rule.wary)
    verdicts = tuple(asked[place] for place in range(len(personal.conditions)))
    if personal.notes:
        noted = ((verdict, personal.notes.get(place, "")) for place, verdict in enumerate(verdicts))
        verdicts = tuple(v._replace(evidence=replace(v.evidence, limit=note)) for v, note in noted)
    tree = judge(rule.when, verdicts, rule.pair_within)
    severity = _severity(rule, tree)
    effect = effect_of(rule, view, personal, verdicts, partial(_severity, rule))
    return Judgement(rule, view, verdicts, tree, severity, personal.labels, effect)


def _severity(rule: Rule, tree: Judged) -> Severity | None:
    if not isinstance(rule, AlertRule) or tree.truth is Truth.FALSE:
        return None
    return rule.severity if tree.truth is Truth.TRUE else severity_if_unknown(tree, rule.if_unknown)


def severity_if_unknown(tree: Judged, if_unknown: Mapping[UnknownCause, Severity | None]) -> Severity | None:
    """What the rule makes of an UNKNOWN tree; None is silence."""
    ranks = {cause: _SILENT if said is None else said.rank for cause, said in if_unknown.items()}
    rank = unknown_rank(tree, ranks)
    return None if rank == _SILENT else _SEVERITIES[rank]


def label_of(annotation: Annotation, judgement: Judgement, analytes: Analytes) -> str:
    """What an annotation says that says something."""
    template = text_of(annotation, judgement.tree.truth)
    if template is None:
        return ""
    speaking = _speaking(judgement)
    material = Material(judgement.view, (*speaking, *judgement.verdicts), _trigger(speaking, ""), analytes)
    return fill(template, material) + _assumptions(speaking) + _age(annotation, judgement, speaking)


def _age(annotation: Annotation, judgement: Judgement, speaking: Sequence[Verdict]) -> str:
    """From when the values are where all of them are older than values that are judged together may be."""
    times = [verdict.result.collected.at for verdict in speaking if verdict.result is not None]
    if not times or judgement.view.situation.at - max(times) <= annotation.pair_within:
        return ""
    return f" (measured on {max(times).date().isoformat()})"


def text_of(annotation: Annotation, truth: Truth) -> Template | None:
    """What an annotation of that truth says, None where it says nothing."""
    if truth is Truth.TRUE:
        return annotation.label
    return annotation.label_unknown if truth is Truth.UNKNOWN else None


def _speaking(judgement: Judgement) -> list[Verdict]:
    """The verdicts that speak for the rule; where it fires, only those that hold."""
    verdicts = supporting(judgement.tree)
    if judgement.tree.truth is Truth.TRUE:
        return [verdict for verdict in verdicts if verdict.truth is Truth.TRUE]
    return list(verdicts)


def finding_of(rule: AlertRule, judgement: Judgement, analytes: Analytes) -> Finding:
    """The finding; its message is written only where there is something to say."""
    view, tree = judgement.view, judgement.tree
    speaking = _speaking(judgement)
    trigger = _trigger(speaking, rule.trigger)
    title, message, action = rule.title, "", ""
    if judgement.severity is not None:
        material = Material(view, (*speaking, *judgement.verdicts), trigger, analytes)
        title, message = _said(rule, judgement, speaking, material)
        message += _assumptions(speaking) + _fires_by(judgement, speaking)
        action = _action(rule, tree.truth, material)
    used = speaking or judgement.verdicts
    times = [verdict.result.collected.at for verdict in used if verdict.result is not None]
    overdue = [verdict.since for verdict in speaking if verdict.since is not None]
    return Finding(
        rule_id=rule.id,
        rule_version=rule.version,
        family=rule.family,
        subject=subject_of(view.subject) if view.subject is not None else "",
        truth=tree.truth,
        severity=judgement.severity,
        title=title,
        message=message,
        action=action,
        sources=tuple(source.cited for source in rule.sources),
        evidence=evidence_of(judgement, trigger),
        clinical_at=min(overdue) if overdue else max(times, default=None),
        trigger_key=trigger.result.key if trigger is not None and trigger.result is not None else "",
        badness=_badness(speaking),
        supersedes=rule.supersedes,
        repeat_after=rule.repeat_after,
        published=rule.status is Status.ACTIVE,
        labels=tuple(Label(rule.id, text) for text in _own_labels(judgement, speaking, analytes)),
        overdue=bool(overdue),
        look_at=min(judgement.instants, default=None),
    )


def _own_labels(judgement: Judgement, speaking: Sequence[Verdict], analytes: Analytes) -> tuple[str, ...]:
    by_limit = _others_by_limit(judgement, speaking)
    return (*judgement.limits, *by_limit, *_reserves(speaking, analytes))


def _others_by_limit(judgement: Judgement, speaking: Sequence[Verdict]) -> tuple[str, ...]:
    """What of the rules that this one asks about fires only by a limit of the patient."""
    said = {verdict.evidence.condition for verdict in speaking if verdict.truth is Truth.TRUE}
    rules = (
        each.rule for each in judgement.rule.conditions if isinstance(each, RuleFires) and each.text in said
    )
    by_limit = judgement.view.standing.by_limit
    return tuple(f"{rule} fires only by {by_limit[rule]}" for rule in rules if rule in by_limit)


def _fires_by(judgement: Judgement, speaking: Sequence[Verdict]) -> str:
    """The same for the message, where without those limits this rule would not fire."""
    told = _others_by_limit(judgement, speaking) if judgement.effect.fires_by else ()
    return "".join(f" {text}." for text in told)


def _reserves(speaking: Sequence[Verdict], analytes: Analytes) -> tuple[str, ...]:
    """What of the values that speak comes from a specimen that was haemolysed or clotted."""
    judged = (v.result for v in speaking if v.result is not None)
    affected = {
        (result.specimen_condition, analytes[result.analyte].title)
        for result in judged
        if result.specimen_condition and result.problem is None and not result.spoiled
    }
    conditions = sorted({condition for condition, _ in affected})
    named = {name: sorted(title for condition, title in affected if condition == name) for name in conditions}
    return tuple(f"Specimen {name}: {', '.join(named[name])} judged with reserve." for name in conditions)


def _said(
    rule: AlertRule, judgement: Judgement, speaking: Sequence[Verdict], material: Material
) -> tuple[str, str]:
    """Title and message, which must not sound certain where the rule speaks of what it cannot exclude."""
    opening = "" if judgement.tree.truth is Truth.TRUE else CANNOT_EXCLUDE
    if judgement.effect.lowered:
        places = [place for place in judgement.effect.lowered if judgement.verdicts[place] in speaking]
        place = (*places, *judgement.effect.lowered)[0]
        seen = judgement.verdicts[place].evidence
        definition = material.analytes.get(seen.analyte)
        title, message = said_of_limit(rule, place, seen, definition.title if definition else seen.analyte)
        return f"{opening}{title}", f"{opening}{message}"
    if opening and rule.message_unknown is not None:
        return f"{opening}{rule.title}", fill(rule.message_unknown, material)
    return f"{opening}{rule.title}", f"{opening}{fill(rule.message, material)}"


def _action(rule: AlertRule, truth: Truth, material: Material) -> str:
    if truth is Truth.TRUE:
        return fill(rule.action, material)
    if rule.action_unknown is not None:
        return fill(rule.action_unknown, material)
    return f"If confirmed: {fill(rule.action, material)}"


def _assumptions(speaking: Sequence[Verdict]) -> str:
    """`` (assumed ULN)`` where something that speaks rests on a range that no laboratory printed."""
    assumed = sorted({verdict.evidence.assumed for verdict in speaking} - {""})
    return f" ({', '.join(assumed)})" if assumed else ""


def _trigger(speaking: Sequence[Verdict], analyte: str) -> Verdict | None:
    """The verdict whose value lies furthest beyond its threshold; true ones before unknown ones.

    Where the rule names an analyte, only its values, if any of them speaks.
    """
    measured = [verdict for verdict in speaking if verdict.result is not None]
    named = [verdict for verdict in measured if verdict.evidence.analyte == analyte]
    return max(named or measured, key=_order_of_trigger, default=None)


def _order_of_trigger(verdict: Verdict) -> tuple[bool, Decimal]:
    return verdict.truth is Truth.TRUE, verdict.excess or Decimal(0)


def _badness(speaking: Sequence[Verdict]) -> tuple[tuple[str, str], ...]:
    worst: dict[str, Decimal] = {}
    for verdict in speaking:
        number, analyte = verdict.badness, verdict.evidence.analyte
        if number is not None:
            worst[analyte] = max(number, worst.get(analyte, number))
    return tuple((analyte, plain(worst[analyte])) for analyte in sorted(worst))


def evidence_of(judgement: Judgement, trigger: Verdict | None) -> tuple[Evidence, ...]:
    """All evidence: the trigger, then what else decided, nearest to the threshold first, then the rest."""
    tree, rule = judgement.tree, judgement.rule
    ordered = [trigger.evidence] if trigger is not None and tree.truth is Truth.TRUE else []
    deciding = list(decisive(tree))
    verdicts = [judged.verdict for judged in deciding if judged.verdict is not None]
    nearest = [verdict.evidence for verdict in sorted(verdicts, key=distance)]
    apart = [_apart(rule, judged) for judged in unpaired(tree)]
    # what is false is so whichever values belong together
    ordered += [*nearest, *apart] if tree.truth is Truth.FALSE else [*apart, *nearest]
    ordered += [verdict.evidence for verdict in judgement.verdicts]
    unique: dict[str, Evidence] = {}
    for evidence in ordered:
        unique.setdefault(evidence.condition, evidence)
    more = (evidence for verdict in verdicts for evidence in verdict.more)
    return (*unique.values(), *more)


def distance(verdict: Verdict) -> tuple[bool, Decimal]:
    """Measured first, and of those the value nearest to its threshold."""
    factor = verdict.excess or Decimal(0)
    return verdict.result is None, -min(factor, 1 / factor if factor else factor)


def _apart(rule: Rule, judged: Judged) -> Evidence:
    """Evidence for values that cannot be taken together, as a condition of its own."""
    return Evidence(
        f"measured within {rule.pair_within.days} d of each other",
        Truth.UNKNOWN,
        cause=UnknownCause.MISSING,
        note=judged.apart,
    )
