"""A PostgreSQL server that cuts connections, is restarted and stopped under the live engine."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing

import pytest

from tests.integration.feed import Feed
from tests.integration.installation import (
    ALERTS_OUT,
    INBOUND,
    MESSAGES,
    QUARANTINE,
    Installation,
    Played,
    Received,
    RunningEngine,
    day_files,
    wait_until,
)
from tests.integration.test_live_monitor import address_of, ask, parts
from tests.support.outcome import Outcome, judge, outcome_of
from tests.support.private_broker import PrivateBroker
from tests.support.private_postgresql import PrivatePostgresql

pytestmark = [pytest.mark.broker, pytest.mark.postgresql]

COUNT = len(day_files())
AWAY = "store away, trying again"
CUT = (
    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
    "WHERE datname <> 'postgres' AND pid <> pg_backend_pid()"
)


@pytest.fixture
def own_server() -> Iterator[PrivatePostgresql]:
    """A server of this test alone: others must not lose theirs."""
    with PrivatePostgresql({"fsync": "off"}) as server:
        yield server


def outcome(url: str, alerts: list[Received], quarantined: list[Received]) -> Outcome:
    """What is on record at ``url``, and what was received."""
    told, held = (
        [(str(one.properties.message_id), one.body) for one in some] for some in (alerts, quarantined)
    )
    return outcome_of(url, told, held)


def waits(engine: RunningEngine) -> None:
    """Wait until the engine has tried in vain, and hold what it says of it."""
    engine.wait_for(AWAY, count=len(engine.said(AWAY)) + 2)
    status, body = ask(address_of(engine), "/health/ready")
    assert (status, parts(body)["batches"], parts(body)["store"]) == (503, "waiting for the store", "away")
    assert ask(address_of(engine), "/health/live")[0] == 200


def test_a_server_that_cuts_connections_is_restarted_and_stopped(
    broker: PrivateBroker,
    own_server: PrivatePostgresql,
    tmp_path_factory: pytest.TempPathFactory,
    undisturbed: Played,
) -> None:
    """Three ways to lose the server during the feed: record and alerts are those of a clean day."""
    url = own_server.new_database()
    settings = {"STORE_URL": url, "MONITOR__ADDRESS": "127.0.0.1:0"}
    site = Installation(tmp_path_factory.mktemp("server"), broker, settings)
    with closing(site):
        site.open()
        site.prepare()
        engine = site.start()
        engine.wait_for("engine ready")
        with Feed(site.admin_url, MESSAGES) as feed:
            for confirmed in (30, 40, 50):
                feed.wait_for(confirmed)
                own_server.execute(CUT)
            feed.wait_for(70)
            own_server.restart()
            feed.wait_for(100)
            own_server.shut_down()
            waits(engine)
            own_server.start()
            feed.wait_until_sent()
            site.wait_until_done(COUNT - 1)  # one was sent twice, and may be told as a repeat
            wait_until(lambda: ask(address_of(engine), "/health/ready")[0] == 200, "ready again")
        assert engine.terminate() == 0
        here = outcome(url, site.take(ALERTS_OUT), site.take(QUARANTINE))
    clean = outcome(f"sqlite:///{undisturbed.store_file}", undisturbed.published, undisturbed.quarantined)

    verdict = judge(here, clean)
    assert verdict, "\n".join(verdict.told)


def test_a_server_that_starts_after_the_engine(
    broker: PrivateBroker, own_server: PrivatePostgresql, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Machines that come up together need not in order: the engine says what it waits for, and begins."""
    settings = {"STORE_URL": own_server.new_database()}
    site = Installation(tmp_path_factory.mktemp("server"), broker, settings)
    with closing(site):
        site.open()
        site.prepare()
        own_server.shut_down()
        stopped, engine = site.start(), site.start()
        for one in (stopped, engine):
            said = one.wait_for(AWAY, count=2)["error_detail"]
            assert said == "store: OperationalError, no server listens where store_url says"
        assert stopped.terminate() == 0
        own_server.start()
        engine.wait_for("engine ready")
        site.send(MESSAGES)
        site.wait_until_done(COUNT)
        assert engine.terminate() == 0
        assert site.left(INBOUND) == 0
