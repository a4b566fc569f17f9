"""A day with faults against the same day without: what a user would miss, or get too much of."""

from __future__ import annotations

import json
import re
import sqlite3
from collections import Counter
from contextlib import closing
from pathlib import Path

from sqlalchemy import create_engine

from engine.model.alert import AlertEvent
from engine.outbound.event_json import event_to_dict
from tests.integration.installation import Played, Received
from tests.support.apart import take_apart

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
_OF_THE_ORDER = ("the events published are those of a clean day", "events say the same")
# Their rows tell how many events each message led to, and which version of a result came first.
_OF_THE_ORDER_TOO = ("alert_events", "messages", "outbox", "result_versions")
_TOLD_OF = re.compile(r"\('sequence', [0-9]+\), ")
COMPARED = (
    *("persons", "identifiers", "results", "result_versions", "therapy_events"),
    *_CLOCKED,
)
"""The tables that are compared."""


def rows_of(store: Path, table: str) -> Counter[str]:
    """Every row of a table, without what only tells when it was written."""
    left_out = _CLOCKED.get(table, set())
    engine = create_engine(f"sqlite:///{store}")
    with engine.begin() as apart:
        take_apart(apart)
    engine.dispose()
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


def differences(day: Played, clean: Played, *, reordered: bool = False) -> list[str]:
    """What was lost or doubled in ``day``, a line each; empty when the faults have changed nothing.

    ``reordered``: the broker gave messages in another order, so that others were open for a moment.
    """
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
    if reordered:
        for what in _OF_THE_ORDER:
            del sound[what]
    wrong = [f"not so: {what}" for what, holds in sound.items() if not holds]
    for table in COMPARED:
        if reordered and table in _OF_THE_ORDER_TOO:
            continue
        ours, theirs = rows_of(day.store_file, table), rows_of(clean.store_file, table)
        if reordered and table == "alerts":
            ours, theirs = _open_only(ours), _open_only(theirs)
        wrong += [f"{table}: missing or too few {row[:300]}" for row in theirs - ours]
        wrong += [f"{table}: not in a clean day {row[:300]}" for row in ours - theirs]
    return wrong


def _open_only(alerts: Counter[str]) -> Counter[str]:
    """Who has an open alert of what; how often it was told of is a matter of the order."""
    return Counter(_TOLD_OF.sub("", row) for row in alerts if "('open', 1)" in row)


def _dispositions(day: Played) -> dict[tuple[str, str], int]:
    """How messages ended, but for repeats."""
    return {how: count for how, count in day.dispositions.items() if how[0] != "duplicate"}
