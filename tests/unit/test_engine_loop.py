"""The live loop on the shipped in-memory twins of the transports."""

from __future__ import annotations

import io
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from engine import app, log
from engine.errors import TransientError
from engine.hang import HangGuard
from engine.intake import Intake
from engine.model.watch import Watch
from engine.monitor import Limits, Monitor
from engine.operations import Operations
from engine.settings import Settings, load
from engine.store import Store, Unit
from engine.taking import Taking
from engine.transports import Delivery, OutboundMessage
from engine.transports.memory import MemoryBroker, MemoryConsumer, MemoryPublisher

ROSTER = (
    "patient_id,assigning_authority,event,effective,drug,dose_mg_per_day,indication,note\n"
    "H1,STEVENS,start,2026-01-01,azathioprine,100,,\n"
)


def result(control_id: str, alt: str, pid: str = "H1^^^STEVENS^MR") -> bytes:
    lines = (
        rf"MSH|^~\&|LIS|STEVENS|||20260312100000+0000||ORU^R01|{control_id}|P|2.5.1",
        f"PID|1||{pid}",
        f"OBR|1||{control_id}|LFT|||20260312090000+0000",
        f"OBX|1|NM|1742-6^ALT^LN||{alt}|U/L|10-40||||F",
    )
    return "\r".join(lines).encode() + b"\r"


def installed(folder: Path) -> Settings:
    """Settings with a store in a folder, and one queue."""
    return load(overrides={"store_url": f"sqlite:///{folder}/azawatch.db", "topology": {"inbound": ["in"]}})


def broker_of(settings: Settings) -> MemoryBroker:
    """A broker with everything that the engine needs."""
    broker = MemoryBroker()
    broker.declare_queue("in", arguments={"x-queue-type": "quorum"})
    for exchange in (settings.topology.alerts_exchange, settings.topology.quarantine):
        broker.declare_exchange(exchange, "topic")
        broker.declare_queue(exchange)
        broker.bind(exchange, exchange, "#")
    return broker


def test_each_message_of_a_batch_has_its_own_fate(tmp_path: Path) -> None:
    """One delivery holds a whole FHS batch: its good messages are judged, the broken one is held alone."""
    settings = installed(tmp_path)
    knowledge = app.knowledge_of(settings)
    broker = broker_of(settings)
    store = Store.open(settings.store_address)
    app.operations(settings, store).import_roster(app.roster_rows(ROSTER, "roster", knowledge), "roster")
    parts = app.Parts(
        store,
        knowledge,
        MemoryConsumer(broker, ["in"]),
        MemoryPublisher(broker),
        app.now,
        b"key" * 11,
    )
    engine = app.Engine(settings, parts)
    running = threading.Thread(target=engine.run)
    running.start()
    body = b"FHS|^~\\&\rBHS|^~\\&\r" + result("C1", "800") + result("C2", "30", "") + result("C3", "900")
    batch = body + b"BTS|3\rFTS|1\r"
    sender = MemoryPublisher(broker)
    sender.open()
    sender.publish([OutboundMessage("", "in", batch, "application/hl7-v2+er7", "B1")])
    for _ in range(200):
        if broker.depth(settings.topology.alerts_exchange) == 2:
            break
        threading.Event().wait(0.05)
    engine.stop()
    running.join(20)

    looking = Store.open(settings.store_address)
    assert looking.disposition_counts() == [
        ("accepted", "results", 2),
        ("quarantined", "no-patient-identifier", 1),
    ]
    assert [held.body.rstrip() for held in looking.quarantined()] == [result("C2", "30", "").rstrip()]
    assert broker.depth("in") == broker.unacked("in") == 0


class Watched(MemoryConsumer):
    """A consumer that does something before each batch that the engine asks for."""

    def __init__(self, broker: MemoryBroker, queues: Sequence[str], before: Callable[[], None]) -> None:
        super().__init__(broker, queues)
        self._before = before

    def next_batch(self, max_messages: int, max_wait_seconds: float) -> list[Delivery]:
        """As ``Consumer.next_batch``."""
        self._before()
        return super().next_batch(max_messages, min(max_wait_seconds, 0.01))


def test_a_sweep_of_many_lets_messages_in_and_stops_when_told(tmp_path: Path) -> None:
    """Everybody has missed a test: the feed goes on, a stop waits for nobody, a start goes on from there."""
    settings = installed(tmp_path)
    broker = broker_of(settings)
    start = datetime(2026, 1, 1, tzinfo=UTC)
    shown = [start + timedelta(days=1)]
    store = Store.open(settings.store_address)
    with store.transaction() as unit:
        unit.put_watch(Watch(start - timedelta(days=90), shown[0]))
    rows = "".join(f"P{number},STEVENS,start,2026-01-01,azathioprine,100,,\n" for number in range(50))
    knowledge = app.knowledge_of(settings)
    importing = Operations(store, knowledge, app.intake_options(settings, app.now), lambda: shown[0])
    importing.import_roster(app.roster_rows(ROSTER + rows, "roster", knowledge), "roster")
    sender = MemoryPublisher(broker)
    sender.open()

    def overdue() -> int:
        return sum(event.reason == "overdue" for event in Store.open(settings.store_address).alert_events())

    def run(before: Callable[[], None]) -> None:
        consumer = Watched(broker, ["in"], before)
        publisher = MemoryPublisher(broker)
        parts = app.Parts(
            Store.open(settings.store_address), knowledge, consumer, publisher, lambda: shown[0], b"k" * 33
        )
        engines.append(app.Engine(settings, parts))
        shown[0] += timedelta(days=9) if len(engines) == 1 else timedelta(minutes=10)
        engines[-1].run()

    engines: list[app.Engine] = []
    told: list[int] = []

    def stop_in_the_middle() -> None:
        told.append(overdue())
        if len(told) == 2:
            body = result("C1", "30", "H77^^^STEVENS^MR")
            sender.publish([OutboundMessage("", "in", body, "application/hl7-v2+er7", "B1")])
        if len(told) == 3:
            engines[-1].stop()

    run(stop_in_the_middle)
    assert 0 < told[1] <= told[2] == overdue() < 102
    assert store.disposition_counts() == [("accepted", "results", 1)]

    def stop_at_the_end() -> None:
        rounds.append(1)
        if len(rounds) == 8:
            engines[-1].stop()

    rounds: list[int] = []
    run(stop_at_the_end)
    assert overdue() == 102


def test_a_stop_while_the_store_is_away_is_as_clean_as_any(tmp_path: Path) -> None:
    """Whoever stops an engine that waits for its store is not told of a failure."""
    settings = installed(tmp_path)
    broker, store = broker_of(settings), Store.open(settings.store_address)
    file = tmp_path / "azawatch.db"

    def take_the_store_away() -> None:
        file.rename(tmp_path / "gone.db")
        engine.stop()

    consumer, publisher = Watched(broker, ["in"], take_the_store_away), MemoryPublisher(broker)
    known = app.knowledge_of(settings)
    engine = app.Engine(settings, app.Parts(store, known, consumer, publisher, app.now, b"k" * 33))
    written = io.StringIO()
    log.configure("info", "json", written)
    engine.run()
    log.configure()

    assert '"event": "engine stopped"' in written.getvalue()


class Locked(Store):
    """A store that may be locked by somebody else, without the seconds that it takes to find out."""

    locked = True

    @contextmanager
    def transaction(self) -> Iterator[Unit]:
        """As ``Store.transaction``, where nobody has locked it."""
        if self.locked:
            raise TransientError("store: SQLITE_BUSY")
        with super().transaction() as unit:
            yield unit


def test_a_store_that_lets_nobody_judge_time_is_told(tmp_path: Path) -> None:
    """No message comes, and nothing can be written: the engine is not ready, and is again when it can."""
    settings = installed(tmp_path)
    shown = [datetime(2026, 3, 1, 12, 1, tzinfo=UTC)]
    told = Monitor(lambda: shown[0], str, "r1", "strictest", Limits())
    broker, store = broker_of(settings), Locked.open(settings.store_address)
    consumer, publisher = Watched(broker, ["in"], lambda: None), MemoryPublisher(broker)
    known = app.knowledge_of(settings)
    parts = app.Parts(store, known, consumer, publisher, lambda: shown[0], b"k" * 33, told)
    consumer.open()
    engine = app.Engine(settings, parts)
    shown[0] += timedelta(minutes=10)
    engine.step()
    assert not told.good("time")
    assert isinstance(store, Locked)
    store.locked = False
    shown[0] += timedelta(minutes=10)
    engine.step()

    assert told.good("time")


class Noting(HangGuard):
    """A guard that notes for how long each piece of work may take."""

    def __init__(self) -> None:
        super().__init__(60.0)
        self.allowed: list[float] = []

    @contextmanager
    def watching(self, at_most: float | None = None) -> Iterator[None]:
        """As ``HangGuard.watching``."""
        self.allowed.append(60.0 if at_most is None else at_most)
        with super().watching(at_most):
            yield


@pytest.mark.parametrize(("size", "seconds"), [(1_000, 15), (10_000_000, 45)])
def test_what_is_delivered_again_is_read_within_seconds(tmp_path: Path, size: int, seconds: int) -> None:
    """A message that hangs the reader holds up the feed for a quarter of a minute each time, not for one."""
    settings = installed(tmp_path)
    guard = Noting()
    store = Store.open(settings.store_address)
    intake = Intake(store, app.knowledge_of(settings), app.intake_options(settings, app.now))
    body = result("C1", "30") + b"NTE|1||" + b"x" * (size - 500)
    again = Delivery(1, body, redelivered=True, delivery_count=1, queue="in", message_id="", epoch=0)
    ((_, [(_, _, taken)]),) = Taking(store, intake, guard, threading.Event(), lambda: None).take([again])

    assert taken.outcome.reason == "results"
    assert [round(limit) for limit in guard.allowed if limit < 60] == [seconds]
