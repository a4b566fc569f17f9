"""Days that once failed, and days on which the engine fails when something is taken away from it."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.simulation.days import day, report
from tests.simulation.sabotage import SABOTAGES, found_by

_LINES = (Path(__file__).parent / "seeds.txt").read_text().splitlines()
SEEDS = [int(line.split()[0]) for line in _LINES if line and not line.startswith("#")]


@pytest.mark.parametrize("seed", SEEDS)
def test_a_day_that_once_failed(seed: int) -> None:
    """Nothing lost, nothing doubled, nothing out of order on a day that has shown a defect before."""
    played = day(seed)

    assert not played.wrongs, report(played)


@pytest.mark.parametrize("name", list(SABOTAGES)[:4])
def test_a_missing_protection_is_found(name: str) -> None:
    """Without any of these protections of the engine the simulation fails."""
    assert found_by(name, range(1_000)) is not None


def test_a_day_is_the_same_whenever_it_is_played() -> None:
    """A seed that has failed can be had again: same faults, same steps."""
    day(7)

    assert day(11) == day(11)
