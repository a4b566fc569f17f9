"""The clinical path alone, for each message of the mixed feed, by whom it is about; against reading it."""

from __future__ import annotations

import tempfile
from functools import partial
from pathlib import Path

from engine.hl7 import parse
from tests.bench.common import (
    Effort,
    Servers,
    Spent,
    Stopwatch,
    cpu,
    in_turns,
    mixed,
    roster_of_mixed,
    spread,
    tell,
    tell_tally,
)
from tests.bench.knowledge import Asked, opened, overheard

_REPEATS = 3


def main(effort: Effort, _: Servers) -> None:
    """A line for each kind of message."""
    count = effort.of(3000, 300)
    bodies = mixed(count)
    with tempfile.TemporaryDirectory() as folder, overheard() as asked:
        bench = opened(Path(folder) / "azawatch.db", roster_of_mixed(count))
        bench.take(bodies)
        bench.store.close()
    kinds: dict[str, list[Asked]] = {
        "nobody on therapy": [],
        "on therapy, silent": [],
        "on therapy, told": [],
    }
    for each in asked:
        told = "told" if each.decide().events else "silent"
        kinds[f"on therapy, {told}" if each.record.therapy else "nobody on therapy"].append(each)
    kinds = {name: each for name, each in kinds.items() if each}
    tell(
        f"decide, pure: {count} messages, " + ", ".join(f"{len(each)} {name}" for name, each in kinds.items())
    )
    tally = in_turns(
        effort.rounds,
        {"reading, flat": partial(_read, bodies[:500])}
        | {name: partial(_decide, each[:200]) for name, each in kinds.items()},
    )
    tell_tally(tally)
    for name in kinds:
        tell(f"  {name} : reading = {spread(tally.ratios(name, 'reading, flat', cpu))} by CPU")


def _read(bodies: list[bytes]) -> Spent:
    watch = Stopwatch()
    for body in bodies:
        _ = parse(body).segments
    return watch.spent(len(bodies))


def _decide(asked: list[Asked]) -> Spent:
    watch = Stopwatch()
    for each in asked * _REPEATS:
        each.decide()
    return watch.spent(len(asked) * _REPEATS)
