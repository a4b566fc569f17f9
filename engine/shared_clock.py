"""One clock for all workers on one store, whatever the clocks of their machines show."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

from engine import log
from engine.errors import TransientError
from engine.store import Store
from engine.sweeping import is_due

_LOOKED_EVERY = timedelta(minutes=1)
_TOLERATED = timedelta(seconds=2)


class SharedClock:
    """The clock of the database server; where the store is a file, that of this machine (``own``).

    Two workers whose clocks are hours apart would judge everybody again at every sweep, and end and begin
    each other's alerts for ever. The server is asked by :meth:`look`; calling the clock asks nobody.
    """

    def __init__(self, store: Store, own: Callable[[], datetime]) -> None:
        self._store = store
        self._own = own
        self._behind = timedelta()
        self._due = own()
        self.look()

    def __call__(self) -> datetime:
        """The time now, in UTC."""
        return self._own() + self._behind

    def look(self) -> None:
        """Ask the server what time it is, once a minute, and tell where this machine's clock is another."""
        began = self._own()
        if not is_due(self._due, began, _LOOKED_EVERY):
            return
        self._due = began + _LOOKED_EVERY
        try:
            told = self._store.clock()
        except TransientError as error:
            log.logger().warning("clock of the store not known", exc_info=error)
            return
        if told is None:
            return
        behind = told - (began + (self._own() - began) / 2)
        if abs(behind) < _TOLERATED:
            behind = timedelta()
        if abs(behind - self._behind) >= _TOLERATED:
            detail = f"{behind.total_seconds():+.0f} s from the clock of this machine to that of the database"
            log.logger().error("clocks differ, that of the database counts", detail=detail)
        self._behind = behind
