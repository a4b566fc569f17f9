"""More than the engine can hold, or than store or broker take: memory stays flat, and nothing is lost."""

from __future__ import annotations

import signal
import sqlite3
import time
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

import pytest

from engine.transports import OutboundMessage, PublishOutcome
from engine.transports.amqp import AmqpPublisher
from tests.integration.installation import (
    ALERTS_OUT,
    INBOUND,
    QUARANTINE,
    Installation,
    RunningEngine,
    wait_until,
)
from tests.support.private_broker import PrivateBroker

pytestmark = pytest.mark.broker

MOST_MIB = 200  # above what the engine has when nothing comes


def with_document(number: int, size: int) -> bytes:
    """A result with a document of so many bytes."""
    lines = (
        rf"MSH|^~\&|LIS|STEVENS|||20260312100000+0000||ORU^R01|BIG{number}|P|2.5.1",
        f"PID|1||BIG{number % 10}^^^STEVENS^MR",
        f"OBR|1||BIG{number}|LFT|||20260312090000+0000",
        f"OBX|1|ED|PDF^report^L||^application^pdf^Base64^{'A' * size}||||||F",
        "OBX|2|NM|1742-6^ALT^LN||30|U/L|10-40||||F",
    )
    return ("\r".join(lines) + "\r").encode()


def memory_mib(engine: RunningEngine, what: str) -> int:
    """VmRSS or VmHWM, the most that it was."""
    lines = Path(f"/proc/{engine.process.pid}/status").read_text("utf-8").splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(what)) // 1024


@pytest.mark.parametrize(("count", "size"), [(300, 900_000), (25, 9_000_000)])
def test_a_queue_full_of_large_messages(count: int, size: int, site: Installation) -> None:
    """The store is locked while they come: 270 or 225 MB are never held, and all are taken in."""
    engine = site.start()
    engine.wait_for("engine ready")
    wait_until(lambda: site.store().outbox_depth() == 0, "what the roster leads to is published")
    idle = memory_mib(engine, "VmRSS")
    publisher = AmqpPublisher(site.admin_url, confirm_timeout_seconds=60)
    publisher.open()
    file = site.folder / "azawatch.db"
    with closing(publisher), closing(sqlite3.connect(file, isolation_level=None, timeout=30)) as other:
        other.execute("BEGIN IMMEDIATE")  # so that all arrive while nothing can be taken in
        for number in range(count):
            body = with_document(number, size)
            (receipt,) = publisher.publish([OutboundMessage("", INBOUND, body, "", f"big-{number}")])
            assert receipt.outcome is PublishOutcome.CONFIRMED
        engine.wait_for("store away, trying again", count=len(engine.said("store away, trying again")) + 1)
        other.execute("ROLLBACK")
    site.wait_until_done(count)

    grown = memory_mib(engine, "VmHWM") - idle
    assert engine.terminate() == 0
    assert {(how, why): number for how, why, number in site.store().disposition_counts()} == {
        ("accepted", "results"): count
    }
    assert grown < MOST_MIB


def alt(number: int, patients: int) -> bytes:
    """A result that starts or ends an alert of one of so many patients."""
    patient, time_of_day = number % patients, 480 + number // patients
    at = f"20260312{time_of_day // 60:02}{time_of_day % 60:02}00+0000"
    value = 30 if number // patients % 2 else 900
    lines = (
        rf"MSH|^~\&|LIS|STEVENS|||{at}||ORU^R01|ALT{number}|P|2.5.1",
        f"PID|1||P{patient}^^^STEVENS^MR",
        f"OBR|1||ALT{number}|LFT|||{at}",
        f"OBX|1|NM|1742-6^ALT^LN||{value}|U/L|10-40||||F",
    )
    return ("\r".join(lines) + "\r").encode()


def on_therapy(site: Installation, patients: int) -> None:
    """So many patients take azathioprine."""
    file = site.folder / "many.csv"
    head = "patient_id,assigning_authority,event,effective,drug,dose_mg_per_day,indication,note\n"
    rows = (f"P{number},STEVENS,start,2025-01-01,azathioprine,100,,\n" for number in range(patients))
    file.write_text(head + "".join(rows), "utf-8")
    site.take_in(file)


def put(site: Installation, bodies: Sequence[bytes]) -> None:
    """All of these into the inbound queue, confirmed."""
    publisher = AmqpPublisher(site.admin_url, confirm_timeout_seconds=60)
    publisher.open()
    with closing(publisher):
        messages = [OutboundMessage("", INBOUND, body, "", f"m{at}") for at, body in enumerate(bodies)]
        assert {one.outcome for one in publisher.publish(messages)} == {PublishOutcome.CONFIRMED}


def feed_while_blocked(site: Installation, count: int, patients: int, seconds: float) -> int:
    """So many results while a memory alarm keeps every alert back; MiB that the engine grew by.

    The alarm lasts until all are taken in, and at least so long. Afterwards every event decided must have
    been published once.
    """
    on_therapy(site, patients)
    engine = site.start()
    engine.wait_for("engine ready")
    with closing(site.store()) as store:
        wait_until(lambda: store.outbox_depth() == 0, "what the roster leads to is published")
        site.take(ALERTS_OUT)
        before = {event.event_id for event in store.alert_events()}
        idle = memory_mib(engine, "VmRSS")
        # an alarm would stop the feed too: the messages wait for the engine in the queue
        engine.process.send_signal(signal.SIGSTOP)
        put(site, [alt(number, patients) for number in range(count)])
        site.broker.evaluate("vm_memory_monitor:set_vm_memory_high_watermark(0.0001)")
        begun = time.monotonic()
        engine.process.send_signal(signal.SIGCONT)
        try:
            wait_until(lambda: site.depth(INBOUND) == 0, "everything is taken in", 60 + count / 10)
            wait_until(lambda: sum(n for *_, n in store.disposition_counts()) == count, "and is durable")
            wait_until(lambda: time.monotonic() - begun >= seconds, "the alarm lasts")
            held = store.outbox_depth()
            grown = memory_mib(engine, "VmHWM") - idle
        finally:
            site.broker.evaluate("vm_memory_monitor:set_vm_memory_high_watermark(0.4)")
        wait_until(lambda: store.outbox_depth() == 0, "everything is published", 60 + count / 10)
        decided = {event.event_id for event in store.alert_events()} - before
    assert engine.terminate() == 0
    published = {one.properties.message_id for one in site.take(ALERTS_OUT)}
    assert held >= count
    assert published == decided
    return grown


def test_alerts_that_a_memory_alarm_keeps_back(site: Installation) -> None:
    """A fast feed goes on meanwhile: what is decided waits on disk, not in memory, and all of it goes out."""
    assert feed_while_blocked(site, 400, 100, 0) < MOST_MIB


def test_a_full_quarantine_stops_nothing(
    broker: PrivateBroker, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """It refuses what comes: messages are taken in and pages go out; once it is emptied it gets all of them.

    More is refused than a window of the publisher holds.
    """
    site = Installation(tmp_path_factory.mktemp("full"), broker, {"FLOW__PUBLISH_WINDOW": "10"})
    nobodys = [alt(number, 20).replace(b"PID|1||P", b"PID|1||^") for number in range(100, 140)]
    with closing(site):
        site.open()
        site.run("topology", "apply")
        on_therapy(site, 20)
        with closing(site.store()) as store:
            with site.limited_to_one(QUARANTINE):
                engine = site.start()
                put(site, nobodys)
                engine.wait_for("not published")
                put(site, [alt(number, 20) for number in range(20)])
                wait_until(lambda: site.depth(ALERTS_OUT) >= 20, "each patient is paged for")
                assert site.depth(INBOUND) == 0
                assert store.outbox_depth() > 10
            wait_until(lambda: store.outbox_depth() == 0, "the quarantine has all of them")
            held = {one.body for one in store.quarantined()}
        assert engine.terminate() == 0
        received = {one.body for one in site.take(QUARANTINE)}

    assert received == held == set(nobodys)
