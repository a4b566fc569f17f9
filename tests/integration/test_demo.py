"""``make run`` as a newcomer sees it, on the real broker."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from tests.integration.installation import Installation, rows
from tests.support.private_broker import PrivateBroker

REPOSITORY = Path(__file__).parents[2]


@pytest.fixture
def bare(broker: PrivateBroker, tmp_path: Path) -> Iterator[Installation]:
    """A virtual host of its own, without queues."""
    folder = tmp_path / "site"
    folder.mkdir()
    one = Installation(folder, broker)
    with closing(one):
        one.open()
        yield one


def test_the_day_is_shown_from_the_alerts_queue(bare: Installation, tmp_path: Path) -> None:
    """Every alert comes out with patient, value, rule and source; both held messages with their reasons."""
    environment = {**os.environ, "AZAWATCH_AMQP_URL": bare.admin_url, "PYTHONPATH": str(REPOSITORY)}
    shown = subprocess.run(
        [sys.executable, "-m", "tests.sample_day.demo"],
        cwd=tmp_path,
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=180,
        check=False,
    )

    assert shown.returncode == 0, shown.stdout + shown.stderr
    expected = rows(REPOSITORY / "tests/sample_day/expected.csv")
    alerts = re.findall(
        r"^(?:CRITICAL|URGENT|REVIEW|INFO) +(?:start|update|escalate|deescalate|end) .*\((\w+)\)\n"
        r" +\S.*\n +rule \S+; Source: \S",
        shown.stdout,
        re.MULTILINE,
    )
    in_the_day = [row for row in expected if not row["message"].startswith("extra/")]
    assert sorted(alerts) == sorted(row["patient"] for row in in_the_day)
    for reason in ("no-header", "no-patient-identifier"):
        assert re.search(rf"^quarantined +{reason} +1$", shown.stdout, re.MULTILINE)
        assert re.search(rf"^\d+ .* {reason} .* held$", shown.stdout, re.MULTILINE)
