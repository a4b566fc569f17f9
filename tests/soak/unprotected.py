"""The fault tests with one protection taken out: each must then count what is lost or doubled.

``python -m tests.soak.unprotected [PROTECTION...]`` prints the table; exit code 1 when a fault test saw
nothing.
"""

from __future__ import annotations

import random
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from tests.support.crash_points import SMALL_BATCHES, sample_day
from tests.support.killing import Feed, Ward, clean_run, invented, kill_at_random, starter, ward
from tests.support.outcome import Outcome, Verdict, judge
from tests.support.private_broker import PrivateBroker
from tests.support.private_postgresql import PrivatePostgresql
from tests.support.starter import Death, Starter
from tests.support.unprotected import WITHOUT

# Where each protection is needed, and how often.
DEATHS = {
    "inbox key": (Death("engine.transports.amqp.consumer:AmqpConsumer.ack", call=2), 6),
    "outbox": (Death("engine.transports.amqp.publisher:AmqpPublisher.publish", call=2), 2),
    "ack after commit": (Death("engine.store.unit:Unit.flush", call=4), 3),
}


def killed_at(one: Ward, protection: str, *, removed: bool) -> Outcome:
    """The feed with deaths where this protection matters, with it or without."""
    without = protection if removed else ""
    one.prepare()
    one.send()
    death, rounds = DEATHS[protection]
    for _ in range(rounds):
        one.start(death=death, without=without).wait()
    return one.finish([one.start(without=without)])


def with_two_workers(one: Ward, feed: Feed, *, removed: bool) -> Outcome:
    """The feed with two workers and five kills, with the lock of a person or without."""
    without = "person lock" if removed else ""
    one.prepare()
    one.send()
    count = len(feed.messages)
    return one.finish(kill_at_random(one, 5, random.Random(1), messages=count, workers=2, without=without))


def say(protection: str, how: str, verdicts: tuple[Verdict, Verdict]) -> bool:
    """One line of the table, and what was seen; whether the fault test has told the two apart."""
    kept, removed = verdicts
    print(
        f"| {protection} | {how} | {kept.lost} / {kept.doubled} | {removed.lost} / {removed.doubled} |",
        *removed.told[:6],
        sep="\n    ",
        flush=True,
    )
    return bool(kept) and not removed


def main(*names: str) -> int:
    """Each protection in turn, or those that are named; 1 when one of them makes no difference."""
    wanted = names or tuple(WITHOUT)
    with tempfile.TemporaryDirectory() as name, PrivateBroker() as broker, PrivatePostgresql() as server:
        base = Path(name)
        with starter(base) as starting:
            print("| protection | fault | lost / doubled with it | lost / doubled without it |", flush=True)
            seen = _on_a_file(base, broker, starting, wanted)
            if "person lock" in wanted:
                seen.append(_on_a_server(base, broker, starting, server))
    return int(not all(seen))


def _on_a_file(base: Path, broker: PrivateBroker, starting: Starter, wanted: Sequence[str]) -> list[bool]:
    feed = sample_day()
    clean = clean_run(base / "day", broker, starting, feed)
    seen = []
    for protection in [name for name in wanted if name in DEATHS]:
        death, rounds = DEATHS[protection]
        verdicts = []
        for removed in (False, True):
            folder = base / f"{protection} {removed}".replace(" ", "-")
            with ward(folder, broker, starting, feed) as one:
                verdicts.append(judge(killed_at(one, protection, removed=removed), clean))
        name = death.at.rpartition(":")[2]
        seen.append(say(protection, f"{rounds} deaths at {name}", (verdicts[0], verdicts[1])))
    return seen


def _on_a_server(base: Path, broker: PrivateBroker, starting: Starter, server: PrivatePostgresql) -> bool:
    feed = invented(base / "feed", people=3, days=700)
    clean = clean_run(base / "clean", broker, starting, feed)
    verdicts = []
    for removed in (False, True):
        settings = {**SMALL_BATCHES, "STORE_URL": server.new_database()}
        with ward(base / f"lock-{removed}", broker, starting, feed, **settings) as one:
            verdicts.append(judge(with_two_workers(one, feed, removed=removed), clean))
    return say("person lock", "2 workers, 3 patients, 5 SIGKILLs", (verdicts[0], verdicts[1]))


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
