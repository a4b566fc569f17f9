"""What a backlog has told and nobody has been sent yet."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.engine.interfaces import DBAPICursor

from engine.model.alert import AlertEvent
from engine.model.serialization import event_from_json
from engine.store import codec
from engine.store.rows import OutboxRow
from engine.store.statements import Statements, with_texts


@dataclass(frozen=True, slots=True)
class HeldAlert:
    """An alert that something held back tells of, and whose it is.

    ``until`` is when the first message must go, ``since`` when the last was decided; ``fresh``: something
    that is not held back waits behind it.
    """

    alert_id: str
    root: str
    until: datetime
    since: datetime
    fresh: bool


@dataclass(frozen=True, slots=True)
class HeldBack:
    """What waits to be told of one alert: the events from the first that was held back, in order.

    ``before`` is the event that was told before them, if any. ``rows`` are the messages about them by the
    message id.
    """

    alert_id: str
    events: tuple[AlertEvent, ...]
    before: AlertEvent | None
    rows: dict[str, int]


def held_alerts(cursor: DBAPICursor, statements: Statements) -> list[HeldAlert]:
    """Every alert that something held back tells of, the one that has waited longest first."""
    cursor.execute(statements.held_alerts)
    return [
        HeldAlert(alert, root, codec.from_instant(until), codec.from_instant(since), bool(fresh))
        for alert, root, until, since, fresh in cursor.fetchall()
    ]


def held_back(cursor: DBAPICursor, statements: Statements, alert_ids: Iterable[str]) -> dict[str, HeldBack]:
    """What waits to be told of these alerts, of those that anything is held back of."""
    wanted = sorted(alert_ids)
    if not wanted:
        return {}
    rows: dict[str, dict[str, int]] = {}
    cursor.execute(with_texts(statements.unsent, len(wanted), statements.mark), wanted)
    for row_id, message_id, alert_id, held_until in cursor.fetchall():
        if held_until or alert_id in rows:
            rows.setdefault(alert_id, {})[message_id] = row_id
    cursor.execute(with_texts(statements.told, len(wanted), statements.mark), wanted)
    told: dict[str, list[AlertEvent]] = {}
    for alert_id, event in cursor.fetchall():
        told.setdefault(alert_id, []).append(event_from_json(event))
    return {alert_id: _waiting(alert_id, told[alert_id], messages) for alert_id, messages in rows.items()}


def _waiting(alert_id: str, told: Sequence[AlertEvent], rows: dict[str, int]) -> HeldBack:
    events = tuple(event for event in told if event.event_id in rows)
    before = [event for event in told if event.sequence < events[0].sequence]
    return HeldBack(alert_id, events, before[-1] if before else None, rows)


def settle(
    cursor: DBAPICursor,
    statements: Statements,
    held: HeldBack,
    told: Iterable[OutboxRow],
    told_by: str,
    at: datetime,
) -> None:
    """Release the messages ``told`` with what they say now, and note the other events as told by that one."""
    kept = {row.message_id: row for row in told}
    for message_id, row_id in held.rows.items():
        row = kept.get(message_id)
        if row is None:
            cursor.execute(statements.drop, (row_id,))
        else:
            headers = json.dumps(dict(row.headers), ensure_ascii=False)
            release = (row.content_type, row.routing_key, headers, row.body, row_id)
            cursor.execute(statements.release, release)
    unpaged = [event.event_id for event in held.events if event.event_id not in kept]
    if unpaged:
        instant = codec.instant(at)
        rows = [(event_id, held.alert_id, instant, told_by) for event_id in unpaged]
        cursor.executemany(statements.put_not_paged, rows)
