"""Whom a unit of work has to itself until its transaction ends, where several may write at a time."""

from __future__ import annotations

from collections.abc import Iterable
from hashlib import blake2b

from sqlalchemy.engine.interfaces import DBAPICursor

from engine.store.statements import Statements

_MOST = 2000
_EVERYBODY = 0


class Locks:
    """Locks on names; always taken in one order, and kept to the end of the transaction.

    A unit that needs very many, such as a roster import, waits for all others and has the store to itself:
    the database has room for so many locks and no more.
    SQLite lets only one transaction write, so there is nothing to lock.
    """

    def __init__(self, cursor: DBAPICursor, statements: Statements) -> None:
        self._cursor = cursor
        self._statements = statements
        self._held: set[int] = set()
        self._all = False

    def take(self, names: Iterable[str]) -> bool:
        """Wait until nobody else holds any of these; whether one of them was not held before.

        Then what was read about them before may have changed meanwhile.
        """
        if not self._statements.lock or self._all:
            return False
        wanted = {_number(name) for name in names} - self._held
        if not wanted:
            return False
        if len(self._held) + len(wanted) > _MOST:
            self._cursor.execute(self._statements.lock_all, (_EVERYBODY,))
            self._all = True
            return True
        if not self._held:
            self._cursor.execute(self._statements.lock_not_all, (_EVERYBODY,))
        self._cursor.execute(self._statements.lock, (sorted(wanted),))
        self._held |= wanted
        return True

    def try_take(self, name: str) -> bool:
        """Whether nobody else holds this; then it is held to the end of the transaction."""
        self._cursor.execute(self._statements.try_lock, (_number(name),))
        (taken,) = self._cursor.fetchone() or (False,)
        return bool(taken)


def _number(name: str) -> int:
    return int.from_bytes(blake2b(name.encode("utf-8", "replace"), digest_size=8).digest(), signed=True)
