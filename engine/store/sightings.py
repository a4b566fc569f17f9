"""How often each code, unit and rule came on each day."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Mapping
from datetime import date, datetime, timedelta

from sqlalchemy import Connection, delete, select
from sqlalchemy.engine.interfaces import DBAPICursor

from engine.store import codec, schema
from engine.store.statements import Statements

_REMEMBERED = timedelta(days=91)

Days = dict[tuple[str, str, str], dict[date, int]]
"""By kind, sender and name the counts of each day."""


def count_days(
    cursor: DBAPICursor, statements: Statements, counts: Mapping[tuple[str, str, str, str], int]
) -> None:
    """Add to the counts, by day, kind, sender and name."""
    # In one order: two workers that count the same codes must not wait for each other.
    cursor.executemany(statements.count_day, [(*key, count) for key, count in sorted(counts.items())])


def forget(connection: Connection, now: datetime) -> None:
    """Remove the counts of days that no history reaches."""
    table = schema.daily_counts
    connection.execute(delete(table).where(table.c.day < (now - _REMEMBERED).date().isoformat()))


def daily_counts(connection: Connection, until: datetime) -> Days:
    """All counts before the day of ``until``."""
    table = schema.daily_counts
    found: defaultdict[tuple[str, str, str], dict[date, int]] = defaultdict(dict)
    rows = connection.execute(select(table).where(table.c.day < until.date().isoformat()))
    for day, kind, sender, name, count in rows:
        found[kind, sender, name][date.fromisoformat(day)] = count
    return dict(found)


def alerts_by_day(connection: Connection, until: datetime) -> Days:
    """How often each rule has spoken, by the day of what it spoke of: a backlog is no flood."""
    found: defaultdict[tuple[str, str, str], Counter[date]] = defaultdict(Counter)
    since = (until - _REMEMBERED).date()
    told, alerts = schema.alert_events, schema.alerts
    recent = alerts.c.published_at >= codec.instant(until - _REMEMBERED)
    statement = select(told.c.event).join_from(told, alerts, told.c.alert_id == alerts.c.alert_id)
    for row in connection.execute(statement.where(recent)):
        event = json.loads(row.event)
        if event["phase"] == "end" or event.get("shadow"):
            continue
        day = datetime.fromisoformat(event["clinical_at"] or event["decided_at"]).date()
        if since <= day < until.date():
            found["rule", "", event["rule"]][day] += 1
    return {key: dict(days) for key, days in found.items()}
