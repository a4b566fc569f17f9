"""Invariants: read from YAML, and proven of every rule of a folder."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from engine.errors import Defect
from engine.model.finding import Severity
from engine.rulebook.conditions import Condition, read_condition
from engine.rulebook.conditions.states import NamedSymptom, OtherDrug, RecordedFact, Symptom
from engine.rulebook.frame import RuleReader
from engine.rulebook.message import Template
from engine.rulebook.promises import LeastResults, NeverUsed, Promise, Wording
from engine.rulebook.rule import AlertRule, Annotation, Invariant, Kind, Rule, Status
from engine.rulebook.syntax import Unreadable, near, number
from engine.rulebook.tree import All, AnyOf, Leaf, Node, Unless, leaves
from engine.strictyaml import Scalar, Table

KEYS = ("id", "title", "kind", "status", "version", "rationale", "sources", "ensures")
FORMS = (("never_used",), ("words", "only_unless"), ("analyte", "least_results"))
STATUSES = (Status.DRAFT, Status.ACTIVE, Status.RETIRED)
_NOTHING = NeverUsed(())
_FACTS = (RecordedFact, Symptom, NamedSymptom, OtherDrug)
_PLAIN_WORDS = re.compile(r"[^\W_]+(?:[ -][^\W_]+)*")
_PLAIN_HINT = "write letters and digits, with a space or hyphen between two words"
_COUNT = re.compile(r" for (\d+) results\b")


class InvariantReader(RuleReader):
    """Reads an invariant."""

    def rule(self, table: Table, kind: Kind) -> Invariant:
        """The invariant; harmless where the file is wrong."""
        self.only_keys(table, KEYS, "an invariant")
        heading = self.heading(table, kind, STATUSES)
        return Invariant(**heading._asdict(), ensures=self._promise(table))

    def _promise(self, table: Table) -> Promise:
        node = table.entries.get("ensures")
        if node is None:
            self.defect(table.line, 'an invariant has no "ensures"', f"write one of {_forms()}")
            return _NOTHING
        stated = self.table(node, "ensures")
        form = next((form for form in FORMS if set(form) == set(stated.entries)), None)
        if form is None:
            keys = " and ".join(f'"{key}"' for key in stated.entries) or "nothing"
            self.defect(node.line, f"ensures states {keys}", f"write one of {_forms()}")
            return _NOTHING
        if form == ("never_used",):
            listed = self.texts(stated, "never_used", "ensures", required=True)
            return NeverUsed(tuple(self._condition(item) for item in listed))
        if form == ("words", "only_unless"):
            words = self.texts(stated, "words", "ensures", required=True)
            for item in words:
                if not _PLAIN_WORDS.fullmatch(item.text):
                    self.defect(item.line, f'"{item.text}" are not plain words', _PLAIN_HINT)
            line = stated.line_of("only_unless")
            fact = Scalar(self.text(stated, "only_unless", "ensures", required=True), line)
            return Wording(tuple(item.text for item in words), self._condition(fact))
        return LeastResults(self._analyte(stated), self._results(stated))

    def _condition(self, item: Scalar) -> str:
        try:
            for fault in read_condition(item.text).faults(self.analytes):
                self.defect(item.line, fault.message, fault.hint)
        except Unreadable as error:
            self.defect(item.line, error.message, error.hint)
        return item.text

    def _analyte(self, table: Table) -> str:
        name = self.text(table, "analyte", "ensures", required=True)
        if name and self.analytes.get(name) is None:
            self.defect(table.line_of("analyte"), f'unknown analyte "{name}"', near(name, self.analytes))
        return name

    def _results(self, table: Table) -> int:
        text = self.text(table, "least_results", "ensures", required=True)
        try:
            count = number(text)
        except Unreadable:
            count = number("0")
        if count != count.to_integral_value() or count < 2:
            hint = "write a whole number from 2 up"
            self.defect(table.line_of("least_results"), f'least_results is "{text}"', hint)
        return int(count)


def _forms() -> str:
    return "; ".join(" with ".join(form) for form in FORMS)


def broken(invariant: Invariant, rules: Iterable[Rule]) -> Iterator[Defect]:
    """A defect for each rule, other than retired ones, that breaks the promise."""
    promise = invariant.ensures
    for rule in rules:
        if rule.status is Status.RETIRED:
            continue
        if isinstance(promise, NeverUsed):
            found = _used(promise, rule)
        elif isinstance(promise, Wording):
            found = _worded(promise, rule)
        else:
            found = _too_few(promise, rule)
        for message, hint in found:
            yield Defect(rule.file, 0, f"{message}: breaks {invariant.id}", hint)


def _used(promise: NeverUsed, rule: Rule) -> Iterator[tuple[str, str]]:
    for condition in rule.conditions:
        if condition.text in promise.conditions:
            yield f'uses the condition "{condition.text}"', "write the rule without it"


def _worded(promise: Wording, rule: Rule) -> Iterator[tuple[str, str]]:
    words = "|".join(map(re.escape, promise.words))
    said = re.compile(rf"(?<!\w)(?:{words})(?!\w)", re.IGNORECASE)
    if any(promise.only_unless in _exclusions(part) for part in _together(rule.when)):
        return
    for key, text in _texts(rule):
        found = said.search(text)
        if found:
            hint = f"add unless: {promise.only_unless} to the topmost all"
            yield f'{key} says "{found[0]}" and nothing silences it', hint


def _texts(rule: Rule) -> Iterator[tuple[str, str]]:
    texts: tuple[tuple[str, Template | str | None], ...] = ()
    if isinstance(rule, AlertRule):
        texts = (
            ("title", rule.title),
            ("message", rule.message),
            ("message_unknown", rule.message_unknown),
            ("action", rule.action),
            ("action_unknown", rule.action_unknown),
        )
    elif isinstance(rule, Annotation):
        texts = (("label", rule.label), ("label_unknown", rule.label_unknown))
    return ((key, str(text)) for key, text in texts if text is not None)


def _together(node: Node) -> Iterator[Node]:
    """The parts that must hold together for the rule to say anything."""
    if isinstance(node, All):
        for part in node.parts:
            yield from _together(part)
    else:
        yield node


def _exclusions(node: Node) -> Iterator[str]:
    """The conditions each of which silences an ``unless``."""
    if not isinstance(node, Unless):
        return
    parts = node.part.parts if isinstance(node.part, AnyOf) else (node.part,)
    yield from (part.condition.text for part in parts if isinstance(part, Leaf))


def _too_few(promise: LeastResults, rule: Rule) -> Iterator[tuple[str, str]]:
    if not isinstance(rule, AlertRule) or rule.severity.rank < Severity.REVIEW.rank:
        return
    judged = {name for leaf in leaves(rule.when) for name in leaf.condition.analytes}
    if judged == {promise.analyte} and not _rests_on_more(rule.when, promise.results):
        hint = f"add for {promise.results} results, or a condition on a fact or symptom beside it"
        yield f"rests on fewer than {promise.results} results of {promise.analyte} alone", hint


def _rests_on_more(node: Node, results: int) -> bool:
    """Whether the node cannot be true by fewer results of the one analyte that the rule judges."""
    if isinstance(node, Leaf):
        return _says_more(node.condition, results)
    if isinstance(node, All):
        return any(_rests_on_more(part, results) for part in node.parts)
    return isinstance(node, AnyOf) and all(_rests_on_more(part, results) for part in node.parts)


def _says_more(condition: Condition, results: int) -> bool:
    count = _COUNT.search(condition.text)
    return isinstance(condition, _FACTS) or (count is not None and int(count[1]) >= results)
