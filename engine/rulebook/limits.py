"""One number of one rule raised or lowered for one patient, with a reason, until a day."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from decimal import Decimal
from typing import NamedTuple

from engine.model.facts import LIMIT_PREFIX
from engine.model.finding import Evidence, Severity
from engine.model.quantity import Operator, Truth, plain, with_unit
from engine.model.record import Situation
from engine.model.therapy import Fact
from engine.rulebook.conditions import Condition, Verdict, View, read_condition
from engine.rulebook.conditions.base import HIGH
from engine.rulebook.conditions.others import RuleFires
from engine.rulebook.rule import AlertRule, Rule, Rulebook
from engine.rulebook.syntax import Unreadable, near
from engine.rulebook.tree import Judged, judge, speaking_leaves

_FORM = "limit.a02-alt-ast-500.alt=800 U/L until 2027-01-31 because chronic hepatitis B"
_AT_MOST = timedelta(days=366)
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
    values through than the rule does; ``quieter``: those where it lets fewer through.
    """

    conditions: tuple[Condition, ...]
    notes: Mapping[int, str] = field(default_factory=dict)
    labels: tuple[str, ...] = ()
    louder: tuple[int, ...] = ()
    quieter: tuple[int, ...] = ()


class Effect(NamedTuple):
    """What limits in force do to a rule.

    ``lowered``: the places of limits without which the rule would say less, or nothing. ``fires_by`` are the
    words of limits, its own or those of rules that it asks about, without which it would not fire.
    ``silent_by`` are the words of those without which it would say something.
    """

    lowered: tuple[int, ...] = ()
    fires_by: str = ""
    silent_by: str = ""


NO_EFFECT = Effect()


class Changed(NamedTuple):
    """One condition of a rule with the number of a limit, and whether more values fulfil it than before."""

    place: int
    condition: Condition
    louder: bool


def is_limited(situation: Situation) -> bool:
    """Whether any limit was ever stated for the patient."""
    return any(name.startswith(LIMIT_PREFIX) for name in situation.facts)


def has_limit(rule: Rule, situation: Situation) -> bool:
    """Whether a limit of that rule was ever stated for the patient."""
    return any(name.startswith(f"{LIMIT_PREFIX}{rule.id}.") for name in situation.facts)


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
    in_force: dict[int, bool] = {}
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
            in_force[changed.place] = changed.louder
    louder = tuple(place for place, is_louder in in_force.items() if is_louder)
    quieter = tuple(place for place, is_louder in in_force.items() if not is_louder)
    return Limited(tuple(conditions), notes, tuple(labels), louder, quieter)


def effect_of(
    rule: Rule,
    view: View,
    personal: Limited,
    verdicts: Sequence[Verdict],
    severity_of: Callable[[Judged], Severity | None],
) -> Effect:
    """What the limits do to a rule whose conditions have been judged with them."""
    by_limit = view.standing.by_limit
    if not (personal.louder or personal.quieter or by_limit):
        return NO_EFFECT

    asked = {
        place: by_limit[condition.rule]
        for place, condition in enumerate(rule.conditions)
        if isinstance(condition, RuleFires) and condition.rule in by_limit
    }

    def judged_without(limits: Collection[int], rules: Collection[int] = ()) -> Judged:
        own = list(verdicts)
        for place in limits:
            own[place] = view.judged(rule.conditions[place])
        for place in rules:
            own[place] = own[place]._replace(evidence=replace(own[place].evidence, truth=Truth.FALSE))
        return judge(rule.when, own, rule.pair_within)

    tree = judged_without(())
    severity = severity_of(tree)
    if severity is None and personal.quieter and severity_of(judged_without(personal.quieter)) is not None:
        return Effect(silent_by="; ".join(personal.notes[place] for place in personal.quieter))
    lowered: tuple[int, ...] = ()
    if severity is not None and personal.louder:
        without = severity_of(judged_without(personal.louder))
        lowered = personal.louder if without is None or without.rank < severity.rank else ()
    fires_by = ""
    if tree.truth is Truth.TRUE and judged_without(personal.louder, asked).truth is not Truth.TRUE:
        words = (*(personal.notes[place] for place in personal.louder), *asked.values())
        fires_by = "; ".join(dict.fromkeys(words))
    return Effect(lowered, fires_by)


def said_of_limit(rule: Rule, place: int, seen: Evidence, name: str) -> tuple[str, str]:
    """Title and message of a finding that only the limit at ``place`` makes so loud.

    Those of the rule state its own number, which the value need not reach. ``name`` is that of the analyte.
    """
    value = f" {with_unit(f'{seen.comparator}{seen.value}', seen.unit)}".rstrip()
    day = "" if seen.collected_at is None else f" of {seen.collected_at.date().isoformat()}"
    title = f"{name} {read_condition(seen.condition).saying}, the limit of this patient"
    return title, f'{name}{value}{day}: {seen.limit}; the rule itself says "{rule.conditions[place].text}".'


def fault_of_limit(name: str, value: str, stated: date, rulebook: Rulebook) -> str:
    """What is wrong with a limit that is about to be recorded, stated on that day, or nothing."""
    try:
        limit = read_limit(name, value)
        rule = rulebook.by_id.get(limit.rule_id)
        if rule is None:
            return f'no rule "{limit.rule_id}"; {near(limit.rule_id, rulebook.by_id)}'
        _changed(rule, limit)
        _check_length(limit, stated)
    except Unreadable as error:
        return f"{error.message}; {error.hint}"
    return ""


def _check_length(limit: Limit, stated: date) -> None:
    if limit.until - stated > _AT_MOST:
        last = (stated + _AT_MOST).isoformat()
        raise Unreadable(
            f"a limit lasts {_AT_MOST.days} days at most, and {limit.until.isoformat()} is later",
            f"write a last day up to {last}, and a new row when somebody has looked again",
        )


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
