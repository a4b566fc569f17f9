"""What an administrator does to a running engine: no broker, no queues, no rights, no routes, no database."""

from __future__ import annotations

import json
import signal
import sqlite3
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing
from typing import Any

import pytest

from engine.outbound.event_json import event_to_dict
from tests.integration.installation import (
    ALERTS,
    ALERTS_OUT,
    INBOUND,
    MESSAGES,
    QUARANTINE,
    Installation,
    Played,
    RunningEngine,
    day_file,
    day_files,
    wait_until,
)
from tests.support.private_broker import PrivateBroker

pytestmark = pytest.mark.broker

CRITICAL = day_file("stevlis-boris-alt-500")
WITHOUT_IDENTIFIER = day_file("stevlis-without-identifier")


@pytest.fixture(scope="module")
def bare(broker: PrivateBroker, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    """A virtual host with nothing in it; no test may put anything there."""
    one = Installation(tmp_path_factory.mktemp("bare"), broker)
    with closing(one):
        one.open()
        yield one


def test_broker_away_at_the_start_and_restarted_in_mid_flight(
    site: Installation, broker: PrivateBroker, undisturbed: Played
) -> None:
    """The engine outlives its broker: it waits, says so, and in the end has told everything once."""
    broker.shut_down()
    engine = site.start()
    away = engine.wait_for("broker away, trying again", count=2)
    assert away["level"] == "warning"
    assert away["retry_in_s"] > engine.said("broker away, trying again")[0]["retry_in_s"]
    broker.start()
    engine.wait_for("engine ready")

    site.send(MESSAGES)
    broker.restart()
    site.wait_until_done(len(day_files()))

    assert engine.terminate() == 0
    assert {line["state"] for line in engine.said("broker connection")} >= {"lost", "open", "closed"}
    assert "unhandled error" not in {line["event"] for line in engine.lines()}
    published = {one.properties.message_id: one for one in site.take(ALERTS_OUT)}

    def told(events: list[Any]) -> Counter[str]:
        return Counter(
            json.dumps(event_to_dict(event) | {"decided_at": ""}, sort_keys=True) for event in events
        )

    events = site.store().alert_events()
    assert set(published) == {event.event_id for event in events}
    assert told(events) == told(undisturbed.events)
    assert len({one.body for one in site.take(QUARANTINE)}) == 2


def test_queues_missing_are_named_with_the_command_that_makes_them(bare: Installation) -> None:
    """On a fresh broker the engine refuses to start and says what to type; nothing is declared by itself."""
    done = bare.run("run", exits=2, url=bare.engine_url)

    assert "azawatch topology apply" in done.stderr
    assert ALERTS in done.stderr
    assert "password" not in done.stderr


def test_doctor_tells_all_that_is_missing(bare: Installation) -> None:
    """One look names every queue and exchange the engine lacks, with the command; exit 2."""
    done = bare.run("doctor", exits=2)

    for name in (INBOUND, ALERTS, QUARANTINE):
        assert f"{name} is missing" in done.stdout
    assert "azawatch topology apply" in done.stdout
    assert "knowledge: " in done.stdout
    assert "store: " in done.stdout
    assert "guest:guest" not in done.stdout


def test_doctor_finds_nothing_wrong_with_a_good_installation(site: Installation) -> None:
    """Exit 0 with the engine's own account, which may look but not touch."""
    done = site.run("doctor", url=site.engine_url)

    assert "everything the engine needs is there" in done.stdout
    assert "integrity ok" in done.stdout
    assert "a%20password" not in done.stdout


def test_the_account_of_the_engine_cannot_change_queues(bare: Installation) -> None:
    """Declaring needs another account, and the refusal says so instead of doing half of it."""
    done = bare.run("topology", "apply", exits=2, url=bare.engine_url)

    assert "may configure" in done.stderr
    assert "a%20password" not in done.stderr


@pytest.mark.parametrize("command", [("run",), ("topology", "apply"), ("send", str(CRITICAL))])
def test_a_wrong_password_is_said_at_once_and_not_shown(command: tuple[str, ...], bare: Installation) -> None:
    """Trying again cannot help; the text names the broker, never the password."""
    url = bare.broker.url_of("guest", "s3cret-typo", bare.virtual_host)
    done = bare.run(*command, exits=2, url=url)

    assert "s3cret" not in done.stderr + done.stdout
    assert "does not accept this user name and password" in done.stderr


def ready(site: Installation) -> RunningEngine:
    """A running engine that has published what the roster alone leads to; the queue is empty again."""
    engine = site.start()
    engine.wait_for("engine ready")
    wait_until(lambda: site.store().outbox_depth() == 0, "what the roster leads to is published")
    site.take(ALERTS_OUT)
    return engine


def unbind(channel: Any) -> None:
    channel.queue_unbind(ALERTS_OUT, ALERTS, "alert.#")


def delete_exchange(channel: Any) -> None:
    channel.exchange_delete(ALERTS)


@pytest.mark.parametrize("destroy", [unbind, delete_exchange])
def test_an_alert_without_a_route_is_kept_and_cried_about(
    destroy: Callable[[Any], None], site: Installation
) -> None:
    """A lost binding is an error in the log; the alert stays, survives a stop, and goes out later."""
    engine = ready(site)
    with site.channel() as channel:
        destroy(channel)
    site.send(CRITICAL, WITHOUT_IDENTIFIER)

    said = engine.wait_for("not published")
    assert (said["level"], said["outcome"]) == ("error", "returned")
    assert said["routing_key"] == "alert.critical.start"
    # one alert without a route does not hold up what has one
    # (copies of it, where the channel was closed between its arrival and its confirm)
    wait_until(lambda: site.depth(QUARANTINE) >= 1, "the quarantined message is published")
    wait_until(lambda: site.store().outbox_depth() == 1, "that is marked as published")
    engine.process.send_signal(signal.SIGINT)
    assert engine.process.wait(30) == 0
    assert engine.said("engine stopped")[0]["pending"] == 1
    assert "1 not delivered" in site.run("doctor", exits=2).stdout

    site.run("topology", "apply")
    engine = site.start()
    wait_until(lambda: site.store().outbox_depth() == 0, "the alert is published after all")
    assert engine.terminate() == 0
    (received,) = site.take(ALERTS_OUT)
    assert received.properties.message_id == said["event_id"]
    assert received.routing_key == "alert.critical.start"


def test_routes_repaired_while_the_engine_runs_are_enough(site: Installation) -> None:
    """Nobody has to restart the engine after the binding is back."""
    engine = ready(site)
    with site.channel() as channel:
        unbind(channel)
    site.send(CRITICAL)
    engine.wait_for("not published")
    site.run("topology", "apply")

    wait_until(lambda: site.depth(ALERTS_OUT) == 1, "the alert is published")
    assert engine.terminate() == 0
    assert site.store().outbox_depth() == 0


def test_a_locked_database_delays_and_loses_nothing(site: Installation) -> None:
    """A backup tool that holds the database makes the engine wait; the message is taken in afterwards."""
    engine = ready(site)
    with closing(sqlite3.connect(site.folder / "azawatch.db", isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        site.send(CRITICAL)
        said = engine.wait_for("store away, trying again")
        other.execute("ROLLBACK")

    assert said["level"] == "warning"
    assert "SQLITE_BUSY" in said["error_detail"]
    wait_until(lambda: site.depth(ALERTS_OUT) == 1, "the alert is published")
    assert engine.terminate() == 0
    assert site.depth(INBOUND) == 0
