"""A laboratory that falls silent and a heartbeat, as the paging side hears of them through a real broker."""

from __future__ import annotations

import threading
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from engine import app
from engine.settings import load
from engine.store import verify
from tests.integration.installation import ALERTS_OUT, Installation, day_file, wait_until
from tests.integration.test_live_monitor import address_of, ask, samples
from tests.support.private_postgresql import PrivatePostgresql

pytestmark = pytest.mark.broker

START = datetime(2026, 3, 12, 12, tzinfo=UTC)
MINUTES = timedelta(minutes=4)
CODES = ("1742-6 (alt)", "6690-2 (wbc)")
RESULTS = ("northlab-maja-earlier", "northlab-frida-earlier")


def test_a_laboratory_that_stops_sending_is_paged_until_it_sends_again(
    site: Installation, tmp_path: Path
) -> None:
    """Ten minutes without a result from the north are an alert about nobody, which a result ends."""
    overrides = {
        "amqp_url": site.engine_url,
        "store_url": f"sqlite:///{tmp_path}/azawatch.db",
        "feeds": {"silent_minutes": {"north": 10}},
        "catching_up": {"after_hours": 0},
    }
    shown = [START]
    settings = load(overrides=overrides)
    parts = replace(app.amqp_parts(settings), clock=lambda: shown[0])
    engine = app.Engine(settings, parts)
    store = parts.store

    def on_record(count: int) -> None:
        wait_until(lambda: sum(one[-1] for one in store.disposition_counts()) == count, f"{count} results")

    def look() -> None:
        shown[0] += timedelta(minutes=4)

        def looked() -> bool:
            with store.technical() as technical:
                return technical.instants("listened_at").get("listened_at") == shown[0]

        wait_until(looked, "a look at the feeds")

    running = threading.Thread(target=engine.run)
    running.start()
    try:
        look()
        site.send(day_file(RESULTS[0]))
        on_record(1)
        for _ in range(4):
            look()
        wait_until(lambda: site.depth(ALERTS_OUT) >= 1, "the alert about the silence")
        site.send(day_file(RESULTS[1]))
        on_record(2)
        look()
        wait_until(lambda: site.depth(ALERTS_OUT) >= 2, "its end")
    finally:
        engine.stop()
        running.join()

    told = [one for one in site.take(ALERTS_OUT) if one.headers["rule"] == "system-feed-silent"]
    assert [one.routing_key for one in told] == ["alert.urgent.start", "alert.urgent.end"]
    assert len({one.properties.correlation_id for one in told}) == 1
    assert b"|No results come from north|" in told[0].body.replace(b"^", b"|")
    assert b"PID|||SYSTEM^^^AZAWATCH" in told[0].body
    assert b"MAJA" not in told[0].body


@pytest.mark.postgresql
def test_two_workers_tell_of_a_silent_sender_a_lost_code_and_their_heartbeat_once(
    site: Installation, postgresql: PrivatePostgresql
) -> None:
    """Both watch one feed on one database: each alarm begins once and ends once, and one heart beats."""
    url = postgresql.new_database()
    overrides = {
        "amqp_url": site.engine_url,
        "store_url": url,
        "site_key": "the same for both of these workers",
        "feeds": {"silent_minutes": {"north": 10}},
        "heartbeat": {"every_minutes": 600},
        "catching_up": {"after_hours": 0},
    }
    shown = [START]
    settings = load(overrides=overrides)
    parts = [replace(app.amqp_parts(settings), clock=lambda: shown[0]) for _ in range(2)]
    engines = [app.Engine(settings, each) for each in parts]
    store = parts[0].store
    for week in range(1, 10):
        for code, last in zip(CODES, (2, 1), strict=True):
            day = (START - timedelta(weeks=week)).date().isoformat()
            store.count_days({(day, "code", "LAB|NORTH", code): 20 if week >= last else 0}, START)

    def on_record(count: int) -> None:
        wait_until(lambda: sum(one[-1] for one in store.disposition_counts()) == count, f"{count} results")

    def look(after: timedelta) -> None:
        shown[0] += after

        def looked() -> bool:
            for each in parts:
                each.consumer.wake()
            return all(engine._duties._heartbeat._looked_at == shown[0] for engine in engines)

        wait_until(looked, "a look by each worker")

    running = [threading.Thread(target=engine.run) for engine in engines]
    for thread in running:
        thread.start()
    try:
        look(MINUTES)
        site.send(day_file(RESULTS[0]))
        on_record(1)
        for _ in range(4):
            look(MINUTES)
        site.send(day_file(RESULTS[1]))
        on_record(2)
        look(MINUTES)
        today = START.date().isoformat()
        store.count_days({(today, "code", "LAB|NORTH", code): 20 for code in CODES}, START)
        look(timedelta(days=1))
        wait_until(lambda: site.depth(ALERTS_OUT) >= 6, "everything is told")
        look(MINUTES)
        wait_until(lambda: store.outbox_depth() == 0, "everything is out")
    finally:
        for engine in engines:
            engine.stop()
        for thread in running:
            thread.join()

    told: dict[str, list[str]] = {}
    for one in site.take(ALERTS_OUT):
        told.setdefault(f"{one.headers['rule']} {one.properties.correlation_id}", []).append(one.routing_key)
    assert sorted((key.split()[0], keys) for key, keys in told.items()) == [
        ("system-feed-silent", ["alert.urgent.start", "alert.urgent.end"]),
        ("system-habit-changed", ["alert.review.start", "alert.review.end"]),
        ("system-heartbeat", ["alert.info.heartbeat", "alert.info.heartbeat"]),
    ]
    assert verify(url, parts[0].site_key).faults == []


def test_a_heartbeat_goes_the_whole_way_and_leaves_no_trace(site: Installation) -> None:
    """A test alert goes through judgement, store, outbox and confirm, and no patient is made of it."""
    site.settings |= {"HEARTBEAT__EVERY_MINUTES": "600", "MONITOR__ADDRESS": "127.0.0.1:0"}
    before = len(site.store().records())
    engine = site.start()
    address = address_of(engine)
    wait_until(
        lambda: samples(ask(address, "/metrics")[1])["azawatch_heartbeats_total", "queued"] == 1, "counted"
    )
    wait_until(lambda: site.store().outbox_depth() == 0, "everything is out")
    assert engine.terminate() == 0

    (beat,) = [one for one in site.take(ALERTS_OUT) if one.routing_key == "alert.info.heartbeat"]
    header = beat.body.split(b"\r")[0].split(b"|")
    assert header[10] == b"T"
    assert beat.headers["rule"] == "system-heartbeat"
    store = site.store()
    assert len(store.records()) == before
    assert store.disposition_counts() == []
    assert "heartbeat" not in str(store.alert_events()).lower()
