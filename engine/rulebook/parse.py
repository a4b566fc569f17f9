"""One rule file, from YAML to checked values; every defect with its line."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import NamedTuple

from engine.errors import ConfigError, Defect
from engine.model.finding import Severity, UnknownCause
from engine.rulebook.conditions import Analytes, read_condition
from engine.rulebook.conditions.states import Unusable
from engine.rulebook.message import Template, read_template
from engine.rulebook.rule import Rule, Status
from engine.rulebook.sources import SourceBook, read_citations
from engine.rulebook.syntax import PERIODS, Unreadable, near, number
from engine.rulebook.tree import All, AnyOf, Leaf, Node, Not, Unless, can_be_unknown, speaking_leaves
from engine.strictyaml import Node as YamlNode
from engine.strictyaml import Reader, Scalar, Table, load
from engine.strictyaml import Sequence as YamlSequence

REQUIRED = ("id", "title", "family", "severity", "status", "version", "rationale", "sources", "when")
KEYS = (
    *REQUIRED,
    "if_unknown",
    "supersedes",
    "pair_within",
    "repeat_after",
    "allow_preliminary",
    "trigger",
    "message",
    "message_unknown",
    "action",
)
SILENT = "silent"
DEFAULT_WINDOW = "7 d"
COMBINERS = ("any", "all", "not", "unless")
_NEVER: Node = AnyOf(())


class RuleFile(NamedTuple):
    """What a file gave: the rule, None where it is too broken to compile, and everything wrong with it."""

    rule: Rule | None
    defects: tuple[Defect, ...]
    supersedes: tuple[Scalar, ...] = ()


def read_rule(text: str, file: str, analytes: Analytes, sources: SourceBook) -> RuleFile:
    """The rule of one file; ``supersedes`` keeps its lines, for it can only be resolved with all files."""
    try:
        document = load(text, file)
    except ConfigError as error:
        return RuleFile(None, error.defects)
    return compile_rule(document, file, analytes, sources)


def compile_rule(document: YamlNode, file: str, analytes: Analytes, sources: SourceBook) -> RuleFile:
    """The rule of a document that is read already."""
    reader = _RuleReader(file, analytes, sources)
    rule = reader.rule(reader.table(document, "a rule"))
    return RuleFile(None if reader.defects else rule, tuple(reader.defects), reader.supersedes)


def duration(text: str) -> timedelta:
    """``7 d``: a number and h, d or w, one space between. Raises Unreadable."""
    words = text.split(" ")
    if len(words) != 2 or words[1] not in PERIODS:
        raise Unreadable(f'"{text}" is not a duration', "write 7 d, 12 h or 2 w")
    return timedelta(seconds=float(number(words[0]) * PERIODS[words[1]]))


def _stem(file: str) -> str:
    return file.rpartition("/")[2].removesuffix(".yaml")


class _RuleReader(Reader):
    """Reads one rule; ``conditions`` collects the distinct conditions in the order of the file."""

    def __init__(self, file: str, analytes: Analytes, sources: SourceBook) -> None:
        super().__init__(file)
        self.analytes = analytes
        self.sources = sources
        self.conditions: dict[str, Leaf] = {}
        self.complete = True  # every condition could be read, so that messages can be held against them
        self.supersedes: tuple[Scalar, ...] = ()

    def rule(self, table: Table) -> Rule:
        self.only_keys(table, KEYS, "a rule")
        identifier = self.text(table, "id", "a rule", required=True)
        if identifier and identifier != _stem(self.file):
            self.defect(
                table.line_of("id"), f'id "{identifier}" is not the file name', f"write {_stem(self.file)}"
            )
        severity = self._choice(table, "severity", [each.value for each in Severity])
        status = self._choice(table, "status", [each.value for each in Status])
        version = self.text(table, "version", "a rule", required=True)
        stated = table.entries.get("version")
        if isinstance(stated, Scalar) and not stated.quoted:
            self.defect(stated.line, f"version {version} is not quoted", f'write version: "{version}"')
        when = self._when(table)
        if_unknown = self._if_unknown(table, when, severity)
        conditions = tuple(leaf.condition for leaf in self.conditions.values())
        message, unknown = self._messages(table, when, speaks=any(if_unknown.values()))
        self.supersedes = self.texts(table, "supersedes", "a rule")
        return Rule(
            id=identifier,
            title=self.text(table, "title", "a rule", required=True),
            family=self.text(table, "family", "a rule", required=True),
            severity=Severity(severity),
            status=Status(status),
            version=version,
            rationale=self.text(table, "rationale", "a rule", required=True),
            sources=read_citations(self, table, "a rule", self.sources),
            when=when,
            conditions=conditions,
            if_unknown=if_unknown,
            supersedes=tuple(item.text for item in self.supersedes),
            pair_within=self._duration(table, "pair_within"),
            repeat_after=self._duration(table, "repeat_after"),
            allow_preliminary=self.boolean(table, "allow_preliminary", "a rule", default=False),
            message=message,
            message_unknown=unknown,
            action=self.text(table, "action", "a rule", required=True),
            trigger=self._trigger(table, when),
            problems=frozenset(c.problem for c in conditions if isinstance(c, Unusable)),
            file=self.file,
        )

    def _choice(self, table: Table, key: str, known: list[str]) -> str:
        value = self.text(table, key, "a rule", required=True)
        if value in known:
            return value
        if value:
            self.defect(table.line_of(key), f'unknown {key} "{value}"', f"known: {', '.join(known)}")
        return known[-1]

    def _duration(self, table: Table, key: str) -> timedelta:
        try:
            return duration(self.text(table, key, "a rule", default=DEFAULT_WINDOW))
        except Unreadable as error:
            self.defect(table.line_of(key), f"{key}: {error.message}", error.hint)
            return timedelta()

    def _trigger(self, table: Table, when: Node) -> str:
        analyte = self.text(table, "trigger", "a rule")
        known = {name for leaf in speaking_leaves(when) for name in leaf.condition.analytes}
        if analyte and analyte not in known and self.complete:
            line = table.line_of("trigger")
            self.defect(line, f'trigger "{analyte}": no condition speaks of it', near(analyte, known))
        return analyte

    def _when(self, table: Table) -> Node:
        node = table.entries.get("when")
        if node is None:
            hint = "add when: with any: or all: and conditions"
            return self._nothing(table.line, 'a rule has no "when"', hint)
        return self._node(node)

    def _node(self, node: YamlNode) -> Node:
        if isinstance(node, Scalar):
            return self._leaf(node)
        if isinstance(node, YamlSequence):
            message = "a list of conditions does not say how they combine"
            return self._nothing(node.line, message, "put any: or all: above it")
        if len(node.entries) != 1 or next(iter(node.entries)) not in COMBINERS:
            hint = f"write one of {', '.join(COMBINERS)}"
            keys = " and ".join(f'"{key}"' for key in node.entries) or "nothing"
            return self._nothing(node.line, f"conditions are combined by {keys}", hint)
        combiner, inner = next(iter(node.entries.items()))
        if combiner in ("not", "unless"):
            part = self._node(inner)
            return Not(part) if combiner == "not" else Unless(part)
        if not isinstance(inner, YamlSequence) or len(inner.items) < 2:
            message = f"{combiner} needs at least two conditions"
            return self._nothing(node.line, message, "write them as a list")
        parts = tuple(self._node(item) for item in inner.items)
        return All(parts) if combiner == "all" else AnyOf(parts)

    def _nothing(self, line: int, message: str, hint: str) -> Node:
        self.defect(line, message, hint)
        self.complete = False
        return _NEVER

    def _leaf(self, node: Scalar) -> Node:
        known = self.conditions.get(node.text)
        if known is not None:
            return known
        try:
            condition = read_condition(node.text)
        except Unreadable as error:
            return self._nothing(node.line, error.message, error.hint)
        for fault in condition.faults(self.analytes):
            self.defect(node.line, fault.message, fault.hint)
        leaf = Leaf(len(self.conditions), condition)
        self.conditions[node.text] = leaf
        return leaf

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

    def _messages(self, table: Table, when: Node, *, speaks: bool) -> tuple[Template, Template | None]:
        message = self._template(table, "message", when)
        if "message_unknown" not in table.entries:
            return message, None
        if not speaks:
            line = table.line_of("message_unknown")
            self.defect(line, "message_unknown is never used: if_unknown is silent", "remove one of them")
        return message, self._template(table, "message_unknown", when)

    def _template(self, table: Table, key: str, when: Node) -> Template:
        text = self.text(table, key, "a rule", required=True)
        conditions = [leaf.condition for leaf in self.conditions.values()]
        speaking = [leaf.condition for leaf in speaking_leaves(when)]
        try:
            return read_template(text, conditions, speaking)
        except Unreadable as error:
            if self.complete:
                self.defect(table.line_of(key), f"{key}: {error.message}", error.hint)
            return Template(text, ())
