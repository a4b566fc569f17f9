"""The whole clinical path, pure: what is told about a person in, what changes and what to publish out.

    told (results | therapy | merge)  →  record  →  situation  →  findings  →  precedence  →  life cycle

Every function takes the record as it was and returns a :class:`Decision` with the record as it is now.
The alerts that are open afterwards are a function of that record alone: not of the order in which
messages came, nor of the clock.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import field, replace
from datetime import datetime, timedelta
from decimal import Decimal

from engine.alerts import EvidenceChange, Step, choose, evidence_change, next_step
from engine.history import (
    WEIGHT,
    HistoryOptions,
    derived_facts,
    situation_of,
    with_assumed_ranges,
    with_conditions,
)
from engine.model.alert import Alert, AlertEvent, AlertReason, Phase
from engine.model.codes import AnalyteDefinition
from engine.model.finding import Finding, Severity
from engine.model.frozen import frozen
from engine.model.ledger import LedgerEntry
from engine.model.panels import last_panels
from engine.model.person import Person
from engine.model.quantity import Interval, Quantity
from engine.model.record import Record, Situation
from engine.model.result import Result
from engine.model.therapy import Fact, TherapyEvent, TherapySpan, exposure
from engine.results import Reported, promote, settled
from engine.rulebook import Findings, Rulebook, bound, conclude
from engine.telling import Judged, Occasion, identity, tell
from engine.terminology import Terminology
from engine.therapy import facts, newest, news, spans, told_until
from engine.timing import look_at, timed_families, unacknowledged


@frozen()
class Knowledge:
    """Everything a decision rests on besides the record; ``revision`` names its exact content.

    ``rulebook`` has the protocol of the site in force; ``by_indication`` binds people to another one by
    what they are treated for.
    ``escalation``: after how long an alert of a severity is told again when nobody has acknowledged it.
    """

    terminology: Terminology
    rulebook: Rulebook
    history: HistoryOptions
    revision: str
    by_indication: bool = False
    escalation: Mapping[Severity, timedelta] = field(default_factory=dict)


@frozen()
class Decision:
    """The record as it is now, and which parts of it are new.

    ``events`` are to be sent. ``shadow`` are about rules that are only watched: kept beside, never sent.
    ``judged``: the rules were asked, and ``look_at`` is when time alone may next change what they say;
    ``judgement`` is what they said, for who asks why.
    """

    record: Record
    results: tuple[Result, ...] = ()
    superseded: tuple[Result, ...] = ()
    therapy: tuple[TherapyEvent, ...] = ()
    alerts: tuple[Alert, ...] = ()
    events: tuple[AlertEvent, ...] = ()
    shadow: tuple[AlertEvent, ...] = ()
    ledger: tuple[LedgerEntry, ...] = ()
    judged: bool = False
    look_at: datetime | None = None
    judgement: Judged | None = None


def decide_results(reported: Reported, record: Record, knowledge: Knowledge, occasion: Occasion) -> Decision:
    """Take in one patient's observations, and the facts told with them.

    A version older than the stored one is kept beside and judged never. Raises ContentError for a
    promotion (status U) of a value that was never received.
    """
    stored = {result.key: result for result in record.results}
    fresh: dict[str, Result] = {}
    superseded: list[Result] = []
    promoted = [promote(result, stored.get(result.key)) for result in reported.promoted]
    for told in (*reported.results, *(result for result in promoted if result is not None)):
        known = stored.get(told.key)
        result = settled(told, known)
        if known is None or known.version < result.version:
            fresh[result.key] = result
            stored[result.key] = result
            if known is not None:
                superseded.append(known)
        elif known.version != result.version:
            superseded.append(result)
    courses = spans(record.therapy) if reported.ledger else ()
    ledger = tuple(entry.under(courses) for entry in reported.ledger)
    told_facts = news(record.therapy, reported.facts)
    if not (fresh or told_facts):
        return Decision(record, superseded=tuple(superseded), ledger=ledger)
    therapy = newest((*record.therapy, *told_facts)) if told_facts else record.therapy
    after = Record(record.person, tuple(stored.values()), therapy, record.alerts, record.whole)
    # Of most people there is nothing to judge, and nothing was told.
    judged = _judge(after, knowledge, occasion) if therapy or record.alerts else Decision(after)
    return replace(
        judged,
        results=tuple(fresh.values()),
        superseded=tuple(superseded),
        therapy=told_facts,
        ledger=ledger,
    )


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


def decide_joined(record: Record, knowledge: Knowledge, occasion: Occasion) -> Decision:
    """Judge a record that identifiers sent together have made of several."""
    return _judge(record, knowledge, occasion)


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
    moved = frozenset(alert.alert_id for alert in retired.alerts if alert.open)
    return _judge(joined, knowledge, occasion, moved)


def decide_sweep(record: Record, knowledge: Knowledge, occasion: Occasion) -> Decision:
    """What the passing of time up to the clock of ``occasion`` has changed about a record.

    Only families of which some rule waits for something are told of: to all others nothing has happened.
    """
    return _judge(record, knowledge, occasion, sweeping=True)


# --- judging -----------------------------------------------------------------------------------


def _judge(
    record: Record,
    knowledge: Knowledge,
    occasion: Occasion,
    moved: frozenset[str] = frozenset(),
    *,
    sweeping: bool = False,
) -> Decision:
    """Compare what the rules find in the record with what was published about it.

    ``moved`` are alerts that were told under a number which a merge has retired: they are told again.
    """
    exposures = spans(record.therapy)
    told = _open_alerts(record)
    if not exposures and not told:
        return Decision(record, judged=sweeping)
    if not record.whole:
        raise ValueError("results of a person to be judged were left unread")
    as_stored = record
    seen_results = with_conditions(record.results, knowledge.terminology.is_spoiled)
    if seen_results is not record.results:
        record = replace(record, results=tuple(seen_results))
    stated = _facts(record, exposures, knowledge)
    indication = exposures[-1].indication if exposures else ""
    rulebook = bound(knowledge.rulebook, stated, indication, by_indication=knowledge.by_indication)
    situation: Situation | None = None
    findings = Findings()
    if exposures:
        until = told_until(record.therapy)
        results = _as_judged(record, knowledge)
        seen = situation_of(results, exposures, stated, knowledge.history, occasion.watch, until)
        situation = _under_protocol(seen, record, rulebook, knowledge.terminology.analytes)
        findings = conclude(rulebook.in_force, situation, knowledge.terminology.analytes)
    judged = Judged(record, situation, findings, rulebook.protocol, knowledge.revision, occasion)
    families = timed_families(rulebook) if sweeping else None
    changed, events = _changes(judged, told, knowledge, moved, families, shadow=False)
    watched, shadow = _changes(judged, told, knowledge, moved, families, shadow=True)
    changed += watched
    alerts = {alert.alert_id: alert for alert in record.alerts}
    if occasion.silent:
        changed, events, shadow = [], [], []
    alerts.update((alert.alert_id, alert) for alert in changed)
    usual = knowledge.escalation
    if sweeping:
        for told_again, more in unacknowledged(alerts.values(), judged, rulebook, usual):
            alerts[told_again.alert_id] = told_again
            changed.append(told_again)
            events += more
    after = replace(as_stored, alerts=tuple(alerts.values()))
    after_stop = knowledge.history.after_stop
    look = look_at(replace(judged, record=after), exposures, rulebook, usual, after_stop)
    return Decision(
        after,
        alerts=tuple(changed),
        events=tuple(events),
        shadow=tuple(shadow),
        judged=True,
        look_at=look,
        judgement=judged,
    )


def _changes(
    judged: Judged,
    open_alerts: Sequence[Alert],
    knowledge: Knowledge,
    moved: frozenset[str],
    families: frozenset[str] | None,
    *,
    shadow: bool,
) -> tuple[list[Alert], list[AlertEvent]]:
    """What to tell about each family (None: about all), and the alerts as they are then.

    Rules in ``shadow`` live the same life beside: neither side knows of the findings or alerts of the other.
    """
    record = judged.record
    chosen = choose(finding for finding in judged.findings.speaking if finding.published is not shadow)
    ours = (alert for alert in open_alerts if alert.shadow is shadow)
    told = [alert for alert in ours if not alert.waits_for_a_reader(judged.occasion.now)]
    changed: list[Alert] = []
    events: list[AlertEvent] = []
    for family, subject in sorted({*chosen, *((alert.family, alert.subject) for alert in told)}):
        if families is not None and family not in families:
            continue
        now = chosen.get((family, subject))
        episode = _episode(judged.situation, now.finding if now is not None else None, knowledge)
        mine = [alert for alert in told if (alert.family, alert.subject) == (family, subject)]
        kept = next((alert for alert in mine if alert.episode_id == episode), None)
        for other in mine:
            if other is not kept:
                end = _end_of(other, record, superseded=now is not None or kept is not None)
                alert, event = tell(other, None, end, judged)
                changed.append(alert)
                events.append(event)
        if kept is None and now is not None:
            kept = _closed_or_new(record, family, subject, episode, now.finding, judged.occasion)
        if kept is None:
            continue
        holds = now.finding if now is not None else None
        if families is not None and holds is not None and not kept.open and not _of_time(holds, knowledge):
            continue
        change = evidence_change(kept.published, record) if kept.open else EvidenceChange.NONE
        step = next_step(kept.published if kept.open else None, holds, change, kept.current)
        if step is None and kept.alert_id in moved:
            step = Step(Phase.UPDATE, AlertReason.CHANGED)
        if step is None:
            if holds is not None and holds != kept.current:
                changed.append(replace(kept, current=holds))
            continue
        alert, event = tell(kept, now, step, judged)
        changed.append(alert)
        events.append(event)
    return changed, events


def _of_time(finding: Finding, knowledge: Knowledge) -> bool:
    """Whether time alone may bring a finding about; any other untold one came from an archive."""
    rule = knowledge.rulebook.by_id.get(finding.rule_id)
    return rule is not None and rule.timed


def _under_protocol(
    situation: Situation, record: Record, rulebook: Rulebook, analytes: Mapping[str, AnalyteDefinition]
) -> Situation:
    """What the rules of a protocol need to know beside what the record tells."""
    name = rulebook.protocol.name if rulebook.protocol is not None else ""
    panels = last_panels(record.results, analytes) if situation.watch is not None else {}
    return replace(situation, baseline_mode=rulebook.baseline_mode, protocol=name, panels=panels)


def _as_judged(record: Record, knowledge: Knowledge) -> Sequence[Result]:
    if not knowledge.history.assumed_ranges:
        return record.results
    sex = record.person.demographics.sex
    return with_assumed_ranges(record.results, sex, knowledge.terminology.assumed_reference)


def _episode(situation: Situation | None, finding: Finding | None, knowledge: Knowledge) -> str:
    """The episode that an alert belongs to: that of the results, or the one that its rule is about.

    A restart that is ordered today is one alert, before the first result of the new course and after it. What
    is overdue concerns the course that goes on now.
    """
    if situation is None:
        return ""
    rule = None if finding is None else knowledge.rulebook.by_id.get(finding.rule_id)
    span = situation.spans[-1] if rule is not None and rule.of_newest_course else situation.span
    if finding is not None and finding.overdue and situation.watch is not None:
        span = exposure(situation.spans, situation.watch.clock).span
    return "" if span is None else span.episode_id


def _facts(
    record: Record, exposures: Sequence[TherapySpan], knowledge: Knowledge
) -> Mapping[str, tuple[Fact, ...]]:
    """Facts as told, stated baselines in the canonical unit of their analyte, and what results tell of."""
    told_of = {
        name: tuple(_canonical(fact, knowledge.terminology) for fact in told)
        for name, told in facts(record.therapy).items()
    }
    terminology = knowledge.terminology
    derive_from = {WEIGHT, *terminology.gene_analytes}
    telling = [result for result in record.results if result.analyte in derive_from]
    return derived_facts(telling, told_of, exposures, terminology.gene_levels)


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
    beside = () if finding.published else ("shadow",)
    alert_id = identity(record.person.person_id, family, subject, episode, *beside)
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
    step = next_step(alert.published, None, evidence_change(alert.published, record))
    return step or Step(Phase.END, AlertReason.RESOLVED)
