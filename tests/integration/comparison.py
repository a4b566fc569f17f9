"""A day with faults against the same day without: what a user would miss, or get too much of."""

from __future__ import annotations

import json
import re
import sqlite3
from collections import Counter
from contextlib import closing
from pathlib import Path

from engine.model.alert import AlertEvent
from engine.outbound.event_json import event_to_dict
from tests.integration.installation import Played, Received

# Columns that the wall clock fills, and the count of redeliveries.
_CLOCKED = {
    "alerts": {"published_at", "started_at", "waiting_since", "current", "published"},
    "alert_events": {"event"},
    "messages": {"id", "received_at", "repeats"},
    "mapping_ledger": {"first_seen", "last_seen"},
    "quarantine": {"id", "message_id", "closed_at"},
    "outbox": {"id", "created_at", "sent_at", "attempts", "last_error", "body"},
    "merges": {"id", "decided_at"},
}
# When the roster was imported.
_IMPORTED = re.compile(r'"version":"[^"]*"')
COMPARED = (
    *("persons", "identifiers", "results", "result_versions", "therapy_events"),
    *_CLOCKED,
)
"""The tables that are compared."""


def rows_of(store: Path, table: str) -> Counter[str]:
    """Every row of a table, without what only tells when it was written."""
    left_out = _CLOCKED.get(table, set())
    with closing(sqlite3.connect(store)) as connection:
        connection.row_factory = sqlite3.Row
        found = connection.execute(f"SELECT * FROM {table}")  # noqa: S608  a name of our own
        return Counter(
            _IMPORTED.sub("", repr([(name, row[name]) for name in row.keys() if name not in left_out]))  # noqa: SIM118
            for row in found
        )


def told(event: AlertEvent) -> str:
    """An event as JSON, except for the clock."""
    return json.dumps(event_to_dict(event) | {"decided_at": ""}, sort_keys=True)


def accepted(received: list[Received]) -> Counter[tuple[str, str, str]]:
    """What a receiver that drops repeats by message id has got: event, alert, phase."""
    distinct = {one.properties.message_id: one for one in received}.values()
    return Counter(
        (one.properties.message_id, one.properties.correlation_id, one.headers["phase"]) for one in distinct
    )


def differences(day: Played, clean: Played) -> list[str]:
    """What was lost or doubled in ``day``, a line each; empty when the faults have changed nothing."""
    bodies: dict[str, set[bytes]] = {}
    for one in day.published:
        bodies.setdefault(one.properties.message_id, set()).add(one.body)
    decided = Counter((event.event_id, event.alert_id, event.phase.value) for event in day.events)
    sound = {
        "stopped in order": day.exit_code == 0,
        "the inbound queue is empty": day.inbound_left == 0,
        "the outbox is empty": day.outbox_left == 0,
        "the database is whole": day.integrity == "ok",
        "every event decided was published": accepted(day.published) == decided,
        "the events published are those of a clean day": accepted(day.published) == accepted(clean.published),
        "copies of an event are the same bytes": {len(copies) for copies in bodies.values()} == {1},
        "events say the same": sorted(map(told, day.events)) == sorted(map(told, clean.events)),
        "messages ended alike": _dispositions(day) == _dispositions(clean),
        "quarantined alike": {one.body for one in day.quarantined} == {one.body for one in clean.quarantined},
    }
    wrong = [f"not so: {what}" for what, holds in sound.items() if not holds]
    for table in COMPARED:
        ours, theirs = rows_of(day.store_file, table), rows_of(clean.store_file, table)
        wrong += [f"{table}: missing or too few {row[:300]}" for row in theirs - ours]
        wrong += [f"{table}: not in a clean day {row[:300]}" for row in ours - theirs]
    return wrong


def _dispositions(day: Played) -> dict[tuple[str, str], int]:
    """How messages ended, but for repeats."""
    return {how: count for how, count in day.dispositions.items() if how[0] != "duplicate"}
