"""SIGKILL in the middle of the sample day: nothing lost, nothing told twice under another name."""

from __future__ import annotations

import json
import re
import sqlite3
from collections import Counter
from contextlib import closing
from pathlib import Path

import pytest

from engine.model.alert import AlertEvent
from engine.outbound.event_json import event_to_dict
from tests.integration.installation import Installation, Played, day_files, play
from tests.support.private_broker import PrivateBroker

pytestmark = pytest.mark.broker

COUNT = len(day_files())
KILLED_AFTER = (30, 75, 120)
# Small batches, so that the engine is always in the middle of one.
SMALL_BATCHES = {"FLOW__BATCH_MAX_MESSAGES": "4", "FLOW__PREFETCH": "20"}

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


@pytest.fixture(scope="module")
def killed(broker: PrivateBroker, tmp_path_factory: pytest.TempPathFactory) -> Played:
    site = Installation(tmp_path_factory.mktemp("killed"), broker, SMALL_BATCHES)
    with closing(site):
        site.open()
        return play(site, KILLED_AFTER)


def told(event: AlertEvent) -> str:
    """An event as JSON, except for the clock."""
    return json.dumps(event_to_dict(event) | {"decided_at": ""}, sort_keys=True)


def test_the_engine_was_killed_in_the_middle(killed: Played) -> None:
    """The other tests of this module mean something: each kill hit a day half done."""
    for least, count in zip(KILLED_AFTER, killed.on_record_at_kills, strict=True):
        assert least <= count < COUNT - 10
    assert killed.integrity == "ok"


def test_every_alert_reaches_the_pager_exactly_once(killed: Played, undisturbed: Played) -> None:
    """After repeats are dropped by message_id, kills leave the same alerts, phases and sequence numbers."""

    def received(day: Played) -> Counter[tuple[str, str, str]]:
        distinct = {one.properties.message_id: one for one in day.published}.values()
        return Counter(
            (one.properties.message_id, one.properties.correlation_id, one.headers["phase"])
            for one in distinct
        )

    assert received(killed) == received(undisturbed)
    assert received(killed) == Counter(
        (event.event_id, event.alert_id, event.phase.value) for event in killed.events
    )
    assert set(Counter((event.alert_id, event.sequence) for event in killed.events).values()) == {1}


def test_repeats_are_the_same_bytes(killed: Played) -> None:
    """What a kill makes the engine send again is the very message that was sent before it."""
    bodies: dict[str, set[bytes]] = {}
    for one in killed.published:
        bodies.setdefault(one.properties.message_id, set()).add(one.body)

    assert {len(copies) for copies in bodies.values()} == {1}


def test_alerts_say_the_same_as_in_an_undisturbed_day(killed: Played, undisturbed: Played) -> None:
    """Evidence, limits, sources and numbers do not depend on where the process died."""
    assert sorted(map(told, killed.events)) == sorted(map(told, undisturbed.events))


@pytest.mark.parametrize("table", COMPARED)
def test_the_record_is_that_of_an_undisturbed_day(table: str, killed: Played, undisturbed: Played) -> None:
    """People, results, therapy, open alerts and ledger are the same rows as without any kill."""
    expected = rows_of(undisturbed.store_file, table)

    assert expected
    assert rows_of(killed.store_file, table) == expected


def test_every_message_has_one_disposition(killed: Played) -> None:
    """The ledger accounts for each message of the day once, however often the broker delivered it."""
    lines = Counter((row["sender"], row["control_id"], row["digest"]) for row in killed.messages)

    assert set(lines.values()) == {1}
    # one message of the day was sent twice
    assert len(lines) == COUNT - 1
    assert sum(row["repeats"] for row in killed.messages) >= 1
    assert len({one.body for one in killed.quarantined}) == 2
