"""A rule as loaded, and the rulebook that holds all of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum

from engine.model.finding import Severity, UnknownCause
from engine.model.result import Problem
from engine.rulebook.conditions import Condition
from engine.rulebook.message import Template
from engine.rulebook.tree import Node


class Status(StrEnum):
    """How far a rule has come: written, watched, in force, withdrawn."""

    DRAFT = "draft"
    SHADOW = "shadow"  # evaluated and logged, never published
    ACTIVE = "active"
    RETIRED = "retired"


@dataclass(frozen=True, slots=True)
class Source:
    """Where a rule comes from: a heading of docs/sources.md, a section below it, and words quoted there."""

    document: str
    section: str
    quote: str = ""

    def __str__(self) -> str:
        return f"{self.document}, {self.section}"


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule file, compiled.

    ``conditions`` are the distinct conditions of ``when`` in the order of the file. ``if_unknown`` has an
    entry for each cause; None is silence. ``titles`` are the names for people of the analytes judged.
    ``problems`` are the kinds of unusable observation that a data-quality rule asks about: such a rule
    gives a finding for each, a clinical rule (none) exactly one. ``version`` is text: 1.10 is not 1.1.
    """

    id: str
    title: str
    family: str
    severity: Severity
    status: Status
    version: str
    rationale: str
    sources: tuple[Source, ...]
    when: Node
    conditions: tuple[Condition, ...]
    if_unknown: Mapping[UnknownCause, Severity | None]
    supersedes: tuple[str, ...]
    pair_within: timedelta
    repeat_after: timedelta
    allow_preliminary: bool
    message: Template
    message_unknown: Template | None
    action: str
    titles: Mapping[str, str]
    problems: frozenset[Problem]
    file: str


@dataclass(frozen=True, slots=True)
class Protocol:
    """A named selection of rules that a site puts in force."""

    name: str
    title: str
    rules: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Rulebook:
    """Every rule and protocol of a rules folder, checked: ids in order, all references resolved."""

    rules: tuple[Rule, ...]
    by_id: Mapping[str, Rule]
    protocols: Mapping[str, Protocol]

    def in_force(self, protocol: str) -> tuple[Rule, ...]:
        """The active and shadow rules that a protocol names, by id; KeyError for an unknown protocol."""
        return tuple(self.by_id[name] for name in sorted(self.protocols[protocol].rules))
