"""Three RabbitMQ nodes in a cluster, each in a network namespace of its own: free of the machine's network.

``pause_minority``; a cut is noticed after about four seconds (``net_ticktime``, 60 by default). Debian's
RabbitMQ as :mod:`tests.support.private_broker` runs it; nothing is left behind.
"""

from __future__ import annotations

import secrets
import threading
from collections.abc import Callable
from contextlib import ExitStack
from types import TracebackType
from typing import Self

from tests.support.namespaces import Namespace, Network
from tests.support.private_broker import BrokerUnavailableError, Membership, PrivateBroker

NODES = 3
_TICK_SECONDS = 4
_EPMD_PORT = 4369  # each node has an address of its own


class ClusterNode(PrivateBroker):
    """One node; its methods may be called from any namespace."""

    def __init__(self, place: Namespace, membership: Membership, configuration: str) -> None:
        super().__init__(configuration=configuration, membership=membership, start_timeout_seconds=120.0)
        self.place = place

    def start(self) -> None:
        """As ``PrivateBroker.start``."""
        with self.place.entered():
            super().start()

    def evaluate(self, expression: str) -> str:
        """As ``PrivateBroker.evaluate``."""
        with self.place.entered():
            return super().evaluate(expression)


class PrivateCluster:
    """Between ``with`` and its end: three ``nodes``, and two members of their ``network`` without a node.

    ``engine_place`` is where an engine runs, ``outside`` where everybody else does.
    Raises BrokerUnavailableError and NamespacesUnavailableError.
    """

    def __init__(self) -> None:
        self.network = Network()
        self._stack = ExitStack()
        self.nodes: list[ClusterNode] = []

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            stack.enter_context(self.network)
            places = [self.network.join() for _ in range(NODES)]
            self.engine_place, self.outside = self.network.join(), self.network.join()
            names = [f"rabbit@{place.address}" for place in places]
            configuration = (
                "loopback_users = none\n"
                "cluster_partition_handling = pause_minority\n"
                "cluster_formation.peer_discovery_backend = classic_config\n"
            ) + "".join(
                f"cluster_formation.classic_config.nodes.{number} = {name}\n"
                for number, name in enumerate(names, start=1)
            )
            cookie = secrets.token_hex(16)
            for place, name in zip(places, names, strict=True):
                membership = Membership(
                    place.address,
                    name,
                    cookie,
                    _EPMD_PORT,
                    f"[{{kernel, [{{net_ticktime, {_TICK_SECONDS}}}]}}].\n",
                )
                node = ClusterNode(place, membership, configuration)
                stack.callback(node.stop)
                self.nodes.append(node)
            _all_at_once([node.start for node in self.nodes])
            self._stack = stack.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.close()

    def url_of(self, user: str, password: str, virtual_host: str = "%2F") -> str:
        """AMQP URL of all nodes, for a user and a virtual host (percent-encoded)."""
        hosts = ",".join(f"{node.place.address}:{node.port}" for node in self.nodes)
        return f"amqp://{user}:{password}@{hosts}/{virtual_host}"

    def evaluate(self, expression: str) -> str:
        """As ``PrivateBroker.evaluate``, on the first node that answers."""
        for node in self.nodes[:-1]:
            try:
                return node.evaluate(expression)
            except BrokerUnavailableError:
                continue
        return self.nodes[-1].evaluate(expression)

    def node_at(self, where: str) -> ClusterNode:
        """The node that a text of the engine names by its address and port."""
        return next(node for node in self.nodes if f"{node.place.address}:{node.port}" in where)


def _all_at_once(starts: list[Callable[[], None]]) -> None:
    """Call all of them at the same time; the first error, if any."""
    errors: list[BaseException] = []

    def call(start: Callable[[], None]) -> None:
        try:
            start()
        except BaseException as error:  # noqa: BLE001 -- told below
            errors.append(error)

    threads = [threading.Thread(target=call, args=(start,)) for start in starts]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if errors:
        raise errors[0]
