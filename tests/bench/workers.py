"""One worker, then two, on one quorum queue and one PostgreSQL store.

Broker, database and workers share the machine: on two cores two workers cannot do twice the work.
"""

from __future__ import annotations

import time
from contextlib import closing
from functools import partial

from tests.bench.bare import fill
from tests.bench.common import (
    Effort,
    Servers,
    Site,
    Spent,
    cpu_of,
    in_turns,
    mixed,
    roster_of_mixed,
    tell,
    tell_ratio,
    tell_tally,
)
from tests.integration.installation import INBOUND, wait_until


def main(effort: Effort, servers: Servers) -> None:
    """Messages a second from the first in the queue to the last taken in."""
    count = effort.of(4000, 200)
    # of a feed of ten times as many patients: those of one batch are nearly all others than of the next
    whole = effort.of(10, 1) * count
    bodies = mixed(whole)[:count]
    tell(f"workers on one PostgreSQL: {count} of {whole} messages of the mixed feed, prefetch 100")
    roster = roster_of_mixed(whole)
    # a full prefetch would leave one of two workers idle
    with servers.site(roster, postgresql=True, FLOW__PREFETCH="100") as site:
        tally = in_turns(
            effort.rounds,
            {
                "one worker": partial(_measure, site, bodies, 1),
                "two workers": partial(_measure, site, bodies, 2),
            },
        )
    tell_tally(tally)
    tell_ratio(tally, "two workers", "one worker", "more than 1")


def _measure(site: Site, bodies: list[bytes], workers: int) -> Spent:
    site.renew()
    engines = [site.start() for _ in range(workers)]
    with closing(site.installation.store()) as store:
        before = sum(cpu_of(engine.process.pid) for engine in engines)
        began = time.perf_counter()
        fill(site.url, INBOUND, bodies)
        wait_until(
            lambda: sum(many for *_, many in store.disposition_counts()) >= len(bodies),
            "every message is taken in",
            600,
        )
        seconds = time.perf_counter() - began
    spent = sum(cpu_of(engine.process.pid) for engine in engines) - before
    for engine in engines:
        engine.terminate()
    return Spent(len(bodies), seconds, spent)
