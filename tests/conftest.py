"""Fixtures shared by all tests: a real RabbitMQ of our own, and the two worlds of the transport contract."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest
from hypothesis import settings

from tests.support.private_broker import BrokerUnavailableError, PrivateBroker
from tests.support.transport_worlds import MemoryWorld, RabbitWorld, World

# How long an example takes says how busy the machine is, not whether the code is right.
settings.register_profile("untimed", settings.default, deadline=None)
settings.load_profile("untimed")


@pytest.fixture(scope="session")
def broker() -> Iterator[PrivateBroker]:
    """A private RabbitMQ node for the whole session.

    Tests take queues with names of their own, and leave the node as they found it. Without a server
    installed it is a skip on a laptop and a failure where CI is set: there, nothing may go untested.
    """
    try:
        node = PrivateBroker()
    except BrokerUnavailableError as error:
        if os.environ.get("CI"):
            raise
        pytest.skip(str(error))
    with node:
        yield node


@pytest.fixture(params=["memory", pytest.param("rabbitmq", marks=pytest.mark.broker)])
def world(request: pytest.FixtureRequest) -> Iterator[World]:
    """Both sides of the transport contract in turn: the in-memory twin and the real broker."""
    one: World
    one = MemoryWorld() if request.param == "memory" else RabbitWorld(request.getfixturevalue("broker"))
    yield one
    one.close()
