"""Who belongs together, among many names in little memory."""

from __future__ import annotations

import random
from collections import defaultdict

from engine.replay.joined import Joined


def test_who_is_joined_by_whatever_way_is_together() -> None:
    """Through any chain of joins, in any order, and with more names than the table began with."""
    chance = random.Random(7)
    names = [chance.getrandbits(64) for _ in range(5000)]
    joined, links = Joined(), defaultdict(set)
    for _ in range(4000):
        one, other = chance.choice(names), chance.choice(names)
        joined.join(joined.number(one), joined.number(other))
        links[one].add(other)
        links[other].add(one)
    group: dict[int, int] = {}
    for number, name in enumerate(names):
        reached = [] if name in group else [name]
        while reached:
            found = reached.pop()
            if group.setdefault(found, number) == number:
                reached += [other for other in links[found] if other not in group]

    together = {name: joined.together(joined.number(name)) for name in names}
    assert len(set(group.values())) == len(set(together.values()))
    assert len({(group[name], together[name]) for name in names}) == len(set(group.values()))


def test_a_name_keeps_its_number() -> None:
    """The number of a name is its place, whatever comes after it."""
    joined = Joined()
    numbers = [joined.number(name) for name in range(3000)]

    assert numbers == list(range(3000)) == [joined.number(name) for name in range(3000)]
