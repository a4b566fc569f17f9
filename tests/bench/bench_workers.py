"""One worker, then two, on one quorum queue and one PostgreSQL store.

``python -m tests.bench.bench_workers``. Workers are processes as in production; the private
broker and database share the machine with them, so that the CPU of the workers says more than the clock.
"""

from __future__ import annotations

import os
import tempfile
import time
from contextlib import closing
from pathlib import Path

from engine.store import Store
from engine.transports import OutboundMessage
from engine.transports.amqp import AmqpPublisher
from tests.bench.bench_live import ON_THERAPY, feed
from tests.integration.installation import INBOUND, Installation, RunningEngine, wait_until
from tests.support.private_broker import PrivateBroker
from tests.support.private_postgresql import PrivatePostgresql

MESSAGES = 1500
ROUNDS = 2
_TICKS = os.sysconf("SC_CLK_TCK")


def cpu_seconds(engine: RunningEngine) -> float:
    """CPU that a process has used so far."""
    fields = Path(f"/proc/{engine.process.pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICKS


def measure(site: Installation, workers: int, bodies: list[bytes]) -> str:
    """Let so many workers empty the queue; messages a second, and their CPU per message."""
    site.prepare()
    roster = site.folder / "therapy.csv"
    header = "patient_id,assigning_authority,event,effective,drug,dose_mg_per_day,indication,note\n"
    patients = (
        f"{900000 + number},NORTH,start,2025-12-01,azathioprine,100,,\n" for number in range(ON_THERAPY)
    )
    roster.write_text(header + "".join(patients), encoding="utf-8")
    site.run("roster", "import", roster)
    engines = [site.start() for _ in range(workers)]
    for engine in engines:
        engine.wait_for("engine ready")
    with closing(site.store()) as store:

        def taken() -> int:
            return sum(count for _, _, count in store.disposition_counts())

        before = sum(map(cpu_seconds, engines))
        started = time.perf_counter()
        publisher = AmqpPublisher(site.admin_url, window=1000)
        publisher.open()
        publisher.publish(
            [OutboundMessage("", INBOUND, body, "text/plain", str(n)) for n, body in enumerate(bodies)]
        )
        publisher.close()
        wait_until(lambda: taken() >= len(bodies), "every message is taken in", 600.0)
        seconds = time.perf_counter() - started
        cpu = sum(map(cpu_seconds, engines)) - before
    for engine in engines:
        engine.terminate()
    return f"{len(bodies) / seconds:6.0f} msg/s  {cpu / len(bodies) * 1000:5.2f} ms CPU per message"


def main() -> None:
    """Print a line for each round."""
    bodies = feed(MESSAGES)
    with PrivateBroker() as broker, PrivatePostgresql() as server, tempfile.TemporaryDirectory() as folder:
        for number in range(1, ROUNDS + 1):
            for workers in (1, 2):
                place = Path(folder) / f"{number}-{workers}"
                place.mkdir()
                url = server.new_database()
                Store.open(url).close()
                site = Installation(place, broker, {"STORE_URL": url, "FLOW__PREFETCH": "100"})
                with closing(site):
                    site.open()
                    told = measure(site, workers, bodies)
                print(f"round {number}, {workers} workers: {told}", flush=True)


if __name__ == "__main__":
    main()
