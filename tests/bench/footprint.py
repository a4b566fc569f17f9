"""From starting the command to being ready, and memory after so many messages of the mixed feed."""

from __future__ import annotations

import time
from contextlib import closing
from functools import partial
from itertools import islice

from engine.generate import MixedFeed
from engine.store import Store
from tests.bench.bare import fill
from tests.bench.common import (
    Effort,
    Servers,
    Site,
    megabytes_of,
    mixed_recipe,
    roster_of_mixed,
    spread,
    tell,
)
from tests.integration.installation import INBOUND, wait_until


def main(effort: Effort, servers: Servers) -> None:
    """Start-up in turns with nothing, then one engine that goes on."""
    count = effort.of(100_000, 200)
    bodies = (sent.body for sent in MixedFeed(mixed_recipe(count)).messages())
    tell(f"start and memory: knowledge as shipped, SQLite, mixed feed of {count} messages")
    with servers.site(roster_of_mixed(count)) as site:
        seconds = []
        for _ in range(effort.rounds):
            site.renew()
            began = time.perf_counter()
            engine = site.start()
            seconds.append(time.perf_counter() - began)
            engine.terminate()
        tell(f"  command to ready: {spread(seconds)} s   target under 1.5 s")
        engine = site.start()
        process = engine.process.pid
        told = [f"{megabytes_of(process):.0f} MB when ready"]
        parts = 4
        with closing(site.installation.store()) as store:
            for part in range(parts):
                done = count * (part + 1) // parts
                fill(site.url, INBOUND, list(islice(bodies, count // parts)))
                # whoever reads the store all the time keeps its log from being folded back
                wait_until(partial(_empty, site), "every message is fetched", 600)
                wait_until(partial(_taken, store, done), "every message is taken in", 600)
                told.append(f"{megabytes_of(process):.0f} MB after {done}")
        peak = megabytes_of(process, "VmHWM")
        tell(f"  resident: {', '.join(told)}; peak {peak:.0f} MB   target under 150 MB after a million")
        engine.terminate()


def _empty(site: Site) -> bool:
    return site.installation.depth(INBOUND) == 0


def _taken(store: Store, count: int) -> bool:
    return sum(many for *_, many in store.disposition_counts()) >= count
