"""Switches and protocols: where sources disagree, what may be chosen, and the choices that have a name."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import NamedTuple

from engine.errors import ConfigError, Defect
from engine.model.record import BaselineMode
from engine.rulebook.rule import BASELINE_SWITCH, Invariant, Protocol, Rule, Source, Status, Switch
from engine.rulebook.sources import SourceBook, read_citations
from engine.rulebook.syntax import near
from engine.strictyaml import Node, Reader, Scalar, Table, load

PROTOCOLS_FOLDER = "protocols"
SWITCHES_FILE = "switches.yaml"
PROTOCOL_KEYS = (
    "name",
    "title",
    "rationale",
    "sources",
    "based_on",
    "rules",
    "without",
    "switches",
    "indications",
)
SWITCH_KEYS = ("contradiction", "question", "default", "options")
SETTLED_KEYS = ("how", "rules")
_CONTRADICTION = re.compile(r"X[1-9][0-9]?")
_DATA_QUALITY = "q"  # begins the id of rules that no protocol may leave out


class Choices(NamedTuple):
    """What the switches and protocols of a rules folder say, and everything wrong with them.

    ``named`` are the rules that some protocol names, be it that no switch of it is set to their option: a
    site that chooses the option puts them in force.
    """

    protocols: Mapping[str, Protocol]
    switches: Mapping[str, Switch]
    defects: tuple[Defect, ...]
    named: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class _Draft:
    """One protocol file as written, each name with its line."""

    file: str
    line: int
    title: str
    rationale: str
    sources: tuple[Source, ...]
    based_on: Scalar | None
    rules: tuple[Scalar, ...]
    without: tuple[Scalar, ...]
    switches: Mapping[str, Scalar]
    indications: tuple[Scalar, ...]


def is_choice(file: str) -> bool:
    """Whether a path is that of a protocol or of the switches, and so of no rule."""
    return _is_protocol(file) or file.split("/")[1:] == [SWITCHES_FILE]


def read_choices(
    files: Mapping[str, str],
    rules: Mapping[str, Rule],
    invariants: Iterable[Invariant],
    sources: SourceBook,
) -> Choices:
    """The switches and protocols of a rules folder, given as relative path to text.

    ``rules`` are all rules of the folder by id. A contradiction may be settled by ``invariants`` too. A
    folder without switches has none.
    """
    proven = frozenset(invariant.id for invariant in invariants)
    defects: list[Defect] = []
    drafts: dict[str, _Draft] = {}
    switches: dict[str, Switch] = {}
    for file in sorted(filter(is_choice, files), key=_is_protocol):  # the switches first: protocols name them
        try:
            node = load(files[file], file)
        except ConfigError as error:
            defects += error.defects
            continue
        reader = _ChoiceReader(file, rules, proven, sources)
        if _is_protocol(file):
            drafts[_stem(file)] = reader.draft(reader.table(node, "a protocol"), switches)
        else:
            switches = reader.switches(reader.table(node, "the file of switches"))
        defects += reader.defects
    if not defects:  # what follows from a broken file would only repeat what is already said
        defects += _bases(drafts)
    if defects:
        return Choices({}, switches, tuple(defects))
    resolver = _Resolver(drafts, switches, rules)
    protocols = {name: resolver.protocol(name) for name in drafts}
    defects += (*resolver.defects, *_indications(drafts), *_never_chosen(files, switches, drafts))
    named = {rule for protocol in protocols.values() for rule in protocol.rules}
    return Choices(protocols, switches, tuple(defects), resolver.named | named)


def _is_protocol(file: str) -> bool:
    return file.endswith(".yaml") and file.split("/")[-2:-1] == [PROTOCOLS_FOLDER]


def _stem(file: str) -> str:
    return file.rpartition("/")[2].removesuffix(".yaml")


def in_every_protocol(rule: Rule) -> bool:
    """Whether a rule is about data quality: what nobody can judge is told under every protocol."""
    return rule.id.startswith(_DATA_QUALITY) and _can_be_in_force(rule)


def _can_be_in_force(rule: Rule) -> bool:
    return rule.status in (Status.ACTIVE, Status.SHADOW)


class _ChoiceReader(Reader):
    """Reads one protocol file or the file of switches."""

    def __init__(
        self, file: str, rules: Mapping[str, Rule], proven: frozenset[str], sources: SourceBook
    ) -> None:
        super().__init__(file)
        self.rules = rules
        self.proven = proven
        self.sources = sources

    # --- protocols -----------------------------------------------------------------------------

    def draft(self, table: Table, switches: Mapping[str, Switch]) -> _Draft:
        """A protocol: its names checked one by one, not yet what follows from its base."""
        self.only_keys(table, PROTOCOL_KEYS, "a protocol")
        name = self.text(table, "name", "a protocol", required=True)
        if name and name != _stem(self.file):
            line = table.line_of("name")
            self.defect(line, f'name "{name}" is not the file name', f"write {_stem(self.file)}")
        base = table.entries.get("based_on")
        self.text(table, "based_on", "a protocol")
        if base is None and "without" in table.entries:
            hint = "remove the rules from the list, or add based_on"
            self.defect(table.line_of("without"), "without: this protocol is based on no other", hint)
        return _Draft(
            file=self.file,
            line=table.line,
            title=self.text(table, "title", "a protocol", required=True),
            rationale=self.text(table, "rationale", "a protocol", required=True),
            sources=read_citations(self, table, "a protocol", self.sources),
            based_on=base if isinstance(base, Scalar) else None,
            rules=self._named(table, "rules", required=base is None),
            without=self._named(table, "without"),
            switches=self._choices(table, switches),
            indications=self.texts(table, "indications", "a protocol"),
        )

    def _named(self, table: Table, key: str, *, required: bool = False) -> tuple[Scalar, ...]:
        listed = self.texts(table, key, "a protocol", required=required)
        seen: set[str] = set()
        for item in listed:
            rule = self._rule(item)
            if item.text in seen:
                self.defect(item.line, f"rule {item.text} is named twice", "keep one")
            elif rule is not None and in_every_protocol(rule):
                self.defect(item.line, f"rule {rule.id} is in force in every protocol", "remove it")
            elif rule is not None and not _can_be_in_force(rule):
                hint = "remove it, or make the rule active or shadow"
                self.defect(item.line, f"rule {rule.id} is {rule.status.value}", hint)
            seen.add(item.text)
        return listed

    def _rule(self, item: Scalar) -> Rule | None:
        rule = self.rules.get(item.text)
        if rule is None:
            self.defect(item.line, f'unknown rule "{item.text}"', near(item.text, self.rules))
        return rule

    def _choices(self, table: Table, switches: Mapping[str, Switch]) -> Mapping[str, Scalar]:
        chosen = self.table(table.entries.get("switches", Table({}, table.line)), "switches")
        made: dict[str, Scalar] = {}
        for name, node in chosen.entries.items():
            line = chosen.line_of(name)
            switch = switches.get(name)
            option = self.text(chosen, name, "switches", required=True)
            if switch is None:
                self.defect(line, f'unknown switch "{name}"', near(name, switches))
            elif option and option not in switch.options:
                self.defect(line, f'{name} has no option "{option}"', near(option, switch.options))
            if isinstance(node, Scalar):
                made[name] = node
        return made

    # --- switches ------------------------------------------------------------------------------

    def switches(self, table: Table) -> dict[str, Switch]:
        """Every switch; that each contradiction is met once is checked with those that are settled."""
        self.only_keys(table, ("switches", "settled"), "the file of switches")
        entries = self.table(table.entries.get("switches", Table({}, table.line)), "switches")
        found: dict[str, Switch] = {}
        met: dict[str, int] = {}
        for name, node in entries.entries.items():
            switch = self._switch(name, self.table(node, "a switch"), entries.line_of(name))
            found[name] = switch
            self._meet(switch.contradiction, entries.line_of(name), met)
        settled = self.table(table.entries.get("settled", Table({}, table.line)), "settled")
        for number, node in settled.entries.items():
            entry = self.table(node, "a settled contradiction")
            self.only_keys(entry, SETTLED_KEYS, "a settled contradiction")
            self.text(entry, "how", "a settled contradiction", required=True)
            for item in self.texts(entry, "rules", "a settled contradiction"):
                if item.text not in self.proven:
                    self._rule(item)
            self._meet(number, settled.line_of(number), met)
        last = max((int(each[1:]) for each in met), default=0)
        for missing in range(1, last):
            if f"X{missing}" not in met:
                hint = "add a switch, or say under settled how it is settled"
                self.defect(table.line, f"contradiction X{missing} is missing", hint)
        return found

    def _meet(self, contradiction: str, line: int, met: dict[str, int]) -> None:
        if not _CONTRADICTION.fullmatch(contradiction):
            self.defect(line, f'"{contradiction}" is not the number of a contradiction', "write X1")
        elif met.setdefault(contradiction, line) != line:
            hint = "a contradiction has one switch, or is settled"
            self.defect(line, f"contradiction {contradiction} was met on line {met[contradiction]}", hint)

    def _switch(self, name: str, table: Table, line: int) -> Switch:
        self.only_keys(table, SWITCH_KEYS, "a switch")
        listed = self.table(table.entries.get("options", Table({}, line)), "options")
        if len(listed.entries) < 2:
            hint = "add options: {one: {rules: [...]}, two: {rules: []}}"
            self.defect(line, f"{name} has no two options to choose between", hint)
        options = {option: self._option(node) for option, node in listed.entries.items()}
        default = self.text(table, "default", "a switch", required=True)
        if default and default not in options:
            self.defect(table.line_of("default"), f'{name} has no option "{default}"', near(default, options))
        if name != BASELINE_SWITCH and len(options) > 1 and len(set(options.values())) == 1:
            hint = "name the rules that are wanted under each option"
            self.defect(line, f"every option of {name} puts the same rules in force", hint)
        modes = [mode.value for mode in BaselineMode]
        if name == BASELINE_SWITCH and sorted(options) != sorted(modes):
            self.defect(line, f"the options of {name} have a meaning of their own", f"{', '.join(modes)}")
        return Switch(
            name,
            self.text(table, "contradiction", "a switch", required=True),
            self.text(table, "question", "a switch", required=True),
            default,
            options,
        )

    def _option(self, node: Node) -> frozenset[str]:
        table = self.table(node, "an option")
        self.only_keys(table, ("rules",), "an option")
        named = self.texts(table, "rules", "an option")
        for item in named:
            self._rule(item)
        return frozenset(item.text for item in named)


def _bases(drafts: Mapping[str, _Draft]) -> Iterator[Defect]:
    """Bases that do not exist, and circles of them."""
    for name, draft in drafts.items():
        base = draft.based_on
        if base is None:
            continue
        if base.text not in drafts:
            message = f'based_on: no protocol "{base.text}"'
            yield Defect(draft.file, base.line, message, near(base.text, drafts))
            continue
        way = [name]
        following = draft.based_on
        while following is not None and following.text in drafts and following.text not in way:
            way.append(following.text)
            following = drafts[following.text].based_on
        if following is not None and following.text == name == min(way):
            circle = " > ".join((*way, name))
            yield Defect(draft.file, base.line, f"based_on in a circle: {circle}", "remove one of them")


def _indications(drafts: Mapping[str, _Draft]) -> Iterator[Defect]:
    """An indication that two protocols claim."""
    claimed: dict[str, str] = {}
    for name, draft in drafts.items():
        for item in draft.indications:
            other = claimed.setdefault(indication_key(item.text), name)
            if other != name:
                message = f'indication "{item.text}" is that of protocol {other} too'
                yield Defect(draft.file, item.line, message, "keep one of them")


def indication_key(text: str) -> str:
    """An indication as it is compared: case and spacing do not matter."""
    return " ".join(text.casefold().split())


def _never_chosen(
    files: Mapping[str, str], switches: Mapping[str, Switch], drafts: Mapping[str, _Draft]
) -> Iterator[Defect]:
    """Switches that no protocol mentions: nobody would see that there was something to choose."""
    mentioned = {name for draft in drafts.values() for name in draft.switches}
    file = next((file for file in files if is_choice(file) and not _is_protocol(file)), "")
    for name in switches:
        if name not in mentioned:
            hint = "name it under switches of at least one protocol"
            yield Defect(file, 0, f"no protocol mentions the switch {name}", hint)


class _Resolver:
    """From files as written to protocols as they are in force: bases, switches, data quality."""

    def __init__(
        self, drafts: Mapping[str, _Draft], switches: Mapping[str, Switch], rules: Mapping[str, Rule]
    ) -> None:
        self._drafts = drafts
        self._switches = switches
        self._rules = rules
        self.defects: list[Defect] = []

    def protocol(self, name: str) -> Protocol:
        """The protocol of one file."""
        draft = self._drafts[name]
        chosen = {switch.name: switch.default for switch in self._switches.values()} | self._chosen(name)
        inherited = self._listed(draft.based_on.text) if draft.based_on is not None else frozenset()
        for item in draft.without:
            if item.text not in inherited:
                self._defect(draft, item, f"without {item.text}: the base does not name it", "remove it")
        for item in draft.rules:
            if item.text in inherited:
                self._defect(draft, item, f"rule {item.text} is in the base already", "remove it")
        always = {rule.id for rule in self._rules.values() if in_every_protocol(rule)}
        listed = self._listed(name) - self._not_chosen(chosen)
        return Protocol(
            name=name,
            title=draft.title,
            rationale=draft.rationale,
            sources=draft.sources,
            rules=tuple(sorted(always | listed)),
            switches=chosen,
            indications=tuple(item.text for item in draft.indications),
            based_on=draft.based_on.text if draft.based_on is not None else "",
        )

    @property
    def named(self) -> frozenset[str]:
        """The rules that some protocol names."""
        return frozenset[str]().union(*(self._listed(name) for name in self._drafts))

    def _defect(self, draft: _Draft, item: Scalar, message: str, hint: str) -> None:
        self.defects.append(Defect(draft.file, item.line, message, hint))

    def _listed(self, name: str) -> frozenset[str]:
        """The rules that a protocol names, its base's included."""
        draft = self._drafts[name]
        inherited = self._listed(draft.based_on.text) if draft.based_on is not None else frozenset()
        own = {item.text for item in draft.rules}
        return (inherited - {item.text for item in draft.without}) | own

    def _chosen(self, name: str) -> dict[str, str]:
        draft = self._drafts[name]
        inherited = self._chosen(draft.based_on.text) if draft.based_on is not None else {}
        return inherited | {switch: item.text for switch, item in draft.switches.items()}

    def _not_chosen(self, chosen: Mapping[str, str]) -> set[str]:
        """The rules for which a switch has an option, and is set to another one."""
        return {
            rule
            for switch in self._switches.values()
            for named in switch.options.values()
            for rule in named
            if rule not in switch.options[chosen[switch.name]]
        }
