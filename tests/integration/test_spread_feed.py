"""Where one queue is not enough: a consistent-hash exchange over four queues, two engines on all of them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing

import pytest

from engine.store import Store
from engine.transports.archive import read_archive
from tests.integration.installation import (
    ALERTS_OUT,
    MESSAGES,
    Installation,
    Played,
    day_files,
    wait_until,
)
from tests.integration.test_live_workers import rows
from tests.support.private_broker import PrivateBroker
from tests.support.private_postgresql import PrivatePostgresql

pytestmark = [pytest.mark.broker, pytest.mark.postgresql]

# Under which of two numbers that a merge makes one a result is written depends on which message came first.
COMPARED = {
    "results": "key, value, unit, status, reference, problem, collected_at, digest",
    "result_versions": "key, value, status, digest",
    "identifiers": "authority, value, type",
    "alerts": "family, episode_id, severity",
    "mapping_ledger": "sender, code, system, unit, kind, count",
}
QUEUES = tuple(f"azawatch.inbound.{number}" for number in range(1, 5))
SETTINGS = {
    "TOPOLOGY__INBOUND": ", ".join(QUEUES),
    "TOPOLOGY__SPREAD": "true",
    "FLOW__BATCH_MAX_MESSAGES": "4",
    "FLOW__PREFETCH": "8",
}


@pytest.fixture(scope="module")
def hashing(broker: PrivateBroker) -> Iterator[PrivateBroker]:
    """A node with the plugin that the node of the other tests does without."""
    del broker  # says what to do where no RabbitMQ is installed
    with PrivateBroker(plugins=["rabbitmq_consistent_hash_exchange"]) as node:
        yield node


def test_without_the_plugin_the_command_that_enables_it_is_named(
    site: Installation, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """The broker only closes the connection; the operator reads what is missing."""
    other = Installation(tmp_path_factory.mktemp("other"), site.broker, SETTINGS)
    with closing(other):
        other.open()
        done = other.run("topology", "apply", exits=2)

    assert "rabbitmq-plugins enable rabbitmq_consistent_hash_exchange" in done.stderr


def test_the_record_is_that_of_one_queue(
    hashing: PrivateBroker,
    postgresql: PrivatePostgresql,
    undisturbed: Played,
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    """Messages are divided by their routing key, one of two engines dies, and all is as with one queue."""
    url = postgresql.new_database()
    site = Installation(tmp_path_factory.mktemp("spread"), hashing, {**SETTINGS, "STORE_URL": url})
    with closing(site), closing(Store.open(url)) as store:
        site.open()
        site.prepare()
        with site.channel() as channel:
            channel.confirm_delivery()
            for number, message in enumerate(read_archive([MESSAGES])):
                channel.basic_publish("azawatch.feed", str(number), message.body, mandatory=True)
        shares = [site.depth(queue) for queue in QUEUES]
        one, other = site.start(), site.start()
        wait_until(lambda: len(store.messages(limit=1000)) >= 60, "60 messages are taken in")
        one.kill()
        other.wait_for("engine ready")
        site.wait_until_done(len(day_files()) - 1, QUEUES)
        exit_code = other.terminate()
        published = {one.properties.message_id for one in site.take(ALERTS_OUT)}
        decided = {event.event_id for event in store.alert_events()}
        dispositions = {(how, why): count for how, why, count in store.disposition_counts()}

    assert sum(shares) == len(day_files())
    assert min(shares) > 0
    assert exit_code == 0
    assert published == decided
    for table, columns in COMPARED.items():
        clean = rows(f"sqlite:///{undisturbed.store_file}", table, columns)
        assert rows(url, table, columns) == clean, table
    assert {how: count for how, count in dispositions.items() if how[0] != "duplicate"} == {
        how: count for how, count in undisturbed.dispositions.items() if how[0] != "duplicate"
    }
