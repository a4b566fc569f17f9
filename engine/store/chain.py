"""Adding to the chain of audit, in the transaction of what its rows tell."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from hashlib import sha256
from itertools import groupby, islice
from typing import Any

from sqlalchemy.engine.interfaces import DBAPICursor

from engine.audit import EVENT, LINE, NAMED, Head, Kind, Note, Seal
from engine.model.serialization import event_to_json
from engine.store.codec import instant
from engine.store.flushing import Changes
from engine.store.holding import HeldBack
from engine.store.rows import OutboxRow, TechnicalAlert, message_row
from engine.store.statements import Statements

_CHAIN = (2, 0)  # the advisory lock of the chain: those of people and alerts have other forms
_CARRIED_AT_ONCE = 500


def add(notes: Sequence[Note], cursor: DBAPICursor, statements: Statements, seal: Seal) -> None:
    """Put rows behind the newest one; to be called last before the commit.

    Where several may write at a time, they take turns from here to the end of their commits, and wait for
    nothing else meanwhile: the chain is one, and nobody can wait in a circle.
    """
    if not notes:
        return
    hold(cursor, statements)
    head = newest(cursor, statements)
    rows = []
    for note in notes:
        entry = seal.entry(note, head)
        head = entry.head
        rows.append((entry.sequence, entry.at, entry.kind, entry.what, entry.previous, entry.hash))
    cursor.executemany(statements.put_audit, rows)


def hold(cursor: DBAPICursor, statements: Statements) -> None:
    """Let nobody else add to the chain until the transaction ends."""
    if statements.lock_chain:
        cursor.execute(statements.lock_chain, _CHAIN)


def newest(cursor: DBAPICursor, statements: Statements) -> Head:
    """The head of the chain."""
    cursor.execute(statements.chain_head)
    row = cursor.fetchone()
    return Head() if row is None else Head(row[0], str(row[1]))


def notes_of(changes: Changes, seal: Seal) -> Iterator[Note]:
    """What a unit of work has to tell: its messages in one row, each alert event in one of its own."""
    if changes.messages:
        rows = [message_row(message) for message in changes.messages]
        times = [row[3] for row in rows]
        lines = [line(seal, row) for row in rows]
        yield Note(Kind.MESSAGES, str(max(times)), {"earliest": min(times), "lines": lines})
    outgoing: dict[str, dict[str, str]] = {}
    for row, _, _ in changes.outbox:
        event_id, _, _ = row.message_id.partition(".")
        outgoing.setdefault(event_id, {})[row.message_id] = sent_digest(seal, row)
    for event in changes.events:
        yield Note(
            Kind.ALERT_EVENT,
            instant(event.decided_at),
            {
                "event": event.event_id,
                "alert": event.alert_id,
                "sequence": event.sequence,
                "digest": seal.digest((event.event_id, event.alert_id, event.sequence, event_to_json(event))),
                "outgoing": outgoing.get(event.event_id, {}),
            },
        )
    yield from changes.notes


def line(seal: Seal, row: Sequence[Any]) -> str:
    """Name and digest of a ledger line, of its columns without its number and its repeats."""
    sender, control_id, digest = row[:3]
    return seal.name_of_line(digest, sender, control_id) + seal.digest(row)


def sent_digest(seal: Seal, row: OutboxRow) -> str:
    """The digest of a message to receivers; whether it was sent, and how often it was tried, is not in it."""
    parts = (row.message_id, row.exchange, row.routing_key, row.content_type, row.correlation_id)
    return seal.digest((*parts, sorted(row.headers.items()), sha256(row.body).hexdigest()))


def settled(seal: Seal, held: HeldBack, told: Iterable[OutboxRow], at: datetime) -> Note:
    """That messages of a backlog were put together: what they say now, and which nobody is sent."""
    kept = {row.message_id: sent_digest(seal, row) for row in told}
    dropped = sorted(held.rows.keys() - kept.keys())
    what = {"alert": held.alert_id, "outgoing": kept, "dropped": dropped}
    return Note(Kind.BACKLOG_SETTLED, instant(at), what)


def technical(seal: Seal, alert: TechnicalAlert, told: Sequence[OutboxRow], at: datetime) -> Note:
    """That something was told of an alert about the feed and the engine, and what is sent of it."""
    what = {
        "alert": alert.alert_id,
        "rule": alert.kind,
        "subject": alert.subject,
        "sequence": alert.sequence,
        "phase": told[0].headers["phase"],
        "outgoing": {row.message_id: sent_digest(seal, row) for row in told},
    }
    return Note(Kind.TECHNICAL_ALERT, instant(at), what)


def carrying(found: Iterable[tuple[str, str, str, str]], at: str) -> Iterator[Note]:
    """Rows that vouch for what is there: table, name, digest and time of each.

    A row for each day: of what is older than a purge nobody can tell whether that removed it. Alert events
    are never purged, and would make everything beside them as old as the oldest.
    """
    for _, of_a_day in groupby(found, lambda each: (each[0] == EVENT, each[3][:10])):
        while some := list(islice(of_a_day, _CARRIED_AT_ONCE)):
            what: dict[str, Any] = {"earliest": min(each[3] for each in some)}
            what["lines"] = [name + digest for about, name, digest, _ in some if about == LINE]
            for kind in NAMED:
                what[kind] = {name: digest for about, name, digest, _ in some if about == kind}
            yield Note(Kind.CARRIED, at, what)
