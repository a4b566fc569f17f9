"""``make bench``: every measurement, or those named: ``python -m tests.bench [--quick] [NAME ...]``."""

from __future__ import annotations

import argparse
import sys

from tests.bench import alerting, archive, decide, footprint, growth, latency, live, reader, workers
from tests.bench.common import Effort, Servers, tell, tell_machine
from tests.support.private_broker import BrokerUnavailableError
from tests.support.private_postgresql import PostgresqlUnavailableError

_PARTS = {
    "reader": reader.main,
    "decide": decide.main,
    "live": live.main,
    "alerting": alerting.main,
    "latency": latency.main,
    "growth": growth.main,
    "replay": archive.main,
    "workers": workers.main,
    "footprint": footprint.main,
}


def main() -> int:
    """Exit code 2 where there is no broker or no database to be had."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"all of: {', '.join(_PARTS)}")
    parser.add_argument("--quick", action="store_true", help="one small round: does it still run?")
    options = parser.parse_args()
    if unknown := set(options.names) - _PARTS.keys():
        parser.error(f"no measurement {', '.join(sorted(unknown))}; there are {', '.join(_PARTS)}")
    effort = Effort(options.quick)
    tell_machine(effort)
    try:
        with Servers() as servers:
            for name in options.names or _PARTS:
                tell("")
                _PARTS[name](effort, servers)
    except (BrokerUnavailableError, PostgresqlUnavailableError) as error:
        print(error, file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
