"""A database file that is locked, or on a full disk: the feed goes on, and all is as on a clean day."""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
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
from tests.support.private_broker import PrivateBroker

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


@contextmanager
def small_disk(folder: Path) -> Iterator[Path]:
    """A file system of 8 MB."""
    folder.mkdir()
    done = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=8m", "azawatch-tests", str(folder)],
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        pytest.skip(f"a small disk cannot be mounted here: {done.stderr.strip()}")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)


def test_a_disk_that_is_full(
    broker: PrivateBroker, tmp_path_factory: pytest.TempPathFactory, undisturbed: Played
) -> None:
    """Nothing is acknowledged that is not on disk; once there is room again the day goes on by itself."""
    if os.geteuid() != 0:
        pytest.skip("to mount a small disk takes root")
    folder = tmp_path_factory.mktemp("full")
    with small_disk(folder / "disk") as disk:
        site = Installation(folder, broker, {"STORE_URL": f"sqlite:///{disk}/azawatch.db"})
        with closing(site):
            site.open()
            site.prepare()
            engine = site.start()
            engine.wait_for("engine ready")
            with Feed(site.admin_url, MESSAGES) as feed:
                feed.wait_for(40)
                with (disk / "filling").open("wb") as filling:
                    room = shutil.disk_usage(disk).free
                    filling.write(bytes(room - 4096))
                engine.wait_for(AWAY)
                (disk / "filling").unlink()
                day = ended(site, engine, feed)
            shutil.copy(disk / "azawatch.db", folder / "azawatch.db")

    said = " ".join(line["error_detail"] for line in engine.said(AWAY))
    assert "SQLITE_FULL" in said or "SQLITE_IOERR" in said
    wrong = differences(day, undisturbed)
    assert not wrong, "\n".join(wrong[:20])
