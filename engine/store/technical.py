"""What the engine knows of itself: who sends and how quiet they usually are, and alerts about the feed.

All of it is read and written in one short transaction at a time, which no other worker has meanwhile.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection, delete, func, insert, select, update

from engine.audit import Note, Seal
from engine.store import chain, codec, schema
from engine.store.rows import OutboxRow, TechnicalAlert

_HOUR = 13  # characters of an instant up to its hour


@dataclass(frozen=True, slots=True)
class Feed:
    """A sender of results: when it was first and last heard."""

    name: str
    first_at: datetime
    last_at: datetime


class Technical:
    """The tables about the engine itself, in one transaction; ``notes`` are for the audit, under ``seal``."""

    def __init__(self, connection: Connection, seal: Seal | None = None) -> None:
        self._connection = connection
        self._seal = seal
        self.notes: list[Note] = []

    def instants(self, *names: str) -> dict[str, datetime]:
        """Instants noted under these names."""
        table = schema.settings
        rows = self._connection.execute(select(table).where(table.c.name.in_(names)))
        return {row.name: codec.from_instant(row.value) for row in rows}

    def note(self, instants: Mapping[str, datetime]) -> None:
        """Note instants for the next transaction, of whatever worker."""
        table = schema.settings
        for name, at in instants.items():
            put = update(table).where(table.c.name == name).values(value=codec.instant(at))
            if not self._connection.execute(put).rowcount:
                self._connection.execute(insert(table).values(name=name, value=codec.instant(at)))

    # --- who sends -----------------------------------------------------------------------------

    def feeds(self) -> dict[str, Feed]:
        """Every sender that is remembered, by its name."""
        table = schema.feeds
        rows = self._connection.execute(select(table).order_by(table.c.name))
        return {
            row.name: Feed(row.name, codec.from_instant(row.first_at), codec.from_instant(row.last_at))
            for row in rows
        }

    def put_feed(self, feed: Feed) -> None:
        """Remember when a sender was heard."""
        table = schema.feeds
        first, last = codec.instant(feed.first_at), codec.instant(feed.last_at)
        put = update(table).where(table.c.name == feed.name).values(first_at=first, last_at=last)
        if not self._connection.execute(put).rowcount:
            self._connection.execute(insert(table).values(name=feed.name, first_at=first, last_at=last))

    def forget_feed(self, name: str) -> None:
        """Forget a sender and what it used to do."""
        for table in (schema.feeds, schema.feed_silences):
            self._connection.execute(delete(table).where(table.c.name == name))

    def put_silences(self, name: str, silences: Iterable[tuple[datetime, timedelta]]) -> None:
        """Remember the longest silence of each hour, by the hour's beginning."""
        table = schema.feed_silences
        for hour, silence in silences:
            seconds = int(silence.total_seconds())
            ours = (table.c.name == name, table.c.hour == _hour(hour))
            told = self._connection.execute(select(table.c.seconds).where(*ours)).scalar()
            if told is None:
                row = {"name": name, "hour": _hour(hour), "seconds": seconds}
                self._connection.execute(insert(table).values(row))
            elif told < seconds:
                self._connection.execute(update(table).where(*ours).values(seconds=seconds))

    def silences(self, hours: Iterable[datetime]) -> dict[str, dict[datetime, timedelta]]:
        """The longest silence of each sender in each of these hours in which it was watched."""
        table = schema.feed_silences
        wanted = {_hour(hour): hour for hour in hours}
        found: dict[str, dict[datetime, timedelta]] = {}
        for row in self._connection.execute(select(table).where(table.c.hour.in_(wanted))):
            found.setdefault(row.name, {})[wanted[row.hour]] = timedelta(seconds=row.seconds)
        return found

    def forget_silences(self, before: datetime) -> None:
        """Forget the hours before this one."""
        table = schema.feed_silences
        self._connection.execute(delete(table).where(table.c.hour < _hour(before)))

    # --- alerts about the feed -----------------------------------------------------------------

    def alerts(self, kind: str) -> dict[str, TechnicalAlert]:
        """The open alerts of this kind, by what they are about."""
        table = schema.technical_alerts
        rows = self._connection.execute(select(table).where(table.c.kind == kind))
        return {
            row.subject: TechnicalAlert(
                row.alert_id, row.kind, row.subject, row.sequence, codec.from_instant(row.started_at)
            )
            for row in rows
        }

    def put_alert(self, alert: TechnicalAlert) -> None:
        """Keep an open alert."""
        table = schema.technical_alerts
        put = update(table).where(table.c.alert_id == alert.alert_id).values(sequence=alert.sequence)
        if not self._connection.execute(put).rowcount:
            row = {
                "alert_id": alert.alert_id,
                "kind": alert.kind,
                "subject": alert.subject,
                "sequence": alert.sequence,
                "started_at": codec.instant(alert.started_at),
            }
            self._connection.execute(insert(table).values(row))

    def end_alert(self, alert: TechnicalAlert) -> None:
        """It is over."""
        table = schema.technical_alerts
        self._connection.execute(delete(table).where(table.c.alert_id == alert.alert_id))

    # --- the outbox ----------------------------------------------------------------------------

    def oldest_unsent(self) -> datetime | None:
        """Since when the oldest message waits for the broker, of those about patients and not held back."""
        outbox, ours = schema.outbox, schema.technical_alerts
        oldest = self._connection.execute(
            select(func.min(outbox.c.created_at)).where(
                outbox.c.sent_at == "",
                outbox.c.held_until == "",
                outbox.c.correlation_id.not_in(select(ours.c.alert_id)),
            )
        ).scalar()
        return codec.from_instant(oldest) if oldest else None

    def waits(self, alert_id: str) -> bool:
        """Whether a message about this alert still waits for the broker."""
        outbox = schema.outbox
        waiting = select(outbox.c.id).where(outbox.c.sent_at == "", outbox.c.correlation_id == alert_id)
        return self._connection.execute(waiting.limit(1)).first() is not None

    def put_outbox(self, alert: TechnicalAlert, rows: Sequence[OutboxRow], at: datetime) -> None:
        """Queue messages about an alert for the relay, in this order."""
        if self._seal is not None and rows:
            self.notes.append(chain.technical(self._seal, alert, rows, at))
        for row in rows:
            self._connection.execute(
                insert(schema.outbox).values(
                    message_id=row.message_id,
                    exchange=row.exchange,
                    routing_key=row.routing_key,
                    content_type=row.content_type,
                    correlation_id=row.correlation_id,
                    headers=json.dumps(dict(row.headers), ensure_ascii=False),
                    body=row.body,
                    created_at=codec.instant(at),
                )
            )


def _hour(at: datetime) -> str:
    return codec.instant(at)[:_HOUR]
