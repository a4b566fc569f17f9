"""200 SIGKILLs over 20,000 messages, on a file with one worker and on PostgreSQL with two.

``python -m tests.soak.kills [MESSAGES] [KILLS] [SEED]`` prints one line for each store, and what differs from
a run that nobody disturbed; exit code 1 when anything was lost or doubled.
"""

from __future__ import annotations

import random
import sys
import tempfile
import time
from pathlib import Path

from tests.support.killing import clean_run, invented, kill_at_random, starter, ward
from tests.support.outcome import judge
from tests.support.private_broker import PrivateBroker
from tests.support.private_postgresql import PrivatePostgresql


def main(messages: int = 20_000, kills: int = 200, seed: int = 1) -> int:
    """Run it; 1 when the promise was broken."""
    broken = False
    with tempfile.TemporaryDirectory() as name, PrivateBroker() as broker, PrivatePostgresql() as server:
        base = Path(name)
        feed = invented(base / "feed", people=max(messages // 200, 1), days=300, messages=messages * 9 // 10)
        with starter(base) as starting:
            clean = clean_run(base / "clean", broker, starting, feed)
            print(
                f"seed {seed}: {len(feed.messages)} messages, {clean.events.total()} alert events, "
                f"{clean.state['open alerts'].total()} alerts open in the end",
                flush=True,
            )
            for store, workers in (("sqlite", 1), ("postgresql", 2)):
                settings = {"STORE_URL": server.new_database()} if store == "postgresql" else {}
                began = time.monotonic()
                with ward(base / store, broker, starting, feed, **settings) as one:
                    one.prepare()
                    one.send()
                    alive = kill_at_random(
                        one, kills, random.Random(seed), messages=len(feed.messages), workers=workers
                    )
                    verdict = judge(one.finish(alive), clean)
                print(
                    f"{store}, workers {workers}: {kills} kills, {time.monotonic() - began:.0f} s, "
                    f"lost {verdict.lost}, doubled {verdict.doubled}, copies {verdict.copies} "
                    f"({verdict.copies / kills:.1f} a kill)",
                    *verdict.told,
                    sep="\n  ",
                    flush=True,
                )
                broken = broken or not verdict
    return int(broken)


if __name__ == "__main__":
    sys.exit(main(*map(int, sys.argv[1:])))
