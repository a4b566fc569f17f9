"""A cluster of three RabbitMQ nodes that loses one, and that is cut in two, while the feed runs."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import Any

import pytest

from tests.integration.comparison import differences
from tests.integration.feed import Feed
from tests.integration.installation import (
    MESSAGES,
    Installation,
    Played,
    RunningEngine,
    day_files,
    finish,
    wait_until,
)
from tests.support.namespaces import NamespacesUnavailableError
from tests.support.private_broker import BrokerUnavailableError
from tests.support.private_cluster import ClusterNode, PrivateCluster

pytestmark = pytest.mark.broker

COUNT = len(day_files())
# Messages confirmed to their sender: a fault comes at one, ends at the next.
BEFORE, AFTER, LATER = 40, 90, 130


@pytest.fixture(scope="module")
def cluster(undisturbed: Played) -> Iterator[PrivateCluster]:
    """Three nodes. The clean day, with a broker of the machine's own network, is played before."""
    del undisturbed
    try:
        nodes = PrivateCluster()
    except (BrokerUnavailableError, NamespacesUnavailableError) as error:
        if os.environ.get("CI"):
            raise
        pytest.skip(str(error))
    with nodes:
        yield nodes


def links(engine: RunningEngine, state: str, queue: str = "inbound") -> list[dict[str, Any]]:
    """What the engine has said of this state of a connection of its."""
    return [
        line for line in engine.said("broker connection") if (line["state"], line["queue"]) == (state, queue)
    ]


def node_of(cluster: PrivateCluster, engine: RunningEngine, queue: str = "inbound") -> ClusterNode:
    """The node that the engine is connected to."""
    return cluster.node_at(links(engine, "open", queue)[-1]["detail"])


@contextmanager
def running(
    cluster: PrivateCluster, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Installation, RunningEngine, Feed]]:
    """A feed in mid-flight, with its engine in a place of its own in the network."""
    site = Installation(tmp_path_factory.mktemp("cluster"), cluster)
    with cluster.outside.entered(), closing(site):
        site.open()
        site.prepare()
        with cluster.engine_place.entered():
            engine = site.start()
        engine.wait_for("engine ready")
        with Feed(site.admin_url, MESSAGES) as feed:
            feed.wait_for(BEFORE)
            try:
                yield site, engine, feed
            finally:
                cluster.network.heal()


def ended(site: Installation, engine: RunningEngine, feed: Feed) -> Played:
    """The rest of the day."""
    feed.wait_until_sent()
    site.wait_until_done(COUNT - 1)  # one was sent twice, and may be told as a repeat
    return finish(site, engine)


def test_the_node_that_dies_is_the_one_the_engine_is_connected_to(
    cluster: PrivateCluster, undisturbed: Played, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """The engine goes on with another node at once, while the dead one is still dead."""
    with running(cluster, tmp_path_factory) as (site, engine, feed):
        node = node_of(cluster, engine)
        node.kill9()
        wait_until(lambda: len(links(engine, "open")) > 1, "the engine is connected to another node")
        assert node_of(cluster, engine) is not node
        feed.wait_for(AFTER)
        with closing(site.store()) as store:
            wait_until(lambda: len(store.messages(limit=1000)) > BEFORE, "messages are taken in")
        node.start()
        day = ended(site, engine, feed)

    wrong = differences(day, undisturbed)
    assert not wrong, "\n".join(wrong[:20])


def test_a_cluster_cut_in_two(
    cluster: PrivateCluster, undisturbed: Played, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """The majority goes on; an engine in the minority waits, and catches up when the cut is healed."""
    with running(cluster, tmp_path_factory) as (site, engine, feed):
        cluster.network.cut(node_of(cluster, engine).place, cluster.engine_place)
        wait_until(lambda: links(engine, "lost") != [], "the paused node has closed the connection")
        feed.wait_for(AFTER)
        cluster.network.heal()
        with closing(site.store()) as store:
            wait_until(lambda: len(store.messages(limit=1000)) >= AFTER - 1, "the engine has caught up")
        used = [node_of(cluster, engine, queue) for queue in ("inbound", "outbound")]
        cluster.network.cut(next(node for node in cluster.nodes if node not in used).place)
        feed.wait_for(LATER)
        cluster.network.heal()
        day = ended(site, engine, feed)

    # What was given back when the minority paused comes again behind what was sent meanwhile.
    wrong = differences(day, undisturbed, reordered=True)
    assert not wrong, "\n".join(wrong[:20])
