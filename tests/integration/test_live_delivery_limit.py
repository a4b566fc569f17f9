"""A broker that counts deliveries, and sets messages aside itself after a few: no innocent ones."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing

import pytest

from tests.integration.comparison import accepted, rows_of
from tests.integration.installation import INBOUND, Installation, Played
from tests.integration.test_live_poison import SETTINGS, Survived, poisonous, survive
from tests.support.private_broker import PrivateBroker

pytestmark = pytest.mark.broker

LIMIT = 3


@pytest.fixture(scope="module")
def survived(broker: PrivateBroker, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Survived]:
    """A day with a message that crashes the engine, on a queue that allows three returns."""
    site = Installation(tmp_path_factory.mktemp("limited"), broker, SETTINGS)
    with closing(site):
        site.open()
        with site.channel() as channel:
            arguments = {
                "x-queue-type": "quorum",
                "x-delivery-limit": LIMIT,
                "x-dead-letter-exchange": "azawatch.quarantine",
                "x-dead-letter-strategy": "at-least-once",
                "x-overflow": "reject-publish",
            }
            channel.queue_declare(INBOUND, durable=True, arguments=arguments)
        yield survive(site, ("crash",), 1)


def test_the_broker_sets_aside_the_poison_alone(survived: Survived, undisturbed: Played) -> None:
    """It is in the quarantine with the reason of the broker; the innocents are not, nor is one missing."""
    counted_out = [one for one in survived.quarantined if "x-death" in one.headers]

    assert [one.body for one in counted_out] == [poisonous("crash")]
    assert counted_out[0].headers["x-first-death-reason"] == "delivery_limit"
    held = {one.body for one in survived.quarantined if "x-death" not in one.headers}
    assert held == {one.body for one in undisturbed.quarantined}
    assert survived.ends == {-11: LIMIT + 1}


@pytest.mark.parametrize("table", ["persons", "results", "therapy_events", "alerts", "mapping_ledger"])
def test_the_record_is_that_of_a_day_without_it(table: str, survived: Survived, undisturbed: Played) -> None:
    """What the broker has returned with the poison again and again is on record."""
    expected = rows_of(undisturbed.store_file, table)

    assert expected
    assert rows_of(survived.site.folder / "azawatch.db", table) == expected


def test_every_alert_of_the_others_is_told(survived: Survived, undisturbed: Played) -> None:
    """By message id, as on a day without poison."""
    assert accepted(survived.published) == accepted(undisturbed.published)
