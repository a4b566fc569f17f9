"""What every rule file has, whatever its kind: heading, sources, conditions, texts with placeholders."""

from __future__ import annotations

from datetime import timedelta
from typing import NamedTuple

from engine.rulebook.conditions import Analytes, Condition, read_condition
from engine.rulebook.message import Template, read_template
from engine.rulebook.rule import Kind, Source, Status
from engine.rulebook.sources import SourceBook, read_citations
from engine.rulebook.syntax import PERIODS, Unreadable, length
from engine.rulebook.tree import All, AnyOf, Leaf, Node, Not, Unless, speaking_leaves
from engine.strictyaml import Node as YamlNode
from engine.strictyaml import Reader, Scalar, Table
from engine.strictyaml import Sequence as YamlSequence

DEFAULT_WINDOW = "7 d"
COMBINERS = ("any", "all", "not", "unless")
_NEVER: Node = AnyOf(())


class HeadingText(NamedTuple):
    """The fields of a heading, as read."""

    id: str
    kind: Kind
    title: str
    status: Status
    version: str
    rationale: str
    sources: tuple[Source, ...]
    file: str


class RuleReader(Reader):
    """Reads one rule file; ``conditions`` collects the distinct conditions in the order of the file."""

    def __init__(self, file: str, analytes: Analytes, sources: SourceBook) -> None:
        super().__init__(file)
        self.analytes = analytes
        self.sources = sources
        self.conditions: dict[str, Leaf] = {}
        self.lines: dict[str, int] = {}  # of each condition
        self.complete = True  # every condition could be read, so that messages can be held against them

    def heading(self, table: Table, kind: Kind, statuses: tuple[Status, ...] = tuple(Status)) -> HeadingText:
        """What the file says of itself."""
        identifier = self.text(table, "id", "a rule", required=True)
        if identifier and identifier != stem(self.file):
            self.defect(
                table.line_of("id"), f'id "{identifier}" is not the file name', f"write {stem(self.file)}"
            )
        status = self.choice(table, "status", [each.value for each in statuses])
        version = self.text(table, "version", "a rule", required=True)
        stated = table.entries.get("version")
        if isinstance(stated, Scalar) and not stated.quoted:
            self.defect(stated.line, f"version {version} is not quoted", f'write version: "{version}"')
        return HeadingText(
            id=identifier,
            kind=kind,
            title=self.text(table, "title", "a rule", required=True),
            status=Status(status),
            version=version,
            rationale=self.text(table, "rationale", "a rule", required=True),
            sources=read_citations(self, table, "a rule", self.sources),
            file=self.file,
        )

    @property
    def places(self) -> tuple[tuple[Condition, int], ...]:
        """The distinct conditions, each with the line where it stands first."""
        return tuple((leaf.condition, self.lines[text]) for text, leaf in self.conditions.items())

    def choice(self, table: Table, key: str, known: list[str], default: str = "") -> str:
        """The text under ``key``, one of ``known``; the last of them where it is wrong."""
        value = self.text(table, key, "a rule", required=not default, default=default)
        if value in known:
            return value
        if value:
            self.defect(table.line_of(key), f'unknown {key} "{value}"', f"known: {', '.join(known)}")
        return known[-1]

    def duration(self, table: Table, key: str) -> timedelta:
        """The duration under ``key``, a week where it is absent."""
        try:
            return duration(self.text(table, key, "a rule", default=DEFAULT_WINDOW))
        except Unreadable as error:
            self.defect(table.line_of(key), f"{key}: {error.message}", error.hint)
            return timedelta()

    def when(self, table: Table) -> Node:
        """The tree of conditions."""
        node = table.entries.get("when")
        if node is None:
            hint = "add when: with any: or all: and conditions"
            return self._nothing(table.line, 'a rule has no "when"', hint)
        return self._node(node)

    def template(self, table: Table, key: str, when: Node) -> Template:
        """The text with placeholders under ``key``, which the conditions of ``when`` must be able to fill."""
        text = self.text(table, key, "a rule", required=True)
        conditions = [leaf.condition for leaf in self.conditions.values()]
        speaking = [leaf.condition for leaf in speaking_leaves(when)]
        try:
            return read_template(text, conditions, speaking)
        except Unreadable as error:
            if self.complete:
                self.defect(table.line_of(key), f"{key}: {error.message}", error.hint)
            return Template(text, ())

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
        self.lines[node.text] = node.line
        return leaf


def duration(text: str) -> timedelta:
    """``7 d``: a number and h, d or w, one space between. Raises Unreadable."""
    words = text.split(" ")
    if len(words) != 2 or words[1] not in PERIODS:
        raise Unreadable(f'"{text}" is not a duration', "write 7 d, 12 h or 2 w")
    return length(*words)


def stem(file: str) -> str:
    """The file name without ``.yaml``: the id of what the file holds."""
    return file.rpartition("/")[2].removesuffix(".yaml")
