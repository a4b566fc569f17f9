"""Several workers on one queue and one PostgreSQL store: the record is that of one worker on a file."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from typing import Any

import pytest
from sqlalchemy import create_engine, text

from engine.store import Store, verify
from tests.integration.installation import (
    ALERTS_OUT,
    MESSAGES,
    QUARANTINE,
    Installation,
    Played,
    Received,
    day_files,
    wait_until,
)
from tests.support.apart import take_apart
from tests.support.private_broker import PrivateBroker
from tests.support.private_postgresql import PrivatePostgresql

pytestmark = [pytest.mark.broker, pytest.mark.postgresql]

# Small batches, so that every worker is always in the middle of one.
SETTINGS = {"FLOW__BATCH_MAX_MESSAGES": "4", "FLOW__PREFETCH": "8"}
COUNT = len(day_files())
# What does not depend on the order in which messages come, nor on the clock of the roster's import. Results
# stay filed under the number they came with, so that a merge before or after them makes a difference there:
# whose they are is told by the root.
ROOT = "(SELECT root FROM persons WHERE persons.person_id = {table}.person_id)"
COMPARED = {
    "results": f"{ROOT}, key, value, unit, status, reference, problem, collected_at, digest",
    "result_versions": f"{ROOT}, key, value, status, digest",
    "identifiers": "authority, value, type, person_id",
    "alerts": "alert_id, person_id, family, subject, episode_id, severity",
    "mapping_ledger": "sender, code, system, unit, kind, count",
}


@dataclass(frozen=True, slots=True)
class Shared:
    """What a day with several workers has left behind."""

    url: str
    published: list[Received]
    quarantined: list[Received]
    events: list[dict[str, Any]]
    dispositions: dict[tuple[str, str], int]
    log: list[dict[str, Any]]
    exit_codes: list[int]


@pytest.fixture(scope="module")
def shared(
    broker: PrivateBroker, postgresql: PrivatePostgresql, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Shared]:
    """The sample day with three workers, two of which are killed on the way and replaced."""
    url = postgresql.new_database()
    site = Installation(tmp_path_factory.mktemp("shared"), broker, {**SETTINGS, "STORE_URL": url})
    with closing(site), closing(Store.open(url)) as store:
        site.open()
        site.prepare()
        site.send(MESSAGES)
        workers = [site.start() for _ in range(3)]
        for least, killed in ((40, 0), (90, 1)):
            wait_until(lambda least=least: len(store.messages(limit=1000)) >= least, "some messages")  # type: ignore[misc]
            workers[killed].kill()
            workers.append(site.start())
        site.wait_until_done(COUNT)
        for worker in workers[2:]:
            worker.wait_for("engine ready")  # one that has just replaced another may still be starting
        exit_codes = [worker.terminate() for worker in workers[2:]]
        yield Shared(
            url,
            site.take(ALERTS_OUT),
            site.take(QUARANTINE),
            [{"event_id": event.event_id, "alert_id": event.alert_id} for event in store.alert_events()],
            {(how, why): count for how, why, count in store.disposition_counts()},
            [line for worker in workers for line in worker.lines()],
            exit_codes,
        )


def rows(url: str, table: str, columns: str = "") -> Counter[str]:
    """The rows of a table, in the columns that are compared unless others are named."""
    engine = create_engine(url.replace("postgresql:", "postgresql+psycopg:"))
    with engine.begin() as connection:
        take_apart(connection)
        # Which alerts were open for a moment depends on which message came first.
        some = " WHERE open" if table == "alerts" else ""
        wanted = columns or COMPARED[table].format(table=table)
        found = connection.execute(text(f"SELECT {wanted} FROM {table}{some}"))  # noqa: S608  our own
        told = Counter(
            json.dumps([str(int(v)) if isinstance(v, bool) else str(v) for v in row]) for row in found
        )
    engine.dispose()
    return told


@pytest.mark.parametrize("table", COMPARED)
def test_the_record_is_that_of_one_worker(table: str, shared: Shared, undisturbed: Played) -> None:
    """Whoever took which message, and whoever died: the same people, results, open alerts and ledger."""
    expected = rows(f"sqlite:///{undisturbed.store_file}", table)

    assert expected
    assert rows(shared.url, table) == expected


def test_every_message_ends_once(shared: Shared, undisturbed: Played) -> None:
    """No worker's death loses a message, and a redelivery to another one is a repeat."""
    once = {how: count for how, count in shared.dispositions.items() if how[0] != "duplicate"}

    assert once == {how: count for how, count in undisturbed.dispositions.items() if how[0] != "duplicate"}
    assert len({one.body for one in shared.quarantined}) == len({one.body for one in undisturbed.quarantined})


def test_every_event_is_published_and_keeps_its_order(shared: Shared) -> None:
    """By message id each event arrives; the events of one alert in the order of their decision."""
    first = list({one.properties.message_id: one for one in reversed(shared.published)}.values())[::-1]

    assert {one.properties.message_id for one in first} == {event["event_id"] for event in shared.events}
    for alert_id in {event["alert_id"] for event in shared.events}:
        decided = [event["event_id"] for event in shared.events if event["alert_id"] == alert_id]
        told = [one.properties.message_id for one in first if one.properties.correlation_id == alert_id]
        assert told == decided


def test_the_audit_of_several_workers_is_one_chain(shared: Shared) -> None:
    """Workers that write at the same time, and two that were killed, leave no gap and no fault."""
    verdict = verify(shared.url, b"k" * 40)

    assert verdict.faults == []
    assert verdict.vouched > COUNT + len(shared.events)


def test_all_workers_had_a_part(shared: Shared) -> None:
    """None of them is a mere reserve, and those that were stopped ended in order."""
    assert shared.exit_codes == [0, 0, 0]
    assert not [line for line in shared.log if line["level"] == "error"]
