"""One rule file, from YAML to checked values; every defect with its line."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from engine.errors import ConfigError, Defect
from engine.model.finding import Severity, UnknownCause
from engine.rulebook.annotations import AnnotationReader
from engine.rulebook.conditions import Analytes, Condition
from engine.rulebook.conditions.states import Unusable
from engine.rulebook.escalating import ESCALATION_KEYS, read_escalation
from engine.rulebook.frame import RuleReader
from engine.rulebook.invariants import InvariantReader
from engine.rulebook.message import Template
from engine.rulebook.rule import FAMILIES, AlertRule, Heading, Kind
from engine.rulebook.sources import SourceBook
from engine.rulebook.syntax import near
from engine.rulebook.tree import Node, can_be_unknown, needs, speaking_leaves
from engine.strictyaml import Node as YamlNode
from engine.strictyaml import Scalar, Table, load

KEYS = (
    "id",
    "title",
    "kind",
    "family",
    "severity",
    "status",
    "version",
    "rationale",
    "sources",
    "when",
    "if_unknown",
    "supersedes",
    "pair_within",
    "repeat_after",
    "allow_preliminary",
    "trigger",
    "message",
    "message_unknown",
    "action",
    "action_unknown",
    *ESCALATION_KEYS,
)
SILENT = "silent"


class RuleFile(NamedTuple):
    """What a file gave: the rule, None where it is too broken to compile, and everything wrong with it.

    ``supersedes`` and the conditions keep their lines (``places``): what a rule says of others can only be
    resolved with all files.
    """

    kind: Kind
    rule: Heading | None
    defects: tuple[Defect, ...]
    supersedes: tuple[Scalar, ...] = ()
    places: tuple[tuple[Condition, int], ...] = ()


def read_rule(text: str, file: str, analytes: Analytes, sources: SourceBook) -> RuleFile:
    """The rule of one file, of whatever kind."""
    try:
        document = load(text, file)
    except ConfigError as error:
        return RuleFile(Kind.ALERT, None, error.defects)
    return compile_rule(document, file, analytes, sources)


def compile_rule(document: YamlNode, file: str, analytes: Analytes, sources: SourceBook) -> RuleFile:
    """The rule of a document that is read already."""
    kind = _kind_of(document)
    reader = _READERS[kind](file, analytes, sources)
    table = reader.table(document, "a rule")
    reader.choice(table, "kind", [each.value for each in Kind], default=Kind.ALERT.value)
    rule = reader.rule(table, kind)
    superseded = reader.supersedes if isinstance(reader, AlertReader) else ()
    defects = tuple(reader.defects)
    return RuleFile(kind, None if defects else rule, defects, superseded, reader.places)


def _kind_of(document: YamlNode) -> Kind:
    """The kind that the file states, an alert where it states none that there is."""
    stated = document.entries.get("kind") if isinstance(document, Table) else None
    known = {kind.value: kind for kind in Kind}
    return known.get(stated.text, Kind.ALERT) if isinstance(stated, Scalar) else Kind.ALERT


class AlertReader(RuleReader):
    """Reads a rule that raises an alert."""

    def __init__(self, file: str, analytes: Analytes, sources: SourceBook) -> None:
        super().__init__(file, analytes, sources)
        self.supersedes: tuple[Scalar, ...] = ()

    def rule(self, table: Table, kind: Kind) -> AlertRule:
        """The rule; harmless where the file is wrong."""
        self.only_keys(table, KEYS, "a rule")
        severity = self.choice(table, "severity", [each.value for each in Severity])
        heading = self.heading(table, kind)
        when = self.when(table)
        if_unknown = self._if_unknown(table, when, severity)
        conditions = tuple(leaf.condition for leaf in self.conditions.values())
        self._only_of_problems(conditions, when)
        speaks = any(if_unknown.values())
        self.supersedes = self.texts(table, "supersedes", "a rule")
        return AlertRule(
            **heading._asdict(),
            when=when,
            conditions=conditions,
            pair_within=self.duration(table, "pair_within"),
            allow_preliminary=self.boolean(table, "allow_preliminary", "a rule", default=False),
            family=self._family(table),
            severity=Severity(severity),
            if_unknown=if_unknown,
            supersedes=tuple(item.text for item in self.supersedes),
            repeat_after=self.duration(table, "repeat_after"),
            message=self.template(table, "message", when),
            message_unknown=self._if_undecided(table, "message_unknown", when, speaks=speaks),
            action=self.template(table, "action", when),
            action_unknown=self._if_undecided(table, "action_unknown", when, speaks=speaks),
            trigger=self._trigger(table, when),
            problems=frozenset(c.problem for c in conditions if isinstance(c, Unusable)),
            escalation=read_escalation(self, table),
        )

    def _only_of_problems(self, conditions: Iterable[Condition], when: Node) -> None:
        """Such a rule is judged for each unusable observation, and for a patient without any never."""
        asked = next((condition for condition in conditions if isinstance(condition, Unusable)), None)
        if asked is not None and self.complete and not needs(when, Unusable):
            message = f'"{asked.text}" keeps the rule silent while there is no such observation'
            hint = "make it a part that the rule cannot hold without, or take it out"
            self.defect(self.lines[asked.text], message, hint)

    def _family(self, table: Table) -> str:
        family = self.text(table, "family", "a rule", required=True)
        if family and family not in FAMILIES:
            line = table.line_of("family")
            self.defect(line, f'unknown family "{family}"', near(family, FAMILIES))
        return family

    def _trigger(self, table: Table, when: Node) -> str:
        analyte = self.text(table, "trigger", "a rule")
        known = {name for leaf in speaking_leaves(when) for name in leaf.condition.analytes}
        if analyte and analyte not in known and self.complete:
            line = table.line_of("trigger")
            self.defect(line, f'trigger "{analyte}": no condition speaks of it', near(analyte, known))
        return analyte

    def _if_unknown(self, table: Table, when: Node, severity: str) -> Mapping[UnknownCause, Severity | None]:
        said: dict[UnknownCause, Severity | None] = dict.fromkeys(UnknownCause)
        node = table.entries.get("if_unknown")
        if node is None:
            if can_be_unknown(when):
                hint = "add if_unknown: silent, a severity, or a table of causes"
                self.defect(
                    table.line_of("when"), "a condition can be UNKNOWN and if_unknown is missing", hint
                )
            return said
        line = table.line_of("if_unknown")
        if self.complete and not can_be_unknown(when):
            self.defect(line, "if_unknown is stated but no condition can be UNKNOWN", "remove it")
        if isinstance(node, Scalar):
            loud = self._loudness(node.text, line, severity)
            said[UnknownCause.VALUE] = said[UnknownCause.FACT] = loud
            return said
        causes = self.table(node, "if_unknown")
        self.only_keys(causes, tuple(cause.value for cause in UnknownCause), "if_unknown")
        for cause in UnknownCause:
            if cause.value in causes.entries:
                text = self.text(causes, cause.value, "if_unknown", required=True)
                said[cause] = self._loudness(text, causes.line_of(cause.value), severity)
        return said

    def _loudness(self, text: str, line: int, severity: str) -> Severity | None:
        if text == SILENT:
            return None
        known = [SILENT, *(each.value for each in Severity)]
        if text not in known:
            self.defect(line, f'if_unknown is "{text}"', f"known: {', '.join(known)}")
            return None
        if Severity(text).rank > Severity(severity).rank:
            hint = f"at most {severity}, the severity of the rule"
            self.defect(line, f"if_unknown is {text}, louder than the rule", hint)
        return Severity(text)

    def _if_undecided(self, table: Table, key: str, when: Node, *, speaks: bool) -> Template | None:
        if key not in table.entries:
            return None
        if not speaks:
            line = table.line_of(key)
            self.defect(line, f"{key} is never used: if_unknown is silent", "remove one of them")
        return self.template(table, key, when)


_READERS: Mapping[Kind, type[AlertReader | AnnotationReader | InvariantReader]] = {
    Kind.ALERT: AlertReader,
    Kind.LABEL: AnnotationReader,
    Kind.MODIFIER: AnnotationReader,
    Kind.SELECTOR: AnnotationReader,
    Kind.INVARIANT: InvariantReader,
}
