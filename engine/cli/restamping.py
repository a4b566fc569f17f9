"""What ``send --restamp`` does to messages."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta

from engine import app
from engine.cli.pseudonyms import parsed
from engine.cli.shared import fail, say
from engine.errors import ContentError
from engine.hl7.restamping import restamped
from engine.hl7.shifting import Shift
from engine.message_clock import MessageClock
from engine.settings import Settings
from engine.store import InboxKey
from engine.sweep import EPOCH
from engine.taken import time_of
from engine.transports.archive import read_archive


class Restamping:
    """Moves all times of an archive by one constant; reads it first, up to the message that counts.

    ``first``: the first message that tells a time was sent now; else the newest, of which one that leaps
    ahead of all others alone is not believed. Raises ConfigError for an archive that tells no time.
    """

    def __init__(self, paths: Sequence[str], settings: Settings, *, first: bool) -> None:
        self._knowledge = app.knowledge_of(settings)
        self._most = settings.flow.max_message_bytes
        told = self._times(paths)
        leap = app.intake_options(settings, None).leap
        present = next(told, None) if first else _newest(told, leap)
        if present is None:
            raise fail("--restamp: no message tells in MSH-7 when it was sent", "send without --restamp")
        now = app.now().replace(microsecond=0).astimezone(present.tzinfo)
        self._shift = Shift(
            timedelta(seconds=round((now - present).total_seconds())), (now.date() - present.date()).days
        )

    def _times(self, paths: Sequence[str]) -> Iterator[datetime]:
        for archived in read_archive(paths, lambda _: None):
            try:
                message = parsed(archived.body, self._knowledge, self._most)
            except ContentError:
                continue
            told = time_of(message, self._knowledge.terminology)
            if told is not None:
                yield told

    def moved(self, source: str, body: bytes) -> bytes:
        """One message, moved; one that cannot be read as it is, which is told."""
        try:
            message = parsed(body, self._knowledge, self._most)
            site = self._knowledge.terminology.site(message.sending_application, message.sending_facility)
            return restamped(message, self._shift, site.time_zone)
        except (ContentError, UnicodeEncodeError):
            say(f"{source}: cannot be read, sent with its own times")
            return body


def _newest(told: Iterator[datetime], leap: timedelta) -> datetime | None:
    clock = MessageClock(leap)
    for number, at in enumerate(told):
        clock.read(at, InboxKey("", str(number), ""))
    return clock.newest if clock.newest > EPOCH else None
