"""SIGKILL at random moments of a feed, on both kinds of store, and what is seen without the protections."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.support.killing import Feed, clean_run, invented, kill_at_random, starter, ward
from tests.support.outcome import Outcome, judge
from tests.support.private_broker import PrivateBroker
from tests.support.private_postgresql import PrivatePostgresql
from tests.support.starter import Starter

pytestmark = [pytest.mark.broker, pytest.mark.postgresql]

KILLS = 20


@dataclass(frozen=True, slots=True)
class Undisturbed:
    """A feed, and what comes of it when nobody disturbs."""

    feed: Feed
    starting: Starter
    outcome: Outcome


@pytest.fixture(scope="module")
def undisturbed(broker: PrivateBroker, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Undisturbed]:
    folder = tmp_path_factory.mktemp("kills")
    feed = invented(folder / "feed", people=10, days=300, messages=1800)
    with starter(folder) as starting:
        yield Undisturbed(feed, starting, clean_run(folder / "clean", broker, starting, feed))


@pytest.mark.parametrize("workers", [1, 2])
def test_workers_killed_at_random_lose_and_double_nothing(
    workers: int,
    broker: PrivateBroker,
    postgresql: PrivatePostgresql,
    undisturbed: Undisturbed,
    tmp_path: Path,
) -> None:
    """20 kills over 2,000 messages: one worker on a file, and two on PostgreSQL that die in turn."""
    settings = {"STORE_URL": postgresql.new_database()} if workers > 1 else {}
    feed = undisturbed.feed
    with ward(tmp_path, broker, undisturbed.starting, feed, **settings) as one:
        one.prepare()
        one.send()
        alive = kill_at_random(one, KILLS, random.Random(7), messages=len(feed.messages), workers=workers)
        verdict = judge(one.finish(alive), undisturbed.outcome)

    assert verdict, verdict.told
    assert undisturbed.outcome.events.total() > 50  # there was something to lose
