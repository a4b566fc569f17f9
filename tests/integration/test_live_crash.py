"""SIGKILL in the middle of the sample day: nothing lost, nothing told twice under another name."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import create_engine, text

from engine.outbound.event_json import event_to_dict
from tests.integration.installation import (
    ALERTS_OUT,
    INBOUND,
    MESSAGES,
    QUARANTINE,
    Installation,
    Received,
    day_files,
    wait_until,
)
from tests.support.private_broker import PrivateBroker

pytestmark = pytest.mark.broker

COUNT = len(day_files())
KILLED_AFTER = (30, 75, 120)
# Small batches, so that the engine is always in the middle of one.
SMALL_BATCHES = {"FLOW__BATCH_MAX_MESSAGES": "4", "FLOW__PREFETCH": "20"}

# Columns that the wall clock fills, and the count of redeliveries.
_CLOCKED = {
    "alerts": {"published_at", "started_at", "current", "published"},
    "alert_events": {"event"},
    "messages": {"id", "received_at", "repeats"},
    "mapping_ledger": {"first_seen", "last_seen"},
    "quarantine": {"id", "message_id", "closed_at"},
    "outbox": {"id", "created_at", "sent_at", "attempts", "last_error", "body"},
    "merges": {"id", "decided_at"},
}
_COMPARED = (
    *("persons", "identifiers", "results", "result_versions", "therapy_events"),
    *_CLOCKED,
)


@dataclass(frozen=True, slots=True)
class After:
    """What is left when a day is over."""

    tables: dict[str, Counter[str]]
    events: list[dict[str, Any]]
    published: list[Received]
    quarantined: list[Received]
    messages: list[dict[str, Any]]
    integrity: str
    restarts: list[int]


def tables(store: Path) -> dict[str, Counter[str]]:
    """Every row of the compared tables, without what only tells when it was written."""
    found = {}
    with create_engine(f"sqlite:///{store}").connect() as connection:
        for table in _COMPARED:
            rows = connection.execute(text(f"SELECT * FROM {table}")).mappings()  # noqa: S608  our own names
            left_out = _CLOCKED.get(table, set())
            found[table] = Counter(
                repr(sorted((key, value) for key, value in row.items() if key not in left_out))
                for row in rows
            )
    return found


@contextmanager
def site(broker: PrivateBroker, folder: Path) -> Iterator[Installation]:
    """An installation with its queues and patients, and the whole day waiting in the queue."""
    one = Installation(folder, broker, dict(SMALL_BATCHES))
    one.open()
    try:
        one.prepare()
        one.send(MESSAGES)
        yield one
    finally:
        one.close()


def live(one: Installation, kills: tuple[int, ...]) -> After:
    """The day with a SIGKILL each time that so many messages are on record, and a restart after it."""
    restarts = []
    for after in kills:
        engine = one.start()
        store = one.store()
        wait_until(lambda limit=after: len(store.messages(limit=1000)) >= limit, f"{after} messages")  # type: ignore[misc]
        engine.kill()
        restarts.append(len(store.messages(limit=1000)))
    engine = one.start()
    # The duplicate of the day is no ledger line of its own.
    one.wait_until_done(COUNT)
    assert engine.terminate()[0] == 0
    assert one.depth(INBOUND) == 0
    store = one.store()
    return After(
        tables=tables(one.folder / "azawatch.db"),
        events=[event_to_dict(event) | {"decided_at": ""} for event in store.alert_events()],
        published=one.take(ALERTS_OUT),
        quarantined=one.take(QUARANTINE),
        messages=[dict(row) for row in store.messages(limit=1000)],
        integrity=store.check(),
        restarts=restarts,
    )


@pytest.fixture(scope="module")
def quiet(broker: PrivateBroker, tmp_path_factory: pytest.TempPathFactory) -> Iterator[After]:
    with site(broker, tmp_path_factory.mktemp("quiet")) as one:
        yield live(one, ())


@pytest.fixture(scope="module")
def killed(broker: PrivateBroker, tmp_path_factory: pytest.TempPathFactory) -> Iterator[After]:
    with site(broker, tmp_path_factory.mktemp("killed")) as one:
        yield live(one, KILLED_AFTER)


def test_the_engine_was_killed_in_the_middle(killed: After) -> None:
    """The other tests of this module mean something: each kill hit a day half done."""
    assert all(after <= count < COUNT - 10 for after, count in zip(KILLED_AFTER, killed.restarts, strict=True))
    assert killed.integrity == "ok"


def test_every_alert_reaches_the_pager_exactly_once(killed: After, quiet: After) -> None:
    """After repeats are dropped by message_id, kills leave the same alerts, phases and sequence numbers."""

    def told(day: After) -> Counter[tuple[str, str, str]]:
        bodies = {(one.properties.message_id, one.properties.correlation_id): one for one in day.published}
        return Counter((*ids, one.headers["phase"]) for ids, one in bodies.items())

    assert told(killed) == told(quiet)
    assert len({one.properties.message_id for one in killed.published}) == len(killed.events)
    assert {(event["event_id"], event["alert_id"], event["phase"]) for event in killed.events} == set(
        told(quiet)
    )
    sequences = Counter((event["alert_id"], event["sequence"]) for event in killed.events)
    assert set(sequences.values()) == {1}


def test_repeats_are_few_and_the_same_bytes(killed: After) -> None:
    """What a kill makes the engine send again is the very message that was sent before it."""
    bodies: dict[str, set[bytes]] = {}
    for one in killed.published:
        bodies.setdefault(one.properties.message_id, set()).add(one.body)

    assert {len(copies) for copies in bodies.values()} == {1}
    assert len(killed.published) - len(bodies) <= len(KILLED_AFTER) * 20


def test_alerts_say_the_same_as_in_an_undisturbed_day(killed: After, quiet: After) -> None:
    """Evidence, limits, sources and numbers do not depend on where the process died."""

    def sorted_events(day: After) -> list[str]:
        return sorted(json.dumps(event, sort_keys=True) for event in day.events)

    assert sorted_events(killed) == sorted_events(quiet)


@pytest.mark.parametrize("table", _COMPARED)
def test_the_record_is_that_of_an_undisturbed_day(table: str, killed: After, quiet: After) -> None:
    """People, results, therapy, open alerts and ledger are the same rows as without any kill."""
    assert killed.tables[table] == quiet.tables[table]
    assert quiet.tables[table]


def test_every_message_has_one_disposition(killed: After) -> None:
    """The ledger accounts for each message of the day once, however often the broker delivered it."""
    lines = Counter((row["sender"], row["control_id"], row["digest"]) for row in killed.messages)

    assert set(lines.values()) == {1}
    # one message of the day was sent twice
    assert len(lines) == COUNT - 1
    assert sum(row["repeats"] for row in killed.messages) >= 1
    assert len(killed.quarantined) >= len({one.body for one in killed.quarantined}) == 2
