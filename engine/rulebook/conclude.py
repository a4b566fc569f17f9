"""All rules in force applied to one situation, in an order in which each finds what it asks about."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import partial
from itertools import chain
from typing import NamedTuple, overload

from engine.model.finding import Finding, Label, Severity
from engine.model.quantity import Truth
from engine.model.record import Situation
from engine.rulebook.conditions import Analytes, Standing, View
from engine.rulebook.docket import Docket, docket_of
from engine.rulebook.evaluate import (
    Judgement,
    evaluate,
    finding_of,
    findings_of,
    judgements,
    label_of,
    text_of,
)
from engine.rulebook.limits import is_limited
from engine.rulebook.rule import AlertRule, Annotation, Rule, Status
from engine.rulebook.silent import Silence, is_silent, silences_of

_SEVERITIES = tuple(Severity)


def conclude(rules: Iterable[Rule], situation: Situation, analytes: Analytes) -> Findings:
    """What the rules find, in order of rule and subject, raised by modifiers and with every label on it.

    What is published never rests on a rule in shadow: active rules do not see that it fires, and its
    labels and modifiers stand on findings of other rules in shadow only.
    """
    docket = docket_of(rules)
    court = _Court(situation, analytes, docket)
    court.judge(docket.early)
    court.speak()
    court.judge(docket.last)
    return Findings(map(court.labelled, court.speaking), court.silent, min(court.instants, default=None))


class Silent(NamedTuple):
    """A rule with something that it does not say: its findings, and why alone, when they are asked for."""

    rule: AlertRule
    findings: Callable[[], Iterable[Finding]]
    silences: Callable[[], Iterable[Silence | Finding]]


class Findings(Sequence[Finding]):
    """What the rules found, in order of rule and subject.

    ``speaking`` are the findings that say something. Of a hundred rules nearly all are silent, and nobody
    asks why before an event is told: those are written down when they are asked for.
    ``look_at`` is when time alone may next change any of them.
    """

    __slots__ = ("_all", "_silent", "look_at", "speaking")

    def __init__(
        self,
        speaking: Iterable[Finding] = (),
        silent: Callable[[], Iterable[Silent]] = tuple,
        look_at: datetime | None = None,
    ) -> None:
        self.speaking = tuple(sorted(speaking, key=_place))
        self.look_at = look_at
        self._silent = silent
        self._all: tuple[Finding, ...] | None = None

    def __iter__(self) -> Iterator[Finding]:
        return iter(self._written())

    def __len__(self) -> int:
        return len(self._written())

    @overload
    def __getitem__(self, index: int) -> Finding: ...
    @overload
    def __getitem__(self, index: slice) -> tuple[Finding, ...]: ...
    def __getitem__(self, index: int | slice) -> Finding | tuple[Finding, ...]:
        return self._written()[index]

    def of_rule(self, rule_id: str) -> Iterator[Finding]:
        """What that rule found, said or not."""
        found = self.with_silent(lambda rule: rule.id == rule_id)
        return (finding for finding in found if finding.rule_id == rule_id)

    def with_silent(self, asked: Callable[[AlertRule], bool]) -> Iterator[Finding]:
        """What speaks, and what the rules asked about found and do not say."""
        yield from self.speaking
        for silent in self._silent():
            if asked(silent.rule):
                yield from silent.findings()

    def silences(self, asked: Callable[[AlertRule], bool]) -> list[Silence | Finding]:
        """Why each of the rules asked about is silent, in order of rule and subject."""
        told = (silent.silences() for silent in self._silent() if asked(silent.rule))
        return sorted(chain.from_iterable(told), key=_place)

    def _written(self) -> tuple[Finding, ...]:
        if self._all is None:
            silent = (finding for silent in self._silent() for finding in silent.findings())
            self._all = tuple(sorted((*self.speaking, *silent), key=_place))
        return self._all


def _place(finding: Finding | Silence) -> tuple[str, str]:
    return finding.rule_id, finding.subject


@dataclass(slots=True, eq=False)
class _Heard:
    """What has been concluded so far, for the rules that may know of it."""

    firing: set[str] = field(default_factory=set)
    speaking: dict[str, Severity] = field(default_factory=dict)
    repeat_within: dict[str, timedelta] = field(default_factory=dict)
    by_limit: dict[str, str] = field(default_factory=dict)

    def standing(self) -> Standing:
        """What a rule may know, as it goes on growing: later ones are nothing that a rule asks about."""
        return Standing(self.firing, self.speaking, self.repeat_within, self.by_limit)


@dataclass(slots=True)
class _Held:
    """An annotation that says something, and whether it holds for certain."""

    annotation: Annotation
    judgement: Judgement
    certain: bool

    def applies_to(self, finding: Finding) -> bool:
        if finding.severity is None or finding.family not in self.annotation.applies_to:
            return False
        return self.annotation.status is Status.ACTIVE or not finding.published

    def label(self, analytes: Analytes) -> Label:
        """What it says, on the findings that it stands on."""
        return Label(self.annotation.id, label_of(self.annotation, self.judgement, analytes))

    def raises(self, finding: Finding) -> bool:
        groups = self.annotation.groups
        ours = not groups or finding.rule_id[0] in groups
        return self.annotation.raises and ours and self.applies_to(finding)


class _Court:
    """One judgement, rule by rule."""

    def __init__(self, situation: Situation, analytes: Analytes, docket: Docket) -> None:
        self.situation = situation
        self.analytes = analytes
        self.limited = is_limited(situation)
        self.early = situation.provisional is not situation.series
        view = View(situation, preliminary=False)
        self.passed = set[str]() if self.limited else docket.passed_over(view)
        self.speaking: list[Finding] = []
        self.unsaid: list[Silent] = []
        self.at_a_glance: list[tuple[AlertRule, View]] = []
        self.stopped: dict[tuple[View, tuple[tuple[str, timedelta], ...]], View] = {}
        self.instants: list[datetime] = []
        self.held: list[_Held] = []
        self.kept_silent: list[tuple[AlertRule, Label]] = []
        self.active, self.shadow = _Heard(), _Heard()

    def judge(self, rules: Sequence[Rule]) -> None:
        """Apply the rules, each after those it asks about."""
        views = {
            heard: View(self.situation, preliminary=False, standing=heard.standing())
            for heard in (self.active, self.shadow)
        }
        for rule in rules:
            view = views[self.active if rule.status is Status.ACTIVE else self.shadow]
            judged_early = self.early and rule.allow_preliminary
            silent = rule.id in self.passed and not judged_early
            if rule.clocks:
                view = self._stopped(view)
                verdicts = (view.judged(condition) for condition in rule.clocks)
                self.instants += (verdict.look_at for verdict in verdicts if verdict.look_at is not None)
            if silent or (not self.limited and not judged_early and is_silent(rule, view)):
                if isinstance(rule, AlertRule):
                    self.at_a_glance.append((rule, view))
            elif isinstance(rule, AlertRule):
                self._alert(rule, view.standing)
            elif isinstance(rule, Annotation):
                self._annotation(rule, view.standing)

    def silent(self) -> Iterator[Silent]:
        """Every alert rule with something that it does not say."""
        yield from self.unsaid
        for rule, view in self.at_a_glance:
            write = partial(evaluate, rule, self.situation, self.analytes, view.standing)
            yield Silent(rule, write, partial(silences_of, rule, view))

    def _stopped(self, view: View) -> View:
        """The view as it is now, for a rule with a clock: what demands more panels may come after it."""
        demanded = tuple(view.standing.repeat_within.items())
        key = view, demanded
        if key not in self.stopped:
            standing = view.standing._replace(repeat_within=dict(demanded))
            self.stopped[key] = View(self.situation, preliminary=False, standing=standing)
        return self.stopped[key]

    def speak(self) -> None:
        """Make known how loud every rule judged so far speaks, raised ones as raised."""
        for finding in map(self._raised, self.speaking):
            if finding.severity is not None:
                for heard in self._audience(published=finding.published):
                    loudest = heard.speaking.get(finding.rule_id, finding.severity)
                    heard.speaking[finding.rule_id] = max(loudest, finding.severity, key=_rank)

    def labelled(self, finding: Finding) -> Finding:
        """The finding as raised, with the labels that stand on it."""
        labels = tuple(held.label(self.analytes) for held in self.held if held.applies_to(finding))
        silent = tuple(label for rule, label in self.kept_silent if _is_told_on(rule, finding))
        raised = self._raised(finding)
        ordered = (*raised.labels, *silent, *sorted(labels, key=_rule_id))
        return replace(raised, labels=ordered) if labels or silent else raised

    def _alert(self, rule: AlertRule, standing: Standing) -> None:
        judged = judgements(rule, self.situation, standing)
        if any(judgement.severity is not None for judgement in judged):
            found = findings_of(rule, judged, self.situation, self.analytes, standing)
            self.speaking += (finding for finding in found if finding.severity is not None)
            self._keep(rule, lambda: (finding for finding in found if finding.severity is None))
        else:
            self._keep(rule, lambda: (finding_of(rule, each, self.analytes) for each in judged))
        for judgement in judged:
            if judgement.effect.silent_by:
                text = f"{judgement.effect.silent_by}: keeps {rule.id} silent"
                self.kept_silent.append((rule, Label(rule.id, text)))
        self._hear(rule, judged)

    def _keep(self, rule: AlertRule, write: Callable[[], Iterable[Finding]]) -> None:
        self.unsaid.append(Silent(rule, write, write))

    def _annotation(self, rule: Annotation, standing: Standing) -> None:
        (judgement,) = judgements(rule, self.situation, standing)
        truth = judgement.tree.truth
        if text_of(rule, truth) is not None:
            self.held.append(_Held(rule, judgement, truth is Truth.TRUE))
        self._hear(rule, (judgement,))
        if truth is Truth.TRUE and rule.repeat_within is not None:
            for heard in self._audience(published=rule.status is Status.ACTIVE):
                for panel in rule.panels:
                    within = heard.repeat_within.get(panel, rule.repeat_within)
                    heard.repeat_within[panel] = min(within, rule.repeat_within)

    def _raised(self, finding: Finding) -> Finding:
        """One severity graver where a modifier holds, however many do."""
        if finding.severity in (None, Severity.CRITICAL):
            return finding
        if not any(held.certain and held.raises(finding) for held in self.held):
            return finding
        graver = _SEVERITIES[_rank(finding.severity) + 1]
        return replace(finding, severity=graver, raised_from=finding.severity)

    def _audience(self, *, published: bool) -> tuple[_Heard, ...]:
        return (self.active, self.shadow) if published else (self.shadow,)

    def _hear(self, rule: Rule, judged: Sequence[Judgement]) -> None:
        """Make known that a rule fires, and by which limits where it would not without."""
        firing = [judgement.effect.fires_by for judgement in judged if judgement.tree.truth is Truth.TRUE]
        if not firing:
            return
        for heard in self._audience(published=rule.status is Status.ACTIVE):
            heard.firing.add(rule.id)
            if all(firing):
                heard.by_limit[rule.id] = "; ".join(dict.fromkeys(firing))


def _is_told_on(silent: AlertRule, finding: Finding) -> bool:
    """Whether a finding tells of a rule that a limit keeps silent: of its family, and never of shadow."""
    return silent.family == finding.family and (silent.status is Status.ACTIVE or not finding.published)


def _rank(severity: Severity) -> int:
    return severity.rank


def _rule_id(label: Label) -> str:
    return label.rule_id
