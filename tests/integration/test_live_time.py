"""What time brings about, through a real broker: nobody sends anything, and the clinic hears of it."""

from __future__ import annotations

import threading
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from engine import app
from engine.model.watch import Watch
from engine.settings import load
from tests.integration.installation import ALERTS_OUT, Installation, wait_until

pytestmark = pytest.mark.broker

ROSTER = (
    "patient_id,assigning_authority,event,effective,drug,dose_mg_per_day,indication,note\n"
    "H1,STEVENS,start,2026-03-02,azathioprine,100,,\n"
)
START = datetime(2026, 3, 2, tzinfo=UTC)


def test_an_overdue_test_is_published_when_its_day_has_come(site: Installation, tmp_path: Path) -> None:
    """The first weekly test of a new patient was not taken: the alert queue says so, once."""
    settings = load(overrides={"amqp_url": site.engine_url, "store_url": f"sqlite:///{tmp_path}/azawatch.db"})
    shown = [START + timedelta(days=1)]
    parts = replace(app.amqp_parts(settings), clock=lambda: shown[0])
    with parts.store.transaction() as unit:
        unit.put_watch(Watch(START - timedelta(days=90), shown[0]))
    operations = app.operations(settings, parts.store)
    operations.import_roster(app.roster_rows(ROSTER, "roster", parts.knowledge), "roster")
    engine = app.Engine(settings, parts)
    running = threading.Thread(target=engine.run)
    running.start()
    try:
        wait_until(lambda: parts.store.outbox_depth() == 0, "what the roster alone tells")
        site.take(ALERTS_OUT)
        shown[0] = START + timedelta(days=10)
        wait_until(lambda: site.depth(ALERTS_OUT) >= 2, "overdue alerts in the queue")
        shown[0] += timedelta(hours=1)
        watch = parts.store.watch
        wait_until(lambda: (seen := watch()) is not None and seen.clock == shown[0], "another sweep")
        wait_until(lambda: parts.store.outbox_depth() == 0, "everything published")
    finally:
        engine.stop()
        running.join()

    told = site.take(ALERTS_OUT)
    assert sorted(one.headers["rule"] for one in told) == [
        "d04-blood-weekly-overdue",
        "f01-liver-weekly-first-month",
    ]
    assert {one.routing_key for one in told} == {"alert.review.start"}
    assert all(b"2026-03-09 (2 days late)" in one.body for one in told)
