"""From OBX segments to results: what one patient's part of an ORU message says about our analytes.

Result statuses, value types and times follow HL7 v2.9 chapter 7 (OBX-2, -3, -5, -6, -7, -8, -11, -14;
OBR-2, -3, -7, -22; SPM-2, -17).
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import UTC

from engine.errors import ContentError
from engine.hl7 import OrderGroup, PatientGroup
from engine.model.codes import CodeKind, CodeMatch
from engine.model.disposition import Reason
from engine.model.frozen import frozen
from engine.model.ledger import LedgerEntry
from engine.model.moment import Moment
from engine.model.result import STATUS_ACTIONS, Problem, Result, ResultStatus, StatusAction, Version
from engine.model.segments import Segment
from engine.model.therapy import TherapyEvent
from engine.results.coded import Answers, Said, read_answer, read_background
from engine.results.observed import NO_VALUE, Description, Observed, Value
from engine.results.order import Header, OrderFacts, Times, collected_at, order_facts, time_told
from engine.results.specimen import index_of, specimen_conditions
from engine.results.unread import ledger_entry
from engine.results.versions import digest_of, rank_of
from engine.terminology import Terminology

_KEPT = frozenset({CodeKind.ANALYTE, CodeKind.UNMAPPED})
_MAY_BE_INDEX = frozenset({CodeKind.UNMAPPED, CodeKind.IGNORED, CodeKind.NOT_MONITORED})
# What nurses measure and the patient administration tells.
_TOLD_ON_THE_WARD = frozenset({"body_weight"})

# Somebody has answered, or takes an answer back. Unverified ones (R) wait; U changes nothing that was said.
_TELLING = frozenset({StatusAction.EVALUATE, StatusAction.PROVISIONAL, StatusAction.WITHDRAW})
_RESTATING = frozenset({ResultStatus.COMMENT, ResultStatus.VERIFIED})


@frozen()
class Reported:
    """What one patient's observations amount to; ``promoted`` have status U and wait for their value.

    ``facts`` are what coded answers, diagnoses and allergies say. ``identified`` is every OBX and what its
    identifier was taken for, in the order sent.
    """

    results: tuple[Result, ...]
    promoted: tuple[Result, ...]
    ledger: tuple[LedgerEntry, ...]
    observations: int
    facts: tuple[TherapyEvent, ...] = ()
    identified: tuple[tuple[Segment, CodeMatch], ...] = ()

    @property
    def empty(self) -> bool:
        """Whether there is nothing to keep."""
        return not (self.results or self.promoted or self.facts)


@dataclass(slots=True)
class _Collector:
    header: Header
    times: Times
    person_id: str
    terminology: Terminology
    answers: Answers
    results: dict[str, Result] = field(default_factory=dict)
    promoted: list[Result] = field(default_factory=list)
    ledger: list[LedgerEntry] = field(default_factory=list)
    observations: int = 0
    identified: list[tuple[Segment, CodeMatch]] = field(default_factory=list)

    def count(self, match: CodeMatch, unit: str, kind: str, collected: Moment | None) -> None:
        """Count what was not understood in the mapping ledger."""
        self.ledger.append(ledger_entry(self.header, match, unit, kind, self.person_id, collected))


def read_results(
    group: PatientGroup, header: Header, person_id: str, sex: str, terminology: Terminology
) -> Reported:
    """Read every observation of one patient.

    Raises ContentError where the message cannot be trusted: codes that disagree, a status that is in no
    table, no readable time, an observation of ours outside any order.
    """
    collector = _collector(header, person_id, terminology)
    orders = [_ordered(order, collector, sex) for order in group.orders]
    beside = [[told.beside for told in described] for _, _, described in orders]
    conditions = specimen_conditions(group.orders, beside, header.site.name, terminology)
    for order, (shared, observed, described), condition in zip(group.orders, orders, conditions, strict=True):
        facts = replace(shared, condition=condition) if condition else shared
        for observation, told in zip(order.observations, described, strict=True):
            collector.observations += 1
            obx, match = observation.obx, told.match
            collector.identified.append((obx, match))
            if match.kind in _KEPT and order.obr is None:
                raise ContentError(
                    Reason.OBSERVATION_WITHOUT_ORDER,
                    obx.location(),
                    "no OBR comes before this OBX, so the result has no order and no collection time",
                )
            if match.kind is CodeKind.ANALYTE:
                _read_one(collector, facts, obx, observed, told)
            elif match.kind is CodeKind.QUESTION:
                _read_answer(collector, facts, obx, told)
            elif order.obr is not None and _index_read(collector, facts, obx, told):
                continue
            elif match.kind is CodeKind.UNMAPPED:
                _note_unmapped(collector, facts, obx, told)
            elif match.kind is CodeKind.DISAGREE:
                raise ContentError(Reason.CODES_DISAGREE, obx.location(3), match.detail)
            elif match.kind is CodeKind.EXCLUDED:
                collector.count(match, told.unit, match.kind.value, None)
        if condition and order.obr is not None and order.observations:
            _keep_condition(collector, facts, order.observations[0].obx)
    return _reported(collector, group)


def _ordered(
    order: OrderGroup, collector: _Collector, sex: str
) -> tuple[OrderFacts, Observed, list[Description]]:
    """What the observations of an order share, and what stands beside the value of each."""
    facts = order_facts(order, collector.times)
    observed = Observed(collector.terminology, collector.header.site.name, sex, facts.specimen_type)
    return facts, observed, [observed.description(observation.obx) for observation in order.observations]


def read_facts(group: PatientGroup, header: Header, person_id: str, terminology: Terminology) -> Reported:
    """What a message about a person (ADT) says: coded answers, diagnoses, allergies and the body weight.

    Results of the laboratory are left to the messages of the laboratory.
    """
    collector = _collector(header, person_id, terminology)
    for order in group.orders:
        facts = order_facts(order, collector.times)
        observed = Observed(terminology, header.site.name, "", "")
        for observation in order.observations:
            obx = observation.obx
            told = observed.description(obx)
            match = told.match
            collector.identified.append((obx, match))
            if match.kind is CodeKind.QUESTION:
                collector.observations += 1
                _read_answer(collector, facts, obx, told)
            elif match.analyte in _TOLD_ON_THE_WARD:
                collector.observations += 1
                _read_one(collector, facts, obx, observed, told)
    return _reported(collector, group)


def _collector(header: Header, person_id: str, terminology: Terminology) -> _Collector:
    return _Collector(header, Times(header), person_id, terminology, Answers(person_id))


def _reported(collector: _Collector, group: PatientGroup) -> Reported:
    background = read_background(group, collector.times, collector.person_id, collector.terminology)
    return Reported(
        tuple(collector.results.values()),
        tuple(collector.promoted),
        (*collector.ledger, *background.ledger),
        collector.observations,
        (*collector.answers.events(), *background.facts),
        tuple(collector.identified),
    )


def _read_one(
    collector: _Collector, facts: OrderFacts, obx: Segment, observed: Observed, told: Description
) -> None:
    status = _status(obx)
    action = STATUS_ACTIONS[status]
    if action is StatusAction.NO_VALUE:
        return
    collected = collected_at(facts, obx, collector.times)
    if action is StatusAction.WITHDRAW:
        withdrawn = _result(collector, facts, obx, told, status, collected=collected)
        known = collector.results.get(withdrawn.key)
        # D and X touch one OBX of a unit only: a value beside it in the same message stands.
        if known is None or known.problem is not None:
            collector.results[withdrawn.key] = withdrawn
        return
    if action is StatusAction.PROMOTE:
        collector.promoted.append(_result(collector, facts, obx, told, status, collected=collected))
        return
    if status in _RESTATING:
        if not obx.raw(5):
            return
        # B and V restate a final value; kept as what they restate.
        status = ResultStatus.FINAL
    value = observed.value(obx, told)
    _keep(collector, _result(collector, facts, obx, told, status, value, collected=collected), told.match)


def _keep(collector: _Collector, result: Result, match: CodeMatch) -> None:
    """Several OBX of one OBX-3 and OBX-4 are one unit: one has the value, the others are comments.

    A second readable value under the same key is a result of its own: nothing is overwritten.
    """
    known = collector.results.get(result.key)
    if known is None or (result.problem is None and (known.withdrawn or known.problem is not None)):
        collector.results[result.key] = result
    elif result.problem is None:
        if (known.sent, known.collected) == (result.sent, result.collected):
            return
        number = 2
        while f"{result.key}#{number}" in collector.results:
            number += 1
        key = f"{result.key}#{number}"
        collector.results[key] = replace(result, key=key)
    else:
        return
    if result.problem is not None:
        collector.count(match, match.unit, result.problem.value, result.collected)


def _read_answer(collector: _Collector, facts: OrderFacts, obx: Segment, asked_of: Description) -> None:
    """A coded answer: facts, and for the answers that nobody has mapped a notice like that of a code.

    A row for each question remembers whether its newest answer was understood, so that one which was not
    is answered by the next.
    """
    status = _status(obx)
    action = STATUS_ACTIONS[status]
    if action not in _TELLING or (status in _RESTATING and not obx.raw(5)):
        return
    match, header, site_name = asked_of.match, collector.header, collector.header.site.name
    collected = collected_at(facts, obx, collector.times)
    told = _result(collector, facts, obx, asked_of, status, collected=collected)
    withdrawn = action is StatusAction.WITHDRAW
    said = Said() if withdrawn else read_answer(obx, match, site_name, collector.terminology)
    collector.answers.take(
        told.key,
        told.version,
        collected,
        f"OBX {match.code} of {header.sender}",
        names=collector.terminology.facts_asked(match, site_name),
        statements=said.statements,
    )
    key = f"asked|{header.sender}|{match.code}"
    asked = replace(told, key=key, status=ResultStatus.FINAL)
    for answer in said.unknown:
        unknown = replace(match, code=f"{match.code}={answer.code}", text=answer.text or match.text)
        collector.count(unknown, "", CodeKind.UNMAPPED.value, collected)
        asked = replace(
            asked, code=unknown.code, code_text=unknown.text, problem=Problem.CODE_UNMAPPED, sent=answer.code
        )
    if key not in collector.results or asked.problem is not None:
        collector.results[key] = asked


def _index_read(collector: _Collector, facts: OrderFacts, obx: Segment, told: Description) -> bool:
    """Keep what an index says of its specimen: its values may come in other messages. False: it is none.

    One that nobody can judge is noticed like an unmapped code, unless the site ignores it.
    """
    header, terminology, match = collector.header, collector.terminology, told.match
    if not told.beside.is_index or match.kind not in _MAY_BE_INDEX:
        return False
    index = index_of(obx, header.site.name, terminology)
    collected = None if index is None else time_told(facts, obx, collector.times)
    code = obx.text(11).strip().upper() or ResultStatus.FINAL.value
    if index is None or collected is None or not match.code or code not in tuple(ResultStatus):
        return False
    status = ResultStatus(code)
    if STATUS_ACTIONS[status] not in _TELLING:
        return True
    withdrawn = STATUS_ACTIONS[status] is StatusAction.WITHDRAW
    said = replace(facts, condition=index.condition if index.holds and not withdrawn else "")
    undecided = index.holds is None and not withdrawn and match.kind is not CodeKind.IGNORED
    if undecided:
        collector.count(match, told.unit, CodeKind.UNMAPPED.value, None)
    result = _result(collector, said, obx, told, status, collected=collected)
    problem = Problem.CODE_UNMAPPED if undecided else None
    collector.results[result.key] = replace(result, problem=problem)
    return True


def _keep_condition(collector: _Collector, facts: OrderFacts, obx: Segment) -> None:
    """Keep what was said of a specimen with results that are none of ours: others of it may come later."""
    collected = time_told(facts, obx, collector.times)
    if collected is None:
        return
    told = Description(CodeMatch(CodeKind.IGNORED), "")
    result = _result(collector, facts, obx, told, ResultStatus.FINAL, collected=collected)
    if not any(other.analyte and other.order == result.order for other in collector.results.values()):
        key = f"specimen|{collector.header.sender}|{result.order}"
        collector.results[key] = replace(result, key=key)


def _note_unmapped(collector: _Collector, facts: OrderFacts, obx: Segment, told: Description) -> None:
    header, match = collector.header, told.match
    collected = time_told(facts, obx, collector.times)
    collector.count(match, told.unit, match.kind.value, collected)
    if not match.code or collected is None:
        return
    result = _result(collector, facts, obx, told, ResultStatus.FINAL, collected=collected)
    # One row for each code of a person, the newest: the notice is about the code, not about its values.
    key = f"unmapped|{header.sender}|{match.code}"
    collector.results[key] = replace(result, key=key, problem=Problem.CODE_UNMAPPED)


def _result(
    collector: _Collector,
    facts: OrderFacts,
    obx: Segment,
    told: Description,
    status: ResultStatus,
    value: Value = NO_VALUE,
    *,
    collected: Moment,
) -> Result:
    """Who, which analyte, which order, when, which version, and the value."""
    header, match = collector.header, told.match
    reported = facts.reported or header.sent_at or collected
    sent = header.sent_at or reported
    number = facts.number or f"unnumbered {collected.at.astimezone(UTC).isoformat()}"
    return Result(
        person_id=collector.person_id,
        key=f"{header.sender}|{number}|{match.code}|{_sub_id(obx)}",
        analyte=match.analyte,
        code=match.code,
        code_text=match.text,
        sender=header.sender,
        order=number,
        specimen=facts.specimen or number,
        collected=collected,
        version=Version(reported.at, sent.at, rank_of(status), digest_of(obx, collected, facts.condition)),
        status=status,
        quantity=value.quantity,
        reference=told.reference if value.quantity is not None else None,
        sent=value.sent,
        text=value.text,
        problem=value.problem,
        flags=told.flags if value is not NO_VALUE else (),
        method=told.method,
        control_id=header.control_id,
        location=obx.location(5),
        specimen_condition=facts.condition,
        spoiled=collector.terminology.is_spoiled(match.analyte, facts.condition),
    )


def _sub_id(obx: Segment) -> str:
    """OBX-4; empty and 1 mean the same where there are no multiples (HL7 v2.9 7.4.2.4)."""
    sub_id = obx.text(4).strip()
    return "" if sub_id == "1" else sub_id


def _status(obx: Segment) -> ResultStatus:
    """OBX-11; empty means final, as it did before version 2.4 and as senders that omit it mean."""
    if obx.raw(11) == "F":
        return ResultStatus.FINAL
    code = obx.text(11).strip().upper()
    try:
        return ResultStatus(code) if code else ResultStatus.FINAL
    except ValueError:
        raise ContentError(
            Reason.STATUS_UNKNOWN, obx.location(11), "the result status is not in HL7 table 0085"
        ) from None
