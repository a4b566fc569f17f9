"""The live loop on the shipped in-memory twins of the transports."""

from __future__ import annotations

import threading
from pathlib import Path

from engine import app
from engine.settings import load
from engine.store import Store
from engine.transports import OutboundMessage
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


def test_each_message_of_a_batch_has_its_own_fate(tmp_path: Path) -> None:
    """One delivery holds a whole FHS batch: its good messages are judged, the broken one is held alone."""
    settings = load(
        overrides={"store_url": f"sqlite:///{tmp_path}/azawatch.db", "topology": {"inbound": ["in"]}}
    )
    knowledge = app.knowledge_of(settings)
    broker = MemoryBroker()
    broker.declare_queue("in", arguments={"x-queue-type": "quorum"})
    for exchange in (settings.topology.alerts_exchange, settings.topology.quarantine):
        broker.declare_exchange(exchange, "topic")
        broker.declare_queue(exchange)
        broker.bind(exchange, exchange, "#")
    store = Store.open(settings.store_url)
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

    looking = Store.open(settings.store_url)
    assert looking.disposition_counts() == [
        ("accepted", "results", 2),
        ("quarantined", "no-patient-identifier", 1),
    ]
    assert [held.body.rstrip() for held in looking.quarantined()] == [result("C2", "30", "").rstrip()]
    assert broker.depth("in") == broker.unacked("in") == 0
