"""Fixtures of the tests that run whole engines."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing

import pytest

from tests.integration.installation import Installation, Played, play
from tests.support.private_broker import PrivateBroker


@pytest.fixture(scope="session")
def undisturbed(broker: PrivateBroker, tmp_path_factory: pytest.TempPathFactory) -> Played:
    """The sample day as ``make run`` plays it, once for all tests that look at what came of it."""
    site = Installation(tmp_path_factory.mktemp("day"), broker)
    with closing(site):
        site.open()
        return play(site)


@pytest.fixture
def site(broker: PrivateBroker, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    """An installation of one test, with queues and patients."""
    one = Installation(tmp_path_factory.mktemp("site"), broker)
    with closing(one):
        one.open()
        one.prepare()
        yield one
