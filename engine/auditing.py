"""What the live engine tells the audit of itself, and the log of the audit."""

from __future__ import annotations

import os
import platform
from collections.abc import Callable
from datetime import datetime, timedelta

from engine import __version__, log
from engine.audit import Kind
from engine.errors import TransientError
from engine.store import Store
from engine.sweeping import is_due

_EVERY = timedelta(hours=1)


class Auditing:
    """Start and stop of one engine, and the head of the chain once an hour for the log server."""

    def __init__(self, store: Store, clock: Callable[[], datetime], revision: str, protocol: str) -> None:
        self._store = store
        self._clock = clock
        process = f"{platform.node()}:{os.getpid()}"
        self._told = {"release": __version__, "revision": revision, "protocol": protocol, "process": process}
        self._due = clock()

    def begin(self) -> None:
        """The engine starts."""
        if not self._store.continues_audit():
            # It goes on all the same: an alert is worth more than a whole chain.
            log.logger().error("audit was not written with this site key")
        self._tell(Kind.ENGINE_STARTED)

    def end(self) -> None:
        """The engine stops."""
        self._tell(Kind.ENGINE_STOPPED)
        self._tell_head()

    def look(self) -> None:
        """Write the head into the log when an hour has passed: what was cut off is found by it."""
        if is_due(self._due, self._clock(), _EVERY):
            self._due = self._clock() + _EVERY
            self._tell_head()

    def _tell(self, kind: Kind) -> None:
        try:
            self._store.note(kind, self._told, self._clock())
        except TransientError as error:
            log.logger().warning("audit put off", exc_info=error)

    def _tell_head(self) -> None:
        try:
            head = self._store.audit_head()
        except TransientError as error:
            log.logger().warning("audit put off", exc_info=error)
        else:
            log.logger().info("audit head", sequence=head.sequence, head=str(head))
