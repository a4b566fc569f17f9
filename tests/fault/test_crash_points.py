"""A death at every named place between a delivery and its end, and stops in between: the state is that of a
day without.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.crash_points import SMALL_BATCHES, day, sample_day
from tests.support.killing import starter, ward
from tests.support.outcome import Outcome, judge
from tests.support.private_broker import PrivateBroker
from tests.support.starter import Starter

pytestmark = pytest.mark.broker


@pytest.fixture(scope="module")
def starting(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Starter]:
    with starter(tmp_path_factory.mktemp("workers")) as one:
        yield one


@pytest.fixture(scope="module")
def clean(broker: PrivateBroker, starting: Starter, tmp_path_factory: pytest.TempPathFactory) -> Outcome:
    with ward(tmp_path_factory.mktemp("clean"), broker, starting, sample_day(), **SMALL_BATCHES) as one:
        return day(one)


def test_a_death_at_any_named_place_changes_nothing(
    broker: PrivateBroker, starting: Starter, clean: Outcome, url: str, tmp_path: Path
) -> None:
    """Import, flow, relay, stop, sweep and release die at 26 places; each is taken up where it was left."""
    with ward(tmp_path, broker, starting, sample_day(), STORE_URL=url, **SMALL_BATCHES) as one:
        verdict = judge(day(one, deaths=True), clean)

    assert verdict, verdict.told


def test_stops_in_the_middle_of_a_batch_change_nothing(
    broker: PrivateBroker, starting: Starter, clean: Outcome, tmp_path: Path
) -> None:
    """Ten workers are told to stop at random moments: each exits with 0, and not even a copy is sent."""
    with ward(tmp_path, broker, starting, sample_day(), **SMALL_BATCHES) as one:
        verdict = judge(day(one, stops=10), clean)

    assert verdict, verdict.told
    assert verdict.copies == 0
