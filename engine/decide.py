"""The whole clinical path, pure: what is told about a person in, what changes and what to publish out.

    told (results | therapy | merge)  →  record  →  situation  →  findings  →  precedence  →  life cycle

Every function takes the record as it was and returns a :class:`Decision` with the record as it is now.
The alerts that are open afterwards are a function of that record alone: not of the order in which
messages came, nor of the clock.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal

from engine.alerts import Chosen, EvidenceChange, Step, choose, next_step
from engine.history import HistoryOptions, situation_of
from engine.model.alert import Alert, AlertEvent, AlertReason, NotFired, Phase
from engine.model.finding import Evidence, Finding, Severity
from engine.model.ledger import LedgerEntry
from engine.model.person import Person
from engine.model.quantity import Interval, Quantity, Truth, plain
from engine.model.record import Record, Situation
from engine.model.result import Result
from engine.model.therapy import Fact, TherapyEvent, TherapyState
from engine.results import Reported, promote
from engine.rulebook import Rulebook, evaluate, why_silent
from engine.terminology import Terminology
from engine.therapy import facts, newest, news, spans


@dataclass(frozen=True, slots=True)
class Knowledge:
    """Everything a decision rests on besides the record; ``revision`` names its exact content."""

    terminology: Terminology
    rulebook: Rulebook
    history: HistoryOptions
    revision: str


@dataclass(frozen=True, slots=True)
class Occasion:
    """Which message brought the news, and when it was decided on.

    ``silent``: archive, restore and initial loads (MSH-11 component 2) fill the record and page nobody.
    """

    control_id: str
    now: datetime
    silent: bool = False
    processing_id: str = "P"


@dataclass(frozen=True, slots=True)
class _Judged:
    """One record, judged: what every event about it is told from."""

    record: Record
    situation: Situation | None
    findings: tuple[Finding, ...]
    knowledge: Knowledge
    occasion: Occasion


@dataclass(frozen=True, slots=True)
class Decision:
    """The record as it is now, and which parts of it are new."""

    record: Record
    results: tuple[Result, ...] = ()
    superseded: tuple[Result, ...] = ()
    therapy: tuple[TherapyEvent, ...] = ()
    alerts: tuple[Alert, ...] = ()
    events: tuple[AlertEvent, ...] = ()
    ledger: tuple[LedgerEntry, ...] = ()


def decide_results(reported: Reported, record: Record, knowledge: Knowledge, occasion: Occasion) -> Decision:
    """Take in one patient's observations.

    A version older than the stored one is kept beside and judged never. Raises ContentError for a
    promotion (status U) of a value that was never received.
    """
    stored = {result.key: result for result in record.results}
    fresh: dict[str, Result] = {}
    superseded: list[Result] = []
    promoted = [promote(result, stored.get(result.key)) for result in reported.promoted]
    for result in (*reported.results, *(result for result in promoted if result is not None)):
        known = stored.get(result.key)
        if known is None or known.version < result.version:
            fresh[result.key] = result
            stored[result.key] = result
            if known is not None:
                superseded.append(known)
        elif known.version != result.version:
            superseded.append(result)
    on_therapy = bool(spans(record.therapy))
    ledger = tuple(replace(entry, on_therapy=on_therapy) for entry in reported.ledger)
    if not fresh:
        return Decision(record, superseded=tuple(superseded), ledger=ledger)
    after = replace(record, results=tuple(stored.values()))
    judged = _judge(after, knowledge, occasion)
    return replace(judged, results=tuple(fresh.values()), superseded=tuple(superseded), ledger=ledger)


def decide_therapy(
    events: Sequence[TherapyEvent], record: Record, knowledge: Knowledge, occasion: Occasion
) -> Decision:
    """Take in therapy events: starts, doses, holds, stops and facts."""
    fresh = news(record.therapy, events)
    if not fresh:
        return Decision(record)
    after = replace(record, therapy=newest((*record.therapy, *fresh)))
    return replace(_judge(after, knowledge, occasion), therapy=fresh)


def decide_note(record: Record, result: Result, knowledge: Knowledge, occasion: Occasion) -> Decision:
    """Put on the record, or take off it, that a message about this person is held in quarantine."""
    after = replace(record, results=(*(r for r in record.results if r.key != result.key), result))
    return replace(_judge(after, knowledge, occasion), results=(result,))


def decide_merge(
    survivor: Record, retired: Record, person: Person, knowledge: Knowledge, occasion: Occasion
) -> Decision:
    """Join two records under ``person``; rows stay where they are, the record is read across both."""
    results: dict[str, Result] = {}
    for result in (*survivor.results, *retired.results):
        known = results.get(result.key)
        if known is None or known.version < result.version:
            results[result.key] = result
    joined = Record(
        person,
        tuple(results.values()),
        newest((*survivor.therapy, *retired.therapy)),
        (*survivor.alerts, *retired.alerts),
    )
    return _judge(joined, knowledge, occasion)


# --- judging -----------------------------------------------------------------------------------


def _judge(record: Record, knowledge: Knowledge, occasion: Occasion) -> Decision:
    """Compare what the rules find in the record with what was published about it."""
    exposures = spans(record.therapy)
    told = _open_alerts(record)
    if not exposures and not told:
        return Decision(record)
    situation = (
        situation_of(record.results, exposures, _facts(record, knowledge), knowledge.history)
        if exposures
        else None
    )
    findings: tuple[Finding, ...] = ()
    if situation is not None:
        findings = tuple(
            finding
            for rule in knowledge.rulebook.in_force
            for finding in evaluate(rule, situation, knowledge.terminology.analytes)
        )
    judged = _Judged(record, situation, findings, knowledge, occasion)
    chosen = choose(findings)
    changed: list[Alert] = []
    events: list[AlertEvent] = []
    episode = situation.span.episode_id if situation is not None and situation.span else ""
    for family, subject in sorted({*chosen, *((alert.family, alert.subject) for alert in told)}):
        now = chosen.get((family, subject))
        mine = [alert for alert in told if (alert.family, alert.subject) == (family, subject)]
        kept = next((alert for alert in mine if alert.episode_id == episode), None)
        for other in mine:
            if other is not kept:
                end = _end_of(other, record, superseded=now is not None or kept is not None)
                alert, event = _tell(other, None, end, judged)
                changed.append(alert)
                events.append(event)
        if kept is None and now is not None:
            kept = _closed_or_new(record, family, subject, episode, now.finding, occasion)
        if kept is None:
            continue
        holds = now.finding if now is not None else None
        change = _evidence_change(kept.published, record) if kept.open else EvidenceChange.NONE
        step = next_step(kept.published if kept.open else None, holds, change)
        if step is None:
            if holds is not None and holds != kept.current:
                changed.append(replace(kept, current=holds))
            continue
        alert, event = _tell(kept, now, step, judged)
        changed.append(alert)
        events.append(event)
    if occasion.silent:
        return Decision(record)
    alerts = {alert.alert_id: alert for alert in record.alerts}
    alerts.update((alert.alert_id, alert) for alert in changed)
    after = replace(record, alerts=tuple(alerts.values()))
    return Decision(after, alerts=tuple(changed), events=tuple(events))


def _facts(record: Record, knowledge: Knowledge) -> Mapping[str, tuple[Fact, ...]]:
    """Facts as told, stated baselines in the canonical unit of their analyte."""
    return {
        name: tuple(_canonical(fact, knowledge.terminology) for fact in told)
        for name, told in facts(record.therapy).items()
    }


def _canonical(fact: Fact, terminology: Terminology) -> Fact:
    analyte = fact.name.removeprefix("baseline.")
    if analyte == fact.name:
        return fact
    number, _, unit = fact.value.partition(" ")
    quantity = terminology.quantity(analyte, Interval.exactly(Decimal(number)), unit)
    return replace(fact, value=str(quantity)) if isinstance(quantity, Quantity) else fact


def _open_alerts(record: Record) -> list[Alert]:
    return sorted(
        (alert for alert in record.alerts if alert.open), key=lambda alert: (alert.started_at, alert.alert_id)
    )


def _closed_or_new(
    record: Record, family: str, subject: str, episode: str, finding: Finding, occasion: Occasion
) -> Alert:
    """The ended alert of this episode that comes back, or one that was never told."""
    alert_id = _identity(record.person.person_id, family, subject, episode)
    for alert in record.alerts:
        if alert.alert_id == alert_id:
            return alert
    return Alert(
        alert_id=alert_id,
        person_id=record.person.person_id,
        family=family,
        subject=subject,
        episode_id=episode,
        open=False,
        sequence=0,
        current=finding,
        published=finding,
        published_at=occasion.now,
        started_at=occasion.now,
    )


def _end_of(alert: Alert, record: Record, *, superseded: bool) -> Step:
    """Why an alert of an earlier episode ends."""
    if superseded:
        return Step(Phase.END, AlertReason.SUPERSEDED)
    step = next_step(alert.published, None, _evidence_change(alert.published, record))
    return step or Step(Phase.END, AlertReason.RESOLVED)


def _evidence_change(told: Finding, record: Record) -> EvidenceChange:
    """Whether the results that a told finding rested on have been withdrawn or changed since."""
    stored = {result.key: result for result in record.results}
    change = EvidenceChange.NONE
    for evidence in told.evidence:
        if evidence.truth is not Truth.TRUE or not evidence.result_key:
            continue
        result = stored.get(evidence.result_key)
        if result is None:
            continue
        if result.withdrawn:
            return EvidenceChange.WITHDRAWN
        if (_told_value(evidence), evidence.unit) != _value(result):
            change = EvidenceChange.CORRECTED
    return change


def _told_value(evidence: Evidence) -> str:
    return evidence.comparator + evidence.value


def _value(result: Result) -> tuple[str, str]:
    if result.quantity is None:
        return ("", "")
    return (result.quantity.comparator + result.quantity.number, result.quantity.unit)


# --- telling -----------------------------------------------------------------------------------


def _tell(alert: Alert, now: Chosen | None, step: Step, judged: _Judged) -> tuple[Alert, AlertEvent]:
    """The alert after publishing one more event about it, and that event."""
    record, occasion, findings = judged.record, judged.occasion, judged.findings
    ending = step.phase is Phase.END
    told = alert.published
    finding = now.finding if now is not None and not ending else _as_judged_now(told, findings)
    severity = told.severity if ending or finding.severity is None else finding.severity
    evidence = _trigger(finding, record)
    trigger = next((r for r in record.results if evidence and r.key == evidence.result_key), None)
    sequence = alert.sequence + 1
    event = AlertEvent(
        event_id=_identity(alert.alert_id, str(sequence)),
        alert_id=alert.alert_id,
        sequence=sequence,
        phase=step.phase,
        reason=step.reason,
        rule=finding.rule_id,
        rule_version=finding.rule_version,
        family=alert.family,
        severity=severity or Severity.INFO,
        person=record.person,
        visit=record.person.visit,
        decided_at=occasion.now,
        clinical_at=finding.clinical_at,
        title=finding.title,
        message=_ending_message(told, finding, step.reason) if ending else finding.message,
        action="" if ending else finding.action,
        drug_text=_drug_text(judged.situation),
        evidence=finding.evidence,
        trigger=evidence,
        trigger_code=trigger.code if trigger else "",
        trigger_code_text=trigger.code_text if trigger else "",
        trigger_range=trigger.reference.text if trigger and trigger.reference else "",
        accession=trigger.order if trigger else "",
        sources=finding.sources,
        superseded=now.superseded if now is not None else (),
        not_fired=_not_fired(findings, finding),
        message_control_id=occasion.control_id,
        knowledge_revision=judged.knowledge.revision,
        processing_id=occasion.processing_id,
    )
    after = replace(
        alert,
        open=not ending,
        sequence=sequence,
        current=finding if not ending else alert.current,
        published=finding if not ending else alert.published,
        published_at=occasion.now,
        started_at=occasion.now if step.phase is Phase.START else alert.started_at,
        acknowledged_at=None if step.phase is Phase.START else alert.acknowledged_at,
        acknowledged_by="" if step.phase is Phase.START else alert.acknowledged_by,
    )
    return after, event


def _as_judged_now(told: Finding, findings: Sequence[Finding]) -> Finding:
    """The same rule's present verdict, which shows why it no longer holds; else the one told last."""
    for finding in findings:
        if (finding.rule_id, finding.subject) == (told.rule_id, told.subject):
            return finding
    return told


def _trigger(finding: Finding, record: Record) -> Evidence | None:
    """The measurement to name in one line: the trigger's, else any with a value."""
    measured = [evidence for evidence in finding.evidence if evidence.result_key]
    named = [evidence for evidence in measured if evidence.result_key == finding.trigger_key]
    withdrawn = {result.key for result in record.results if result.withdrawn}
    usable = [evidence for evidence in (*named, *measured) if evidence.result_key not in withdrawn]
    return usable[0] if usable else None


def _ending_message(told: Finding, finding: Finding, reason: AlertReason) -> str:
    if reason is AlertReason.WITHDRAWN:
        return f"A result this alert rested on was withdrawn by the laboratory. It said: {told.message}"
    if reason is AlertReason.CORRECTED:
        return f"Corrected by the laboratory: {why_silent(finding)}. It said: {told.message}"
    if reason is AlertReason.SUPERSEDED:
        return f"Continued as another alert. It said: {told.message}"
    return f"No longer so: {why_silent(finding)}."


def _not_fired(findings: Sequence[Finding], spoken: Finding) -> tuple[NotFired, ...]:
    return tuple(
        NotFired(finding.rule_id, finding.truth.value, why_silent(finding))
        for finding in findings
        if finding.severity is None and finding.rule_id != spoken.rule_id
    )


_STATE_WORDS: Mapping[TherapyState, str] = {
    TherapyState.ACTIVE: "since",
    TherapyState.RESTARTED: "restarted",
    TherapyState.HELD: "on hold, since",
    TherapyState.STOPPED: "stopped, taken since",
}


def _drug_text(situation: Situation | None) -> str:
    """``azathioprine 150 mg/day since 2025-09-03``."""
    if situation is None or situation.span is None:
        return ""
    span = situation.span
    dose = span.dose_at(situation.at)
    amount = "dose unknown" if dose is None else f"{plain(dose)} mg/day"
    words = _STATE_WORDS.get(situation.state, "since")
    return f"{span.drug} {amount} {words} {span.start.date().isoformat()}"


def _identity(*parts: str) -> str:
    """20 characters of base32: fits MSH-10, and says nothing about the person to a reader."""
    digest = hashlib.sha256("\x1f".join(parts).encode()).digest()
    return base64.b32encode(digest[:15]).decode("ascii")[:20]
