"""The machine's clock jumps under a live engine, and is put right again: what is told is as without it."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from engine import app
from engine.settings import load
from engine.store import Store
from engine.transports import OutboundMessage
from engine.transports.archive import read_archive
from engine.transports.memory import MemoryBroker, MemoryConsumer, MemoryPublisher
from tests.support.outcome import Outcome, judge, outcome_of

DAY = Path(__file__).parents[1] / "sample_day"
START = datetime(2026, 3, 12, 20, tzinfo=UTC)  # the last message of the day was sent before
COUNT = 120
WRONG = range(40, 80)  # the messages that come while the clock is wrong
JUMPS = {
    "an hour ahead": timedelta(hours=1),
    "an hour behind": timedelta(hours=-1),
    "a day ahead": timedelta(days=1),
    "a day behind": timedelta(days=-1),
}


@dataclass(frozen=True, slots=True)
class Told:
    """What is on record and was published in the end, and how much was unsent at any look."""

    outcome: Outcome
    steps: list[tuple[str, str, int]]
    unsent: set[int]


def play(folder: Path, jump: timedelta) -> Told:
    """A message a minute, then half a day without; while those of ``WRONG`` come the clock is off."""
    url = f"sqlite:///{folder}/azawatch.db"
    overrides = {
        "store_url": url,
        "topology": {"inbound": ["in"]},
        "escalation": {"critical_minutes": 90, "urgent_minutes": 90},
    }
    settings = load(overrides=overrides)
    shown = [START]
    knowledge = app.knowledge_of(settings)
    broker = MemoryBroker()
    broker.declare_queue("in", arguments={"x-queue-type": "quorum"})
    for exchange in (settings.topology.alerts_exchange, settings.topology.quarantine):
        broker.declare_exchange(exchange, "topic")
        broker.declare_queue(exchange)
        broker.bind(exchange, exchange, "#")
    store = Store.open(settings.store_address)
    roster = app.roster_rows((DAY / "roster.csv").read_text("utf-8"), "roster.csv", knowledge)
    app.operations(settings, store).import_roster(roster, "roster.csv")
    publisher, sender = MemoryPublisher(broker), MemoryPublisher(broker)
    consumer = MemoryConsumer(broker, ["in"])
    engine = app.Engine(
        settings, app.Parts(store, knowledge, consumer, publisher, lambda: shown[0], b"k" * 40)
    )
    for one in (publisher, sender, consumer):
        one.open()
    unsent = set()

    def turn() -> None:
        engine.step()
        while engine.relay.publish_pending() != (0, 0):
            pass
        unsent.add(store.outbox_depth())

    messages = [one.body for one in read_archive([DAY / "messages"])][:COUNT]
    for number, body in enumerate(messages):
        shown[0] = START + timedelta(minutes=number) + (jump if number in WRONG else timedelta())
        sender.publish([OutboundMessage("", "in", body, "application/hl7-v2+er7", f"m{number}")])
        turn()
    for minutes in range(COUNT, COUNT + 720, 90):
        shown[0] = START + timedelta(minutes=minutes)
        turn()
    events = [(event.alert_id, event.phase.value, event.sequence) for event in store.alert_events()]
    store.close()

    def taken(queue: str) -> list[tuple[str, bytes]]:
        return [(one.message.message_id, one.message.body) for one in broker.peek(queue)]

    alerts, held = taken(settings.topology.alerts_exchange), taken(settings.topology.quarantine)
    return Told(outcome_of(url, alerts, held), events, unsent)


@pytest.fixture(scope="module")
def steady(tmp_path_factory: pytest.TempPathFactory) -> Told:
    """The same feed under a clock that is right all the time."""
    return play(tmp_path_factory.mktemp("steady"), timedelta())


@pytest.mark.parametrize("jump", JUMPS.values(), ids=JUMPS.keys())
def test_a_clock_that_jumps_and_is_put_right(jump: timedelta, steady: Told, tmp_path: Path) -> None:
    """Each event is told once, none is missing, and the outbox empties all the time.

    An alert that began while the clock was behind is older than it is once that is put right: it may be
    escalated before its time. Nothing else is told that would not have been.
    """
    told = play(tmp_path, jump)

    verdict = judge(told.outcome, steady.outcome)
    assert verdict, "\n".join(verdict.told)
    here, there = (Counter((alert, phase) for alert, phase, _ in one.steps) for one in (told, steady))
    assert not there - here
    assert {phase for _, phase in here - there} <= ({"escalate"} if jump <= -timedelta(days=1) else set())
    assert {phase for _, phase in there} >= {"start", "escalate", "end"}
    assert told.unsent == {0}
