"""More than the engine can hold, or than the store takes: memory stays flat, and nothing is lost."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from engine.transports import OutboundMessage, PublishOutcome
from engine.transports.amqp import AmqpPublisher
from tests.integration.installation import INBOUND, Installation, RunningEngine, wait_until

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
