"""The benchmarks still run; nobody looks at their figures here."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tests.integration.installation import ROOT


@pytest.mark.broker
@pytest.mark.parametrize("names", [("reader", "decide"), ("alerting",)])
def test_a_measurement_runs_to_its_end(names: tuple[str, ...]) -> None:
    """Whoever calls a measurement by its name gets its ratio, and what was aimed at."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.bench", "--quick", *names],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )

    assert done.returncode == 0, done.stderr
    assert "target" in done.stdout


def test_an_unknown_measurement_is_refused() -> None:
    """The names that there are stand in the message."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.bench", "speed"], cwd=ROOT, capture_output=True, text=True, check=False
    )

    assert done.returncode == 2
    assert "no measurement speed" in done.stderr
    assert "latency" in done.stderr
