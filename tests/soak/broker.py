"""The broker stopped for a minute, and a cluster that loses the engine's own node without closing anything.

``python -m tests.soak.broker`` prints a line for each, and what differs from a clean day; exit code 1 when
anything does. Needs root and iproute2.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from time import sleep

from tests.integration.comparison import differences
from tests.integration.feed import Feed
from tests.integration.installation import (
    MESSAGES,
    Installation,
    Played,
    RunningEngine,
    day_files,
    finish,
    play,
    wait_until,
)
from tests.support.private_broker import PrivateBroker
from tests.support.private_cluster import PrivateCluster

PAUSE_SECONDS = 0.2
STOPPED_SECONDS = 60.0
TIMES = 5


def lost(engine: RunningEngine) -> int:
    """How often the engine has said that the connection for messages is lost."""
    said = engine.said("broker connection")
    return sum(line["state"] == "lost" and line["queue"] == "inbound" for line in said)


@contextmanager
def under_load(site: Installation) -> Iterator[tuple[RunningEngine, Feed]]:
    """A feed in mid-flight, and the engine that takes it in; at the end everything is taken in."""
    engine = site.start()
    engine.wait_for("engine ready")
    with Feed(site.admin_url, MESSAGES, pause_seconds=PAUSE_SECONDS) as feed:
        feed.wait_for(30)
        yield engine, feed
        feed.wait_until_sent()
        site.wait_until_done(len(day_files()) - 1)


def killed_and_stopped(site: Installation, broker: PrivateBroker) -> Played:
    """SIGKILL five times, then a minute without a broker."""
    with under_load(site) as (engine, feed):
        for _ in range(TIMES):
            broker.kill9()
            broker.start()
            feed.wait_for(feed.confirmed + 10)
        broker.shut_down()
        sleep(STOPPED_SECONDS)
        broker.start()
    return finish(site, engine)


def half_open(site: Installation, cluster: PrivateCluster) -> Played:
    """The node of the engine is alone, the engine is with the others: only silence tells."""
    with cluster.engine_place.entered():
        with under_load(site) as (engine, feed):
            opened = [line for line in engine.said("broker connection") if line["state"] == "open"]
            node = cluster.node_at(next(line["detail"] for line in opened if line["queue"] == "inbound"))
            cluster.network.cut(node.place)
            wait_until(lambda: lost(engine) > 0, "the engine has noticed")
            feed.wait_for(feed.confirmed + 20)
            cluster.network.heal()
        return finish(site, engine)


def told(what: str, day: Played, clean: Played) -> bool:
    """Print how a day went; whether it went as the clean one."""
    wrong = differences(day, clean)
    copies = len(day.published) - len({one.properties.message_id for one in day.published})
    print(f"{what}: {len(day.messages)} messages, {len(wrong)} differences, {copies} copies", flush=True)
    print("".join(f"  {line}\n" for line in wrong), end="", flush=True)
    return not wrong


def main() -> int:
    """Run both; 1 when anything was lost or doubled."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)

        def site(what: str, broker: PrivateBroker | PrivateCluster) -> Installation:
            (folder / what).mkdir()
            one = Installation(folder / what, broker)
            one.open()
            return one

        with PrivateBroker() as broker:
            with closing(site("clean", broker)) as one:
                clean = play(one)
            with closing(site("killed", broker)) as one:
                one.prepare()
                sound = told("killed five times, stopped a minute", killed_and_stopped(one, broker), clean)
        with (
            PrivateCluster() as cluster,
            cluster.outside.entered(),
            closing(site("cut", cluster)) as one,
        ):
            one.prepare()
            sound &= told("node of the engine cut off", half_open(one, cluster), clean)
    return int(not sound)


if __name__ == "__main__":
    sys.exit(main())
