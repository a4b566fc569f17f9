"""A broker that counts deliveries, and sets messages aside itself after a few: no innocent ones."""

from __future__ import annotations

from contextlib import closing

import pytest

from engine.store import Store
from tests.integration.comparison import accepted
from tests.integration.installation import INBOUND, Installation, Played
from tests.integration.test_live_poison import SETTINGS, Survived, poisonous, survive
from tests.support.private_broker import PrivateBroker
from tests.support.private_postgresql import PrivatePostgresql

pytestmark = pytest.mark.broker

LOW = 3
OF_RABBITMQ_4 = 20


def limited(site: Installation, limit: int) -> None:
    """The inbound queue as ``topology apply`` makes it, but for the limit."""
    arguments = {
        "x-queue-type": "quorum",
        "x-delivery-limit": limit,
        "x-dead-letter-exchange": "azawatch.quarantine",
        "x-dead-letter-strategy": "at-least-once",
        "x-overflow": "reject-publish",
    }
    site.open()
    with site.channel() as channel:
        channel.queue_declare(INBOUND, durable=True, arguments=arguments)


def innocents_fare_well(survived: Survived, store: Store, undisturbed: Played) -> None:
    """Each is on record as on a day without poison, none is in quarantine, and every alert is told."""
    counts = {(how, why): count for how, why, count in store.disposition_counts() if how != "duplicate"}
    counts.pop(("quarantined", "crashes-the-engine"), None)
    assert counts == {how: count for how, count in undisturbed.dispositions.items() if how[0] != "duplicate"}
    innocent = {one.body for one in survived.quarantined} - {poisonous("crash")}
    assert innocent == {one.body for one in undisturbed.quarantined}
    assert accepted(survived.published) == accepted(undisturbed.published)


@pytest.mark.postgresql
@pytest.mark.parametrize("workers", [1, 2])
def test_with_a_low_limit_the_broker_sets_aside_the_poison_alone(
    workers: int,
    broker: PrivateBroker,
    postgresql: PrivatePostgresql,
    tmp_path_factory: pytest.TempPathFactory,
    undisturbed: Played,
) -> None:
    """It is in the quarantine with the reason of the broker, after four returns; the rest is judged."""
    settings = SETTINGS if workers == 1 else {**SETTINGS, "STORE_URL": postgresql.new_database()}
    site = Installation(tmp_path_factory.mktemp("limited"), broker, settings)
    with closing(site):
        limited(site, LOW)
        survived = survive(site, ("crash",), workers, by_broker=1)

        (aside,) = [one for one in survived.quarantined if "x-death" in one.headers]
        assert aside.body == poisonous("crash")
        assert aside.headers["x-first-death-reason"] == "delivery_limit"
        assert survived.ends == {-11: LOW + 1}
        with closing(site.store()) as store:
            innocents_fare_well(survived, store, undisturbed)


def test_with_the_limit_of_rabbitmq_4_the_engine_is_first(
    broker: PrivateBroker, tmp_path_factory: pytest.TempPathFactory, undisturbed: Played
) -> None:
    """Poison is held with the reason of the engine before the broker has counted to twenty."""
    site = Installation(tmp_path_factory.mktemp("limited"), broker, SETTINGS)
    with closing(site):
        limited(site, OF_RABBITMQ_4)
        survived = survive(site, ("crash",), 1)

        assert not [one for one in survived.quarantined if "x-death" in one.headers]
        with closing(site.store()) as store:
            (held,) = [one for one in store.quarantined() if one.message["reason"] == "crashes-the-engine"]
            assert held.body == poisonous("crash")
            innocents_fare_well(survived, store, undisturbed)
