"""Messages with placeholders: ``{alt}``, ``{alt.fold}``, ``{trigger.name}``; checked when they are read."""

from __future__ import annotations

import string
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal

from engine.model.finding import Evidence
from engine.model.quantity import plain
from engine.model.result import Result
from engine.rulebook.conditions import Analytes, Condition, Verdict, View
from engine.rulebook.syntax import Unreadable, near

FIELDS = ("sent", "fold", "baseline", "uln", "lln", "collected")
TRIGGER_FIELDS = (*FIELDS, "name", "code")
_ABSENT = "not known"


@dataclass(frozen=True, slots=True)
class Template:
    """A message: literal texts, each followed by a placeholder as (analyte or ``trigger``, field)."""

    text: str
    parts: tuple[tuple[str, tuple[str, str] | None], ...]

    def __str__(self) -> str:
        return self.text


@dataclass(frozen=True, slots=True)
class Material:
    """What a message is filled from: the judged conditions, best first, and the one that triggered."""

    view: View
    verdicts: Sequence[Verdict]
    trigger: Verdict | None
    analytes: Analytes


def read_template(text: str, conditions: Iterable[Condition]) -> Template:
    """A message whose placeholders the conditions can fill; raises Unreadable for the first that is wrong."""
    judged = tuple(conditions)
    parts: list[tuple[str, tuple[str, str] | None]] = []
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
        parts.append((literal, _placeholder(field, judged)))
    return Template(text, tuple(parts))


def fill(template: Template, material: Material) -> str:
    """The message with every placeholder filled; what is absent reads ``not known``."""
    written: list[str] = []
    for literal, placeholder in template.parts:
        written.append(literal)
        if placeholder is not None:
            written.append(_value(*placeholder, material) or _ABSENT)
    return "".join(written)


def _placeholder(field: str, conditions: Sequence[Condition]) -> tuple[str, str]:
    name, _, attribute = field.partition(".")
    analytes = sorted({analyte for condition in conditions for analyte in condition.analytes})
    subject = any(not condition.CAN_BE_UNKNOWN and hasattr(condition, "problem") for condition in conditions)
    names = [*analytes, *(["trigger"] if analytes or subject else [])]
    if name not in names:
        raise Unreadable(f'placeholder "{{{field}}}" names nothing that the rule judges', near(name, names))
    known = TRIGGER_FIELDS if name == "trigger" else FIELDS
    if "." in field and attribute not in known:
        raise Unreadable(f'placeholder "{{{field}}}" has no such field', near(attribute, known))
    chosen = [c for c in conditions if name == "trigger" or name in c.analytes]
    needed = {"baseline": "baseline", "uln": "ULN", "lln": "LLN"}.get(attribute)
    if attribute == "fold" and not any(condition.multiple_of for condition in chosen):
        raise Unreadable(
            f'placeholder "{{{field}}}": no condition compares a multiple', "use a condition with x baseline"
        )
    if needed and not any(condition.multiple_of == needed for condition in chosen):
        raise Unreadable(
            f'placeholder "{{{field}}}": no condition looks at {needed}', f"use a condition with x {needed}"
        )
    return name, attribute


def _value(name: str, attribute: str, material: Material) -> str:
    if name == "trigger":
        verdict = material.trigger
        result = None if verdict is None else verdict.result
    else:
        verdict = next((v for v in material.verdicts if v.evidence.analyte == name), None)
        result = material.view.current(name)
    if attribute in ("fold", "baseline", "uln", "lln"):
        return _reference(name, attribute, result, material)
    if result is None:
        return "not measured" if not attribute else ""
    if attribute == "name":
        definition = material.analytes.get(result.analyte)
        return definition.title if definition else result.code_text or result.code
    if attribute == "collected":
        return result.collected.at.date().isoformat()
    if attribute:
        return result.sent if attribute == "sent" else result.code
    return str(result.quantity) if result.quantity else result.sent


def _reference(name: str, attribute: str, result: Result | None, material: Material) -> str:
    analyte = result.analyte if result is not None else name
    if attribute == "fold":
        seen: list[Evidence] = [] if material.trigger is None else [material.trigger.evidence]
        seen += [verdict.evidence for verdict in material.verdicts]
        return next((each.fold for each in seen if each.analyte == analyte and each.fold), "")
    if result is None or result.quantity is None:
        return ""
    bound: Decimal | None = None
    if attribute == "baseline":
        baseline = material.view.situation.baselines.get(analyte)
        bound = None if baseline is None else baseline.value
    elif result.reference is not None:
        bound = result.reference.high if attribute == "uln" else result.reference.low
    return "" if bound is None else f"{plain(bound)} {result.quantity.unit}".rstrip()
