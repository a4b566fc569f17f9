"""The clock of a replay: the times of its messages, none of which is believed alone when it leaps ahead."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise

from engine.model.moment import later
from engine.store import InboxKey
from engine.sweep import EPOCH

TIME_JUMP = "time_jump"
"""The warning about a message that was judged at the time before its own."""


@dataclass(slots=True)
class MessageClock:
    """How far the messages have let time pass; an archive may hold one that was sent by a wrong clock.

    ``newest``: the newest time that is believed. ``latest``: the time of the message before. ``claimed``: a
    time more than ``leap`` beyond, told by one message; the next that tells a time confirms it, or not.
    """

    leap: timedelta
    newest: datetime = EPOCH
    latest: datetime = EPOCH
    claimed: datetime | None = None
    claimed_by: InboxKey | None = None

    def begin(self, times: Iterable[datetime | None]) -> datetime:
        """Begin before the first message, at the first time that the one after it confirms."""
        told = [at for at in times if at is not None]
        confirmed = (at for at, after in pairwise(told) if after >= later(at, -self.leap))
        begun = next(confirmed, told[-1] if told else EPOCH)
        self.newest = self.latest = begun
        return begun

    def read(self, told: datetime | None, key: InboxKey) -> tuple[datetime, bool]:
        """The time to judge a message at that tells this one, and whether that is not its own."""
        if told is None:
            return self.latest, False
        if self.newest == EPOCH:
            self.newest = told
        if self.claimed is not None and self.claimed_by != key and told >= later(self.claimed, -self.leap):
            self.newest = max(self.newest, self.claimed)
        leaping = told > later(self.newest, self.leap)
        self.claimed, self.claimed_by = (told, key) if leaping else (None, None)
        self.latest = self.newest if leaping else told
        self.newest = max(self.newest, self.latest)
        return self.latest, leaping
