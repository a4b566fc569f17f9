"""Many simulated days: ``python -m tests.soak.simulation --seeds 1000000``, in as many processes as cores."""

from __future__ import annotations

import argparse
import multiprocessing
import sys

from tests.simulation.days import DAYS_OF_A_FEED, Day, days, report


def _some(first: int) -> Day | None:
    return days(range(first, first + DAYS_OF_A_FEED))


def main() -> int:
    """1 when a day has failed; its trace is printed."""
    parser = argparse.ArgumentParser(prog="python -m tests.soak.simulation")
    parser.add_argument("--seeds", type=int, default=1_000_000)
    count = parser.parse_args().seeds
    with multiprocessing.get_context("spawn").Pool() as processes:
        for failed in processes.imap_unordered(_some, range(0, count, DAYS_OF_A_FEED)):
            if failed is not None:
                print(report(failed))
                return 1
    print(f"{count} days, nothing wrong")
    return 0


if __name__ == "__main__":
    sys.exit(main())
