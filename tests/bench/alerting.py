"""The alert path, when every message alerts: the engine against a bare pipelined pass-through.

The pass-through publishes each message to another durable quorum queue and acknowledges it when that is
confirmed, many in flight: it forwards a message where the engine commits results, an alert and its outbox,
and publishes the alert in every format that the site sends.
"""

from __future__ import annotations

from functools import partial

from tests.bench.bare import declare, fill, pass_through
from tests.bench.common import (
    Effort,
    Servers,
    Site,
    Spent,
    in_turns,
    message,
    roster_of_own,
    tell,
    tell_ratio,
    tell_tally,
)
from tests.integration.installation import ALERTS_OUT, INBOUND

_FROM, _TO = "bench.from", "bench.to"


def main(effort: Effort, servers: Servers) -> None:
    """One line for each party, and the ratio."""
    count = effort.of(600, 60)
    bodies = [message(number, alt="600") for number in range(count)]
    tell(f"every message alerts: {count} messages of {len(bodies[0])} bytes, each of its own patient")
    with servers.site(roster_of_own(count)) as site:
        declare(site.url, _FROM, _TO)
        tally = in_turns(
            effort.rounds,
            {"bare pass-through": partial(_bare, site, bodies), "engine": partial(_engine, site, bodies)},
        )
        tell(
            f"  messages published by the engine for {count} taken in: {site.installation.depth(ALERTS_OUT)}"
        )
    tell_tally(tally)
    tell_ratio(tally, "engine", "bare pass-through", "0.30")


def _bare(site: Site, bodies: list[bytes]) -> Spent:
    declare(site.url, _FROM, _TO)
    fill(site.url, _FROM, bodies)
    return pass_through(site.url, _FROM, _TO, len(bodies))


def _engine(site: Site, bodies: list[bytes]) -> Spent:
    """From the first delivery to the last alert in its queue."""
    site.renew()
    fill(site.url, INBOUND, bodies)
    return site.counted(len(bodies), alerts=len(bodies))
