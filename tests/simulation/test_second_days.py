"""The second half of the simulated days; in two files, for two processes."""

from __future__ import annotations

import pytest

from tests.simulation.days import days, report


@pytest.mark.parametrize("seeds", [range(10_000, 15_000), range(15_000, 20_000)], ids=str)
def test_nothing_is_lost_or_doubled_whatever_breaks(seeds: range) -> None:
    """One disposition a message, each event published, in order, and the state of an undisturbed day."""
    failed = days(seeds)

    assert failed is None, report(failed)
