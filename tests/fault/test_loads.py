"""Messages of 10 MB in a burst of 5,000: each ends in its disposition, and their alerts are told."""

from __future__ import annotations

import random
from collections import Counter
from pathlib import Path

import pytest

from tests.support.killing import Feed, starter, ward
from tests.support.loads import MIB, ROSTER, burst, many_observations, with_document
from tests.support.private_broker import PrivateBroker

pytestmark = pytest.mark.broker

BURST = 5000
MEMORY_MIB = 1000


def test_large_messages_amid_a_burst(broker: PrivateBroker, tmp_path: Path) -> None:
    """100,000 OBX in one message, a PDF of 9 MB in another, 5,000 before, between and behind them."""
    large = [many_observations(), with_document()]
    assert all(8 * MIB < len(body) < 10_000_000 for body in large)
    messages = list(burst(BURST))
    for body, place in zip(large, random.Random(5).sample(range(BURST), 2), strict=True):
        messages.insert(place, body)
    roster = tmp_path / "roster.csv"
    roster.write_text(ROSTER, "utf-8")
    feed = Feed(messages, roster)

    settings = {"FLOW__PREFETCH": "300", "FLOW__BATCH_MAX_MESSAGES": "50"}
    with starter(tmp_path) as starting, ward(tmp_path / "site", broker, starting, feed, **settings) as one:
        one.prepare()
        one.send()
        worker = one.start()
        one.wait_until_settled()
        peak = worker.peak_mib()
        outcome = one.finish([worker])

    ended = Counter(row[4] for row in outcome.state["dispositions"].elements())
    assert ended == {"accepted": BURST + 2}
    injured = [row for row in outcome.state["open alerts"] if row[2] == "liver-injury"]
    assert len(injured) == len(large)
    assert len(outcome.published) == outcome.events.total()
    assert outcome.copies == 0
    assert peak < MEMORY_MIB
