"""From the outbox to the broker, on the shipped in-memory twin."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import pytest

from engine.errors import TransientError
from engine.relay import Relay
from engine.store import OutboxRow, Store
from engine.transports import OutboundMessage, Receipt
from engine.transports.memory import MemoryBroker, MemoryPublisher

NOW = datetime(2026, 3, 12, 9, tzinfo=UTC)
EXCHANGE, QUEUE = "azawatch.alerts", "azawatch.alerts.out"


def row(number: int, key: str = "alert.critical.start", alert: str = "") -> OutboxRow:
    alert = alert or f"A{number}"
    return OutboxRow(f"M{number}", EXCHANGE, key, "text/plain", alert, {"phase": "start"}, b"body")


def prepared(
    *rows: OutboxRow, url: str = "sqlite://"
) -> tuple[Store, MemoryBroker, Relay, list[tuple[str, str]], list[Exception]]:
    """A store with these rows, a broker that routes critical alerts, and a relay between them."""
    store = Store.open(url)
    with store.transaction() as unit:
        unit.put_outbox(rows, NOW)
    broker = MemoryBroker()
    broker.declare_exchange(EXCHANGE, "topic")
    broker.declare_queue(QUEUE)
    broker.bind(EXCHANGE, QUEUE, "alert.critical.#")
    publisher = MemoryPublisher(broker)
    publisher.open()
    told: list[tuple[str, str]] = []
    faults: list[Exception] = []
    relay = Relay(
        store,
        publisher,
        lambda: NOW,
        lambda one, receipt: told.append((one.message_id, receipt.outcome)),
        faults.append,
    )
    return store, broker, relay, told, faults


def test_confirmed_rows_are_sent_once() -> None:
    """What the broker has confirmed is not published again."""
    store, broker, relay, told, _ = prepared(row(1), row(2))

    assert relay.publish_pending() == (2, 0)
    assert relay.publish_pending() == (0, 0)
    assert told == [("M1", "confirmed"), ("M2", "confirmed")]
    assert (broker.depth(QUEUE), store.outbox_depth()) == (2, 0)


def test_an_unroutable_alert_stays_and_holds_nobody_up() -> None:
    """An alert that no queue takes is kept, told as returned, and tried again behind the new ones."""
    store, broker, relay, told, _ = prepared(row(1, "alert.info.start"), row(2))

    assert relay.publish_pending() == (1, 1)
    assert told == [("M1", "returned"), ("M2", "confirmed")]
    broker.bind(EXCHANGE, QUEUE, "alert.info.#")
    assert relay.publish_pending() == (1, 0)
    assert store.outbox_depth() == 0


def test_events_of_one_alert_come_in_order_across_a_loss() -> None:
    """What the broker may not have got is sent before anything newer about the same alert."""
    store, broker, relay, told, _ = prepared(row(1, alert="A"), row(2, alert="A"))
    broker.stop()

    assert relay.publish_pending() == (0, 1)
    with store.transaction() as unit:
        unit.put_outbox([row(3, alert="A"), row(4, alert="B")], NOW)
    broker.start()
    while relay.publish_pending() != (0, 0):
        pass

    assert told == [
        ("M1", "lost"),
        ("M4", "confirmed"),
        ("M1", "confirmed"),
        ("M2", "confirmed"),
        ("M3", "confirmed"),
    ]


def test_a_store_that_cannot_mark_costs_no_copies(tmp_path: Path) -> None:
    """What is confirmed and cannot be marked is not published again, nor anything after it, until it is."""
    store, broker, relay, told, _ = prepared(row(1), row(2), url=f"sqlite:///{tmp_path}/azawatch.db")
    with store._connection(reading=True) as connection:
        connection.exec_driver_sql("PRAGMA query_only=ON")

    for _ in range(3):
        with pytest.raises(TransientError):
            relay.publish_pending()
    with store._connection(reading=True) as connection:
        connection.exec_driver_sql("PRAGMA query_only=OFF")
    with store.transaction() as unit:
        unit.put_outbox([row(3)], NOW)

    assert relay.publish_pending() == (1, 0)
    assert told == [("M1", "confirmed"), ("M2", "confirmed"), ("M3", "confirmed")]
    assert (broker.depth(QUEUE), store.outbox_depth()) == (3, 0)


def test_a_graver_event_does_not_wait_for_one_that_nobody_takes() -> None:
    """A start that is returned for its severity keeps back nothing that the same alert tells later."""
    _, _, relay, told, _ = prepared(row(1, "alert.info.start", "A"), row(2, "alert.critical.change", "A"))

    assert relay.publish_pending() == (0, 1)
    assert relay.publish_pending() == (1, 1)
    assert ("M2", "confirmed") in told


def test_the_relay_survives_what_nobody_foresaw(monkeypatch: pytest.MonkeyPatch) -> None:
    """A defect while publishing is told and tried again: a dead relay would look like a quiet night."""
    store, _, relay, _, faults = prepared(row(1))
    publish = MemoryPublisher.publish

    def fail_once(self: MemoryPublisher, messages: Sequence[OutboundMessage]) -> list[Receipt]:
        if not faults:
            raise RuntimeError("nobody foresaw this")
        return publish(self, messages)

    monkeypatch.setattr(MemoryPublisher, "publish", fail_once)
    running = threading.Thread(target=relay.run)
    running.start()
    for _ in range(200):
        relay.notify()
        if store.outbox_depth() == 0:
            break
        threading.Event().wait(0.05)
    relay.stop()
    running.join(10)

    assert [type(fault) for fault in faults] == [RuntimeError]
    assert store.outbox_depth() == 0
