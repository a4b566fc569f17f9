"""Messages that end the engine whenever it reads them: they are held unread, and nothing else is."""

from __future__ import annotations

import random
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import pytest
from sqlalchemy import create_engine, text

from engine.hang import HUNG
from engine.model.disposition import Reason
from tests.integration.comparison import COMPARED, accepted, rows_of
from tests.integration.installation import (
    ALERTS_OUT,
    QUARANTINE,
    ROOT,
    Installation,
    Played,
    Received,
    day_file,
    day_files,
    wait_until,
)
from tests.support.private_broker import PrivateBroker
from tests.support.private_postgresql import PrivatePostgresql

pytestmark = pytest.mark.broker

KINDS = ("bomb", "crash", "hang")
SETTINGS = {"FLOW__BATCH_TIMEOUT_S": "2", "FLOW__BATCH_MAX_MESSAGES": "20"}
# Tables with a line for every message, the poisonous ones too.
_BY_MESSAGE = {"messages", "quarantine", "outbox"}


def poisonous(kind: str) -> bytes:
    """An ordinary result by its looks, under a control id of its own."""
    body = day_file("stevlis-boris-alt-500").read_bytes().rstrip()
    return re.sub(rb"^((?:[^|]*\|){9})[^|]*", rb"\1POISON-" + kind.encode(), body, count=1)


def spoiled_day(folder: Path, kinds: tuple[str, ...]) -> list[Path]:
    """The messages of the sample day with one of each kind at a random place."""
    files = day_files()
    for kind in kinds:
        file = folder / f"{kind}.hl7"
        file.write_bytes(poisonous(kind))
        files.insert(random.randrange(len(files)), file)
    return files


@dataclass(frozen=True, slots=True)
class Survived:
    """What a day with poison has left behind."""

    site: Installation
    published: list[Received]
    quarantined: list[Received]
    ends: Counter[int]
    log: str


def survive(site: Installation, kinds: tuple[str, ...], workers: int, *, by_broker: int = 0) -> Survived:
    """The sample day with poison, in so many workers, each started anew whenever it ends.

    So many poisons the broker sets aside itself; the others are held by the engine.
    """
    site.prepare()
    files = spoiled_day(site.folder, kinds)
    site.send(*files)
    running = [site.start(program=("-m", "tests.support.poisoned")) for _ in range(workers)]
    site.wait_until_done(len(files) - by_broker - 1)  # one message of the day was sent twice
    _wait_until_all_aside(site, len(kinds), by_broker)
    for engine in running:
        engine.terminate()
    log = "".join(engine.log.read_text("utf-8") for engine in running)
    ends = Counter(int(code) for code in re.findall(r'"event": "ended", "code": (-?\d+)', log))
    return Survived(site, site.take(ALERTS_OUT), site.take(QUARANTINE), ends, log)


def _wait_until_all_aside(site: Installation, poisons: int, by_broker: int) -> None:
    """The rest may be on record, repeats counted, while a poison is still in the hands of a worker."""
    with closing(site.store()) as store:

        def told() -> int:
            return sum(count for how, _, count in store.disposition_counts() if how != "duplicate")

        all_of_them = len(day_files()) - 1 + poisons - by_broker
        wait_until(lambda: told() >= all_of_them, "everything is on record once")
        wait_until(lambda: store.outbox_depth() == 0, "everything is published")
    wait_until(lambda: _set_aside_by_broker(site) >= by_broker, "all poison is set aside")


def _set_aside_by_broker(site: Installation) -> int:
    """How many of the quarantine the broker has put there; a copy from before a death makes it no fuller."""
    found = 0
    with site.channel() as channel:  # what is not acknowledged is there again when the channel is closed
        while (got := channel.basic_get(QUARANTINE))[0] is not None:
            found += "x-death" in (got[1].headers or {})
    return found


@pytest.fixture(scope="module")
def survived(broker: PrivateBroker, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Survived]:
    """A day with a message that crashes, one that hangs and one that eats all memory."""
    site = Installation(tmp_path_factory.mktemp("poison"), broker, SETTINGS)
    with closing(site):
        site.open()
        yield survive(site, KINDS, 1)


def test_only_the_poison_is_held_unread(survived: Survived, undisturbed: Played) -> None:
    """Each in quarantine, whole and with its reason, in the store and for those who watch the queue."""
    held = [
        one for one in survived.site.store().quarantined() if one.message["reason"] == "crashes-the-engine"
    ]

    assert sorted(one.body for one in held) == sorted(map(poisonous, KINDS))
    told = [one for one in survived.quarantined if one.headers["x-reason"] == Reason.CRASHES_THE_ENGINE]
    assert {one.body for one in told} == set(map(poisonous, KINDS))
    innocent = {one.body for one in survived.quarantined} - set(map(poisonous, KINDS))
    assert innocent == {one.body for one in undisturbed.quarantined}


def test_the_engine_ended_as_often_as_it_must(survived: Survived) -> None:
    """Three times alone for each poison, and once before where its batch was taken; a hang ends by itself."""
    assert survived.ends.keys() == {-9, -11, 1}
    assert {3, 4} >= set(survived.ends.values())
    assert "Timeout (" in survived.log


@pytest.mark.parametrize("table", [table for table in COMPARED if table not in _BY_MESSAGE])
def test_the_record_is_that_of_a_day_without_poison(
    table: str, survived: Survived, undisturbed: Played
) -> None:
    """People, results, therapy, open alerts and what nobody has mapped are the same rows."""
    expected = rows_of(undisturbed.store_file, table)

    assert expected
    assert rows_of(survived.site.folder / "azawatch.db", table) == expected


def test_every_alert_is_told(survived: Survived, undisturbed: Played) -> None:
    """A process that ends thirteen times tells each event, by message id, as one that never does."""
    assert accepted(survived.published) == accepted(undisturbed.published)


def test_nothing_is_left_of_the_attempts(survived: Survived) -> None:
    """What was taken in alone is no longer under suspicion."""
    assert not rows_of(survived.site.folder / "azawatch.db", "attempts")


@pytest.mark.postgresql
def test_workers_hand_poison_on_until_it_is_held(
    broker: PrivateBroker,
    postgresql: PrivatePostgresql,
    tmp_path_factory: pytest.TempPathFactory,
    undisturbed: Played,
) -> None:
    """With two workers the attempts of both count, and innocents are on record as without poison."""
    url = postgresql.new_database()
    site = Installation(tmp_path_factory.mktemp("poisons"), broker, {**SETTINGS, "STORE_URL": url})
    with closing(site):
        site.open()
        survived = survive(site, ("crash",), 2)

        # once with others in hand, unless it was the first that its worker took
        assert survived.ends in ({-11: 3}, {-11: 4})
        with closing(site.store()) as store:
            told = store.disposition_counts()
        counts = {(how, why): count for how, why, count in told if how != "duplicate"}
        once = {how: count for how, count in undisturbed.dispositions.items() if how[0] != "duplicate"}
        assert counts == once | {("quarantined", "crashes-the-engine"): 1}
        engine = create_engine(url.replace("postgresql:", "postgresql+psycopg:"))
        with engine.connect() as connection:
            assert connection.execute(text("SELECT count(*) FROM attempts")).scalar_one() == 0
        engine.dispose()


@pytest.mark.parametrize(("allowed", "at_most"), [("0.2", ""), ("600", "0.2")], ids=["batch", "alone"])
def test_a_hang_that_lets_others_run_is_told_in_the_log(tmp_path: Path, allowed: str, at_most: str) -> None:
    """The process says what it does and why, and ends with a code of its own."""
    program = (
        "import time\nfrom engine import log\nfrom engine.hang import HangGuard\nlog.configure()\n"
        f"dog = HangGuard({allowed})\ndog.start()\nwith dog.watching({at_most}):\n    time.sleep(60)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=tmp_path,
        env={"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == HUNG
    assert '"event": "a batch hangs, ending the process"' in done.stderr
