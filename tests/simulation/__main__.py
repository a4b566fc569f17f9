"""``python -m tests.simulation --seed N``: one day with its trace; ``--seeds A B``: many, until one fails."""

from __future__ import annotations

import argparse
import sys
import time

from tests.simulation.days import day, days, report
from tests.simulation.sabotage import SABOTAGES, found_by


def main() -> int:
    """1 when something was wrong."""
    parser = argparse.ArgumentParser(prog="python -m tests.simulation")
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("--seed", type=int, help="play this day, and print what happened")
    what.add_argument("--seeds", type=int, nargs=2, metavar=("FIRST", "END"), help="play these days")
    what.add_argument("--sabotage", action="store_true", help="which day finds each protection missing")
    parser.add_argument(
        "--mute", type=int, nargs="*", default=(), help="numbers of faults that do not happen"
    )
    parser.add_argument(
        "--drop", type=int, nargs="*", default=(), help="numbers of messages that are not sent"
    )
    asked = parser.parse_args()
    if asked.seed is not None:
        played = day(asked.seed, asked.mute, asked.drop)
        print(report(played))
        return 1 if played.wrongs else 0
    if asked.sabotage:
        return _sabotage()
    started = time.process_time()
    first, end = asked.seeds
    failed = days(range(first, end))
    if failed is not None:
        print(report(failed))
        return 1
    spent = time.process_time() - started
    each = spent / (end - first) * 1000
    print(f"{end - first} days, nothing wrong; {spent:.1f} s of CPU, {each:.2f} ms a day")
    return 0


def _sabotage() -> int:
    missed = 0
    for name in SABOTAGES:
        found = found_by(name, range(20_000))
        missed += found is None
        print(f"{name}: " + ("not found" if found is None else f"day {found.seed}: {found.wrongs[0][:80]}"))
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
