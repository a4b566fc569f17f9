"""The live engine against bare pika consume-and-acknowledge: same queue kind, messages and prefetch.

The engine does all that it does in a hospital: it reads, identifies, judges those on therapy, commits to
SQLite with synchronous=FULL or to PostgreSQL, acknowledges after the commit, and logs every message.
"""

from __future__ import annotations

from functools import partial

from engine.settings import load
from tests.bench.bare import consume, declare, fill
from tests.bench.common import (
    Effort,
    Servers,
    Site,
    Spent,
    in_turns,
    message,
    mixed,
    roster_of_mixed,
    roster_of_own,
    tell,
    tell_ratio,
    tell_tally,
)
from tests.integration.installation import INBOUND

_BARE_QUEUE = "bench.bare"


def main(effort: Effort, servers: Servers) -> None:
    """Two feeds, two databases."""
    count = effort.of(2500, 200)
    feeds = {
        "mixed feed": (mixed(count), roster_of_mixed(count), "0.30"),
        "nothing monitored": (
            [message(number, monitored=False) for number in range(count)],
            roster_of_own(30),
            "0.6",
        ),
    }
    for feed, (bodies, roster, target) in feeds.items():
        size = sum(map(len, bodies)) / len(bodies)
        tell(f"live, {feed}: {count} messages of {size:.0f} bytes, prefetch {load().flow.prefetch}")
        with (
            servers.site(roster) as sqlite,
            servers.site(roster, postgresql=True) as server,
        ):
            declare(sqlite.url, _BARE_QUEUE)
            tally = in_turns(
                effort.rounds,
                {
                    "bare pika": partial(_bare, sqlite.url, bodies),
                    "engine, SQLite": partial(_engine, sqlite, bodies),
                    "engine, PostgreSQL": partial(_engine, server, bodies),
                },
            )
            tell_tally(tally)
            tell_ratio(tally, "engine, SQLite", "bare pika", target)
            tell_ratio(tally, "engine, PostgreSQL", "bare pika")


def _bare(url: str, bodies: list[bytes]) -> Spent:
    fill(url, _BARE_QUEUE, bodies)
    return consume(url, _BARE_QUEUE, len(bodies))


def _engine(site: Site, bodies: list[bytes]) -> Spent:
    site.renew()
    fill(site.url, INBOUND, bodies)
    return site.counted(len(bodies))
