"""The fault tests with one protection taken out: each must then count what is lost or doubled.

``python -m tests.soak.unprotected [PROTECTION...]`` prints the table; exit code 1 when a fault test saw
nothing.
"""

from __future__ import annotations

import hashlib
import random
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from contextlib import closing
from dataclasses import replace
from pathlib import Path

from engine.addresses import each_host
from tests.integration.feed import Feed as Sending
from tests.integration.installation import MESSAGES, Installation, wait_until
from tests.integration.test_live_delivery_limit import limited
from tests.integration.test_live_poison import poisonous
from tests.simulation.sabotage import found_by
from tests.support.crash_points import SMALL_BATCHES, sample_day
from tests.support.killing import Feed, Ward, clean_run, invented, kill_at_random, starter, ward
from tests.support.outcome import Outcome, Verdict, judge
from tests.support.private_broker import PrivateBroker
from tests.support.private_cluster import PrivateCluster
from tests.support.private_postgresql import PrivatePostgresql
from tests.support.starter import Death, Starter, Worker
from tests.support.tcp_proxy import TcpProxy

# Where each protection is needed, and how often.
DEATHS = {
    "inbox key": (Death("engine.transports.amqp.consumer:AmqpConsumer.ack", call=2), 6),
    "outbox": (Death("engine.transports.amqp.publisher:AmqpPublisher.publish", call=2), 2),
    "ack after commit": (Death("engine.store.unit:Unit.flush", call=4), 3),
}

ALL = (*DEATHS, "person lock", "suspect mode", "half-open detection", "several hosts", "order of events")
BROKERS_LIMIT = 5  # deliveries; RabbitMQ 4 has 20 where nothing is said
POISONED_SECONDS = 300.0
HEARTBEAT_SECONDS = 4
SILENT_SECONDS = 60.0
DEAD_SECONDS = 20.0
SIMULATED_DAYS = 20_000


def killed_at(one: Ward, protection: str, *, removed: bool) -> Outcome:
    """The feed with deaths where this protection matters, with it or without."""
    without = protection if removed else ""
    one.prepare()
    one.send()
    death, rounds = DEATHS[protection]
    for _ in range(rounds):
        one.start(death=death, without=without).wait()
    return one.finish([one.start(without=without)])


def with_two_workers(one: Ward, feed: Feed, *, removed: bool) -> Outcome:
    """The feed with two workers and five kills, with the lock of a person or without."""
    without = "person lock" if removed else ""
    one.prepare()
    one.send()
    count = len(feed.messages)
    return one.finish(kill_at_random(one, 5, random.Random(1), messages=count, workers=2, without=without))


def say(protection: str, how: str, verdicts: tuple[Verdict, Verdict]) -> bool:
    """One line of the table, and what was seen; whether the fault test has told the two apart."""
    kept, removed = verdicts
    print(
        f"| {protection} | {how} | {kept.lost} / {kept.doubled} | {removed.lost} / {removed.doubled} |",
        *removed.told[:6],
        sep="\n    ",
        flush=True,
    )
    return bool(kept) and not removed


def main(*names: str) -> int:
    """Each protection in turn, or those that are named; 1 when one of them makes no difference."""
    wanted = names or ALL
    with (
        tempfile.TemporaryDirectory() as name,
        PrivateBroker(start_timeout_seconds=300) as broker,
        PrivatePostgresql() as server,
    ):
        base = Path(name)
        with starter(base) as starting:
            print("| protection | fault | lost / doubled with it | lost / doubled without it |", flush=True)
            seen = _on_a_file(base, broker, starting, wanted)
            if "person lock" in wanted:
                seen.append(_on_a_server(base, broker, starting, server))
            if "suspect mode" in wanted:
                seen.append(_with_poison(base, broker, starting))
            if "half-open detection" in wanted:
                seen.append(_half_open(base, broker, starting))
    if "several hosts" in wanted:
        seen.append(_node_killed())
    if "order of events" in wanted:
        seen.append(_any_order())
    return int(not all(seen))


def _on_a_file(base: Path, broker: PrivateBroker, starting: Starter, wanted: Sequence[str]) -> list[bool]:
    chosen = [name for name in wanted if name in DEATHS]
    if not chosen:
        return []
    feed = sample_day()
    clean = clean_run(base / "day", broker, starting, feed)
    seen = []
    for protection in chosen:
        death, rounds = DEATHS[protection]
        verdicts = []
        for removed in (False, True):
            folder = base / f"{protection} {removed}".replace(" ", "-")
            with ward(folder, broker, starting, feed) as one:
                verdicts.append(judge(killed_at(one, protection, removed=removed), clean))
        name = death.at.rpartition(":")[2]
        seen.append(say(protection, f"{rounds} deaths at {name}", (verdicts[0], verdicts[1])))
    return seen


def _on_a_server(base: Path, broker: PrivateBroker, starting: Starter, server: PrivatePostgresql) -> bool:
    feed = invented(base / "feed", people=3, days=700)
    clean = clean_run(base / "clean", broker, starting, feed)
    verdicts = []
    for removed in (False, True):
        settings = {**SMALL_BATCHES, "STORE_URL": server.new_database()}
        with ward(base / f"lock-{removed}", broker, starting, feed, **settings) as one:
            verdicts.append(judge(with_two_workers(one, feed, removed=removed), clean))
    return say("person lock", "2 workers, 3 patients, 5 SIGKILLs", (verdicts[0], verdicts[1]))


def _with_poison(base: Path, broker: PrivateBroker, starting: Starter) -> bool:
    """A message that crashes the engine: with suspect mode, without, with a limit of the broker's instead."""
    feed = sample_day()
    clean = clean_run(base / "innocent", broker, starting, feed)
    bad = poisonous("crash")
    verdicts: list[Verdict] = []
    for how, program in (
        ("with suspect mode", ()),
        ("without", ("suspect mode",)),
        ("without, a limit of the broker instead", ("suspect mode",)),
    ):
        with ward(base / f"poison-{len(verdicts)}", broker, starting, feed) as one:
            if how.endswith("instead"):
                limited(one.site, BROKERS_LIMIT)
            one.prepare()
            one.send([*feed.messages[:80], bad, *feed.messages[80:]])
            engine = one.site.start(program=("-m", "tests.support.poisoned", *program))
            if how == "without":
                engine.process.wait(POISONED_SECONDS)
            else:
                one.wait_until_settled()
                engine.terminate()
            ends = engine.log.read_text("utf-8").count('"event": "ended"')
            print(f"    {how}: the engine ended {ends} times, {one.on_record()} on record", flush=True)
            verdicts.append(judge(apart_from(one.outcome(), bad), clean))
    kept, dead, given_up = verdicts
    # With a limit it is the broker that sets the poison aside, and nothing is lost: told, not asked for.
    crash = "a message that crashes the engine"
    say("suspect mode, a limit of the broker's instead", crash, (kept, given_up))
    return say("suspect mode", crash, (kept, dead))


def apart_from(outcome: Outcome, body: bytes) -> Outcome:
    """What a message that is held on purpose has left is not asked about."""
    digest = hashlib.sha256(body).hexdigest()
    state = {
        name: Counter({row: count for row, count in rows.items() if digest not in row})
        for name, rows in outcome.state.items()
    }
    quarantined = {name: bodies for name, bodies in outcome.quarantined.items() if body not in bodies}
    return replace(outcome, state=state, quarantined=quarantined)


def _half_open(base: Path, broker: PrivateBroker, starting: Starter) -> bool:
    """A firewall forgets the connections: with our look for silence, with pika's alone, with neither."""
    feed = sample_day()
    clean = clean_run(base / "heard", broker, starting, feed)
    verdicts: list[Verdict] = []
    for how, heartbeat, without in (
        ("our look for silence", HEARTBEAT_SECONDS, ""),
        ("pika's heartbeat alone", HEARTBEAT_SECONDS, "look for silence"),
        ("neither", 0, "look for silence"),
    ):
        with (
            ward(base / f"silence-{len(verdicts)}", broker, starting, feed) as one,
            TcpProxy(broker.port) as proxy,
        ):
            one.prepare()
            url = f"{proxy.url(one.site.engine_url)}?heartbeat={heartbeat}"
            worker = one.start(settings={"AMQP_URL": url}, without=without)
            worker.wait_until_ready()
            one.send(feed.messages[:40])
            wait_until(lambda one=one: one.on_record() >= 40 - 1, "messages before the cut")  # type: ignore[misc]
            proxy.forget()
            began = time.monotonic()
            one.send(feed.messages[40:])
            noticed = _noticed(worker, began)
            if noticed is not None:
                one.wait_until_settled()
            worker.kill()
            verdicts.append(judge(one.outcome(), clean))
            seen = "never noticed" if noticed is None else f"noticed after {noticed:.0f} s"
            print(f"    {how}: {seen}", flush=True)
    return say("half-open detection", "the firewall forgets connections", (verdicts[0], verdicts[2]))


def _noticed(worker: Worker, began: float) -> float | None:
    """After how many seconds a worker says that a connection is lost; None when it does not in a minute."""
    while time.monotonic() < began + SILENT_SECONDS:
        if any(line["state"] == "lost" for line in worker.said("broker connection")):
            return time.monotonic() - began
        time.sleep(0.1)
    return None


def _node_killed() -> bool:
    """The node of the engine is dead: what is on record meanwhile, with every host told and with one."""
    counts = []
    with tempfile.TemporaryDirectory() as name, PrivateCluster() as cluster:
        for single in (False, True):
            folder = Path(name) / f"hosts-{single}"
            folder.mkdir()
            site = Installation(folder, cluster)
            with cluster.outside.entered(), closing(site):
                site.open()
                site.prepare()
                with cluster.engine_place.entered():
                    engine = site.start(each_host(site.engine_url)[0] if single else "")
                engine.wait_for("engine ready")
                with Sending(site.admin_url, MESSAGES) as feed, closing(site.store()) as store:
                    feed.wait_for(40)
                    opened = [line for line in engine.said("broker connection") if line["state"] == "open"]
                    node = cluster.node_at(next(one["detail"] for one in opened if one["queue"] == "inbound"))
                    node.kill9()
                    feed.wait_until_sent()
                    time.sleep(DEAD_SECONDS)
                    counts.append(sum(count for _, _, count in store.disposition_counts()))
                node.start()
                engine.kill()
    sent = len(sample_day().messages)
    print(f"| several hosts | node killed, {DEAD_SECONDS:.0f} s after the last of {sent} messages |", end="")
    print(f" {counts[0]} on record | {counts[1]} on record |", flush=True)
    return counts[1] < sent <= counts[0] + 1


def _any_order() -> bool:
    """The simulation without what keeps the events of one alert in order."""
    found = found_by("events of an alert in any order", range(SIMULATED_DAYS))
    print("| order of events | simulated days |", "not found" if found is None else found.wrongs[0], "|")
    return found is not None


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
