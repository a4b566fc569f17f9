"""YAML as hospital staff write it, without YAML's surprises: every scalar is text, every node has a line.

``no`` stays ``"no"``, ``2026-03-01`` stays text, ``1_000`` stays text. Duplicate keys, anchors, aliases,
tags, merge keys and several documents in one file are defects, not features.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

import yaml

from engine.errors import ConfigError, Defect


@dataclass(frozen=True, slots=True)
class Scalar:
    """Text at a line (1-based). ``quoted`` tells ``""`` and ``"5"`` from an empty or bare scalar."""

    text: str
    line: int
    quoted: bool = False


@dataclass(frozen=True, slots=True)
class Sequence:
    """A YAML list."""

    items: tuple[Node, ...]
    line: int


@dataclass(frozen=True, slots=True)
class Table:
    """A YAML mapping; ``lines`` has the line of each key."""

    entries: Mapping[str, Node]
    line: int
    lines: Mapping[str, int] = field(default_factory=dict)

    def line_of(self, key: str) -> int:
        """The line of ``key``, or of the table when the key is absent."""
        return self.lines.get(key, self.line)


# Hundreds of rules are read at every start; PyYAML's parser in C takes a seventh of the time.
_QUICK = getattr(yaml, "CSafeLoader", yaml.SafeLoader)

_Loader = type[yaml.SafeLoader] | type[yaml.CSafeLoader]

_DEEPEST = 50
_DEEP = (f"more than {_DEEPEST} levels of nesting", "close a bracket, or indent less")

Node = Scalar | Sequence | Table


class _Wordy(yaml.SafeLoader):
    """Says in better words than the parser in C what is wrong, and where.

    To find out whether a bracket begins a key it looks 1024 characters ahead, which takes it the square of
    their nesting: half a second for brackets only.
    """

    def fetch_flow_collection_start(self, token: type[yaml.Token]) -> None:
        """As the base class; raises ScannerError beyond the deepest level."""
        if self.flow_level >= _DEEPEST:
            raise yaml.scanner.ScannerError(None, None, _DEEP[0], self.get_mark())
        super().fetch_flow_collection_start(token)


def load(text: str, file: str) -> Node:
    """Read one YAML document; ``file`` names it in defects.

    Raises ConfigError with every duplicate key and forbidden construct found, or with the one place where
    the syntax broke. An empty document is an empty Table.
    """
    try:
        try:
            events = _events(text, file, _QUICK)
        except yaml.YAMLError:
            events = _events(text, file, _Wordy)  # a few texts only it can read: [key:]
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = mark.line + 1 if mark else 0
        raise ConfigError(
            [Defect(file, line, f"not valid YAML: {error.problem}", _syntax_hint(text, line))]
        ) from error
    except yaml.YAMLError as error:
        message = f"not valid YAML: {type(error).__name__}"
        raise ConfigError([Defect(file, 0, message, "save the file as UTF-8 text")]) from error
    begun = [at + 1 for at, event in enumerate(events) if isinstance(event, yaml.DocumentStartEvent)]
    if not begun:
        return Table({}, 1)
    if len(begun) > 1:
        line = _line(events[begun[1]])
        hint = "one document per file; remove ---"
        raise ConfigError([Defect(file, line, "a second YAML document begins here", hint)])
    defects = [defect for event in events for defect in _forbidden(event, file)]
    if defects:  # an alias has no value of its own
        raise ConfigError(defects)
    remaining = iter(events[begun[0] :])
    node = _node(next(remaining), remaining, file, defects)
    if defects:
        raise ConfigError(defects)
    return node


def _events(text: str, file: str, loader: _Loader) -> list[yaml.Event]:
    """What the text is made of. Raises ConfigError where it nests deeper than any that is meant."""
    events: list[yaml.Event] = []
    depth = 0
    for event in yaml.parse(text, Loader=loader):
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
            if depth > _DEEPEST:
                raise ConfigError([Defect(file, _line(event), *_DEEP)])
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1
        events.append(event)
    return events


def _forbidden(event: yaml.Event, file: str) -> Iterator[Defect]:
    """Anchors, aliases and tags: a reader of the file should see every value where it counts."""
    if isinstance(event, yaml.AliasEvent):
        hint = "write the value out; quote a text that begins with *"
        yield Defect(file, _line(event), f'alias "*{event.anchor}"', hint)
    if not isinstance(event, yaml.ScalarEvent | yaml.CollectionStartEvent):
        return
    if event.anchor is not None:
        hint = "write the value out; quote a text that begins with &"
        yield Defect(file, _line(event), f'anchor "&{event.anchor}"', hint)
    if event.tag is not None:
        yield Defect(file, _line(event), f'tag "{event.tag}"', "quote a text that begins with !")


def _line(event: yaml.Event) -> int:
    mark = event.start_mark
    return mark.line + 1 if mark is not None else 0


def _node(event: yaml.Event, remaining: Iterator[yaml.Event], file: str, defects: list[Defect]) -> Node:
    """What begins with the event, and takes from the remaining ones those that belong to it."""
    if isinstance(event, yaml.SequenceStartEvent):
        items = [_node(item, remaining, file, defects) for item in _until_it_ends(remaining)]
        return Sequence(tuple(items), _line(event))
    if isinstance(event, yaml.MappingStartEvent):
        return _table(event, remaining, file, defects)
    if not isinstance(event, yaml.ScalarEvent):  # no other event begins a node, and aliases are refused
        raise TypeError(type(event).__name__)
    return Scalar(event.value, _line(event), event.style in ("'", '"'))


def _until_it_ends(remaining: Iterator[yaml.Event]) -> Iterator[yaml.Event]:
    """The events that begin the items of a list, or the keys and values of a mapping."""
    for event in remaining:
        if isinstance(event, yaml.CollectionEndEvent):
            return
        yield event


def _table(begin: yaml.Event, remaining: Iterator[yaml.Event], file: str, defects: list[Defect]) -> Table:
    entries: dict[str, Node] = {}
    lines: dict[str, int] = {}
    for event in _until_it_ends(remaining):
        key = _node(event, remaining, file, defects)
        value = _node(next(remaining), remaining, file, defects)
        if not isinstance(key, Scalar):
            hint = "quote it or write a list item"
            defects.append(Defect(file, key.line, "a key must be plain text", hint))
        elif key.text in entries:
            hint = f"first used on line {lines[key.text]}; keep one of them"
            defects.append(Defect(file, key.line, f'duplicate key "{key.text}"', hint))
        else:
            if key.text == "<<":
                defects.append(Defect(file, key.line, 'merge key "<<"', "write the values out"))
            entries[key.text] = value
            lines[key.text] = key.line
    return Table(entries, _line(begin), lines)


def _syntax_hint(text: str, line: int) -> str:
    lines = text.splitlines()
    around = "".join(lines[max(0, line - 2) : line]) if 0 < line <= len(lines) else ""
    if "\t" in around:
        return "indent with spaces, not tabs"
    return "check the indentation; quote a text that holds ': ' or begins with > < % @ { [ * & ! |"


class Reader:
    """Takes a loaded document apart and collects every defect; call :meth:`finish` at the end.

    Each method returns a harmless value where the document is wrong, so that reading can go on and the
    author gets all the defects of the file at once.
    """

    def __init__(self, file: str) -> None:
        self.file = file
        self.defects: list[Defect] = []

    def defect(self, line: int, message: str, hint: str = "") -> None:
        """Record one defect of this file."""
        self.defects.append(Defect(self.file, line, message, hint))

    def table(self, node: Node, what: str) -> Table:
        """``node`` as a table, an empty one with a defect otherwise."""
        if isinstance(node, Table):
            return node
        if not (isinstance(node, Scalar) and not node.text and not node.quoted):
            self.defect(
                node.line, f"{what} must be a table of keys and values", "write it as key: value lines"
            )
        return Table({}, node.line)

    def only_keys(self, table: Table, allowed: Iterable[str], what: str) -> None:
        """A defect for every key of ``table`` that is not in ``allowed``."""
        known = tuple(allowed)
        for key in table.entries:
            if key not in known:
                self.defect(
                    table.line_of(key), f'unknown key "{key}" in {what}', f"known keys: {', '.join(known)}"
                )

    def text(self, table: Table, key: str, what: str, *, required: bool = False, default: str = "") -> str:
        """The text under ``key``; ``default`` when the key is absent."""
        node = table.entries.get(key)
        if node is None:
            if required:
                self.defect(table.line, f'{what} has no "{key}"', f"add {key}: ...")
            return default
        if not isinstance(node, Scalar):
            self.defect(
                table.line_of(key),
                f'"{key}" in {what} must be one text',
                "remove the list or the nested keys",
            )
            return default
        if required and not node.text.strip():
            self.defect(node.line, f'"{key}" in {what} is empty', f"write a value after {key}:")
        return node.text

    def texts(self, table: Table, key: str, what: str, *, required: bool = False) -> tuple[Scalar, ...]:
        """The list of texts under ``key``, each with its line; empty when the key is absent."""
        node = table.entries.get(key)
        if node is None:
            if required:
                self.defect(table.line, f'{what} has no "{key}"', f"add {key}: [...]")
            return ()
        if not isinstance(node, Sequence):
            self.defect(table.line_of(key), f'"{key}" in {what} must be a list', f"write {key}: [one, two]")
            return ()
        found = tuple(self._scalars(node, key, what))
        if required and not node.items:
            self.defect(node.line, f'"{key}" in {what} is empty', "list at least one")
        return found

    def _scalars(self, node: Sequence, key: str, what: str) -> Iterator[Scalar]:
        for item in node.items:
            if isinstance(item, Scalar):
                yield item
            else:
                self.defect(item.line, f'"{key}" in {what} must hold plain texts', "one text per list item")

    def boolean(self, table: Table, key: str, what: str, *, default: bool) -> bool:
        """``true`` or ``false``, written exactly so."""
        text = self.text(table, key, what, default="true" if default else "false")
        if text not in ("true", "false"):
            self.defect(table.line_of(key), f'"{key}" in {what} is "{text}"', "write true or false")
        return text == "true"

    def finish(self) -> None:
        """Raise ConfigError when anything was wrong."""
        if self.defects:
            raise ConfigError(self.defects)
