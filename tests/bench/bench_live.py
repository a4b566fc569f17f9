"""The live engine against bare pika: same quorum queue, same messages, same prefetch, in turns.

The engine does all that it does in a hospital: reads, identifies, judges one patient in twenty, commits to
an SQLite file with synchronous=FULL, acknowledges after the commit, writes a log line for every message.
"""

from __future__ import annotations

import statistics
import tempfile
import threading
from collections.abc import Sequence
from pathlib import Path

from engine import app, log
from engine.settings import load
from engine.store import Store
from engine.transports import Consumer, Delivery
from engine.transports.topology import Topology, apply
from tests.bench.bench_pika import Rate, Stopwatch, consume_with_bare_pika, fill
from tests.bench.bench_reader import message

MESSAGES = 3000
PERSONS = 600
ON_THERAPY = 30
ROUNDS = 5


def feed(count: int) -> list[bytes]:
    """Result messages of 20 OBX, each of its own order, going round all patients."""
    template = message().decode()
    bodies = []
    for number in range(count):
        text = template.replace("|B1|", f"|L{number}|").replace("900001", f"{900000 + number % PERSONS}")
        text = text.replace("|P1|F1|", f"|P{number}|F{number}|")
        bodies.append(text.encode())
    return bodies


class _Counted:
    """A consumer that says when so many messages have been acknowledged, and how long that took."""

    def __init__(self, consumer: Consumer, count: int) -> None:
        self._consumer = consumer
        self._count = count
        self._seen = 0
        self._watch = Stopwatch()
        self.rate: Rate | None = None
        self.done = threading.Event()

    def open(self) -> None:
        self._consumer.open()
        self._watch = Stopwatch()

    def next_batch(self, max_messages: int, max_wait_seconds: float) -> list[Delivery]:
        return self._consumer.next_batch(max_messages, max_wait_seconds)

    def wake(self) -> None:
        self._consumer.wake()

    def ack(self, deliveries: Sequence[Delivery]) -> None:
        self._consumer.ack(deliveries)
        self._seen += len(deliveries)
        if self._seen >= self._count:
            self.rate = self._watch.rate(self._seen)
            self.done.set()

    def waiting(self) -> dict[str, int]:
        return self._consumer.waiting()

    def close(self) -> None:
        self._consumer.close()


def run_engine(url: str, queue: str, count: int) -> Rate:
    """Let the engine take ``count`` messages out of the queue, on a new store."""
    with tempfile.TemporaryDirectory() as folder, (Path(folder) / "log").open("w") as lines:
        log.configure(stream=lines)
        settings = load(
            overrides={
                "amqp_url": url,
                "store_url": f"sqlite:///{folder}/azawatch.db",
                "topology": {"inbound": [queue]},
                # the messages are of fixed dates: told as those of a live feed
                "catching_up": {"after_hours": 0},
            }
        )
        parts = app.amqp_parts(settings)
        rows = "".join(
            f"{900000 + number},NORTH,start,2025-12-01,azathioprine,100,,\n" for number in range(ON_THERAPY)
        )
        header = "patient_id,assigning_authority,event,effective,drug,dose_mg_per_day,indication,note\n"
        roster = Store.open(settings.store_address)
        app.operations(settings, roster).import_roster(
            app.roster_rows(header + rows, "bench", parts.knowledge), "bench"
        )
        roster.close()
        counted = _Counted(parts.consumer, count)
        engine = app.Engine(
            settings,
            app.Parts(parts.store, parts.knowledge, counted, parts.publisher, parts.clock, parts.site_key),
        )
        running = threading.Thread(target=engine.run)
        running.start()
        counted.done.wait(300)
        engine.stop()
        running.join()
        if counted.rate is None:
            raise RuntimeError("the engine did not take every message in time")
        return counted.rate


def main(url: str) -> None:
    """Print both rates of each round and the median ratio."""
    queue = "azawatch.bench"
    apply(url, Topology.named())
    bodies = feed(MESSAGES)
    print(f"\nlive: {MESSAGES} messages of {len(bodies[0])} bytes and 20 OBX, {ROUNDS} rounds in turns")
    ratios = []
    for number in range(1, ROUNDS + 1):
        fill(url, queue, bodies)
        bare = consume_with_bare_pika(url, queue, MESSAGES)
        fill(url, queue, bodies)
        ours = run_engine(url, queue, MESSAGES)
        ratios.append(ours.per_second / bare.per_second)
        print(f"  round {number}: bare pika {bare}   engine {ours}   ratio {ratios[-1]:.3f}")
    print(f"  median ratio engine : bare pika consume-and-acknowledge = {statistics.median(ratios):.3f}")
