"""Messages with placeholders: ``{alt}``, ``{alt.fold}``, ``{trigger.name}``; checked when they are read."""

from __future__ import annotations

import string
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import NamedTuple

from engine.model.facts import GENES
from engine.model.quantity import plain, with_unit
from engine.model.result import STATUS_ACTIONS, Problem, Result, StatusAction
from engine.rulebook.conditions import Analytes, Condition, Verdict, View
from engine.rulebook.conditions.base import cut
from engine.rulebook.conditions.clocks import Overdue
from engine.rulebook.conditions.states import RecordedFact, Unusable
from engine.rulebook.conditions.stretches import Was
from engine.rulebook.conditions.values import Ratio
from engine.rulebook.course_words import COURSE_FIELDS, course_field, drug_of
from engine.rulebook.gene_words import GENE_FIELDS, gene_field
from engine.rulebook.problem_words import codes_of, fault_of, sender_of, spoiled_of
from engine.rulebook.syntax import Unreadable, near

FIELDS = ("sent", "fold", "ratio", "baseline", "uln", "lln", "collected")
TRIGGER_FIELDS = (*FIELDS, "name", "code", "sender")
PAST_FIELD = "was"  # only of an analyte with a condition on its past
# What only a rule about such observations can tell.
PROBLEM_FIELDS = {
    "codes": frozenset({Problem.CODE_UNMAPPED, Problem.RANGE_MISSING}),
    "fault": frozenset({Problem.VALUE_UNREADABLE}),
    "specimen": frozenset({Problem.SPECIMEN_SPOILED}),
    "spoiled": frozenset({Problem.SPECIMEN_SPOILED}),
}
COURSE = "course"  # the course that conditions on courses and doses are about
OVERDUE = "overdue"
THERAPY_DRUG = "therapy.drug"
PROTOCOL = "protocol"
_ABSENT = "not known"


class Placeholder(NamedTuple):
    """An analyte, a gene or ``trigger``, a field or nothing, and for a fold what it is a multiple of.

    Of the drug of the therapy, whether it is that of the newest course.
    """

    name: str
    field: str
    reference: str = ""


@dataclass(frozen=True, slots=True)
class Template:
    """A message: literal texts, each followed by a placeholder or by nothing."""

    text: str
    parts: tuple[tuple[str, Placeholder | None], ...]

    def __str__(self) -> str:
        return self.text


@dataclass(frozen=True, slots=True)
class Material:
    """What a message is filled from: the judged conditions, best first, and the one that triggered."""

    view: View
    verdicts: Sequence[Verdict]
    trigger: Verdict | None
    analytes: Analytes


def read_template(text: str, conditions: Sequence[Condition], speaking: Sequence[Condition]) -> Template:
    """A message whose placeholders the rule can fill; raises Unreadable for the first that is wrong.

    ``conditions`` are all of the rule, ``speaking`` those that are not part of an exclusion.
    """
    parts: list[tuple[str, Placeholder | None]] = []
    try:
        fields = list(string.Formatter().parse(text))
    except ValueError as error:
        raise Unreadable(
            f'the braces do not match in "{text}"', "a placeholder is {name} or {name.field}"
        ) from error
    for literal, field, spec, conversion in fields:
        if field is None:
            parts.append((literal, None))
            continue
        if spec or conversion:
            raise Unreadable(f'placeholder "{{{field}}}" has a format', "write only {name} or {name.field}")
        parts.append((literal, _placeholder(field, conditions, speaking)))
    return Template(text, tuple(parts))


def fill(template: Template, material: Material) -> str:
    """The message with every placeholder filled; what is absent reads ``not known``."""
    written: list[str] = []
    for literal, placeholder in template.parts:
        written.append(literal)
        if placeholder is not None:
            written.append(_written(placeholder, material) or _ABSENT)
    return "".join(written)


def _placeholder(field: str, conditions: Sequence[Condition], speaking: Sequence[Condition]) -> Placeholder:
    name, _, attribute = field.partition(".")
    of_newest_course = any(condition.OF_NEWEST_COURSE for condition in conditions)
    if field in (PROTOCOL, THERAPY_DRUG):
        return Placeholder(name, attribute, COURSE if of_newest_course else "")
    if field == OVERDUE:
        if any(isinstance(condition, Overdue) for condition in speaking):
            return Placeholder(OVERDUE, "")
        raise Unreadable(f'placeholder "{{{field}}}": no condition is about an overdue test', "remove it")
    analytes = {analyte for condition in conditions for analyte in condition.analytes}
    has_trigger = any(condition.analytes or isinstance(condition, Unusable) for condition in speaking)
    names = {*analytes, "trigger"} if has_trigger else set(analytes)
    if of_newest_course:
        names.add(COURSE)
    genes = {condition.name for condition in conditions if isinstance(condition, RecordedFact)} & {*GENES}
    names |= genes
    if name not in names:
        raise Unreadable(f'placeholder "{{{field}}}" names nothing that the rule judges', near(name, names))
    if name == COURSE or name in genes:
        known: tuple[str, ...] = COURSE_FIELDS if name == COURSE else GENE_FIELDS
        if attribute not in known and (name == COURSE or "." in field):
            raise Unreadable(f'placeholder "{{{field}}}" has no such field', near(attribute, known))
        return Placeholder(name, attribute)
    known = FIELDS
    if any(isinstance(condition, Was) and name in condition.analytes for condition in conditions):
        known = (*known, PAST_FIELD)
    if name == "trigger":
        problems = {condition.problem for condition in speaking if isinstance(condition, Unusable)}
        known = (*TRIGGER_FIELDS, *(key for key, kinds in PROBLEM_FIELDS.items() if kinds & problems))
    if "." in field and attribute not in known:
        raise Unreadable(f'placeholder "{{{field}}}" has no such field', near(attribute, known))
    needed = {"baseline": "baseline", "uln": "ULN", "lln": "LLN"}.get(attribute)
    chosen = [c for c in conditions if name == "trigger" or name in c.analytes]
    if needed and not any(condition.multiple_of == needed for condition in chosen):
        raise Unreadable(
            f'placeholder "{{{field}}}": no condition looks at {needed}', f"use a condition with x {needed}"
        )
    if attribute == "ratio" and not any(isinstance(c, Ratio) and c.numerator == name for c in conditions):
        raise Unreadable(
            f'placeholder "{{{field}}}": no condition divides {name} by another', "use a condition with /"
        )
    if attribute != "fold":
        return Placeholder(name, attribute)
    # 4 x the upper limit must never be shown as 4 x the baseline
    multiples = {c.multiple_of for c in speaking if c in chosen and c.multiple_of}
    if len(multiples) == 1:
        return Placeholder(name, attribute, multiples.pop())
    of_what = " and of ".join(sorted(multiples))
    problem = f"it may be a multiple of {of_what}" if multiples else "no condition compares a multiple"
    raise Unreadable(f'placeholder "{{{field}}}": {problem}', "a fold needs conditions with one reference")


def _written(placeholder: Placeholder, material: Material) -> str:
    situation = material.view.situation
    match placeholder.name:
        case "course":
            return course_field(placeholder.field, situation)
        case "therapy":
            return drug_of(situation, newest=placeholder.reference == COURSE)
        case "overdue":
            # what has been overdue for longest: another schedule never moves a date that was missed
            late = [(each.since, each.evidence.note) for each in material.verdicts if each.since is not None]
            return min(late)[1] if late else ""
        case "protocol":
            return situation.protocol
        case gene if gene in GENES:
            return gene_field(gene, placeholder.field, situation)
        case _:
            return _value(placeholder, material)


def _value(placeholder: Placeholder, material: Material) -> str:
    name, attribute, _ = placeholder
    if name == "trigger":
        result = None if material.trigger is None else material.trigger.result
    else:
        judged = (v.result for v in material.verdicts if v.result is not None and v.evidence.analyte == name)
        result = next(judged, None) or material.view.current(name)
    if attribute in ("fold", "ratio"):
        return _fold(placeholder, material) if attribute == "fold" else _ratio(name, material)
    if attribute == PAST_FIELD:
        return _past(name, material)
    if attribute in ("baseline", "uln", "lln"):
        return "" if result is None else _reference(attribute, result, material)
    if result is None:
        return "not measured" if not attribute else ""
    if attribute == "name":
        definition = material.analytes.get(result.analyte)
        return definition.title if definition else result.code_text or result.code
    if attribute == "collected":
        return result.collected.at.date().isoformat()
    if attribute in PROBLEM_FIELDS:
        return _of_problem(attribute, result, material)
    if attribute:
        if attribute == "sender":
            return sender_of(result)
        return result.sent if attribute == "sent" else result.code
    text = result.quantity.shown if result.quantity else result.sent
    if result.spoiled:
        text = f"{text} ({result.specimen_condition})"
    preliminary = STATUS_ACTIONS[result.status] is StatusAction.PROVISIONAL
    return f"{text} (preliminary)" if preliminary else text


def _of_problem(attribute: str, result: Result, material: Material) -> str:
    unusable = material.view.unusable
    match attribute:
        case "codes":
            return codes_of(unusable)
        case "spoiled":
            return spoiled_of(unusable, material.analytes)
        case "specimen":
            return result.specimen_condition
        case _:
            return fault_of(result)


def _ratio(analyte: str, material: Material) -> str:
    quotients = (v.evidence for v in material.verdicts if v.evidence.analyte == analyte and v.evidence.fold)
    return next((each.fold for each in quotients if " / " in each.condition), "")


def _fold(placeholder: Placeholder, material: Material) -> str:
    verdicts = [material.trigger] if material.trigger is not None else []
    if placeholder.name != "trigger":
        of_analyte = (v for v in material.verdicts if v.evidence.analyte == placeholder.name)
        verdicts = [verdict for verdict in of_analyte if verdict.result is not None]
    seen = (verdict.evidence for verdict in verdicts)
    found = (each.fold for each in seen if each.reference_kind == placeholder.reference and each.fold)
    return cut_fold(next(found, ""))


def _past(analyte: str, material: Material) -> str:
    """The value that decided a condition on the past: ``420 U/L on 2026-01-21 (10.5 x ULN)``."""
    asked = (v.evidence for v in material.verdicts if v.evidence.condition.startswith(f"{analyte} was "))
    found = next((each for each in asked if each.collected_at is not None), None)
    if found is None or found.collected_at is None:
        return ""
    value = with_unit(f"{found.comparator}{found.value}", found.unit)
    shown = f"{value} on {found.collected_at.date().isoformat()}"
    return f"{shown} ({cut_fold(found.fold)} x {found.reference_kind})" if found.fold else shown


def cut_fold(fold: str) -> str:
    """The multiple as everywhere in an alert: one decimal, two below 1, cut; its comparator stays."""
    digits = fold.lstrip("<>=")
    if not digits:
        return fold
    number = Decimal(digits)
    return fold.removesuffix(digits) + plain(cut(number, 1 if number >= 1 else 2))


def _reference(attribute: str, result: Result, material: Material) -> str:
    bound: Decimal | None = None
    if attribute == "baseline":
        return _baseline(result, material)
    if result.reference is not None:
        bound = result.reference.high if attribute == "uln" else result.reference.low
    unit = result.quantity.unit if result.quantity else ""
    return "" if bound is None else with_unit(plain(bound), unit)


def _baseline(result: Result, material: Material) -> str:
    """The own baseline; where the protocol has raised it to the ULN, what the fold is a fold of."""
    baseline = material.view.situation.baselines.get(result.analyte)
    if baseline is None:
        return ""
    own = with_unit(plain(baseline.value), result.quantity.unit if result.quantity else "")
    seen = (v.evidence for v in material.verdicts if v.result is result)
    used = next((e.reference_value for e in seen if e.reference_kind == "baseline" and e.reference_value), "")
    return own if used in ("", plain(baseline.value)) else f"{own}, raised to the ULN of {used}"
