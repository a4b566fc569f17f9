"""After an outage, through a real broker: who is paged for what three days have left in the queue."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from engine import app
from engine.model.alert import CATCHING_UP, AlertEvent
from engine.settings import Settings, load
from engine.store import Store
from engine.transports import OutboundMessage
from engine.transports.amqp import AmqpPublisher
from tests.integration.installation import ALERTS_OUT, INBOUND, Installation, Received, wait_until

pytestmark = pytest.mark.broker

MONDAY = datetime(2026, 3, 9, 8, tzinfo=UTC)
ROSTER = "patient_id,assigning_authority,event,effective,drug,dose_mg_per_day,indication,note\n" + "".join(
    f"{patient},STEVENS,start,2025-01-01,azathioprine,100,,\n"
    for patient in ("gone", "holds", "worse", "known", "fresh", "milder", "back")
)


def result(patient: str, hours_ago: float, alt: str) -> bytes:
    """ALT of a patient, sent so long before Monday morning."""
    sent = (MONDAY - timedelta(hours=hours_ago)).strftime("%Y%m%d%H%M%S+0000")
    lines = (
        rf"MSH|^~\&|LIS|STEVENS|||{sent}||ORU^R01|{patient}-{hours_ago}|P|2.5.1",
        f"PID|1||{patient}^^^STEVENS^MR",
        f"OBR|1||{patient}-{hours_ago}|LFT|||{sent}",
        f"OBX|1|NM|1742-6^ALT^LN||{alt}|U/L|10-40||||F",
    )
    return "\r".join(lines).encode() + b"\r"


BEFORE = [result("known", 90, "600")]
BACKLOG = [
    result("gone", 70, "600"),
    result("holds", 60, "700"),
    result("worse", 55, "130"),
    result("milder", 50, "650"),
    result("back", 48, "510"),
    result("back", 44, "30"),
    result("gone", 40, "30"),
    result("known", 30, "32"),
    result("worse", 28, "800"),
    result("milder", 20, "130"),
    result("back", 14, "620"),
]
FRESH = [result("fresh", 1, "900")]


def patient_of(event: AlertEvent) -> str:
    return event.person.identifiers[0].value


@contextmanager
def engine_at(site: Installation, settings: Settings, shown: list[datetime]) -> Iterator[Store]:
    """A live engine whose clock shows what the test says, until the block ends; its store to look into."""
    parts = replace(app.amqp_parts(settings), clock=lambda: shown[0])
    engine = app.Engine(settings, parts)
    running = threading.Thread(target=engine.run)
    running.start()
    looking = site.store()
    try:
        yield looking
    finally:
        engine.stop()
        running.join()
        looking.close()


def put(site: Installation, bodies: list[bytes]) -> None:
    publisher = AmqpPublisher(site.admin_url, exchanges=())
    publisher.open()
    kind = "application/hl7-v2+er7"
    publisher.publish([OutboundMessage("", INBOUND, body, kind, str(n)) for n, body in enumerate(bodies)])
    publisher.close()


def taken(store: Store, count: int) -> None:
    wait_until(lambda: len(store.messages(limit=100)) >= count, f"{count} messages on record")


def installed(site: Installation) -> Settings:
    settings = load(
        overrides={
            "amqp_url": site.engine_url,
            "store_url": site.store_url,
            "site_key": "k" * 40,
            "catching_up": {"after_hours": 12},
        }
    )
    operations = app.operations(settings, site.store())
    knowledge = app.knowledge_of(settings)
    operations.import_roster(app.roster_rows(ROSTER, "roster", knowledge), "roster")
    return settings


def told(received: list[Received]) -> list[tuple[str, str, str]]:
    """Patient, rule and routing key of each alert message about ALT, and of each digest."""
    found = []
    for one in received:
        patient = one.body.split(b"PID|")[1].split(b"|")[2].split(b"^")[0].decode()
        if one.headers["rule"] != "f15-liver-panel-incomplete-s3":
            found.append((patient, str(one.headers["rule"]), one.routing_key))
    return sorted(found)


def test_only_what_still_holds_is_paged(site: Installation) -> None:
    """Three days wait in the queue: one page for each alert that holds, as it is now; digests of the rest.

    An engine that ends in the middle leaves what is held back to the next one.
    """
    settings = installed(site)
    shown = [MONDAY - timedelta(hours=90)]
    with engine_at(site, settings, shown) as store:
        put(site, BEFORE)
        taken(store, 1)
        wait_until(lambda: store.outbox_depth() == 0, "the page before the outage")
    assert len(site.take(ALERTS_OUT)) >= 1

    shown[0] = MONDAY
    first = BACKLOG[:6]
    with engine_at(site, settings, shown) as store:
        put(site, first)
        taken(store, 1 + len(first))
        assert store.held_alerts()
    assert told(site.take(ALERTS_OUT)) == []
    with engine_at(site, settings, shown) as store:
        put(site, BACKLOG[len(first) :] + FRESH)
        taken(store, 1 + len(BACKLOG) + 1)
        wait_until(lambda: site.depth(ALERTS_OUT) >= 2, "the alerts of today")
        while_behind = told(site.take(ALERTS_OUT))

        def settled() -> bool:
            shown[0] += timedelta(seconds=1)
            return not store.held_alerts() and store.outbox_depth() == 0

        wait_until(settled, "everything settled")
        events = store.alert_events()
        unpaged = [event for event in events if event.event_id in store.not_paged(event.alert_id)]

    assert while_behind == [("fresh", "a02-alt-ast-500", "alert.critical.start")]
    assert told(site.take(ALERTS_OUT)) == [
        ("back", "a02-alt-ast-500", "alert.critical.start"),
        ("gone", CATCHING_UP, "alert.review.start"),
        ("holds", "a02-alt-ast-500", "alert.critical.start"),
        ("known", "a02-alt-ast-500", "alert.critical.end"),
        ("milder", "a13-mild-rise", "alert.review.start"),
        ("milder", CATCHING_UP, "alert.review.start"),
        ("worse", "a02-alt-ast-500", "alert.critical.start"),
    ]
    assert {(patient_of(event), event.phase.value) for event in unpaged} == {
        ("back", "start"),
        ("back", "end"),
        ("gone", "start"),
        ("gone", "end"),
        ("milder", "start"),
        ("worse", "start"),
    }
    (gone,) = {event.alert_id for event in unpaged if patient_of(event) == "gone"}
    assert site.run("alerts", "show", gone).stdout.count("not paged  no longer true when judged") == 2
    site.run("audit", "verify")
