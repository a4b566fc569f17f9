"""Every named place ten times, on both stores: ``python -m tests.soak.crash_points [ROUNDS]``.

Exit code 1 when anything was lost or doubled.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from tests.support.crash_points import ALL, SMALL_BATCHES, day, sample_day
from tests.support.killing import starter, ward
from tests.support.outcome import judge
from tests.support.private_broker import PrivateBroker
from tests.support.private_postgresql import PrivatePostgresql


def main(rounds: int = 10) -> int:
    """Run it; 1 when the promise was broken."""
    broken = False
    with tempfile.TemporaryDirectory() as name, PrivateBroker() as broker, PrivatePostgresql() as server:
        base = Path(name)
        with starter(base) as starting:
            with ward(base / "clean", broker, starting, sample_day(), **SMALL_BATCHES) as one:
                clean = day(one)
            for store in ("sqlite", "postgresql"):
                copies = 0
                for number in range(rounds):
                    settings = {"STORE_URL": server.new_database()} if store == "postgresql" else {}
                    folder = base / f"{store}-{number}"
                    with ward(folder, broker, starting, sample_day(), **SMALL_BATCHES, **settings) as one:
                        verdict = judge(day(one, deaths=True), clean)
                    copies += verdict.copies
                    broken = broken or not verdict
                    if not verdict:
                        print(*verdict.told, sep="\n", flush=True)
                print(f"{store}: {rounds} x {len(ALL)} deaths, copies {copies}, broken: {broken}", flush=True)
    return int(broken)


if __name__ == "__main__":
    sys.exit(main(*map(int, sys.argv[1:])))
