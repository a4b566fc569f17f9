"""A burst of 100,000 messages with two of 10 MB amid them: ``python -m tests.soak.loads [MESSAGES]``.

Prints how they ended, the rate, and the most memory the worker had; exit code 1 when one is missing.
"""

from __future__ import annotations

import random
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

from tests.support.killing import Feed, starter, ward
from tests.support.loads import ROSTER, burst, many_observations, with_document
from tests.support.private_broker import PrivateBroker


def main(count: int = 100_000) -> int:
    """Run it; 1 when the promise was broken."""
    with tempfile.TemporaryDirectory() as name, PrivateBroker() as broker:
        base = Path(name)
        messages = list(burst(count))
        for body, place in zip(
            (many_observations(), with_document()), random.Random(5).sample(range(count), 2), strict=True
        ):
            messages.insert(place, body)
        roster = base / "roster.csv"
        roster.write_text(ROSTER, "utf-8")
        settings = {"FLOW__PREFETCH": "300", "FLOW__BATCH_MAX_MESSAGES": "50"}
        feed = Feed(messages, roster)
        with starter(base) as starting, ward(base / "site", broker, starting, feed, **settings) as one:
            one.prepare()
            one.send()
            began = time.monotonic()
            worker = one.start()
            one.wait_until_settled()
            took, peak = time.monotonic() - began, worker.peak_mib()
            outcome = one.finish([worker])
    ended = Counter(row[4] for row in outcome.state["dispositions"].elements())
    lost = len(messages) - ended.total()
    told = len(outcome.published) == outcome.events.total() > 0
    print(
        f"{len(messages)} messages, {dict(ended)}, lost {lost}, copies {outcome.copies}, "
        f"{outcome.events.total()} alert events, all published: {told}, "
        f"{len(messages) / took:.0f} messages/s, peak memory {peak} MiB"
    )
    return int(bool(lost) or not told)


if __name__ == "__main__":
    sys.exit(main(*map(int, sys.argv[1:])))
