"""When a heartbeat is sent, and when it stays away although the engine seems to run."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from engine import app
from engine.decide import Knowledge
from engine.heartbeat import Heartbeat
from engine.settings import load
from engine.store import Store
from tests.support.outbox import hand_over, unsent

NOON = datetime(2026, 3, 11, 12, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)


@pytest.fixture
def store() -> Iterator[Store]:
    opened = Store.open("sqlite://")
    yield opened
    opened.close()


class Heart:
    """A heartbeat every hour, and what it has told."""

    def __init__(self, store: Store, knowledge: Knowledge | None = None) -> None:
        settings = load()
        self.store = store
        self.now = NOON
        self.outcomes: list[str] = []
        self.beat = Heartbeat(
            store,
            knowledge or app.knowledge_of(settings),
            app.intake_options(settings, lambda: self.now),
            HOUR,
            lambda: self.now,
            self.outcomes.append,
        )

    def settle(self, after: timedelta = timedelta()) -> bool:
        self.now += after
        return self.beat.settle()


def test_it_beats_once_an_hour_for_all_workers(store: Store) -> None:
    """Each beat is a message of its own about the same alert, with its own routing key, by MSH-11 a test."""
    first, second = Heart(store), Heart(store)
    assert (first.settle(), second.settle()) == (True, False)
    (sent,) = unsent(store)
    assert (sent.routing_key, sent.headers["phase"]) == ("alert.info.heartbeat", "start")
    assert b"|T|2.6|" in sent.body
    hand_over(store, NOON, confirmed=[sent.message_id])
    assert (first.settle(HOUR / 2), second.settle(HOUR)) == (False, True)
    (again,) = unsent(store)
    assert (again.routing_key, again.headers["phase"]) == ("alert.info.heartbeat", "update")
    assert again.correlation_id == sent.correlation_id
    assert again.message_id != sent.message_id
    assert store.records() == []


def test_one_that_is_not_out_is_not_heaped_on(store: Store) -> None:
    """Where nobody has bound a queue to it, or the broker is away for a week, one waits and no more."""
    heart = Heart(store)
    for _ in range(5):
        heart.settle(HOUR)
    assert heart.outcomes == ["queued", *["waiting"] * 4]
    assert len(unsent(store)) == 1


def test_rules_that_raise_nothing_stop_it(store: Store) -> None:
    """An engine that judges nothing any more is as good as dead, and its paging side hears nothing."""
    knowledge = app.knowledge_of(load())
    heart = Heart(store, replace(knowledge, rulebook=replace(knowledge.rulebook, in_force=())))
    assert not heart.settle()
    assert heart.outcomes == ["failed"]
    assert unsent(store) == []
