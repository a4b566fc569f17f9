"""A disk that is full, or that cannot be written, under the database of a live engine."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace

import pytest

from tests.integration.comparison import differences
from tests.integration.feed import Feed
from tests.integration.installation import (
    MESSAGES,
    Installation,
    Played,
    RunningEngine,
    day_files,
    finish,
    wait_until,
)
from tests.integration.test_live_monitor import address_of, ask, parts
from tests.support.private_broker import PrivateBroker
from tests.support.small_disk import DiskUnavailableError, SmallDisk, small_disk

pytestmark = pytest.mark.broker

COUNT = len(day_files())
AWAY = "store away, trying again"


@pytest.fixture
def disk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SmallDisk]:
    """A disk for a database; where none can be mounted a skip on a laptop and a failure where CI is set."""
    try:
        with small_disk(tmp_path_factory.mktemp("small")) as one:
            yield one
    except DiskUnavailableError as error:
        if os.environ.get("CI"):
            raise
        pytest.skip(str(error))


@pytest.fixture
def on_disk(
    broker: PrivateBroker, disk: SmallDisk, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Installation]:
    """An installation whose database is on the small disk, and nothing else of it."""
    settings = {"STORE_URL": f"sqlite:///{disk.folder}/azawatch.db", "MONITOR__ADDRESS": "127.0.0.1:0"}
    one = Installation(tmp_path_factory.mktemp("site"), broker, settings)
    with closing(one):
        one.open()
        one.prepare()
        yield one


def ready_of(engine: RunningEngine) -> tuple[int, str]:
    """Whether the engine is ready, and how its store is."""
    status, body = ask(address_of(engine), "/health/ready")
    return status, parts(body)["store"]


def waits(engine: RunningEngine, error: str) -> None:
    """Wait until the engine has tried in vain again and again, and hold what it says of it."""
    engine.wait_for(AWAY, count=len(engine.said(AWAY)) + 2)
    assert engine.said(AWAY)[-1]["error_detail"] == f"store: {error}"
    status, body = ask(address_of(engine), "/health/ready")
    assert (status, parts(body)["batches"]) == (503, "waiting for the store")
    assert ask(address_of(engine), "/health/live")[0] == 200


def ended(site: Installation, engine: RunningEngine, feed: Feed) -> Played:
    """The rest of the day."""
    feed.wait_until_sent()
    site.wait_until_done(COUNT - 1)  # one was sent twice, and may be told as a repeat
    wait_until(lambda: ask(address_of(engine), "/health/ready")[0] == 200, "ready again")
    return finish(site, engine)


def same(day: Played, disk: SmallDisk, clean: Played) -> None:
    """Fail with what was lost or doubled, or was on the wire twice."""
    wrong = differences(replace(day, folder=disk.folder), clean)
    assert not wrong, "\n".join(wrong[:20])
    assert len(day.published) == len({one.properties.message_id for one in day.published})


def test_a_disk_that_is_full_and_then_cannot_be_written(
    on_disk: Installation, disk: SmallDisk, undisturbed: Played
) -> None:
    """Not one byte is left, then no file may be written: the engine holds what it has, and goes on after."""
    engine = on_disk.start()
    engine.wait_for("engine ready")
    disk.fill()
    wait_until(lambda: ready_of(engine) == (503, "disk nearly full"), "told while no message comes")
    disk.make_room()
    wait_until(lambda: ready_of(engine)[1] == "reachable", "over by itself")
    with Feed(on_disk.admin_url, MESSAGES) as feed:
        feed.wait_for(80)
        disk.fill()
        waits(engine, "SQLITE_FULL")
        disk.make_room()
        engine.wait_for("message", count=100)
        with disk.immutable("azawatch.db", "azawatch.db-wal"):
            waits(engine, "SQLITE_IOERR_WRITE")
        day = ended(on_disk, engine, feed)

    same(day, disk, undisturbed)
