"""A database file that is locked for long: the feed goes on, and all is as on a clean day."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from time import sleep

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
)

pytestmark = pytest.mark.broker

COUNT = len(day_files())
AWAY = "store away, trying again"


def ended(site: Installation, engine: RunningEngine, feed: Feed) -> Played:
    """The rest of the day."""
    feed.wait_until_sent()
    site.wait_until_done(COUNT - 1)  # one was sent twice, and may be told as a repeat
    return finish(site, engine)


def test_a_file_locked_for_ten_seconds(site: Installation, undisturbed: Played) -> None:
    """Somebody else writes during the feed: the engine waits, holds no more than before, and goes on."""
    engine = site.start()
    engine.wait_for("engine ready")
    with Feed(site.admin_url, MESSAGES) as feed:
        feed.wait_for(60)
        with closing(sqlite3.connect(site.folder / "azawatch.db", isolation_level=None, timeout=30)) as other:
            other.execute("BEGIN IMMEDIATE")
            sleep(10)
            other.execute("ROLLBACK")
        day = ended(site, engine, feed)

    assert "SQLITE_BUSY" in engine.said(AWAY)[0]["error_detail"]
    wrong = differences(day, undisturbed)
    assert not wrong, "\n".join(wrong[:20])
