"""Workers whose machines show different times: on one PostgreSQL store they go by one clock."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from datetime import datetime, timedelta

import pytest

from engine import app
from engine.settings import load
from engine.shared_clock import SharedClock
from engine.store import Store
from engine.sweep import Sweep
from engine.taken import IntakeOptions
from tests.scenario.timeline import knowledge
from tests.support.private_postgresql import PrivatePostgresql

HOURS = timedelta(hours=6)
CLOSE = timedelta(minutes=1)


@pytest.fixture
def server(postgresql: PrivatePostgresql) -> Iterator[Store]:
    """A store on a server whose clock is right."""
    with closing(Store.open(postgresql.new_database())) as store:
        yield store


@pytest.mark.postgresql
def test_two_workers_hours_apart_judge_time_once(server: Store) -> None:
    """Each went back to its own clock at every sweep: overdue alerts began and ended every ten minutes."""
    clocks = [SharedClock(server, lambda ahead=ahead: app.now() + ahead) for ahead in (HOURS, -HOURS)]  # type: ignore[misc]

    assert abs(clocks[0]() - clocks[1]()) < CLOSE
    sweep = Sweep(knowledge(), IntakeOptions(clock=app.now))
    assert [sweep.run(server, clock()).set_back_from for clock in clocks * 2] == [None] * 4


@pytest.mark.postgresql
@pytest.mark.parametrize("jump", [HOURS, -HOURS])
def test_a_clock_that_jumps_is_found_out(server: Store, jump: timedelta) -> None:
    """The machine's clock is put forward or back under a running worker: the next look makes up for it."""
    shown = [timedelta()]
    clock = SharedClock(server, lambda: app.now() + shown[0])
    shown[0] = jump
    clock.look()

    assert abs(clock() - app.now()) < CLOSE


@pytest.mark.postgresql
def test_the_engine_goes_by_the_clock_of_the_server(
    postgresql: PrivatePostgresql, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The machine that it runs on is hours ahead, and what it notes is not."""
    url = postgresql.new_database()
    settings = load(overrides={"amqp_url": "amqp://127.0.0.1:1", "store_url": url, "site_key": "k" * 40})
    wall_clock = app.now
    monkeypatch.setattr(app, "now", lambda: wall_clock() + HOURS)
    parts = app.amqp_parts(settings)
    with closing(parts.store) as store:
        with store.transaction() as unit:
            Sweep(parts.knowledge, IntakeOptions(clock=parts.clock)).before(unit, parts.clock())
        seen = store.watch()

    assert seen is not None
    assert abs(parts.clock() - wall_clock()) < CLOSE
    assert abs(seen.since - wall_clock()) < CLOSE


def test_a_file_is_written_by_the_clock_of_its_machine() -> None:
    """Nobody else writes to it."""
    at = datetime.fromisoformat("2026-03-12T08:00:00+00:00")
    with closing(Store.open("sqlite://")) as store:
        clock = SharedClock(store, lambda: at)
        clock.look()

        assert clock() == at
