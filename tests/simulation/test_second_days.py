"""The second third of the simulated days; in three files, for three processes."""

from __future__ import annotations

import pytest

from tests.simulation.days import days, report


@pytest.mark.parametrize("seeds", [range(6_600, 9_900), range(9_900, 13_200)], ids=str)
def test_nothing_is_lost_or_doubled_whatever_breaks(seeds: range) -> None:
    """One disposition a message, each event published, in order, and the state of an undisturbed day."""
    failed = days(seeds)

    assert failed is None, report(failed)
