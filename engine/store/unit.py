"""One transaction: what is read is kept in memory, what is changed is written in bulk at the end."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, TypeVar

from sqlalchemy import Connection, Table, bindparam, select, update
from sqlalchemy.dialects import postgresql, sqlite

from engine.model.alert import Alert, AlertEvent
from engine.model.ledger import LedgerEntry
from engine.model.person import Demographics, Identifier, Person, Visit, in_order_of_use
from engine.model.record import Record
from engine.model.result import Result
from engine.model.serialization import event_to_json
from engine.model.therapy import TherapyEvent
from engine.store import codec, schema
from engine.store.rows import (
    InboxKey,
    OutboxRow,
    TakenMessage,
    alert_from_row,
    alert_row,
    message_row,
)

_T = TypeVar("_T")


@dataclass(slots=True)
class _Pending:
    persons: dict[str, Person] = field(default_factory=dict)
    identifiers: dict[tuple[str, str], tuple[Identifier, str]] = field(default_factory=dict)
    roots: dict[str, str] = field(default_factory=dict)
    merges: list[dict[str, Any]] = field(default_factory=list)
    results: dict[tuple[str, str], Result] = field(default_factory=dict)
    versions: dict[tuple[str, str, str], Result] = field(default_factory=dict)
    therapy: dict[tuple[str, str], TherapyEvent] = field(default_factory=dict)
    alerts: dict[str, Alert] = field(default_factory=dict)
    events: list[AlertEvent] = field(default_factory=list)
    outbox: list[OutboxRow] = field(default_factory=list)
    messages: list[TakenMessage] = field(default_factory=list)
    repeats: dict[InboxKey, int] = field(default_factory=lambda: defaultdict(int))
    ledger: list[tuple[LedgerEntry, datetime]] = field(default_factory=list)


class Unit:
    """A unit of work on one connection inside one transaction.

    Reads see what this unit has changed; nothing reaches the database before :meth:`flush`.
    """

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._records: dict[str, Record] = {}
        self._roots: dict[tuple[str, str], str | None] = {}
        self._pending = _Pending()
        self._taken: set[InboxKey] = set()

    # --- reading -------------------------------------------------------------------------------

    def prefetch(self, keys: Iterable[InboxKey], identifiers: Iterable[tuple[str, str]]) -> None:
        """Read in a few statements what a whole batch of messages will ask for."""
        digests = sorted({key.digest for key in keys})
        if digests:
            found = self._connection.execute(_IN_INBOX, {"digests": digests})
            self._taken |= {InboxKey(row.sender, row.control_id, row.digest) for row in found}
        self._find_roots(set(identifiers))
        self._load({root for root in self._roots.values() if root is not None})

    def seen(self, key: InboxKey) -> bool:
        """Whether this very message was taken in before (or earlier in this batch)."""
        return key in self._taken

    def roots_of(self, identifiers: Iterable[Identifier]) -> tuple[str, ...]:
        """The distinct persons (roots of their alias classes) that these identifiers belong to."""
        keys = [identifier.key for identifier in identifiers]
        self._find_roots({key for key in keys if key not in self._roots})
        roots = (self._roots[key] for key in keys)
        return tuple(dict.fromkeys(root for root in roots if root is not None))

    def knows(self, root: str) -> bool:
        """Whether the store or this unit has a record of this person."""
        statement = select(schema.persons.c.person_id).where(schema.persons.c.person_id == root)
        return root in self._records or self._connection.execute(statement).first() is not None

    def roots_with_result(self, key: str) -> tuple[str, ...]:
        """The persons whose record holds a result of this key."""
        statement = (
            select(schema.persons.c.root)
            .join_from(
                schema.results, schema.persons, schema.results.c.person_id == schema.persons.c.person_id
            )
            .where(schema.results.c.key == key)
            .distinct()
        )
        return tuple(row.root for row in self._connection.execute(statement))

    def record(self, root: str) -> Record:
        """The record of a known person."""
        if root not in self._records:
            self._load({root})
        return self._records[root]

    # --- changing ------------------------------------------------------------------------------

    def put_person(self, person: Person, more: Iterable[Identifier], *, new: bool) -> None:
        """Store demographics and visit of a person, and the identifiers that nobody had before."""
        self._pending.persons[person.person_id] = person
        for identifier in more:
            self._pending.identifiers[identifier.key] = (identifier, person.person_id)
            if self._roots.get(identifier.key) is None:
                self._roots[identifier.key] = person.person_id
        if new:
            self._pending.roots[person.person_id] = person.person_id

    def put_merge(
        self, survivor: Record, retired: Person, decided_at: datetime, control_id: str, why: str
    ) -> None:
        """Join ``retired`` into the survivor's alias class; ``survivor`` is the record of both."""
        root = survivor.person.person_id
        for member in retired.members:
            self._pending.roots[member] = root
        for key, known in list(self._roots.items()):
            if known == retired.person_id:
                self._roots[key] = root
        self._records.pop(retired.person_id, None)
        self._pending.merges.append(
            {
                "retired": retired.person_id,
                "survivor": root,
                "decided_at": codec.instant(decided_at),
                "control_id": control_id,
                "why": why,
            }
        )

    def put_record(
        self,
        record: Record,
        *,
        results: Iterable[Result] = (),
        superseded: Iterable[Result] = (),
        therapy: Iterable[TherapyEvent] = (),
        alerts: Iterable[Alert] = (),
        events: Iterable[AlertEvent] = (),
    ) -> None:
        """The record as it is now, and which parts of it are new."""
        self._records[record.person.person_id] = record
        for result in results:
            self._pending.results[(result.person_id, result.key)] = result
        for version in superseded:
            self._pending.versions[(version.person_id, version.key, version.version.digest)] = version
        for event in therapy:
            self._pending.therapy[(event.person_id, event.event_id)] = event
        for alert in alerts:
            self._pending.alerts[alert.alert_id] = alert
        self._pending.events.extend(events)

    def put_outbox(self, rows: Iterable[OutboxRow]) -> None:
        """Queue messages for the relay, in this order."""
        self._pending.outbox.extend(rows)

    def put_message(self, message: TakenMessage) -> None:
        """Write the one ledger line of a message; with its body when it is quarantined."""
        self._taken.add(message.key)
        self._pending.messages.append(message)

    def count_repeat(self, key: InboxKey) -> None:
        """A message that was taken in before has come again."""
        self._pending.repeats[key] += 1

    def close_quarantined(self, row_id: int, state: str, why: str, at: datetime) -> bool:
        """Mark one held message released or discarded; false when it is not held."""
        table = schema.quarantine
        done = self._connection.execute(
            update(table)
            .where(table.c.id == row_id, table.c.state == "held")
            .values(state=state, why=why, closed_at=codec.instant(at))
        )
        return done.rowcount == 1

    def put_ledger(self, entries: Iterable[LedgerEntry], at: datetime) -> None:
        """Count codes and units that were not understood."""
        self._pending.ledger.extend((entry, at) for entry in entries)

    # --- the database --------------------------------------------------------------------------

    def flush(self) -> None:
        """Write everything that changed, in bulk; called once, before the commit."""
        pending = self._pending
        self._upsert(
            schema.persons,
            [
                {
                    "person_id": person.person_id,
                    "root": pending.roots.get(person.person_id, person.person_id),
                    "demographics": codec.demographics_text(person.demographics),
                    "visit": codec.visit_text(person.visit),
                }
                for person in pending.persons.values()
            ],
            keep=("root",),
        )
        moved = [{"member": member, "new_root": root} for member, root in pending.roots.items()]
        if moved:
            statement = (
                update(schema.persons)
                .where(schema.persons.c.person_id == bindparam("member"))
                .values(root=bindparam("new_root"))
            )
            self._connection.execute(statement, moved)
        self._upsert(
            schema.identifiers,
            [
                {
                    "authority": identifier.authority,
                    "value": identifier.value,
                    "type": identifier.type,
                    "person_id": person_id,
                }
                for identifier, person_id in pending.identifiers.values()
            ],
            keep=("person_id",),
        )
        self._insert(schema.merges, pending.merges)
        self._upsert(schema.results, [codec.result_row(result) for result in pending.results.values()])
        self._upsert(
            schema.result_versions, [codec.result_row(result) for result in pending.versions.values()]
        )
        self._upsert(
            schema.therapy_events,
            [
                {
                    "event_id": event.event_id,
                    "person_id": event.person_id,
                    "payload": codec.therapy_text(event),
                }
                for event in pending.therapy.values()
            ],
        )
        self._upsert(schema.alerts, [alert_row(alert) for alert in pending.alerts.values()])
        self._insert(
            schema.alert_events,
            [
                {
                    "event_id": event.event_id,
                    "alert_id": event.alert_id,
                    "sequence": event.sequence,
                    "event": event_to_json(event),
                }
                for event in pending.events
            ],
        )
        self._flush_messages()
        self._flush_ledger()
        self._pending = _Pending()

    def _flush_messages(self) -> None:
        pending = self._pending
        table = schema.messages
        # A released message is decided again: its line says how it ended, not how it began.
        self._upsert(
            table,
            [message_row(message) for message in pending.messages],
            key=("sender", "control_id", "digest"),
        )
        special = [m for m in pending.messages if m.persons or m.quarantined_body is not None]
        if special:
            found = self._connection.execute(_IN_INBOX, {"digests": [m.key.digest for m in special]})
            ids = {InboxKey(row.sender, row.control_id, row.digest): row.id for row in found}
            self._insert(
                schema.message_persons,
                [
                    {"message_id": ids[message.key], "person_id": person}
                    for message in special
                    for person in message.persons
                    if message.quarantined_body is None
                ],
            )
            self._insert(
                schema.quarantine,
                [
                    {"message_id": ids[message.key], "body": message.quarantined_body}
                    for message in special
                    if message.quarantined_body is not None
                ],
            )
        if pending.repeats:
            statement = (
                update(table)
                .where(
                    table.c.sender == bindparam("b_sender"),
                    table.c.control_id == bindparam("b_control_id"),
                    table.c.digest == bindparam("b_digest"),
                )
                .values(repeats=table.c.repeats + bindparam("b_more"))
            )
            self._connection.execute(
                statement,
                [
                    {
                        "b_sender": key.sender,
                        "b_control_id": key.control_id,
                        "b_digest": key.digest,
                        "b_more": more,
                    }
                    for key, more in pending.repeats.items()
                ],
            )
        created = codec.instant(pending.messages[-1].received_at) if pending.messages else ""
        self._insert(
            schema.outbox,
            [
                {
                    "message_id": row.message_id,
                    "exchange": row.exchange,
                    "routing_key": row.routing_key,
                    "content_type": row.content_type,
                    "correlation_id": row.correlation_id,
                    "headers": json.dumps(dict(row.headers), ensure_ascii=False),
                    "body": row.body,
                    "created_at": created,
                }
                for row in pending.outbox
            ],
        )

    def _flush_ledger(self) -> None:
        if not self._pending.ledger:
            return
        merged: dict[tuple[str, ...], dict[str, Any]] = {}
        for entry, at in self._pending.ledger:
            key = (entry.sender, entry.code, entry.system, entry.unit, entry.kind)
            row = merged.setdefault(
                key,
                {
                    "sender": entry.sender,
                    "code": entry.code,
                    "system": entry.system,
                    "unit": entry.unit,
                    "kind": entry.kind,
                    "text": entry.text,
                    "first_seen": codec.instant(at),
                    "last_seen": codec.instant(at),
                    "count": 0,
                    "on_therapy": 0,
                    "control_id": entry.control_id,
                },
            )
            row["count"] += 1
            row["on_therapy"] += entry.on_therapy
            row["last_seen"] = max(row["last_seen"], codec.instant(at))
        table = schema.ledger
        insert = self._dialect_insert(table)
        statement = insert.on_conflict_do_update(
            index_elements=list(table.primary_key.columns),
            set_={
                "count": table.c["count"] + insert.excluded["count"],
                "on_therapy": table.c.on_therapy + insert.excluded.on_therapy,
                "last_seen": insert.excluded.last_seen,
                "text": insert.excluded.text,
                "control_id": insert.excluded.control_id,
            },
        )
        self._connection.execute(statement, list(merged.values()))

    def _find_roots(self, keys: set[tuple[str, str]]) -> None:
        missing = [key for key in keys if key not in self._roots]
        if not missing:
            return
        rows = self._connection.execute(_ROOTS, {"values": sorted({value for _, value in missing})})
        found = {(row.authority, row.value): row.root for row in rows}
        for key in missing:
            root = found.get(key)
            # A merge earlier in this unit has moved people in memory, not yet in the database.
            self._roots[key] = root if root is None else self._pending.roots.get(root, root)

    def _load(self, roots: set[str]) -> None:
        missing = sorted(root for root in roots if root not in self._records)
        if not missing:
            return
        people: dict[str, Person] = {}
        root_of: dict[str, str] = {}
        members: dict[str, list[str]] = defaultdict(list)
        own: dict[str, tuple[Demographics, Visit]] = {}
        for row in self._connection.execute(_PERSONS, {"roots": missing}):
            root_of[row.person_id] = row.root
            members[row.root].append(row.person_id)
            if row.person_id == row.root:
                own[row.root] = (
                    codec.demographics_from_text(row.demographics),
                    codec.visit_from_text(row.visit),
                )
        names: dict[str, list[Identifier]] = defaultdict(list)
        ids = {"ids": sorted(root_of)}
        for row in self._connection.execute(_IDENTIFIERS, ids):
            root = root_of[row.person_id]
            retired = row.person_id != root
            names[root].append(Identifier(row.authority, row.value, row.type, retired))
        for root in missing:
            demographics, visit = own[root]
            people[root] = Person(
                root, in_order_of_use(names[root]), demographics, visit, tuple(sorted(members[root]))
            )
        results = self._grouped(_RESULTS, ids, root_of, codec.result_from_row)
        therapy = self._grouped(
            _THERAPY,
            ids,
            root_of,
            lambda row: codec.therapy_from_row(row["event_id"], row["person_id"], row["payload"]),
        )
        alerts = self._grouped(_ALERTS, ids, root_of, alert_from_row)
        for root in missing:
            self._records[root] = Record(
                people[root], newest_versions(results[root]), tuple(therapy[root]), tuple(alerts[root])
            )

    def _grouped(
        self,
        statement: Any,
        parameters: Mapping[str, Any],
        root_of: Mapping[str, str],
        read: Callable[[Any], _T],
    ) -> dict[str, list[_T]]:
        grouped: dict[str, list[_T]] = defaultdict(list)
        for row in self._connection.execute(statement, parameters).mappings():
            grouped[root_of[row["person_id"]]].append(read(row))
        return grouped

    def _insert(self, table: Table, rows: Sequence[Mapping[str, Any]]) -> None:
        if rows:
            self._connection.execute(table.insert(), list(rows))

    def _upsert(
        self,
        table: Table,
        rows: Sequence[Mapping[str, Any]],
        keep: tuple[str, ...] = (),
        key: tuple[str, ...] = (),
    ) -> None:
        if not rows:
            return
        insert = self._dialect_insert(table)
        key = key or tuple(column.name for column in table.primary_key.columns)
        changed = {name: insert.excluded[name] for name in rows[0] if name not in key and name not in keep}
        self._connection.execute(
            insert.on_conflict_do_update(index_elements=list(key), set_=changed), list(rows)
        )

    def _dialect_insert(self, table: Table) -> Any:
        if self._connection.dialect.name == "postgresql":
            return postgresql.insert(table)
        return sqlite.insert(table)


def newest_versions(results: Iterable[Result]) -> tuple[Result, ...]:
    """The newest version of every key; merged persons may both have one."""
    newest: dict[str, Result] = {}
    for result in results:
        known = newest.get(result.key)
        if known is None or known.version < result.version:
            newest[result.key] = result
    return tuple(newest.values())


def _expanding(name: str) -> Any:
    return bindparam(name, expanding=True)


_IN_INBOX = select(
    schema.messages.c.id,
    schema.messages.c.sender,
    schema.messages.c.control_id,
    schema.messages.c.digest,
).where(schema.messages.c.digest.in_(_expanding("digests")))
_ROOTS = (
    select(schema.identifiers.c.authority, schema.identifiers.c.value, schema.persons.c.root)
    .join_from(
        schema.identifiers, schema.persons, schema.identifiers.c.person_id == schema.persons.c.person_id
    )
    .where(schema.identifiers.c.value.in_(_expanding("values")))
)
_PERSONS = select(schema.persons).where(schema.persons.c.root.in_(_expanding("roots")))
_IDENTIFIERS = (
    select(schema.identifiers)
    .where(schema.identifiers.c.person_id.in_(_expanding("ids")))
    .order_by(schema.identifiers.c.authority, schema.identifiers.c.value)
)
_RESULTS = select(schema.results).where(schema.results.c.person_id.in_(_expanding("ids")))
_THERAPY = select(schema.therapy_events).where(schema.therapy_events.c.person_id.in_(_expanding("ids")))
_ALERTS = select(schema.alerts).where(schema.alerts.c.person_id.in_(_expanding("ids")))
