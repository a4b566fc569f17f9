"""The parts of an explanation, as plain texts that a page or a JSON object can hold."""

from __future__ import annotations

from dataclasses import dataclass

from engine.model.finding import Evidence


@dataclass(frozen=True, slots=True)
class SegmentTold:
    """One segment, and what it was used for or why it was not."""

    place: str
    used: bool
    why: str


@dataclass(frozen=True, slots=True)
class CodeTold:
    """One observation: what its code was taken for by which rows, and what its value became."""

    place: str
    code: str
    system: str
    text: str
    kind: str
    means: str
    mapped_by: tuple[str, ...]
    sent: str = ""
    value: str = ""
    unit_by: str = ""
    reference: str = ""
    collected: str = ""
    status: str = ""
    note: str = ""


@dataclass(frozen=True, slots=True)
class PersonTold:
    """Somebody whom the message is about, and what is on record after it."""

    identifiers: tuple[str, ...]
    born: str
    sex: str
    before: str
    therapy: tuple[str, ...]
    state: str
    protocol: str
    facts: tuple[str, ...]
    baselines: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class RuleTold:
    """What one rule said. ``concerned``: something of this message was looked at, or it speaks."""

    rule: str
    truth: str
    severity: str
    shadow: bool
    concerned: bool
    says: str
    why: str
    labels: tuple[str, ...]
    evidence: tuple[Evidence, ...]


@dataclass(frozen=True, slots=True)
class EventTold:
    """One alert event; one in shadow is kept and never sent. ``of_time``: time brought it about before."""

    rule: str
    severity: str
    phase: str
    reason: str
    routing_key: str
    formats: tuple[str, ...]
    pager: str
    shadow: bool
    of_time: bool


@dataclass(frozen=True, slots=True)
class Explanation:
    """Everything about one message.

    ``judged`` says why the rules were not asked, ``nothing_sent`` why nobody is told.
    """

    source: str
    message_type: str
    control_id: str
    sender: str
    site: str
    sent_at: str
    charset: str
    decided_at: str
    protocol: str
    revision: str
    disposition: str
    reason: str
    place: str
    detail: str
    to_do: str
    warnings: tuple[str, ...]
    segments: tuple[SegmentTold, ...] = ()
    codes: tuple[CodeTold, ...] = ()
    orders: tuple[str, ...] = ()
    persons: tuple[PersonTold, ...] = ()
    judged: str = ""
    rules: tuple[RuleTold, ...] = ()
    events: tuple[EventTold, ...] = ()
    nothing_sent: str = ""
