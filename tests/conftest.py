"""Fixtures shared by all tests: a real RabbitMQ of our own, and the two worlds of the transport contract."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

from engine.garbage import keep_for_good
from tests.support.private_broker import BrokerUnavailableError, PrivateBroker
from tests.support.private_postgresql import PostgresqlUnavailableError, PrivatePostgresql
from tests.support.transport_worlds import MemoryWorld, RabbitWorld, World

# How long an example takes says how busy the machine is, not whether the code is right.
settings.register_profile("untimed", settings.default, deadline=None)
settings.load_profile("untimed")


# The messages of tests were sent long ago: what comes of them is told as that of a live feed.
os.environ["AZAWATCH_CATCHING_UP__AFTER_HOURS"] = "0"

# A test that stops a broker has pika tell of every attempt to connect: a screen of it hides what failed.
logging.getLogger("pika").setLevel(logging.CRITICAL)


def pytest_collection_finish() -> None:
    """Ten thousand tests are there for good: looking through them for garbage is a tenth of their time."""
    keep_for_good()


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


@pytest.fixture(scope="session")
def postgresql() -> Iterator[PrivatePostgresql]:
    """A private PostgreSQL server for the whole session; tests take databases of their own.

    Without a server installed it is a skip on a laptop and a failure where CI is set.
    """
    try:
        server = PrivatePostgresql({"fsync": "off", "max_connections": "200"})
    except PostgresqlUnavailableError as error:
        if os.environ.get("CI"):
            raise
        pytest.skip(str(error))
    with server:
        yield server


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgresql)])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The address of a new store, in both kinds of database in turn."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'azawatch.db'}"
    server: PrivatePostgresql = request.getfixturevalue("postgresql")
    return server.new_database()


@pytest.fixture(params=["memory", pytest.param("rabbitmq", marks=pytest.mark.broker)])
def world(request: pytest.FixtureRequest) -> Iterator[World]:
    """Both sides of the transport contract in turn: the in-memory twin and the real broker."""
    one: World
    one = MemoryWorld() if request.param == "memory" else RabbitWorld(request.getfixturevalue("broker"))
    yield one
    one.close()
