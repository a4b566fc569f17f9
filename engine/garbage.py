"""How often Python looks for garbage: seldom, since a feed makes none that keeps itself alive."""

from __future__ import annotations

import gc

_ALLOCATIONS_BEFORE_COLLECTION = 50_000


def look_seldom() -> None:
    """For a process that begins: looking through what it loads, and keeps, is a fifth of its start."""
    gc.set_threshold(_ALLOCATIONS_BEFORE_COLLECTION)


def keep_for_good() -> None:
    """What is in memory now stays until the process ends: the garbage collector looks at it no more.

    And it looks less often at the rest. It was a fifth of the time of a feed.
    """
    gc.freeze()
    look_seldom()
