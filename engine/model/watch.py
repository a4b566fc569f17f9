"""Since when the engine watches, and how far the clock has come."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta


@dataclass(frozen=True, slots=True)
class Watch:
    """``since``: the first message; what happened before it is nobody's omission that we could know of.

    ``clock``: the instant up to which time has been judged. Messages are judged at it as well, so that what
    time brings about is told by a sweep, however soon after it a message comes.
    """

    since: datetime
    clock: datetime

    def is_ahead(self, now: datetime, every: timedelta) -> bool:
        """Whether time was judged up to an instant that has not come: the clock of the machine was wrong."""
        return self.clock > now + every

    def not_after(self, now: datetime) -> Watch:
        """The same, told by a clock that has come no further than ``now``."""
        return Watch(min(self.since, now), min(self.clock, now))
