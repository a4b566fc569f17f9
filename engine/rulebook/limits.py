"""One number of one rule raised or lowered for one patient, with a reason, until a day."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import NamedTuple

from engine.model.facts import LIMIT_PREFIX
from engine.model.finding import Evidence
from engine.model.quantity import Operator, plain, with_unit
from engine.model.record import Situation
from engine.model.therapy import Fact
from engine.rulebook.conditions import Condition, read_condition
from engine.rulebook.conditions.base import HIGH
from engine.rulebook.rule import AlertRule, Rule, Rulebook
from engine.rulebook.syntax import Unreadable, near
from engine.rulebook.tree import speaking_leaves

_FORM = "limit.a02-alt-ast-500.alt=800 U/L until 2027-01-31 because chronic hepatitis B"
_VALUE = re.compile(
    r"(?P<number>[0-9]{1,9}(?:\.[0-9]{1,9})?) (?P<measure>x \S+|\S+) "
    r"until (?P<until>[0-9]{4}-[0-9]{2}-[0-9]{2}) because (?P<reason>\S.*)"
)
_CONDITION = re.compile(
    r"(?P<head>(?P<analyte>\S+) (?:was )?(?P<operator>>=|<=|>|<)) (?P<number>[0-9.]+) "
    r"(?P<measure>x \S+|\S+)(?P<tail>(?: .*)?)"
)


@dataclass(frozen=True, slots=True)
class Limit:
    """What a fact says: for an analyte of a rule this number instead of the rule's, to the end of a day."""

    rule_id: str
    analyte: str
    number: Decimal
    measure: str
    until: date
    reason: str

    def words(self, day: date) -> str:
        """The limit as it stands on ``day``, for evidence and labels."""
        limit = f"limit {plain(self.number)} {self.measure} for this patient"
        if self.is_in_force(day):
            return f"{limit} until {self.until.isoformat()} because {self.reason}"
        return f"{limit} expired on {self.until.isoformat()}: the limit of the rule holds"

    def is_in_force(self, day: date) -> bool:
        """Up to and including its last day."""
        return day <= self.until


@dataclass(frozen=True, slots=True)
class Limited:
    """The conditions of a rule as they are judged for one patient.

    ``notes`` has the words of a limit by the place of its condition; ``labels`` are all words, those of
    limits included that no longer fit the rule. ``louder``: the places where a limit in force lets more
    values through than the rule does.
    """

    conditions: tuple[Condition, ...]
    notes: Mapping[int, str] = field(default_factory=dict)
    labels: tuple[str, ...] = ()
    louder: tuple[int, ...] = ()


class Changed(NamedTuple):
    """One condition of a rule with the number of a limit, and whether more values fulfil it than before."""

    place: int
    condition: Condition
    louder: bool


def is_limited(situation: Situation) -> bool:
    """Whether any limit was ever stated for the patient."""
    return any(name.startswith(LIMIT_PREFIX) for name in situation.facts)


def limited(rule: Rule, situation: Situation) -> Limited:
    """The rule with every limit on record for the patient; of several statements the newest counts."""
    prefix = f"{LIMIT_PREFIX}{rule.id}."
    stated = [told[-1] for name, told in situation.facts.items() if name.startswith(prefix) and told]
    if not stated:
        return Limited(rule.conditions)
    day = situation.at.date()
    conditions = list(rule.conditions)
    notes: dict[int, str] = {}
    labels: list[str] = []
    louder: list[int] = []
    for fact in stated:
        try:
            limit = read_limit(fact.name, fact.value)
            changed = _changed(rule, limit)
        except Unreadable:  # the rule has changed since the limit was imported
            labels.append(f"{_told(fact)} no longer fits the rule: the limit of the rule holds")
            continue
        notes[changed.place] = limit.words(day)
        labels.append(notes[changed.place])
        if limit.is_in_force(day):
            conditions[changed.place] = changed.condition
            louder += [changed.place] if changed.louder else []
    return Limited(tuple(conditions), notes, tuple(labels), tuple(louder))


def said_of_limit(rule: Rule, place: int, seen: Evidence, name: str) -> tuple[str, str]:
    """Title and message of a finding that only the limit at ``place`` makes so loud.

    Those of the rule state its own number, which the value need not reach. ``name`` is that of the analyte.
    """
    value = f" {with_unit(f'{seen.comparator}{seen.value}', seen.unit)}".rstrip()
    day = "" if seen.collected_at is None else f" of {seen.collected_at.date().isoformat()}"
    title = f"{name} {read_condition(seen.condition).saying}, the limit of this patient"
    return title, f'{name}{value}{day}: {seen.limit}; the rule itself says "{rule.conditions[place].text}".'


def fault_of_limit(name: str, value: str, rulebook: Rulebook) -> str:
    """What is wrong with a limit that is about to be recorded, or nothing."""
    try:
        limit = read_limit(name, value)
        rule = rulebook.by_id.get(limit.rule_id)
        if rule is None:
            return f'no rule "{limit.rule_id}"; {near(limit.rule_id, rulebook.by_id)}'
        _changed(rule, limit)
    except Unreadable as error:
        return f"{error.message}; {error.hint}"
    return ""


def read_limit(name: str, value: str) -> Limit:
    """The limit that a fact states. Raises Unreadable."""
    rule_id, _, analyte = name.removeprefix(LIMIT_PREFIX).rpartition(".")
    found = _VALUE.fullmatch(value)
    if not rule_id or found is None:
        raise Unreadable("a limit names rule, analyte, number, last day and reason", f"write {_FORM}")
    try:
        until = date.fromisoformat(found["until"])
    except ValueError:
        raise Unreadable(f'"{found["until"]}" is not in the calendar', f"write {_FORM}") from None
    return Limit(rule_id, analyte, Decimal(found["number"]), found["measure"], until, found["reason"])


def _told(fact: Fact) -> str:
    return f"limit {fact.value}"


def _changed(rule: Rule, limit: Limit) -> Changed:
    """The one condition that the limit is about, with its number.

    Raises Unreadable unless exactly one number fits, another than the limit, and the rule speaks of it.
    """
    if not isinstance(rule, AlertRule):
        raise Unreadable(f"{rule.id} raises no alert of its own", "limits are for rules that raise alerts")
    speaking = {leaf.index for leaf in speaking_leaves(rule.when)}
    compared = {
        place: found
        for place, condition in enumerate(rule.conditions)
        if (found := _CONDITION.fullmatch(condition.text)) is not None
        and found["analyte"] in condition.analytes
    }
    of_analyte = {place: found for place, found in compared.items() if found["analyte"] == limit.analyte}
    fitting = [place for place, found in of_analyte.items() if found["measure"] == limit.measure]
    if not of_analyte:
        known = sorted({found["analyte"] for found in compared.values()})
        hint = f"it compares {', '.join(known)}" if known else "it compares no numbers"
        raise Unreadable(f'{rule.id} compares no number with "{limit.analyte}"', hint)
    there_is = ", ".join(found[0] for found in of_analyte.values())
    if not fitting:
        raise Unreadable(
            f'"{limit.measure}" is no measure of {limit.analyte} there', f"the rule says {there_is}"
        )
    if len(fitting) > 1:
        raise Unreadable(f"more than one number of {rule.id} fits", f"the rule says {there_is}")
    (place,) = fitting
    found = compared[place]
    if place not in speaking:
        hint = "a limit is for a number that speaks for the rule"
        raise Unreadable(f"{found[0]} is an exclusion of {rule.id}", hint)
    own, is_high = Decimal(found["number"]), Operator(found["operator"]) in HIGH
    if limit.number == own:
        hint = "write the number that holds for this patient"
        raise Unreadable(f"{plain(own)} is the number of {rule.id} itself", hint)
    text = f"{found['head']} {plain(limit.number)} {found['measure']}{found['tail']}"
    return Changed(place, read_condition(text), (limit.number < own) is is_high)
