"""Days by their seed: played, judged, made smaller when they fail, and told."""

from __future__ import annotations

import gc
from collections.abc import Iterable
from dataclasses import dataclass

from tests.simulation.feeds import feed
from tests.simulation.invariants import undisturbed, wrongs_of
from tests.simulation.world import play, prepare

# So many days in a row have the same feed: what an undisturbed day leaves is then known.
DAYS_OF_A_FEED = 50
_SELDOM = 50_000  # objects between two collections of garbage, for a day leaves little


@dataclass(frozen=True, slots=True)
class Day:
    """How a day came out; ``mute`` and ``drop``: with these faults and messages left out."""

    seed: int
    mute: tuple[int, ...]
    drop: tuple[int, ...]
    faults: int
    messages: int
    wrongs: tuple[str, ...]
    trace: tuple[str, ...]


def day(seed: int, mute: Iterable[int] = (), drop: Iterable[int] = ()) -> Day:
    """Play the day of a seed and judge it."""
    mute, drop = tuple(mute), tuple(drop)
    whole = feed(seed // DAYS_OF_A_FEED)
    bodies = tuple(body for number, body in enumerate(whole) if number not in drop)
    clean = undisturbed(bodies)
    world = play(bodies, seed, mute)
    wrong = tuple(wrongs_of(world, clean))
    return Day(seed, mute, drop, world.chance.faults, len(whole), wrong, tuple(world.chance.trace))


def days(seeds: Iterable[int]) -> Day | None:
    """The first day that fails, made as small as it can be; None when all are well."""
    prepare()
    gc.collect()
    gc.freeze()  # the knowledge is there for good, and need not be looked through again and again
    often = gc.get_threshold()
    gc.set_threshold(_SELDOM)
    try:
        for seed in seeds:
            played = day(seed)
            if played.wrongs:
                return smaller(played)
    finally:
        gc.set_threshold(*often)
        gc.unfreeze()
    return None


def smaller(failed: Day) -> Day:
    """The same failure, of the same kind, with as few faults and messages as can be."""
    kind = failed.wrongs[0].split(":")[0]
    for number in reversed(range(failed.messages)):
        if len(failed.drop) < failed.messages - 1:
            tried = day(failed.seed, failed.mute, (*failed.drop, number))
            if tried.wrongs and tried.wrongs[0].split(":")[0] == kind:
                failed = tried
    for number in range(1, failed.faults + 1):
        tried = day(failed.seed, (*failed.mute, number), failed.drop)
        if tried.wrongs and tried.wrongs[0].split(":")[0] == kind:
            failed = tried
    return failed


def command(played: Day) -> str:
    """What to type to have this day again."""
    more = "".join(
        f" --{name} {' '.join(map(str, numbers))}"
        for name, numbers in (("mute", played.mute), ("drop", played.drop))
        if numbers
    )
    return f"python -m tests.simulation --seed {played.seed}{more}"


def report(played: Day) -> str:
    """What happened on a day, and what was wrong at its end."""
    lines = [f"  {line}" for line in played.trace]
    lines += [f"  WRONG: {line[:300]}" for line in played.wrongs] or ["  nothing wrong"]
    return "\n".join((f"day {played.seed}", *lines, f"again: {command(played)}"))
