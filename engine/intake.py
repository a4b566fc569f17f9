"""What happens to a message, from bytes to a durable decision; read it top to bottom.

1. **read**: framing and charset are normalised, ER7 is split (:mod:`engine.arrival`).
2. **recognise**: a redelivery or resend is a duplicate; our own and unused messages are ignored by name.
3. **identify**: PID-3 leads to a person, through aliases that merges have made (:mod:`engine.people`).
4. **decide**: :mod:`engine.decide`, pure.
5. **keep**: results, therapy, alerts, messages to publish, the ledger line, all in one transaction with
   the rest of the batch. Only after its commit may the caller acknowledge.

Every message ends in exactly one disposition. What cannot be used is quarantined whole, with its reason
and place; nothing of it is applied, and the rest of the batch goes on.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import datetime

from engine.arrival import Reading
from engine.decide import (
    Decision,
    Knowledge,
    decide_joined,
    decide_merge,
    decide_note,
    decide_results,
    decide_therapy,
)
from engine.errors import ContentError, TransientError
from engine.hl7 import Message, PatientGroup, PharmacyGroup, is_empty_batch
from engine.identity import merges
from engine.message_clock import TIME_JUMP, MessageClock
from engine.model.disposition import Disposition, Outcome, Reason
from engine.model.purpose import Purpose, purpose_of
from engine.model.record import Record
from engine.outbox import alert_rows, quarantine_rows
from engine.people import IdentityConflictError, People, conflict_result
from engine.results import Header, Reported, read_facts, read_results
from engine.store import InboxKey, QuarantineRow, Store, TakenMessage, Unit
from engine.sweep import Sweep
from engine.taken import (
    HISTORY_MODES,
    IGNORED_REASONS,
    TAKEN_BEFORE,
    Arrived,
    IntakeOptions,
    Taken,
    Work,
    charset_of,
    sightings,
    type_of,
    why_unused,
)
from engine.telling import Occasion
from engine.therapy import events_from_orders, news, spans, unmapped_drugs


class Intake:
    """Takes batches of messages into the store."""

    def __init__(self, store: Store, knowledge: Knowledge, options: IntakeOptions) -> None:
        self._store = store
        self._knowledge = knowledge
        self._options = options
        self._sweep = Sweep(knowledge, options)
        self._times = MessageClock(options.leap)
        self.reading = Reading(knowledge.terminology, options.max_message_bytes)

    def take(self, batch: Sequence[Arrived]) -> list[Taken]:
        """Take in a batch in one transaction; when this returns, everything about it is durable.

        Raises TransientError when the store is away: then nothing of the batch was kept. A message that
        the store itself refuses is found by taking the batch one by one, and quarantined.
        """
        before = replace(self._times)
        try:
            return self._take_together(batch)
        except Exception as error:
            self._times = before
            if isinstance(error, TransientError):
                raise
            if len(batch) == 1:
                with self._store.transaction() as unit:
                    return [self.refuse(unit, batch[0], error)]
        return [taken for arrived in batch for taken in self.take([arrived])]

    def _take_together(self, batch: Sequence[Arrived]) -> list[Taken]:
        began = time.perf_counter()
        with self._store.transaction() as unit:
            taken = list(self.take_in(unit, batch))
            decided = time.perf_counter()
        if self._options.timed is not None:
            self._options.timed(decided - began, time.perf_counter() - decided)
        return taken

    def take_in(self, unit: Unit, batch: Sequence[Arrived]) -> Iterator[Taken]:
        """Take in a batch, one message at each step, in a transaction of the caller."""
        read = [self.reading.read(arrived) for arrived in batch]
        identifiers = {each.key for _, message in read for each in self.reading.identifiers(message)}
        orders = [order for _, message in read for order in self.reading.orders(message)]
        unit.prefetch((key for key, _ in read), identifiers, orders)
        for arrived, (key, message) in zip(batch, read, strict=True):
            yield self._take_one(unit, arrived, key, message)

    def take_again(self, unit: Unit, held: QuarantineRow) -> Taken:
        """Decide a quarantined message again; when it still cannot be used, it stays held."""
        arrived = Arrived(held.body, str(held.message["source"]))
        key, message = self.reading.read(arrived)
        return self._decided(unit, arrived, key, message, self._now(arrived, key, message)[0], again=True)

    def rehearse(self, unit: Unit, arrived: Arrived) -> Taken:
        """Take one message into a unit that nobody will keep, and hold on to all that was found on the way.

        One that was taken in before is decided again: what the rules say of it now is what is asked, and of
        one that is held, why.
        """
        key, message = self.reading.read(arrived)
        unit.prefetch([key], {each.key for each in self.reading.identifiers(message)})
        taken = self._take_one(unit, arrived, key, message)
        if taken.outcome.disposition is not Disposition.DUPLICATE:
            return taken
        again = self._decided(unit, arrived, key, message, taken.at or self._now(arrived, key, message)[0])
        if again.outcome.disposition is Disposition.QUARANTINED:
            return replace(again, at=taken.at, warnings=(*again.warnings, TAKEN_BEFORE))
        return replace(taken, work=again.work, observations=again.observations)

    def refuse(self, unit: Unit, arrived: Arrived, error: Exception) -> Taken:
        """Quarantine a message that was decided and could not be kept: a defect of the engine."""
        key, message = self.reading.read(arrived)
        defect = ContentError(Reason.INTERNAL_ERROR, "", f"{type(error).__name__} while keeping")
        at = self._now(arrived, key, message)[0]
        return self._quarantine(unit, arrived, key, type_of(message), at, defect, fault=error)

    def _take_one(
        self, unit: Unit, arrived: Arrived, key: InboxKey, message: Message | ContentError
    ) -> Taken:
        now, leaps = self._now(arrived, key, message)
        looks = self._sweep.before(unit, now)
        if unit.seen(key):
            unit.count_repeat(key)
            outcome = Outcome(Disposition.DUPLICATE, Reason.SEEN_BEFORE)
            taken = Taken(key, arrived.source, type_of(message), outcome)
        else:
            taken = self._decided(unit, arrived, key, message, now)
            taken = replace(taken, warnings=(*taken.warnings, TIME_JUMP)) if leaps else taken
        counted = taken.work if self._options.clock is not None else None
        seen = tuple(sightings(counted)) if counted is not None else ()
        work = taken.work if self._options.traced else None
        charset = charset_of(message)
        return replace(taken, looks=looks, at=now, work=work, charset=charset, sightings=seen)

    def _decided(
        self,
        unit: Unit,
        arrived: Arrived,
        key: InboxKey,
        message: Message | ContentError,
        now: datetime,
        *,
        again: bool = False,
    ) -> Taken:
        """One message to its end; ``again`` when a human has released it."""
        if isinstance(message, ContentError):
            if is_empty_batch(arrived.body):
                outcome = Outcome(Disposition.IGNORED, Reason.EMPTY_BATCH)
                return self._keep(unit, Taken(key, arrived.source, "", outcome), now, None)
            return self._quarantine(unit, arrived, key, "", now, message, held=again)
        work = self._begin(unit, message, now)
        unused = why_unused(message, self._options, self._knowledge.terminology, now)
        if unused is not None:
            outcome = Outcome(Disposition.IGNORED, unused)
            taken = Taken(key, arrived.source, type_of(message), outcome, work=work)
            return self._keep(unit, taken, now, None)
        try:
            self._decide(work)
        except IdentityConflictError as error:
            work = self._begin(unit, message, now)
            self._note_conflict(work, error)
            work.people.commit()
            return self._quarantine(unit, arrived, key, type_of(message), now, error, work, held=again)
        except ContentError as error:
            work.events.clear()
            return self._quarantine(unit, arrived, key, type_of(message), now, error, work, held=again)
        except Exception as error:
            if self._store.has_raised(error):
                raise
            work.events.clear()
            defect = ContentError(Reason.INTERNAL_ERROR, "", f"{type(error).__name__} while deciding")
            return self._quarantine(
                unit, arrived, key, type_of(message), now, defect, work, fault=error, held=again
            )
        work.people.commit()
        disposition = Disposition.IGNORED if work.reason in IGNORED_REASONS else Disposition.ACCEPTED
        taken = Taken(
            key,
            arrived.source,
            type_of(message),
            Outcome(disposition, work.reason),
            work.observations,
            work.results,
            work.people.touched,
            tuple(work.events),
            (*message.warnings, *work.people.warnings),
            work=work,
        )
        return self._keep(unit, taken, now, None)

    # --- 2 recognise ---------------------------------------------------------------------------

    def _begin(self, unit: Unit, message: Message, now: datetime) -> Work:
        site = self._knowledge.terminology.site(message.sending_application, message.sending_facility)
        sent_at = message.time(site.time_zone)
        header = Header(
            sender=f"{message.sending_application}|{message.sending_facility}",
            control_id=message.control_id,
            site=site,
            sent_at=sent_at,
            default_offset=message.offset,
        )
        occasion = Occasion(
            control_id=message.control_id,
            now=now,
            silent=message.processing_mode in HISTORY_MODES,
            processing_id=message.processing_id or "P",
            watch=self._sweep.watch(unit, now),
        )
        return Work(message, header, occasion, People(unit, occasion, site), Reason.NOTHING_MONITORED)

    # --- 3 identify, 4 decide ------------------------------------------------------------------

    def _decide(self, work: Work) -> None:
        message = work.message
        match purpose_of(message.type, message.trigger):
            case Purpose.RESULTS:
                for group in message.patients():
                    self._decide_results(work, group)
            case Purpose.THERAPY:
                self._decide_therapy(work)
            case Purpose.MERGE:
                self._decide_merges(work)
            case Purpose.DEMOGRAPHICS:
                work.reason = Reason.DEMOGRAPHICS
                for group in message.patients():
                    self._decide_demographics(work, group)
            case _:
                place = message.header.location(9)
                raise ContentError(Reason.UNREADABLE, place, "no message type; the sender must fill MSH-9")

    def _told(self, work: Work, record: Record, group: PatientGroup | PharmacyGroup) -> Record:
        """Keep what a PID and PV1 say; where that joins records, the whole of them is judged."""
        record = work.people.told(record, group.pid, group.pv1)
        for joined in work.people.take_joined():
            self._apply(work, decide_joined(joined, self._knowledge, work.occasion))
            record = work.people.known(joined.person.person_id)
        return record

    def _decide_results(self, work: Work, group: PatientGroup) -> None:
        """One patient of an ORU message."""
        record = work.people.identify(group.pid, whole=self._options.traced)
        sex = group.pid.text(8) if group.pid is not None else ""
        terminology = self._knowledge.terminology
        reported = read_results(group, work.header, record.person.person_id, sex, terminology)
        work.read(reported, record)
        if self._is_of_no_use(reported, record):
            work.people.note(reported.ledger)
            return
        self._take_in(work, self._told(work, record, group), reported)
        work.reason = Reason.HISTORY if work.occasion.silent else Reason.RESULTS

    def _decide_demographics(self, work: Work, group: PatientGroup) -> None:
        """One patient of an ADT message: who it is, and diagnoses, allergies and answers told with it."""
        record = self._told(work, work.people.identify(group.pid), group)
        person_id, terminology = record.person.person_id, self._knowledge.terminology
        reported = read_facts(group, work.header, person_id, terminology)
        work.read(reported, record)
        if self._is_of_no_use(reported, record):
            work.people.note(reported.ledger)
        else:
            self._take_in(work, record, reported)

    def _is_of_no_use(self, reported: Reported, record: Record) -> bool:
        """Nothing was told, or of somebody about whom nothing is to be kept."""
        return reported.empty or not (self._options.keep_untreated or record.therapy)

    def _take_in(self, work: Work, record: Record, reported: Reported) -> None:
        told = (*reported.results, *reported.promoted)
        people, root = work.people, record.person.person_id
        record = people.known(root) if reported.facts else people.with_versions(record, told)
        decision = decide_results(reported, record, self._knowledge, work.occasion)
        work.results += len(decision.results)
        self._apply(work, decision)

    def _decide_therapy(self, work: Work) -> None:
        work.reason = Reason.OTHER_DRUG
        orders = work.orders(self._knowledge.terminology.drug)
        for group in work.message.pharmacy():
            told = events_from_orders(group.orders, orders, group.pv1)
            record = work.people.identify(group.pid)
            work.read_orders(told, record)
            unmapped = unmapped_drugs(
                told.unrecognised,
                self._knowledge.terminology.drug_by_text,
                sender=work.header.sender,
                control_id=work.header.control_id,
                on_therapy=bool(spans(record.therapy)),
            )
            if unmapped and work.reason is Reason.OTHER_DRUG:
                work.reason = Reason.DRUG_UNMAPPED
            work.people.note(unmapped)
            work.people.warn(notice.text for notice in told.notices)
            fresh = news(record.therapy, told.events)
            if told.recognised or fresh:
                work.reason = Reason.THERAPY
            if fresh:
                record = self._told(work, record, group)
                owned = [replace(event, person_id=record.person.person_id) for event in told.events]
                self._apply(work, decide_therapy(owned, record, self._knowledge, work.occasion))

    def _decide_merges(self, work: Work) -> None:
        work.reason = Reason.MERGE
        for instruction in merges(work.message.segments, work.header.site):
            for survivor, retired in instruction.pairs:
                why = f"ADT^{work.message.trigger}"
                joined = work.people.join(survivor, retired, why, instruction.pid)
                if joined is not None:
                    kept, gone, person = joined
                    self._apply(work, decide_merge(kept, gone, person, self._knowledge, work.occasion))

    def _note_conflict(self, work: Work, conflict: IdentityConflictError) -> None:
        """Tell those who watch the patient that a message with this identifier is held back."""
        for root in conflict.roots:
            if work.people.exists(root):
                record = work.people.known(root)
                result = conflict_result(record.person.person_id, work.header, work.occasion)
                self._apply(work, decide_note(record, result, self._knowledge, work.occasion))

    @staticmethod
    def _apply(work: Work, decision: Decision) -> None:
        work.people.changed(decision)
        work.decisions.append(decision)
        work.events.extend(decision.events)

    # --- 5 keep --------------------------------------------------------------------------------

    def _keep(self, unit: Unit, taken: Taken, now: datetime, body: bytes | None) -> Taken:
        """Write the ledger line and queue what is to be published."""
        late = self._options.is_late(taken.work, now)
        held_until = now + self._options.hold_for if late else None
        unit.put_outbox(alert_rows(taken.events, self._options.publishing), now, held_until)
        unit.put_message(
            TakenMessage(
                key=taken.key,
                received_at=now,
                message_type=taken.message_type,
                outcome=taken.outcome,
                source=taken.source,
                revision=self._knowledge.revision,
                observations=taken.observations,
                results=taken.results,
                events=len(taken.events),
                persons=taken.persons,
                quarantined_body=body,
            )
        )
        return replace(taken, late=late) if late else taken

    def _quarantine(
        self,
        unit: Unit,
        arrived: Arrived,
        key: InboxKey,
        message_type: str,
        now: datetime,
        error: ContentError,
        work: Work | None = None,
        fault: Exception | None = None,
        *,
        held: bool = False,
    ) -> Taken:
        """Keep a message for a human, body untouched; ``held``: it is in quarantine already."""
        outcome = Outcome(Disposition.QUARANTINED, Reason(error.reason), error.location, error.detail)
        events = tuple(work.events) if work is not None else ()
        taken = Taken(key, arrived.source, message_type, outcome, events=events, fault=fault, work=work)
        if not held:
            unit.put_outbox(quarantine_rows(key, arrived.body, error, self._options.publishing), now)
        return self._keep(unit, taken, now, None if held else arrived.body)

    def begin(self, batch: Iterable[Arrived]) -> datetime:
        """The time at which a replay of these messages begins; the epoch where none of them tells one."""
        return self._times.begin(self.reading.time_of(self.reading.read(one)[1]) for one in batch)

    def _now(self, arrived: Arrived, key: InboxKey, message: Message | ContentError) -> tuple[datetime, bool]:
        """The clock, or in a replay what the messages tell; and whether this one leaps ahead of them."""
        if self._options.clock is not None:
            return self._options.clock(), False
        if arrived.at is not None:
            return arrived.at, arrived.leaps
        return self._times.read(self.reading.time_of(message), key)
