"""Which share takes which message in, and at which time.

Everybody whom one message names, and everybody joined with them by another, is in one share, so that
what is decided about a person never depends on what happens in another share. The time of messages runs
through all of them.
"""

from __future__ import annotations

import pickle
from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime
from typing import IO, NamedTuple, Protocol

from engine.arrival import Reading
from engine.errors import ContentError, EngineError
from engine.hl7 import Message
from engine.identity import person_id
from engine.message_clock import MessageClock
from engine.model.person import Identifier
from engine.replay.chunks import Chunk
from engine.replay.joined import Joined
from engine.store import InboxKey
from engine.sweep import EPOCH
from engine.taken import Arrived


class Place(NamedTuple):
    """Which share takes a message in, the time to judge it at, and whether that is not its own."""

    share: int
    at: datetime
    leaps: bool
    read: tuple[InboxKey, Message | ContentError] | None = None


class Plan(Protocol):
    """Where and when messages are taken in; asked about one chunk after the other.

    ``began`` is the time with which the replay begins, known with the first chunk; the epoch where no message
    tells one. ``clock`` is how it stands after a chunk where it has to be kept to go on after that one.
    """

    began: datetime
    clock: MessageClock | None

    def places(self, chunk: Chunk) -> list[Place]:
        """One for each message of the next chunk."""

    def pass_over(self, chunk: Chunk) -> list[Place]:
        """The same of a chunk that was taken in before; empty where nothing follows from it."""

    def share_of(self, patient: Identifier) -> int:
        """The share of a patient whom a roster names."""


class OneShare:
    """Everybody together: nothing is read beforehand, and the clock is read as the messages come."""

    def __init__(self, reading: Reading, clock: MessageClock) -> None:
        self._reading = reading
        self.clock: MessageClock | None = clock
        self._clock = clock
        self.began = EPOCH

    def places(self, chunk: Chunk) -> list[Place]:
        """One for each message of the next chunk."""
        read = _read(self._reading, chunk)
        times = [self._reading.time_of(message) for _, message in read]
        if chunk.number == 0:
            self.began = self._clock.begin(times)
        pairs = zip(read, times, strict=True)
        return [Place(0, *self._clock.read(at, each[0]), each) for each, at in pairs]

    def pass_over(self, _chunk: Chunk) -> list[Place]:
        """Nothing: the clock was kept."""
        return []

    def share_of(self, _patient: Identifier) -> int:
        """The only one."""
        return 0


class SplitPlan:
    """Several shares: the archive is read once to see who belongs together; ``places`` is an empty file."""

    clock: MessageClock | None = None

    def __init__(
        self, chunks: Iterable[Chunk], reading: Reading, clock: MessageClock, shares: int, places: IO[bytes]
    ) -> None:
        self._reading = reading
        self._shares = shares
        self._joined = Joined()
        self._places = places
        self.began = EPOCH
        for chunk in chunks:
            read = _read(reading, chunk)
            times = [reading.time_of(message) for _, message in read]
            if chunk.number == 0:
                self.began = clock.begin(times)
            pairs = zip(read, times, strict=True)
            pickle.dump([(self._member(*each), *clock.read(at, each[0])) for each, at in pairs], places)
        places.seek(0)

    def places(self, chunk: Chunk) -> list[Place]:
        """One for each message of the next chunk. Raises EngineError when it is not the chunk of before."""
        try:
            places = pickle.load(self._places)  # noqa: S301  written above
        except EOFError:
            places = []
        if len(places) != len(chunk.messages):
            raise EngineError("the archive has changed while it was read: replay it again")
        return [Place(self._share(member), at, leaps) for member, at, leaps in places]

    def pass_over(self, chunk: Chunk) -> list[Place]:
        """The same of a chunk that was taken in before: time has passed with it."""
        return self.places(chunk)

    def share_of(self, patient: Identifier) -> int:
        """The share of a patient whom a roster names."""
        authority = patient.authority or self._reading.terminology.site("", "").default_authority
        return self._share(self._joined.number(_name(replace(patient, authority=authority))))

    def _member(self, key: InboxKey, message: Message | ContentError) -> int:
        """A person of whom a message speaks; below zero the share of a message that speaks of nobody.

        The same message once more meets the same persons, or else the same share by its digest.
        """
        try:
            found = [self._joined.number(_name(each)) for each in self._reading.identifiers(message)]
        except Exception:  # noqa: BLE001  the intake meets the same, and tells
            found = []
        if not found:
            return -1 - int(key.digest[:16], 16) % self._shares
        for other in found[1:]:
            self._joined.join(found[0], other)
        return found[0]

    def _share(self, member: int) -> int:
        return -1 - member if member < 0 else self._joined.together(member) % self._shares


def _read(reading: Reading, chunk: Chunk) -> list[tuple[InboxKey, Message | ContentError]]:
    return [reading.read(Arrived(message.body, message.source)) for message in chunk.messages]


def _name(identifier: Identifier) -> int:
    """Two who would be stored as one person have one name."""
    return int(person_id(identifier)[:16], 16)
