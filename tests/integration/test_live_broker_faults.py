"""A broker that dies, stops, takes nothing or goes silent under load: in the end all is as on a clean day."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from time import sleep
from typing import Any

import pytest

from tests.integration.comparison import differences
from tests.integration.feed import Feed
from tests.integration.installation import (
    ALERTS,
    ALERTS_OUT,
    INBOUND,
    MESSAGES,
    Installation,
    Played,
    Received,
    RunningEngine,
    day_files,
    finish,
    wait_until,
)
from tests.support.private_broker import PrivateBroker
from tests.support.tcp_proxy import TcpProxy

pytestmark = pytest.mark.broker

COUNT = len(day_files())
FIRST_ALERTS = 78  # messages of the day; from here on every fourth, or more, leads to an alert
STOPPED_SECONDS = 2.0  # tests/soak/broker.py has a minute


def links(engine: RunningEngine, state: str, queue: str = "inbound") -> list[dict[str, Any]]:
    """What the engine has said of this state of a connection of its."""
    said = engine.said("broker connection")
    return [line for line in said if (line["state"], line["queue"]) == (state, queue)]


def ended(site: Installation, engine: RunningEngine, feed: Feed) -> Played:
    """The rest of the day."""
    feed.wait_until_sent()
    site.wait_until_done(COUNT - 1)  # one was sent twice, and may be told as a repeat
    return finish(site, engine)


def same(day: Played, clean: Played) -> None:
    """Fail with what was lost or doubled."""
    wrong = differences(day, clean)
    assert not wrong, "\n".join(wrong[:20])


def test_a_broker_killed_twice_and_then_stopped(
    site: Installation, broker: PrivateBroker, undisturbed: Played
) -> None:
    """Under load, with the whole engine: what the broker had confirmed comes, and once."""
    engine = site.start()
    engine.wait_for("engine ready")
    with Feed(site.admin_url, MESSAGES) as feed:
        for confirmed in (40, 80):
            feed.wait_for(confirmed)
            noticed = len(links(engine, "lost"))
            broker.kill9()
            wait_until(lambda before=noticed: len(links(engine, "lost")) > before, "the engine has noticed")  # type: ignore[misc]
            broker.start()
        feed.wait_for(120)
        broker.shut_down()
        sleep(STOPPED_SECONDS)
        broker.start()
        day = ended(site, engine, feed)

    same(day, undisturbed)


def test_a_connection_that_is_half_open(
    site: Installation, broker: PrivateBroker, undisturbed: Played
) -> None:
    """A firewall forgets the connections of the engine: it hears no heartbeat, and goes on with new ones."""
    with TcpProxy(broker.port) as proxy:
        engine = site.start(f"{proxy.url(site.engine_url)}?heartbeat=2")
        engine.wait_for("engine ready")
        with Feed(site.admin_url, MESSAGES) as feed:
            feed.wait_for(40)
            proxy.swallow(on=True)
            feed.wait_for(90)
            wait_until(lambda: links(engine, "lost") != [], "the engine has noticed")
            proxy.swallow(on=False)
            day = ended(site, engine, feed)

    assert links(engine, "lost")[0]["detail"] == "no heartbeat of the broker: connection is dead"
    same(day, undisturbed)


@contextmanager
def full(site: Installation, paged: list[Received]) -> Iterator[None]:
    """The queue of alerts is full and refuses what comes, until somebody takes the alerts."""
    with site.limited_to_one(ALERTS_OUT):
        yield
    paged += site.take(ALERTS_OUT)


@contextmanager
def unbound(site: Installation, _paged: list[Received]) -> Iterator[None]:
    """The binding that leads to the queue of alerts is gone."""
    with site.channel() as channel:
        channel.queue_unbind(ALERTS_OUT, ALERTS, "alert.#")
    yield
    with site.channel() as channel:
        channel.queue_bind(ALERTS_OUT, ALERTS, "alert.#")


@contextmanager
def memory_alarm(site: Installation, _paged: list[Received]) -> Iterator[None]:
    """The broker has too little memory and blocks whoever publishes."""
    site.broker.evaluate("vm_memory_monitor:set_vm_memory_high_watermark(0.0001)")
    yield
    site.broker.evaluate("vm_memory_monitor:set_vm_memory_high_watermark(0.4)")


@contextmanager
def disk_alarm(site: Installation, _paged: list[Received]) -> Iterator[None]:
    """The broker has too little disk and blocks whoever publishes."""
    site.broker.evaluate('rabbit_disk_monitor:set_disk_free_limit("900000GB")')
    yield
    site.broker.evaluate('rabbit_disk_monitor:set_disk_free_limit("50MB")')


def refused(outcome: str) -> Callable[[RunningEngine], bool]:
    """The engine has said that an alert was not published, and how."""
    return lambda engine: outcome in {line["outcome"] for line in engine.said("not published")}


def blocked(times: int) -> Callable[[RunningEngine], bool]:
    """The engine has said that the broker blocks its publisher."""
    return lambda engine: len(links(engine, "blocked", "outbound")) >= times


def test_alerts_that_the_broker_does_not_take(site: Installation, undisturbed: Played) -> None:
    """While alerts are refused, returned or blocked, messages are taken in; the alerts go out later."""
    engine = site.start()
    engine.wait_for("engine ready")
    faults = [
        (full, refused("nacked")),
        (unbound, refused("returned")),
        (memory_alarm, blocked(1)),
        (disk_alarm, blocked(2)),
    ]
    paged: list[Received] = []
    with Feed(site.admin_url, MESSAGES, limit=FIRST_ALERTS) as feed, closing(site.store()) as store:
        feed.wait_for(FIRST_ALERTS)
        for fault, told in faults:
            wait_until(lambda: store.outbox_depth() == 0, "alerts of before are published")
            # an alarm would stop the feed too: the messages wait for the engine in the queue
            engine.process.send_signal(signal.SIGSTOP)
            feed.send(16)
            with fault(site, paged):
                engine.process.send_signal(signal.SIGCONT)
                wait_until(lambda told=told: told(engine), f"it is told: {fault.__name__}")  # type: ignore[misc]
                wait_until(lambda: site.depth(INBOUND) == 0, "messages are taken in meanwhile")
                wait_until(lambda: len(store.messages(limit=1000)) >= feed.confirmed - 1, "all of them")
                assert store.outbox_depth() > 0
        day = ended(site, engine, feed)

    same(replace(day, published=paged + day.published), undisturbed)


def test_a_queue_deleted_and_declared_again(site: Installation, undisturbed: Played) -> None:
    """The engine waits for its queue, says which one, and goes on with the new one by itself."""
    engine = site.start()
    engine.wait_for("engine ready")
    with Feed(site.admin_url, MESSAGES, limit=60) as feed, closing(site.store()) as store:
        feed.wait_for(60)
        wait_until(lambda: len(store.messages(limit=1000)) == 60, "the queue is empty, and acknowledged")
        with site.channel() as channel:
            channel.queue_delete(INBOUND)
        wait_until(lambda: links(engine, "refused") != [], "the engine asks for its queue")
        site.run("topology", "apply")
        day = ended(site, engine, feed)

    assert links(engine, "lost")[0]["detail"] == "a queue was deleted or moved"
    assert INBOUND in links(engine, "refused")[0]["detail"]
    same(day, undisturbed)
