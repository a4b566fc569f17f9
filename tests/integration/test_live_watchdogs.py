"""A laboratory that falls silent and a heartbeat, as the paging side hears of them through a real broker."""

from __future__ import annotations

import threading
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from engine import app
from engine.settings import load
from tests.integration.installation import ALERTS_OUT, Installation, day_file, wait_until
from tests.integration.test_live_monitor import address_of, ask, samples

pytestmark = pytest.mark.broker

START = datetime(2026, 3, 12, 12, tzinfo=UTC)
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
