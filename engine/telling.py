"""From a step in the life of an alert to the event that says all about it."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime

from engine.alerts import Chosen, Step
from engine.model.alert import CATCHING_UP, Alert, AlertEvent, AlertReason, NotFired, Phase
from engine.model.finding import Evidence, Finding, Severity
from engine.model.frozen import frozen
from engine.model.quantity import Truth, plain
from engine.model.record import Record, Situation
from engine.model.therapy import TherapyState
from engine.model.watch import Watch
from engine.rulebook import AlertRule, Findings, Protocol, Silence, has_limit, why_silent


@frozen()
class Occasion:
    """Which message brought the news, and when it was decided on.

    ``silent``: archive, restore and initial loads (MSH-11 component 2) fill the record and page nobody.
    ``watch``: the time to judge at, None before the engine watches. A sweep has no message: its control id is
    empty.
    """

    control_id: str
    now: datetime
    silent: bool = False
    processing_id: str = "P"
    watch: Watch | None = None


@frozen()
class Judged:
    """One record, judged: what every event about it is told from."""

    record: Record
    situation: Situation | None
    findings: Findings
    protocol: Protocol | None
    revision: str
    occasion: Occasion


def tell(alert: Alert, now: Chosen | None, step: Step, judged: Judged) -> tuple[Alert, AlertEvent]:
    """The alert after publishing one more event about it, and that event."""
    record, occasion, findings = judged.record, judged.occasion, judged.findings
    ending = step.phase is Phase.END
    told = alert.published
    finding = now.finding if now is not None and not ending else _as_judged_now(told, findings)
    if ending:
        finding = _about(finding, told)
    severity = told.severity if ending or finding.severity is None else finding.severity
    withdrawn = ending and step.reason is AlertReason.WITHDRAWN
    evidence = _trigger(told if withdrawn else finding, record, withdrawn=withdrawn)
    trigger = next((r for r in record.results if evidence and r.key == evidence.result_key), None)
    sequence = alert.sequence + 1
    event = AlertEvent(
        event_id=identity(alert.alert_id, str(sequence)),
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
        message=_ending_message(told, finding, step.reason, judged) if ending else finding.message,
        action="" if ending else finding.action,
        drug_text=_drug_text(judged.situation, occasion.now if told.overdue else None),
        evidence=finding.evidence,
        trigger=evidence,
        trigger_code=trigger.code if trigger else "",
        trigger_code_text=trigger.code_text if trigger else "",
        trigger_range=trigger.reference.text if trigger and trigger.reference else "",
        accession=trigger.order if trigger else "",
        sources=finding.sources,
        superseded=now.superseded if now is not None else (),
        not_fired=_not_fired(judged, finding, evidence, shadow=alert.shadow),
        message_control_id=occasion.control_id,
        knowledge_revision=judged.revision,
        processing_id=occasion.processing_id,
        protocol=judged.protocol.name if judged.protocol is not None else "",
        labels=() if ending else finding.labels,
        raised_from=None if ending else finding.raised_from,
        shadow=alert.shadow,
        certain=ending or finding.truth is not Truth.UNKNOWN,
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
        waiting_since=_waiting_since(alert, step, occasion.now),
    )
    return after, event


def _waiting_since(alert: Alert, step: Step, now: datetime) -> datetime | None:
    """From when on somebody is waited for: told again and again for being worse does not put it off."""
    if step.phase is Phase.END or step.reason is AlertReason.UNACKNOWLEDGED:
        return None
    raised = step.phase in (Phase.START, Phase.ESCALATE)
    return now if raised else alert.waiting_since


def _as_judged_now(told: Finding, findings: Findings) -> Finding:
    """The same rule's present verdict, which shows why it no longer holds; else the one told last."""
    for finding in findings.of_rule(told.rule_id):
        if _who(finding) == _who(told):
            return finding
    return told


def _who(finding: Finding) -> tuple[str, str, bool]:
    """Which rule speaks of what; in shadow it is another voice."""
    return finding.rule_id, finding.subject, finding.published


def _about(finding: Finding, told: Finding) -> Finding:
    """The verdict with the evidence on what was told put first, and dated by it.

    An alert about ALT ends because of an ALT, although nobody has measured the AST.
    """
    subjects = {e.analyte for e in told.evidence if e.result_key == told.trigger_key and e.analyte}
    first = [e for e in finding.evidence if e.analyte in subjects and e.truth is Truth.FALSE]
    rest = [e for e in finding.evidence if e not in first]
    times = [e.collected_at for e in first if e.collected_at is not None]
    clinical_at = finding.clinical_at or max(times, default=None)
    return replace(finding, evidence=(*first, *rest), clinical_at=clinical_at)


def _trigger(finding: Finding, record: Record, *, withdrawn: bool) -> Evidence | None:
    """The measurement to name in one line: the trigger's, else any whose result still stands.

    A retraction names the measurement that was withdrawn; renderers leave its value out.
    """
    measured = [evidence for evidence in finding.evidence if evidence.result_key]
    named = [evidence for evidence in measured if evidence.result_key == finding.trigger_key]
    gone = {result.key for result in record.results if result.withdrawn}
    fitting = [evidence for evidence in (*named, *measured) if (evidence.result_key in gone) is withdrawn]
    return fitting[0] if fitting else None


def _ending_message(told: Finding, finding: Finding, reason: AlertReason, judged: Judged) -> str:
    protocol = judged.protocol
    if told.family == CATCHING_UP:
        return f"Acknowledged, or a week old. It said: {told.message}"
    if reason is AlertReason.WITHDRAWN:
        return f"A result this alert rested on was withdrawn by the laboratory. It said: {told.message}"
    if reason is AlertReason.CORRECTED:
        return f"Corrected by the laboratory: {why_silent(finding)}. It said: {told.message}"
    if reason is AlertReason.SUPERSEDED:
        return f"Continued as another alert. It said: {told.message}"
    if protocol is not None and told.rule_id not in protocol.rules:
        return f"Rule {told.rule_id} is not in force under protocol {protocol.name}. It said: {told.message}"
    if told.overdue and _left_the_watch(judged):
        return f"No longer watched, and the test was not taken: the therapy is over. It said: {told.message}"
    why = why_silent(finding)
    if not why and judged.situation is None:
        return f"No longer so: no course of a thiopurine is on record any more. It said: {told.message}"
    return (
        f"No longer so: {why}."
        if why
        else f"No longer so: usable results have come since. It said: {told.message}"
    )


def _left_the_watch(judged: Judged) -> bool:
    """Whether the engine has a clock, and the person is not watched by it any more."""
    return (
        judged.situation is not None and judged.situation.watch is None and judged.occasion.watch is not None
    )


def _not_fired(
    judged: Judged, spoken: Finding, trigger: Evidence | None, *, shadow: bool
) -> tuple[NotFired, ...]:
    """The silent rules that looked at the measurement, or without one those of the same family.

    Also every rule with a limit of this patient. Those in shadow are no part of what is sent.
    """

    def is_told(rule: AlertRule) -> bool:
        if trigger.analyte in rule.analytes if trigger is not None else rule.family == spoken.family:
            return True
        return judged.situation is not None and has_limit(rule, judged.situation)

    return tuple(
        NotFired(silence.rule_id, silence.truth.value, why_silent(silence))
        for silence in sorted(judged.findings.silences(is_told), key=_has_no_limit)
        if silence.rule_id != spoken.rule_id and (silence.published or shadow)
    )


def _has_no_limit(silence: Silence | Finding) -> bool:
    """Sorts what a limit of this patient may keep silent to the front: it must not be cut off."""
    return not any(evidence.limit for evidence in silence.evidence)


_STATE_WORDS: Mapping[TherapyState, str] = {
    TherapyState.ACTIVE: "since",
    TherapyState.RESTARTED: "restarted",
    TherapyState.HELD: "on hold, since",
    TherapyState.STOPPED: "stopped, taken since",
}


def _drug_text(situation: Situation | None, now: datetime | None) -> str:
    """``azathioprine 150 mg/day since 2025-09-03``; as of ``now`` where it is told because of the time."""
    if situation is None or situation.span is None:
        return ""
    span = situation.span
    dose = span.dose_at(situation.at)
    amount = "dose unknown" if dose is None else f"{plain(dose)} mg/day"
    # what is told by now, which may be more than the newest result knew: a stop, a hold
    words = _STATE_WORDS.get(span.state_at(max(situation.horizon, now or situation.horizon)), "since")
    return f"{span.drug} {amount} {words} {span.start.date().isoformat()}{_next_course(situation)}"


def _next_course(situation: Situation) -> str:
    """``; ordered: azathioprine 50 mg/day from 2026-03-04``, where that is not the present course."""
    course = situation.newest_course
    if course is None or course == situation.span or course.start <= situation.at:
        return ""
    dose = course.doses[0].mg_per_day if course.doses else None
    amount = "dose unknown" if dose is None else f"{plain(dose)} mg/day"
    return f"; ordered: {course.drug} {amount} from {course.start.date().isoformat()}"


def identity(*parts: str) -> str:
    """20 characters of base32: fits MSH-10, and says nothing about the person to a reader."""
    digest = hashlib.sha256("\x1f".join(parts).encode()).digest()
    return base64.b32encode(digest[:15]).decode("ascii")[:20]
