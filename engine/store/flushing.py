"""Writing what a unit of work has collected: one bulk statement for each table."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from sqlalchemy.engine.interfaces import DBAPICursor

from engine.audit import Note
from engine.model.alert import Alert, AlertEvent
from engine.model.ledger import LedgerEntry
from engine.model.person import Identifier, Person
from engine.model.record import Record
from engine.model.result import Result
from engine.model.serialization import event_to_json
from engine.model.therapy import TherapyEvent
from engine.store import codec
from engine.store.packing import Order, Row
from engine.store.rows import (
    InboxKey,
    OutboxRow,
    TakenMessage,
    alert_row,
    ledger_row,
    message_row,
    named,
    outbox_row,
)
from engine.store.statements import Statements
from engine.therapy import newest


@dataclass(frozen=True, slots=True)
class Merge:
    """The join of one alias class into another, and who decided it when and why."""

    retired: str
    survivor: str
    decided_at: datetime
    control_id: str
    why: str


@dataclass(slots=True)
class Changes:
    """What a unit of work has changed and not yet written; of one thing changed twice, the last state."""

    persons: dict[str, Person] = field(default_factory=dict)
    identifiers: dict[tuple[str, str], tuple[Identifier, str]] = field(default_factory=dict)
    merges: list[Merge] = field(default_factory=list)
    results: dict[tuple[str, str], Result] = field(default_factory=dict)
    versions: list[Result] = field(default_factory=list)
    therapy: dict[tuple[str, str], TherapyEvent] = field(default_factory=dict)
    alerts: dict[str, Alert] = field(default_factory=dict)
    events: list[AlertEvent] = field(default_factory=list)
    outbox: list[tuple[OutboxRow, datetime, datetime | None]] = field(default_factory=list)
    messages: list[TakenMessage] = field(default_factory=list)
    repeats: dict[InboxKey, int] = field(default_factory=lambda: defaultdict(int))
    ledger: list[tuple[LedgerEntry, datetime]] = field(default_factory=list)
    records: set[str] = field(default_factory=set)  # persons whose record is not what it was
    due: dict[str, str] = field(default_factory=dict)  # by person, when to look again; empty: never
    settings: dict[str, str] = field(default_factory=dict)
    notes: list[Note] = field(default_factory=list)  # what people did, for the audit

    def by_person(self) -> defaultdict[str, News]:
        """Results, therapy and alerts by the person whose rows they are."""
        news: defaultdict[str, News] = defaultdict(News)
        for result in self.results.values():
            news[result.person_id].results.append(result)
        for event in self.therapy.values():
            news[event.person_id].therapy.append(event)
        for alert in self.alerts.values():
            news[alert.person_id].alerts.append(alert)
        return news


@dataclass(slots=True)
class Placed:
    """``rows`` of results, ``together`` one row for each order; ``apart``: orders no longer in one row."""

    rows: list[Row] = field(default_factory=list)
    together: list[Row] = field(default_factory=list)
    apart: list[Order] = field(default_factory=list)


@dataclass(slots=True)
class News:
    """What was written about one person."""

    results: list[Result] = field(default_factory=list)
    therapy: list[TherapyEvent] = field(default_factory=list)
    alerts: list[Alert] = field(default_factory=list)

    def added_to(self, record: Record, person: Person) -> Record:
        """The record of a person nobody was merged with, after these rows were written over the old ones."""
        written = self.results if record.whole else ()
        results = {result.key: result for result in (*record.results, *written)}
        therapy = {event.event_id: event for event in (*record.therapy, *self.therapy)}
        alerts = {alert.alert_id: alert for alert in (*record.alerts, *self.alerts)}
        return Record(
            replace(record.person, demographics=person.demographics, visit=person.visit),
            tuple(results.values()),
            newest(therapy.values()),
            tuple(alerts.values()),
            record.whole,
        )


def write(changes: Changes, results: Placed, cursor: DBAPICursor, statements: Statements) -> None:
    """Write everything, in an order that the references between the tables allow."""

    def many(statement: str, rows: Iterable[Sequence[Any]]) -> None:
        found = list(rows)
        if found:
            cursor.executemany(statement, found)

    many(statements.put_person, (_person_row(person) for person in changes.persons.values()))
    many(
        statements.put_identifier,
        ((i.authority, i.value, i.type, person_id) for i, person_id in changes.identifiers.values()),
    )
    # In the order of decision: B into A, then A into C, ends with both under C.
    many(statements.move_members, ((merge.survivor, merge.retired) for merge in changes.merges))
    many(statements.put_merge, (_merge_row(merge) for merge in changes.merges))
    many(statements.drop_packed, results.apart)
    many(statements.put_packed, results.together)
    many(statements.put_result, results.rows)
    many(statements.put_version, codec.result_rows(changes.versions))
    many(
        statements.put_therapy,
        ((event.person_id, event.event_id, codec.therapy_text(event)) for event in changes.therapy.values()),
    )
    many(statements.put_alert, map(alert_row, changes.alerts.values()))
    many(
        statements.put_alert_event,
        ((event.event_id, event.alert_id, event.sequence, event_to_json(event)) for event in changes.events),
    )
    many(statements.count_change, ((root, 1) for root in sorted(changes.records)))
    # A released message is decided again: its line then says how it ended, not how it began.
    many(statements.put_message, map(message_row, changes.messages))
    many(
        statements.link_person,
        (
            (person, *_same(message.key))
            for message in changes.messages
            if message.quarantined_body is None
            for person in message.persons
        ),
    )
    many(
        statements.hold,
        (
            (message.quarantined_body, *_same(message.key))
            for message in changes.messages
            if message.quarantined_body is not None
        ),
    )
    many(statements.count_repeats, ((more, *_same(key)) for key, more in changes.repeats.items()))
    many(statements.put_outbox, (outbox_row(*told) for told in changes.outbox))
    # In one order: two workers that count the same codes must not wait for each other.
    many(statements.count_code, sorted((ledger_row(entry, at) for entry, at in changes.ledger), key=_code))
    many(
        statements.put_blind_day,
        sorted({_blind_day(one) for one, _ in changes.ledger if one.day and one.on_therapy}),
    )
    many(statements.put_due, sorted(changes.due.items()))
    many(statements.put_setting, sorted(changes.settings.items()))


def _code(row: Sequence[Any]) -> tuple[Any, ...]:
    return tuple(row[:5])


def _blind_day(entry: LedgerEntry) -> tuple[str, ...]:
    return (*named(entry), entry.person_id, entry.day)


def _person_row(person: Person) -> tuple[str, ...]:
    """A person is born as the root of a class of one; of a known person the root stays what it is."""
    return (
        person.person_id,
        person.person_id,
        codec.demographics_text(person.demographics),
        codec.visit_text(person.visit),
    )


def _merge_row(merge: Merge) -> tuple[str, ...]:
    return (merge.retired, merge.survivor, codec.instant(merge.decided_at), merge.control_id, merge.why)


def _same(key: InboxKey) -> tuple[str, str, str]:
    return (key.digest, key.sender, key.control_id)
