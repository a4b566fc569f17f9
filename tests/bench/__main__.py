"""``make bench``: every measurement, as ratios within one run."""

from __future__ import annotations

import os
import sys

from tests.bench import bench_live, bench_reader
from tests.support.private_broker import BrokerUnavailableError, PrivateBroker


def main() -> int:
    """Reader, then live engine; on the broker of ``AZAWATCH_AMQP_URL`` or one of its own."""
    bench_reader.main()
    url = os.environ.get("AZAWATCH_AMQP_URL")
    if url:
        bench_live.main(url)
        return 0
    try:
        with PrivateBroker() as broker:
            bench_live.main(broker.url)
    except BrokerUnavailableError as error:
        print(error, file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
