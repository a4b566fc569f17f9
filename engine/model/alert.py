"""The life of an alert, and the canonical event that every renderer writes."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from engine.model.finding import Evidence, Finding, Label, Severity
from engine.model.person import Person, Visit

CATCHING_UP = "catching-up"
"""The family of digests: what came and went in a backlog, for somebody to look at."""

FEED_SILENT = "system-feed-silent"
ALERT_NOT_OUT = "system-alert-not-out"
HABIT_CHANGED = "system-habit-changed"
READERS_DISAGREE = "system-readers-disagree"
HEARTBEAT = "system-heartbeat"
ALARMS = (FEED_SILENT, ALERT_NOT_OUT, HABIT_CHANGED, READERS_DISAGREE)
TECHNICAL = frozenset({*ALARMS, HEARTBEAT})
"""Families of alerts about the feed and the engine, which are about no patient."""

_LOOKED_AT_WITHIN = timedelta(days=7)


class Phase(StrEnum):
    """IHE ACM event phases that we emit."""

    START = "start"
    UPDATE = "update"
    ESCALATE = "escalate"
    DEESCALATE = "deescalate"
    END = "end"


class AlertReason(StrEnum):
    """Why an event was published."""

    NEW = "new"
    WORSE = "worse"
    CHANGED = "changed"
    CORRECTED = "corrected"
    WITHDRAWN = "withdrawn"
    RESOLVED = "resolved"
    SUPERSEDED = "superseded"
    OVERDUE = "overdue"
    UNACKNOWLEDGED = "unacknowledged"


@dataclass(frozen=True, slots=True)
class NotFired:
    """A rule that looked at the same record and stayed silent, and why."""

    rule: str
    truth: str
    why: str


@dataclass(frozen=True, slots=True)
class Alert:
    """The stored state of one alert: one person, one rule family (and subject), one therapy episode.

    ``sequence`` counts published events; ``published`` is the finding as last published, ``current``
    the finding as last judged (an unchanged repeat updates only the latter). ``waiting_since`` is when it was
    raised to its severity, until it was told again because nobody had taken it on.
    """

    alert_id: str
    person_id: str
    family: str
    subject: str
    episode_id: str
    open: bool
    sequence: int
    current: Finding
    published: Finding
    published_at: datetime
    started_at: datetime
    acknowledged_at: datetime | None = None
    acknowledged_by: str = ""
    waiting_since: datetime | None = None

    @property
    def shadow(self) -> bool:
        """Whether it is about a rule in shadow: kept and shown on request, never sent."""
        return not self.published.published

    def waits_for_a_reader(self, now: datetime) -> bool:
        """Whether it tells of the past, and nobody has acknowledged it within a week of being told."""
        told = self.family == CATCHING_UP and self.acknowledged_at is None
        return told and now - self.published_at < _LOOKED_AT_WITHIN


@dataclass(frozen=True, slots=True)
class AlertEvent:
    """One thing to tell the hospital about an alert; everything a renderer needs, and nothing else.

    ``event_id`` (at most 20 characters) is MSH-10 and the AMQP message id; it is a function of alert
    and sequence, so that a repeated publication carries the same one. ``drug_text`` is one phrase
    ("azathioprine 150 mg/day since 2025-09-03"). ``protocol`` is the one that the person is judged by.
    ``raised_from`` is the severity before modifiers raised it. ``certain`` is false where the rule speaks of
    what it cannot exclude. An event in ``shadow`` is kept beside the
    others and never sent.
    """

    event_id: str
    alert_id: str
    sequence: int
    phase: Phase
    reason: AlertReason
    rule: str
    rule_version: str
    family: str
    severity: Severity
    person: Person
    visit: Visit
    decided_at: datetime
    clinical_at: datetime | None
    title: str
    message: str
    action: str
    drug_text: str
    evidence: tuple[Evidence, ...]
    trigger: Evidence | None
    trigger_code: str
    trigger_code_text: str
    trigger_range: str
    accession: str
    sources: tuple[str, ...]
    superseded: tuple[str, ...]
    not_fired: tuple[NotFired, ...]
    message_control_id: str
    knowledge_revision: str
    processing_id: str = "P"
    protocol: str = ""
    labels: tuple[Label, ...] = ()
    raised_from: Severity | None = None
    shadow: bool = False
    certain: bool = True

    @property
    def technical(self) -> bool:
        """Whether it is about the feed or the engine, and its person is none."""
        return self.family in TECHNICAL
