"""From what the intake held on to (:class:`engine.taken.Work`) to words; nothing is decided here."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

from engine.decide import Knowledge, decide_joined
from engine.explanation.told import CodeTold, EventTold, Explanation, PersonTold, RuleTold, SegmentTold
from engine.hl7.pharmacy import group_pharmacy
from engine.model.alert import AlertEvent
from engine.model.codes import CodeKind, CodeMatch
from engine.model.disposition import Disposition, Reason
from engine.model.finding import Finding, Severity
from engine.model.purpose import Purpose, purpose_of
from engine.model.quantity import Truth, plain
from engine.model.record import Record
from engine.model.result import Result
from engine.model.segments import Segment
from engine.model.therapy import TherapyEvent, TherapySpan
from engine.outbound import Format, RenderOptions, render
from engine.results import index_of
from engine.rulebook import AlertRule, why_silent
from engine.taken import Taken, Work
from engine.telling import Judged
from engine.therapy import facts, spans

_USED_FOR: Mapping[str, str] = {
    "MSH": "sender, type, time",
    "PID": "the patient",
    "PV1": "the visit",
    "MRG": "the number that is merged into the patient's",
    "ORC": "the order",
    "OBR": "the order",
    "SPM": "the specimen",
    "OBX": "an observation",
    "NTE": "a comment",
    "DG1": "a diagnosis",
    "AL1": "an allergy",
    "TQ1": "times of the order",
    "RXR": "the route",
    "RXC": "a component",
}
_MERGED_BY = frozenset({"MSH", "PID", "MRG"})
_TAKEN_FOR: Mapping[CodeKind, str] = {
    CodeKind.EXCLUDED: "looks like one of ours and must not be taken for it",
    CodeKind.QUESTION: "a question whose answers are facts about the patient",
    CodeKind.PANEL: "names a battery, not a result",
    CodeKind.IGNORED: "of no interest, says the table of the site",
    CodeKind.NOT_MONITORED: "a LOINC that is not monitored",
    CodeKind.UNMAPPED: "in no table: not judged; azawatch mappings suggest",
    CodeKind.DISAGREE: "its codes name different things",
}
_INDEX: Mapping[bool | None, str] = {
    True: "an index of the specimen, which says: {0.condition}",
    False: "an index of the specimen, which says: not {0.condition}",
    None: "an index of the specimen ({0.condition}) that nobody can judge without a flag, a range or a limit",
}
_ORDER = (Truth.TRUE, Truth.UNKNOWN, Truth.FALSE)
_SENDER = "the sender or the interface engine must mend it and send it again"
_TO_DO: Mapping[Reason, str] = {
    Reason.UNREADABLE: _SENDER,
    Reason.NO_HEADER: _SENDER,
    Reason.OBSERVATION_WITHOUT_ORDER: _SENDER,
    Reason.CHARSET: "the sender must declare its character set in MSH-18, or the site in mappings/sites.yaml",
    Reason.TOO_LARGE: "the sender must send it in parts, or flow.max_message_bytes is to be raised",
    Reason.NO_PATIENT_IDENTIFIER: "compare PID-3 with identifier_types of the site in mappings/sites.yaml",
    Reason.IDENTITY_CONFLICT: "patient administration must say who it is, before it is released",
    Reason.CODES_DISAGREE: "ask the laboratory which code is right; mend mappings or have it sent again",
    Reason.STATUS_UNKNOWN: "the sender must send a status of HL7 table 0085 in OBX-11",
    Reason.PROMOTION_WITHOUT_VALUE: "the sender must send the value that OBX-11 U refers to",
    Reason.MERGE_UNPAIRED: "patient administration must name both sides of the merge",
    Reason.TIME_UNREADABLE: _SENDER,
    Reason.THERAPY_UNREADABLE: _SENDER,
    Reason.CRASHES_THE_ENGINE: "a defect of the engine: report it; release it when a release has mended it",
    Reason.INTERNAL_ERROR: "a defect of the engine: report it with a message of this shape and invented data",
}


def explain(
    taken: Taken, knowledge: Knowledge, formats: tuple[Format, ...], wording: RenderOptions, mappings: str
) -> Explanation:
    """Put into words how a message ended; ``mappings`` is the folder that rows are named in.

    ``formats`` and ``wording`` are those in which its alerts would be sent.
    """
    work, outcome = taken.work, taken.outcome
    held = outcome.disposition is Disposition.QUARANTINED
    protocol = knowledge.rulebook.protocol
    judgements = () if work is None else tuple(_judgements(work, knowledge))
    sent_at = None if work is None else work.header.sent_at
    return Explanation(
        source=taken.source,
        message_type=taken.message_type,
        control_id=taken.key.control_id,
        sender=taken.key.sender,
        site="" if work is None else work.header.site.name,
        sent_at="" if sent_at is None else sent_at.isoformat(),
        charset="" if work is None else work.message.charset,
        decided_at="" if taken.at is None else taken.at.isoformat(),
        protocol="" if protocol is None else protocol.name,
        revision=knowledge.revision,
        disposition=outcome.disposition.value,
        reason=outcome.reason.value,
        place=outcome.location,
        detail=outcome.detail,
        to_do=_TO_DO.get(outcome.reason, _SENDER) if held else "",
        warnings=taken.warnings,
        segments=() if work is None else tuple(_segments(work)),
        codes=() if work is None else tuple(_codes(work, knowledge, mappings)),
        orders=() if work is None else tuple(_orders(work)),
        persons=() if work is None else tuple(_persons(work, judgements)),
        judged=_judged(work, judgements),
        rules=tuple(_rules(judgements, knowledge)),
        nothing_sent=_why_nothing(taken, held=held),
        events=(
            *(_event(event, formats, wording, of_time=True) for event in taken.swept),
            *(_event(event, formats, wording, of_time=False) for event in taken.events),
            *(_event(event, (), wording, of_time=False) for event in _shadow(work)),
        ),
    )


# --- read ----------------------------------------------------------------------------------------


def _segments(work: Work) -> Iterator[SegmentTold]:
    message = work.message
    purpose = purpose_of(message.type, message.trigger)
    passed_over = {(segment.name, segment.number) for segment in _passed_over(work, purpose)}
    for segment in message.segments:
        used = (segment.name, segment.number) not in passed_over
        why = _USED_FOR.get(segment.name, "the drug") if used else _why_unused(segment, purpose)
        yield SegmentTold(segment.location(), used, why)


def _passed_over(work: Work, purpose: Purpose) -> tuple[Segment, ...]:
    message = work.message
    if purpose in (Purpose.RESULTS, Purpose.DEMOGRAPHICS):
        return message.grouping.passed_over
    if purpose is Purpose.THERAPY:
        return group_pharmacy(message.segments).passed_over
    used = _MERGED_BY if purpose is Purpose.MERGE else frozenset({"MSH"})
    return tuple(segment for segment in message.segments if segment.name not in used)


def _why_unused(segment: Segment, purpose: Purpose) -> str:
    if segment.name == "NTE":
        return "a comment on a segment that is not used"
    if segment.name == "PV1" and purpose not in (Purpose.MERGE, Purpose.NONE):
        return "a second visit of one patient"
    if segment.name.startswith("Z"):
        return "the sender's own addition"
    if purpose is Purpose.NONE:
        return "no message of this type is used"
    return f"nothing of {segment.name} is used in a message of {purpose.value}"


def _codes(work: Work, knowledge: Knowledge, mappings: str) -> Iterator[CodeTold]:
    for reported in work.reported:
        at = {result.location: result for result in (*reported.results, *reported.promoted)}
        for obx, match in reported.identified:
            told = at.get(obx.location(5)) if match.kind is CodeKind.ANALYTE else None
            code = _code(obx, match, told, knowledge, mappings)
            index = index_of(obx, work.header.site.name, knowledge.terminology)
            if index is not None and not match.analyte:
                code = replace(code, means=_INDEX[index.holds].format(index))
            yield code


def _code(
    obx: Segment, match: CodeMatch, result: Result | None, knowledge: Knowledge, mappings: str
) -> CodeTold:
    terminology = knowledge.terminology
    row = terminology.conversion(match.analyte, match.unit) if match.analyte else None
    note = match.detail
    if match.unit_assumed:
        note = "no unit was sent; the table of the site supplies it"
    if match.analyte and result is None:
        note = "it tells no value that counts beside the others of this message"
    elif result is not None and result.problem is not None:
        advice = terminology.unit_advice(match.analyte, match.unit)
        note = ": ".join(filter(None, (result.problem.value, advice)))
    elif result is not None and result.spoiled:
        note = f"the specimen is {result.specimen_condition}: shown, and decides nothing"
    return CodeTold(
        place=obx.location(),
        code=match.code,
        system=match.system,
        text=match.text,
        kind=match.kind.value,
        means=match.analyte or _TAKEN_FOR[match.kind],
        mapped_by=tuple(f"{mappings}/{place}" for place in match.places),
        sent="" if result is None else result.sent,
        value="" if result is None else str(result.quantity or result.text),
        unit_by="" if row is None else f"{mappings}/units.csv:{row.line} (x {plain(row.factor)})",
        reference="" if result is None or result.reference is None else result.reference.text,
        collected="" if result is None else result.collected.isoformat(),
        status="" if result is None else result.status.name.lower(),
        note=note,
    )


def _orders(work: Work) -> Iterator[str]:
    for told in work.ordered:
        yield from map(_therapy_event, told.events)
        for other in told.unrecognised:
            named = ", ".join(f"{coding.code} {coding.text}".strip() for coding in other.codings)
            yield f"not one of our drugs by any code of drugs.csv: {named}"
        yield from (f"{notice.location}: {notice.text}" for notice in told.notices)
    for reported in work.reported:
        yield from map(_therapy_event, reported.facts)


def _therapy_event(event: TherapyEvent) -> str:
    at = event.effective.isoformat()
    if event.fact_name:
        return f"{event.fact_name} = {event.fact_value or 'taken back'} from {at}"
    dose = "" if event.dose_mg_per_day is None else f" {plain(event.dose_mg_per_day)} mg/day"
    return f"{event.kind} {event.drug}{dose} from {at}".replace("  ", " ")


# --- the people ----------------------------------------------------------------------------------


def _judgements(work: Work, knowledge: Knowledge) -> Iterator[Judged]:
    """What the rules said last of each person, of the record as it stands where nothing was decided."""
    last: dict[str, Judged | None] = {
        decision.record.person.person_id: decision.judgement
        for decision in work.decisions
        if decision.judgement is not None
    }
    for record in work.met:
        if record.person.person_id not in last:
            last[record.person.person_id] = decide_joined(record, knowledge, work.occasion).judgement
    yield from filter(None, last.values())


def _persons(work: Work, judgements: tuple[Judged, ...]) -> Iterator[PersonTold]:
    before = {record.person.person_id: record for record in work.met}
    after = {decision.record.person.person_id: decision.record for decision in work.decisions}
    judged = {one.record.person.person_id: one for one in judgements}
    for person_id, record in {**before, **after}.items():
        yield _person(before.get(person_id), record, judged.get(person_id), _analytes(work))


def _person(
    before: Record | None, record: Record, judged: Judged | None, analytes: frozenset[str]
) -> PersonTold:
    person, situation = record.person, None if judged is None else judged.situation
    known = ""
    if before is not None:
        opened = sum(alert.open and not alert.shadow for alert in before.alerts)
        known = f"{len(before.results)} results, {len(before.therapy)} therapy events, {opened} open alerts"
    baselines: list[str] = []
    if situation is not None:
        for analyte in sorted(analytes):
            baseline, why = situation.baselines.get(analyte), situation.without_baseline.get(analyte)
            if baseline is not None:
                baselines.append(f"{analyte} {plain(baseline.value)} {baseline.unit}: {baseline.source}")
            elif why:
                baselines.append(f"{analyte}: none, {why}")
    return PersonTold(
        identifiers=tuple(f"{one.value} ({one.authority}) {one.type}".rstrip() for one in person.identifiers),
        born=str(person.demographics.birth_date or ""),
        sex=person.demographics.sex,
        before=known,
        therapy=tuple(_span(span) for span in spans(record.therapy)),
        state="" if situation is None else situation.state.value,
        protocol="" if judged is None or judged.protocol is None else judged.protocol.name,
        facts=tuple(
            f"{name} = {fact.value} ({fact.effective.at.date()}, {fact.source})"
            for name, told in sorted(facts(record.therapy).items())
            for fact in told
        ),
        baselines=tuple(baselines),
    )


def _span(span: TherapySpan) -> str:
    until = "" if span.stop is None else f" until {span.stop.date()}"
    doses = ", ".join(
        f"{'dose unknown' if dose.mg_per_day is None else f'{plain(dose.mg_per_day)} mg/day'} "
        f"from {dose.effective.date()}"
        for dose in span.doses
    )
    again = " (again)" if span.restart else ""
    return f"{span.drug} since {span.start.date()}{again}{until}: {doses or 'dose unknown'}"


# --- the rules -----------------------------------------------------------------------------------


def _judged(work: Work | None, judgements: tuple[Judged, ...]) -> str:
    if work is None or not (work.met or work.decisions):
        return "nobody was found whom the rules could judge"
    if not any(one.situation is not None for one in judgements):
        return "the rules were not asked: no thiopurine is on record for this patient"
    if not any(decision.judged for decision in work.decisions):
        return "the message changes nothing on record; the rules say this of the record as it stands"
    return ""


def _analytes(work: Work) -> frozenset[str]:
    return frozenset(
        match.analyte
        for reported in work.reported
        for _, match in reported.identified
        if match.kind is CodeKind.ANALYTE
    )


def _rules(judgements: tuple[Judged, ...], knowledge: Knowledge) -> Iterator[RuleTold]:
    """TRUE first, then UNKNOWN, then FALSE; the gravest first, those that are not concerned last."""
    for judged in judgements:
        keys = _told_now(judged)
        told = [_rule(finding, keys, knowledge) for finding in judged.findings]
        yield from sorted(told, key=_precedence)


def _precedence(rule: RuleTold) -> tuple[int, bool, int, str]:
    loud = Severity(rule.severity).rank if rule.severity else -1
    return _ORDER.index(Truth(rule.truth)), not rule.concerned, -loud, rule.rule


def _told_now(judged: Judged) -> frozenset[str]:
    """The keys of the results that this message brought, or brought again."""
    control_id = judged.occasion.control_id
    return frozenset(result.key for result in judged.record.results if result.control_id == control_id)


def _rule(finding: Finding, told: frozenset[str], knowledge: Knowledge) -> RuleTold:
    rule = knowledge.rulebook.by_id.get(finding.rule_id)
    speaks = finding.severity is not None or finding.truth is Truth.TRUE
    of_course = not told and isinstance(rule, AlertRule) and rule.of_newest_course
    looked = any(evidence.result_key in told for evidence in finding.evidence)
    return RuleTold(
        rule=finding.rule_id,
        truth=finding.truth.value,
        severity="" if finding.severity is None else finding.severity.value,
        shadow=not finding.published,
        concerned=speaks or looked or of_course,
        says=finding.message if speaks else "",
        why=why_silent(finding),
        labels=tuple(label.text for label in finding.labels),
        evidence=finding.evidence,
    )


# --- what would be sent --------------------------------------------------------------------------


def _why_nothing(taken: Taken, *, held: bool) -> str:
    if taken.events or taken.swept:
        return ""
    if held:
        return "the message is held back whole; a copy goes to the quarantine queue"
    if taken.outcome.reason is Reason.HISTORY:
        return "MSH-11 says archive, restore or initial load: kept, and nobody is paged"
    if taken.outcome.disposition is Disposition.DUPLICATE:
        return "this very message was taken in before"
    return "no alert begins, changes or ends"


def _shadow(work: Work | None) -> Iterator[AlertEvent]:
    if work is not None:
        for decision in work.decisions:
            yield from decision.shadow


def _event(
    event: AlertEvent, formats: tuple[Format, ...], wording: RenderOptions, *, of_time: bool
) -> EventTold:
    return EventTold(
        rule=event.rule,
        severity=event.severity.value,
        phase=event.phase.value,
        reason=event.reason.value,
        routing_key=f"alert.{event.severity}.{event.phase}",
        formats=tuple(form.value for form in formats),
        pager=render(event, Format.PAGER_TEXT, wording).body.decode(),
        shadow=event.shadow,
        of_time=of_time,
    )
