"""A disk that fails at any one write of the database: the batch is tried again, and nothing else happens."""

from __future__ import annotations

from collections.abc import Callable
from itertools import count
from pathlib import Path

from engine import app
from engine.errors import TransientError
from engine.intake import Intake
from engine.relay import Relay
from engine.settings import load
from engine.store import Store
from engine.taken import Arrived
from engine.transports.archive import read_archive
from engine.transports.memory import MemoryBroker, MemoryPublisher
from tests.support.failing_writes import Writes, failing_writes
from tests.support.outcome import Outcome, judge, outcome_of

DAY = Path(__file__).parents[1] / "sample_day"
COUNT = 16


def each_write_failing(work: Callable[[], object], writes: Writes | None) -> None:
    """Do this with its first write failing, then with its second, until it is done all the same."""
    if writes is None:
        work()
        return
    for number in count(1):
        writes.fail_at(number)
        try:
            work()
        except TransientError as error:
            assert "SQLITE_IOERR" in str(error)  # noqa: PT017  the last time nothing is raised
        else:
            writes.fail_at(0)
            return


def take_in(folder: Path, writes: Writes | None) -> Outcome:
    """The first messages of the sample day with alerts, one by one; what comes of them."""
    url = f"sqlite:///{folder}/azawatch.db"
    settings = load(overrides={"store_url": url})
    knowledge = app.knowledge_of(settings)
    store = Store.open(url, site_key=b"k" * 40)
    roster = app.roster_rows((DAY / "roster.csv").read_text("utf-8"), "roster.csv", knowledge)
    app.operations(settings, store).import_roster(roster, "roster.csv")
    with store._connection(reading=True) as connection:
        connection.exec_driver_sql("PRAGMA wal_autocheckpoint=40")  # so that copying into the file fails too
    broker = MemoryBroker()
    for exchange in (settings.topology.alerts_exchange, settings.topology.quarantine):
        broker.declare_exchange(exchange, "topic")
        broker.declare_queue(exchange)
        broker.bind(exchange, exchange, "#")
    publisher = MemoryPublisher(broker)
    publisher.open()
    intake = Intake(store, knowledge, app.intake_options(settings, app.now))
    relay = Relay(store, publisher, app.now, lambda *_: None, lambda _: None)
    for one in list(read_archive([DAY / "messages"]))[78 : 78 + COUNT]:
        each_write_failing(lambda body=one.body: intake.take([Arrived(body, "in")]), writes)  # type: ignore[misc]
        each_write_failing(relay.publish_pending, writes)
    assert store.check() == "ok"
    store.close()
    alerts, held = (
        [(one.message.message_id, one.message.body) for one in broker.peek(queue)]
        for queue in (settings.topology.alerts_exchange, settings.topology.quarantine)
    )
    return outcome_of(url, alerts, held)


def test_every_write_fails_once(tmp_path: Path) -> None:
    """Each write of each batch and of each marking in turn: record and alerts are those of a sound disk."""
    (tmp_path / "sound").mkdir()
    clean = take_in(tmp_path / "sound", None)
    with failing_writes() as writes:
        here = take_in(tmp_path, writes)

    verdict = judge(here, clean)
    assert verdict, "\n".join(verdict.told)
    assert here.copies == 0
    assert clean.published
    assert writes.failed > 10 * COUNT
