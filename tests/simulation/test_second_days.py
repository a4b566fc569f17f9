"""The second part of the simulated days; in two files, for two processes."""

from __future__ import annotations

from tests.simulation.days import days, report


def test_nothing_is_lost_or_doubled_whatever_breaks() -> None:
    """One disposition a message, each event published, in order, and the state of an undisturbed day."""
    failed = days(range(500, 1_000))

    assert failed is None, report(failed)
