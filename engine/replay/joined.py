"""Which of many names belong together, in some twenty bytes a name."""

from __future__ import annotations

from array import array

_FREE = 0
_FIRST_SLOTS = 1024


class Joined:
    """Disjoint sets of names that are known by a 64-bit hash.

    Two names with equal hashes count as one: they are then kept together without need, which does no harm.
    """

    def __init__(self) -> None:
        self._hashes = array("Q")
        self._parents = array("L")
        self._slots = array("L", [_FREE]) * _FIRST_SLOTS

    def number(self, name: int) -> int:
        """The number of a name, which is new where it is not known yet."""
        slot = self._slot(name)
        if self._slots[slot] != _FREE:
            return self._slots[slot] - 1
        self._hashes.append(name)
        self._parents.append(len(self._parents))
        self._slots[slot] = len(self._hashes)
        if 3 * len(self._hashes) > 2 * len(self._slots):
            self._grow()
        return len(self._hashes) - 1

    def join(self, one: int, other: int) -> None:
        """From now on these two numbers, and all that belong to either, belong together."""
        first, second = sorted((self._root(one), self._root(other)))
        self._parents[second] = first

    def together(self, number: int) -> int:
        """A hash that all who belong together have in common."""
        return self._hashes[self._root(number)]

    def _root(self, number: int) -> int:
        while (parent := self._parents[number]) != number:
            self._parents[number] = self._parents[parent]
            number = parent
        return number

    def _slot(self, name: int) -> int:
        """Where a name is, or has room."""
        last = len(self._slots) - 1
        slot = name & last
        while self._slots[slot] != _FREE and self._hashes[self._slots[slot] - 1] != name:
            slot = (slot + 1) & last
        return slot

    def _grow(self) -> None:
        self._slots = array("L", [_FREE]) * (2 * len(self._slots))
        for number, name in enumerate(self._hashes):
            self._slots[self._slot(name)] = number + 1
