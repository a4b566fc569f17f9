"""Alerts as people count them: once each time one begins, built from the events that told of them.

Small however much is known of an alert, so that an archive of years fits: of an event stays what a reader
of a report is shown, and what a picture of it needs.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal, InvalidOperation

from engine.model.alert import AlertEvent, AlertReason, Phase
from engine.model.finding import Evidence, Severity
from engine.model.person import Identifier

PAGED = frozenset({Phase.START, Phase.UPDATE, Phase.ESCALATE})


@dataclass(frozen=True, slots=True)
class Limit:
    """A number that an alert was judged by, in the analyte's canonical unit.

    ``kind`` is ``threshold`` or ``baseline``; ``words`` are the condition of the rule, or ``baseline``.
    """

    kind: str
    value: Decimal
    words: str


@dataclass(frozen=True, slots=True)
class Trigger:
    """The value that set an alert off: in the analyte's canonical unit, and with its comparator if any."""

    analyte: str
    unit: str
    value: Decimal | None
    comparator: str
    collected_at: datetime | None


@dataclass(frozen=True, slots=True)
class Step:
    """One event of an alert: when (UTC), what it told, and the rule that spoke."""

    at: datetime
    phase: Phase
    reason: AlertReason
    severity: Severity
    rule: str


@dataclass(frozen=True, slots=True)
class Spell:
    """One stretch of time in which an alert was open, as its events told it.

    ``severity`` is the gravest that was told, and ``rule`` and all words are those of the event that told
    it first; ``ended`` is None when the archive ends before the alert does. Times are those of decision
    (UTC): when a page would have gone out. ``trigger`` is the value that set it off, None where none did;
    ``limits`` are what that was judged by.
    """

    alert_id: str
    family: str
    patient: str
    identifiers: tuple[Identifier, ...]
    began: datetime
    ended: datetime | None
    severity: Severity
    rule: str
    title: str
    message: str
    action: str
    therapy: str
    labels: tuple[str, ...]
    sources: tuple[str, ...]
    trigger: Trigger | None
    limits: tuple[Limit, ...]
    steps: tuple[Step, ...]

    @property
    def pages(self) -> int:
        """How often somebody was told: when it began, changed or became graver."""
        return sum(step.phase in PAGED for step in self.steps)

    def overlaps(self, other: Spell) -> bool:
        """Whether both were open at some instant."""
        return (self.ended is None or other.began <= self.ended) and (
            other.ended is None or self.began <= other.ended
        )


class Spells:
    """Collects alerts from events in the order in which they were told."""

    def __init__(self) -> None:
        self._open: dict[str, Spell] = {}
        self._ended: list[Spell] = []

    def take(self, event: AlertEvent) -> None:
        """One more event; after the end of an alert the next one with its id begins another spell."""
        going_on = self._open.pop(event.alert_id, None)
        spell = _begun(event) if going_on is None else _gone_on(going_on, event)
        if event.phase is Phase.END:
            self._ended.append(replace(spell, ended=event.decided_at))
        else:
            self._open[event.alert_id] = spell

    def all(self) -> list[Spell]:
        """Ended and open ones by the time at which they began."""
        return sorted((*self._ended, *self._open.values()), key=lambda spell: (spell.began, spell.alert_id))


def _begun(event: AlertEvent) -> Spell:
    trigger = event.trigger
    return Spell(
        alert_id=event.alert_id,
        family=event.family,
        patient=event.person.person_id,
        identifiers=event.person.identifiers,
        began=event.decided_at,
        ended=None,
        severity=event.severity,
        rule=event.rule,
        title=event.title,
        message=event.message,
        action=event.action,
        therapy=event.drug_text,
        labels=tuple(label.text for label in event.labels),
        sources=event.sources,
        trigger=None if trigger is None else _trigger(trigger),
        limits=() if trigger is None else limits_of(event.evidence, trigger.analyte),
        steps=(_step(event),),
    )


def _gone_on(spell: Spell, event: AlertEvent) -> Spell:
    steps = (*spell.steps, _step(event))
    if event.phase is not Phase.END and event.severity.rank > spell.severity.rank:
        return replace(_begun(event), patient=spell.patient, began=spell.began, steps=steps)
    return replace(spell, steps=steps)


def _step(event: AlertEvent) -> Step:
    return Step(event.decided_at, event.phase, event.reason, event.severity, event.rule)


def _trigger(evidence: Evidence) -> Trigger:
    return Trigger(
        evidence.analyte,
        evidence.unit,
        _decimal(evidence.value),
        evidence.comparator,
        evidence.collected_at,
    )


def limits_of(known: Iterable[Evidence], analyte: str) -> tuple[Limit, ...]:
    """Thresholds of the conditions on this analyte, and its baseline, each number once."""
    found: dict[tuple[str, Decimal], Limit] = {}
    for evidence in known:
        if evidence.analyte != analyte:
            continue
        baseline = evidence.reference_value if evidence.reference_kind == "baseline" else ""
        for kind, text, words in (
            ("threshold", evidence.threshold, evidence.condition),
            ("baseline", baseline, "baseline"),
        ):
            value = _decimal(text)
            if value is not None:
                found.setdefault((kind, value), Limit(kind, value, words))
    return tuple(found.values())


def _decimal(text: str) -> Decimal | None:
    try:
        return Decimal(text)
    except InvalidOperation:
        return None
