"""A memory alarm of a minute while 20,000 results come: ``python -m tests.soak.alarms``."""

from __future__ import annotations

import sys
import tempfile
from contextlib import closing
from pathlib import Path

from tests.integration.installation import Installation
from tests.integration.test_back_pressure import MOST_MIB, feed_while_blocked
from tests.support.private_broker import PrivateBroker

COUNT, PATIENTS, SECONDS = 20_000, 2_000, 60.0


def main() -> int:
    """1 when the engine has grown by more than the bound; raises where an alert is missing."""
    with tempfile.TemporaryDirectory() as name, PrivateBroker() as broker:
        site = Installation(Path(name), broker)
        with closing(site):
            site.open()
            site.prepare()
            grown = feed_while_blocked(site, COUNT, PATIENTS, SECONDS)
    print(f"{COUNT} results, every alert kept back for {SECONDS:.0f} s or more: grew by {grown} MiB")
    return int(grown >= MOST_MIB)


if __name__ == "__main__":
    sys.exit(main())
