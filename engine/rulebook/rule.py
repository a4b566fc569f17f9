"""Rules as loaded, by kind, and the rulebook that holds all of them."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta
from enum import IntEnum, StrEnum
from typing import NamedTuple

from engine.errors import ConfigError, Defect
from engine.model.escalation import Escalation
from engine.model.finding import Severity, UnknownCause
from engine.model.record import BaselineMode
from engine.model.result import Problem
from engine.rulebook.conditions import Condition
from engine.rulebook.message import Template
from engine.rulebook.promises import Promise
from engine.rulebook.syntax import near
from engine.rulebook.tree import Node, needed_results

FAMILIES = (
    "liver-injury",
    "liver-recovery",
    "alp-low",
    "alp-trend",
    "cytopenia",
    "blood-trend",
    "tpmt-nudt15",
    "metabolites",
    "monitoring-liver",
    "monitoring-blood",
    "monitoring-panel",
    "restart",
    "restart-eligibility",
    "dose",
    "co-medication",
    "hypersensitivity",
    "pancreas",
    "aih",
    "pregnancy",
    "workup",
    "kidney",
    *(problem.value for problem in Problem),
)
"""The kinds of harm that alerts are gathered under, and the kinds of unusable observation."""

PANELS = ("liver", "blood")


class Kind(StrEnum):
    """What a rule does: raises an alert, says more about one, makes one graver, or is proven of all rules."""

    ALERT = "alert"
    LABEL = "label"
    MODIFIER = "modifier"
    SELECTOR = "selector"
    INVARIANT = "invariant"


NO_ESCALATION = Escalation()


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

    @property
    def cited(self) -> str:
        """With the words quoted: ``Article, Section: "words"``."""
        return f'{self}: "{self.quote}"' if self.quote else str(self)


@dataclass(frozen=True, slots=True, kw_only=True)
class Heading:
    """What every rule file says of itself. ``version`` is text: 1.10 is not 1.1."""

    id: str
    kind: Kind
    title: str
    status: Status
    version: str
    rationale: str
    sources: tuple[Source, ...]
    file: str


class Stage(IntEnum):
    """When a rule is judged, so that it finds what it asks about already concluded."""

    MODIFIERS = 0  # with everything that modifiers rest on
    RULES = 1
    LAST = 2  # rules that rest on "nothing fires above ..."


class Turn(NamedTuple):
    """A rule's place among the rules in force: its stage, and how many rules deep it rests on others."""

    stage: Stage
    depth: int


USUAL_TURN = Turn(Stage.RULES, 0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule(Heading):
    """A rule that is judged on a situation: an alert rule, or an annotation.

    ``conditions`` are the distinct conditions of ``when`` in the order of the file, ``clocks`` those of them
    that wait for something. ``doubts`` are the causes for which it may say something where they can neither
    be affirmed nor denied; ``needs`` are analytes of which one must have a result, or it says nothing.
    ``analytes`` are those of all conditions.
    ``turn`` and ``timed`` (time alone may change what it says) are known once all rules of the folder are.
    """

    when: Node
    conditions: tuple[Condition, ...]
    pair_within: timedelta
    allow_preliminary: bool
    turn: Turn = USUAL_TURN
    timed: bool = False
    clocks: tuple[Condition, ...] = field(init=False, default=())
    doubts: frozenset[UnknownCause] = field(init=False, default=frozenset())
    needs: frozenset[str] = field(init=False, default=frozenset())
    analytes: frozenset[str] = field(init=False, default=frozenset())

    def __post_init__(self) -> None:
        object.__setattr__(self, "clocks", tuple(each for each in self.conditions if each.TIMED))
        object.__setattr__(self, "doubts", self._doubts())
        analytes = frozenset(name for each in self.conditions for name in each.analytes)
        object.__setattr__(self, "analytes", analytes)
        if UnknownCause.MISSING not in self.doubts:
            object.__setattr__(self, "needs", needed_results(self.when))

    @abstractmethod
    def _doubts(self) -> frozenset[UnknownCause]:
        """The causes of doubt that it may speak of."""

    @property
    def wary(self) -> bool:
        """Whether no older value stands in, as proof against the rule, for a newer one that is spoiled."""
        return False

    @property
    def of_newest_course(self) -> bool:
        """Whether it judges the course told of last, before any result of it: its alerts belong to that."""
        return any(condition.OF_NEWEST_COURSE for condition in self.conditions)


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertRule(Rule):
    """A rule that raises an alert.

    ``if_unknown`` has an entry for each cause; None is silence. ``trigger`` is the analyte that an alert
    names first, empty where it is the value furthest beyond its threshold.
    ``problems`` are the kinds of unusable observation that a data-quality rule asks about: such a rule
    gives a finding for each, a clinical rule (none) exactly one.
    """

    family: str
    severity: Severity
    if_unknown: Mapping[UnknownCause, Severity | None]
    supersedes: tuple[str, ...]
    repeat_after: timedelta
    message: Template
    message_unknown: Template | None
    action: Template
    action_unknown: Template | None
    trigger: str
    problems: frozenset[Problem]
    escalation: Escalation = NO_ESCALATION

    @property
    def wary(self) -> bool:
        """Where it speaks of spoiled values."""
        return UnknownCause.SPOILED in self.doubts

    def _doubts(self) -> frozenset[UnknownCause]:
        return frozenset(cause for cause, said in self.if_unknown.items() if said is not None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Annotation(Rule):
    """A label, modifier or selector: while it holds, its text stands on the alerts of some families.

    UNKNOWN attaches ``label_unknown``, nothing where there is none, and never raises. ``raises``: the
    alerts are one severity graver, where ``groups`` names groups of rules (the letters of their ids) only
    theirs. ``repeat_within``: the ``panels`` are due at least so often.
    """

    applies_to: frozenset[str]
    label: Template
    label_unknown: Template | None
    raises: bool
    groups: frozenset[str]
    repeat_within: timedelta | None
    panels: frozenset[str]

    @property
    def effects(self) -> tuple[str, ...]:
        """What it does beside its text: ``one severity graver``, ``liver due within 7 d``."""
        graver = ("one severity graver",) if self.raises else ()
        if self.repeat_within is None:
            return graver
        days, rest = divmod(self.repeat_within, timedelta(days=1))
        within = f"{self.repeat_within // timedelta(hours=1)} h" if rest else f"{days} d"
        return (*graver, *(f"{panel} due within {within}" for panel in sorted(self.panels)))

    def _doubts(self) -> frozenset[UnknownCause]:
        return frozenset() if self.label_unknown is None else frozenset(UnknownCause)


@dataclass(frozen=True, slots=True, kw_only=True)
class Invariant(Heading):
    """Something that ``rules check`` proves of the whole folder; ``ensures`` says what."""

    ensures: Promise


@dataclass(frozen=True, slots=True)
class Switch:
    """One point on which the source documents contradict each other, and what a protocol may choose there.

    ``options`` maps each option to the rules that it puts in force; a rule that some option names is in
    force only while a chosen option names it.
    """

    name: str
    contradiction: str
    question: str
    default: str
    options: Mapping[str, frozenset[str]]


@dataclass(frozen=True, slots=True)
class Protocol:
    """A named selection of rules that is in force for a site or for one patient.

    ``rules`` are the ids in force, in order, after inheritance, switches, and with the data-quality
    rules; ``switches`` has the choice at every switch, defaults filled in. ``indications`` are the
    diagnoses, or indications as the pharmacy writes them, that a site may bind it to.
    """

    name: str
    title: str
    rationale: str
    sources: tuple[Source, ...]
    rules: tuple[str, ...]
    switches: Mapping[str, str] = field(default_factory=dict)
    indications: tuple[str, ...] = ()
    based_on: str = ""

    @property
    def baseline_mode(self) -> BaselineMode:
        """What multiples of baseline are multiples of."""
        return BaselineMode(self.switches.get(BASELINE_SWITCH, BaselineMode.LITERAL.value))


BASELINE_SWITCH = "baseline.mode"
"""The switch whose options are the values of BaselineMode: it decides how rules judge, not which."""


@dataclass(frozen=True, slots=True)
class Rulebook:
    """Every rule, switch and protocol of a rules folder, checked: in order of id, all references resolved.

    ``in_force`` are the active and shadow rules of the chosen ``protocol``, none before one is chosen.
    ``invariants`` hold whatever protocol is chosen.
    """

    rules: tuple[Rule, ...]
    by_id: Mapping[str, Rule]
    protocols: Mapping[str, Protocol]
    switches: Mapping[str, Switch] = field(default_factory=dict)
    invariants: tuple[Invariant, ...] = ()
    in_force: tuple[Rule, ...] = ()
    protocol: Protocol | None = None

    @property
    def baseline_mode(self) -> BaselineMode:
        """What multiples of baseline are multiples of under the chosen protocol."""
        return BaselineMode.LITERAL if self.protocol is None else self.protocol.baseline_mode

    def with_protocol(self, name: str) -> Rulebook:
        """The same rulebook with that protocol in force. Raises ConfigError where there is none."""
        if self.protocol is not None and self.protocol.name == name:
            return self
        protocol = self.protocols.get(name)
        if protocol is None:
            hint = near(name, self.protocols) if self.protocols else "add one to the folder protocols"
            raise ConfigError([Defect("rules", 0, f'no protocol "{name}"', hint)])
        return replace(self, protocol=protocol, in_force=tuple(self.by_id[rule] for rule in protocol.rules))
