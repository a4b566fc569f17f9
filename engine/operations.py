"""What people do to the record by hand: import a roster, release or discard a quarantined message."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from datetime import datetime

from engine.audit import Kind
from engine.decide import Knowledge, decide_note, decide_therapy
from engine.errors import ConfigError, Defect
from engine.hl7 import split_delivery
from engine.intake import Intake
from engine.model.alert import AlertEvent
from engine.model.disposition import Disposition, Reason
from engine.model.person import Identifier
from engine.model.record import Record
from engine.model.result import ResultStatus
from engine.model.therapy import TherapyEvent
from engine.outbox import alert_rows
from engine.people import People, conflict_key
from engine.store import SAME_MESSAGE, QuarantineRow, Store, Unit, storable
from engine.sweep import Sweep
from engine.taken import Arrived, IntakeOptions, Taken
from engine.telling import Occasion
from engine.therapy import RosterRow, version_of


class Operations:
    """Manual changes, each in one transaction, decided and published as messages are."""

    def __init__(
        self, store: Store, knowledge: Knowledge, options: IntakeOptions, clock: Callable[[], datetime]
    ) -> None:
        self._store = store
        self._knowledge = knowledge
        self._publishing = options.publishing
        options = replace(options, clock=clock)
        self._intake = Intake(store, knowledge, options)
        self._sweep = Sweep(knowledge, options)
        self._clock = clock

    def import_roster(
        self, rows: Sequence[RosterRow], source: str, *, digest: str = "", by: str = ""
    ) -> list[AlertEvent]:
        """Take in therapy events from a roster file, all or nothing; the alerts that follow from them.

        ``digest`` of the file and ``by`` whom go into the audit.
        """
        with self._store.transaction() as unit:
            told = {"file": source, "sha256": digest, "rows": len(rows), "by": by}
            unit.note(Kind.ROSTER_IMPORTED, told, self._clock())
            return [event for _, told in self.take_roster(unit, rows, source) for event in told]

    def take_roster(
        self, unit: Unit, rows: Sequence[RosterRow], source: str
    ) -> list[tuple[Identifier, list[AlertEvent]]]:
        """The same within a transaction of the caller; what is told of each patient, in the file's order."""
        now = self._clock()
        occasion = Occasion(control_id=source, now=now, watch=self._sweep.watch(unit, now))
        people = People(unit, occasion, self._knowledge.terminology.site("", ""))
        told: list[tuple[Identifier, list[AlertEvent]]] = []
        for patient, events in grouped_by_patient(rows).items():
            record = people.named(patient)
            decision = decide_therapy(_told_anew(events, record, now), record, self._knowledge, occasion)
            people.changed(decision)
            told.append((patient, list(decision.events)))
        people.commit()
        unit.put_outbox(alert_rows((e for _, each in told for e in each), self._publishing), now)
        return told

    def release(self, held: QuarantineRow, why: str, by: str = "") -> list[Taken]:
        """Take a quarantined message in again, after what was wrong has been put right; how it ended.

        When it still cannot be used it stays held, with the reason of now. A delivery of several messages,
        held whole, is taken apart: each of them ends as if it had just arrived. Raises ConfigError when it
        is not held any more.
        """
        if held.state != "held":
            raise ConfigError([Defect(f"quarantine {held.id}", 0, f"was {held.state} already: {held.why}")])
        bodies = split_delivery(held.body)
        with self._store.transaction() as unit:
            if not _still_held(unit, held):
                what = f"quarantine {held.id}"
                raise ConfigError([Defect(what, 0, "was closed by somebody else meanwhile")])
            if len(bodies) > 1:
                arrived = [Arrived(body, str(held.message["source"])) for body in bodies]
                taken = list(self._intake.take_in(unit, arrived))
            else:
                taken = [self._intake.take_again(unit, held)]
            if len(bodies) > 1 or taken[0].outcome.disposition is not Disposition.QUARANTINED:
                self._withdraw_note(unit, held)
                self._close(unit, held, Kind.QUARANTINE_RELEASED, why, by)
        return taken

    def discard(self, held: QuarantineRow, why: str, by: str = "") -> bool:
        """Close a quarantined message for good; false when it is not held any more."""
        with self._store.transaction() as unit:
            if not _still_held(unit, held):
                return False
            self._withdraw_note(unit, held)
            return self._close(unit, held, Kind.QUARANTINE_DISCARDED, why, by)

    def _close(self, unit: Unit, held: QuarantineRow, kind: Kind, why: str, by: str) -> bool:
        now = self._clock()
        closed = unit.close_quarantined(held.id, kind.removeprefix("quarantine-"), why, now)
        if closed:
            message = {name: str(held.message[name]) for name in SAME_MESSAGE}
            unit.note(kind, {"quarantine": held.id, "by": by, "why": storable(why), **message}, now)
        return closed

    def _withdraw_note(self, unit: Unit, held: QuarantineRow) -> None:
        """A human has looked at a contradicting message: take the note about it off the record."""
        if held.message["reason"] != Reason.IDENTITY_CONFLICT:
            return
        now = self._clock()
        watch = self._sweep.watch(unit, now)
        occasion = Occasion(control_id=str(held.message["control_id"]), now=now, watch=watch)
        key = conflict_key(str(held.message["sender"]), occasion.control_id)
        for root in unit.roots_with_problem(key):
            record = unit.record(root)
            note = next(result for result in record.results if result.key == key)
            withdrawn = replace(note, status=ResultStatus.WRONG)
            decision = decide_note(record, withdrawn, self._knowledge, occasion)
            unit.put_record(
                decision.record,
                results=decision.results,
                alerts=decision.alerts,
                events=(*decision.events, *decision.shadow),
            )
            unit.put_due(root, decision.look_at)
            unit.put_outbox(alert_rows(decision.events, self._publishing), occasion.now)


def _still_held(unit: Unit, held: QuarantineRow) -> bool:
    """Whether nobody else has closed it since it was read; nobody does until the transaction ends."""
    return unit.close_quarantined(held.id, "held", "", None)


def _told_anew(events: Iterable[TherapyEvent], record: Record, now: datetime) -> list[TherapyEvent]:
    """Rows that say something new, as told now: a corrected row replaces the one imported before."""
    known = {event.event_id: replace(event, version="") for event in record.therapy}
    owned = (replace(event, person_id=record.person.person_id) for event in events)
    version = version_of(now)
    return [replace(event, version=version) for event in owned if known.get(event.event_id) != event]


def grouped_by_patient(rows: Iterable[RosterRow]) -> dict[Identifier, list[TherapyEvent]]:
    """Roster rows by the patient they name, in the order of the file."""
    grouped: dict[Identifier, list[TherapyEvent]] = {}
    for row in rows:
        grouped.setdefault(Identifier(row.assigning_authority, row.patient_id), []).append(row.event)
    return grouped
