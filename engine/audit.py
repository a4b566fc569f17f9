"""A chain of what happened, which nobody without the site's key can change, thin out or add to unnoticed.

Each row holds a keyed hash (HMAC-SHA-256) of itself and of the hash before it. Rows *vouch* for rows of other
tables by keyed digests: ledger lines of messages, alert events, what is sent of alerts, what people did to
the quarantine, and copies that are kept beside it. A chain alone cannot show that its newest rows were cut
off: for that its head is kept elsewhere.
"""

from __future__ import annotations

import hmac
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from hashlib import blake2b
from typing import Any

_NAME_BYTES = 10
_DIGEST_BYTES = 12
_NAME = _NAME_BYTES * 2  # in hexadecimal digits


class Kind(StrEnum):
    """What a row of the chain tells."""

    ENGINE_STARTED = "engine-started"
    ENGINE_STOPPED = "engine-stopped"
    MESSAGES = "messages"
    ALERT_EVENT = "alert-event"
    BACKLOG_SETTLED = "backlog-settled"
    TECHNICAL_ALERT = "technical-alert"
    ALERT_ACKNOWLEDGED = "alert-acknowledged"
    QUARANTINE_RELEASED = "quarantine-released"
    QUARANTINE_DISCARDED = "quarantine-discarded"
    COPY_KEPT = "copy-kept"
    ROSTER_IMPORTED = "roster-imported"
    RESULTS_REMOVED = "results-removed"
    STORE_MIGRATED = "store-migrated"
    STORE_PURGED = "store-purged"
    CARRIED = "carried"
    """Vouches once more for what rows that were purged had vouched for."""


@dataclass(frozen=True, slots=True)
class Note:
    """What is to be told by a row of the chain; ``at`` is ISO 8601 in UTC."""

    kind: Kind
    at: str
    what: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Head:
    """The newest row of a chain, to be kept where nobody who can write the store can write."""

    sequence: int = 0
    hash: str = ""

    def __str__(self) -> str:
        return f"{self.sequence}:{self.hash}"


@dataclass(frozen=True, slots=True)
class Entry:
    """One row of the chain; ``what`` is canonical JSON, ``previous`` the hash of the row before."""

    sequence: int
    at: str
    kind: str
    what: str
    previous: str
    hash: str

    @property
    def head(self) -> Head:
        """The head of a chain that ends here."""
        return Head(self.sequence, self.hash)

    def told(self) -> Mapping[str, Any]:
        """``what``; empty where that is no object of JSON, which somebody has then made of it."""
        try:
            told = json.loads(self.what)
        except (ValueError, RecursionError):
            return {}
        return told if isinstance(told, dict) else {}

    def __str__(self) -> str:
        return f"row {self.sequence} ({self.kind}, {self.at[:19]})"


@dataclass(frozen=True, slots=True)
class Vouch:
    """That a row of another table is as it was: its table, its name there, and the digest of it."""

    about: str
    name: str
    digest: str

    @classmethod
    def of_line(cls, joined: str) -> Vouch:
        """Of a ledger line whose name and digest stand in one text."""
        return cls(LINE, joined[:_NAME], joined[_NAME:])


LINE, EVENT, OUTGOING, CLOSED, COPY = "line", "event", "outgoing", "closed", "copy"
"""What is vouched for: ledger lines, alert events, messages to the broker, closed quarantine entries, and
copies of messages.
"""
NAMED = (EVENT, OUTGOING, CLOSED, COPY)
"""Those whose name and digest stand apart in a row that vouches for many."""


class Seal:
    """Makes hashes and digests under the site's key."""

    def __init__(self, site_key: bytes) -> None:
        self._key = hmac.digest(site_key, b"azawatch audit", "sha256")

    def entry(self, note: Note, after: Head) -> Entry:
        """The row that tells this, behind that head."""
        what = json.dumps(note.what, sort_keys=True, separators=(",", ":"))
        sequence = after.sequence + 1
        sealed = self._hash(sequence, note.at, note.kind.value, what, after.hash)
        return Entry(sequence, note.at, note.kind.value, what, after.hash, sealed)

    def fits(self, entry: Entry) -> bool:
        """Whether a row is as it was written under this key."""
        made = self._hash(entry.sequence, entry.at, entry.kind, entry.what, entry.previous)
        return hmac.compare_digest(made.encode(), entry.hash.encode())

    def digest(self, row: Sequence[object]) -> str:
        """A digest of the values of a row."""
        return self._tag(row, _DIGEST_BYTES)

    def name_of_line(self, digest: str, sender: str, control_id: str) -> str:
        """The name of a ledger line, by what makes a message the same."""
        return self._tag((digest, sender, control_id), _NAME_BYTES)

    def _hash(self, *parts: object) -> str:
        return hmac.new(self._key, json.dumps(parts).encode(), "sha256").hexdigest()

    def _tag(self, values: Sequence[object], size: int) -> str:
        # PostgreSQL has no NUL in text: the store writes its sign instead.
        # Bytes are in a column of text where somebody has put them there: they must not stop who looks.
        text = json.dumps([*values], default=repr).replace("\\u0000", "\\u2400")
        return blake2b(text.encode(), key=self._key, digest_size=size).hexdigest()


def vouches(entry: Entry, seal: Seal) -> Iterator[Vouch]:
    """Everything that a row vouches for."""
    told = entry.told()
    try:
        match entry.kind:
            case Kind.MESSAGES | Kind.CARRIED:
                for line in told.get("lines", ()):
                    yield Vouch.of_line(line)
                for about in NAMED:
                    for name, digest in told.get(about, {}).items():
                        yield Vouch(about, name, digest)
            case Kind.ALERT_EVENT:
                yield Vouch(EVENT, told["event"], told["digest"])
                for name, digest in told["outgoing"].items():
                    yield Vouch(OUTGOING, name, digest)
            case Kind.BACKLOG_SETTLED | Kind.TECHNICAL_ALERT:
                for name, digest in told["outgoing"].items():
                    yield Vouch(OUTGOING, name, digest)
            case Kind.QUARANTINE_RELEASED | Kind.QUARANTINE_DISCARDED | Kind.COPY_KEPT:
                name = seal.name_of_line(told["digest"], told["sender"], told["control_id"])
                if entry.kind == Kind.COPY_KEPT:
                    yield Vouch(COPY, name, seal.digest((COPY, told["why"])))
                else:
                    state = entry.kind.removeprefix("quarantine-")
                    yield Vouch(CLOSED, name, seal.digest((state, told["why"])))
    except (KeyError, TypeError, AttributeError, RecursionError):
        return  # a row that somebody has made up: its hash tells


def dropped(entry: Entry) -> Sequence[str]:
    """The messages to receivers that are not to be sent any more, by their ids."""
    told = entry.told().get("dropped", ())
    return told if entry.kind == Kind.BACKLOG_SETTLED and isinstance(told, list) else ()


@dataclass(slots=True)
class Walk:
    """A walk along the chain from ``after`` on; what is wrong with it is in ``faults``, with its place.

    ``purged_before``: ledger lines and closed quarantine entries that are older may have been removed.
    """

    seal: Seal
    known: Head | None = None
    after: Head | None = None
    rows: int = 0
    purged_before: str = ""
    faults: list[str] = field(default_factory=list)
    _last: Entry | None = None
    _began: Head | None = None
    _bad: list[Entry] = field(default_factory=list)
    _cuts: set[Head] = field(default_factory=set)

    @property
    def head(self) -> Head | None:
        """The newest row so far; None before the first."""
        return None if self._last is None else self._last.head

    def along(self, entries: Iterable[Entry]) -> Iterator[Entry]:
        """The rows, one by one in the order of their sequence, each looked at before it is passed on."""
        for entry in entries:
            self._look(entry)
            yield entry
        self._tell_bad()
        self._end()

    def _look(self, entry: Entry) -> None:
        self.rows += 1
        last, self._last = self._last, entry
        if last is not None and entry.sequence > last.sequence + 1:
            self._tell_bad()
            self.faults.append(_rows(last.sequence + 1, entry.sequence - 1, "removed"))
        if not self.seal.fits(entry):
            self._bad.append(entry)
            return
        if last is None:
            self._began = Head(entry.sequence - 1, entry.previous)
        elif entry.sequence == last.sequence + 1 and not self._bad and entry.previous != last.hash:
            self.faults.append(f"{entry}: does not follow row {last.sequence}, which is another one now")
        self._tell_bad()
        if self.known is not None and entry.sequence == self.known.sequence:
            if entry.hash != self.known.hash:
                self.faults.append(
                    f"{entry}: is not the row of the known head: the chain was cut off before it and went on"
                )
            self.known = None
        if entry.kind == Kind.STORE_PURGED:
            self._note_purge(entry)

    def _tell_bad(self) -> None:
        """Rows that do not fit are told together: one that was put between others moves all behind it."""
        if self._bad:
            first, last, count = self._bad[0], self._bad[-1], len(self._bad)
            place = str(first) if count == 1 else f"rows {first.sequence} to {last.sequence}"
            how = "changed, moved, or put there without the key of this site"
            self.faults.append(f"{place}: {how}")
            self._bad = []

    def _note_purge(self, entry: Entry) -> None:
        told = entry.told()
        self.purged_before = max(self.purged_before, told["before"])
        if "cut" in told:
            self._cuts.add(Head(told["cut"]["sequence"], told["cut"]["hash"]))

    def _end(self) -> None:
        last = self._last.sequence if self._last is not None else 0
        began = self._began
        if began is not None and self.after is not None and self.after != began:
            self.faults.append(f"row {began.sequence}: changed or removed")
        elif began is not None and self.after is None and began != Head() and began not in self._cuts:
            self.faults.append(_rows(1, began.sequence, "removed, and no row tells of a purge of them"))
        if self.known is None:
            return
        if self.known.sequence > last:
            self.faults.append(_rows(last + 1, self.known.sequence, "cut off from the end"))
        else:
            self.faults.append(f"row {self.known.sequence}: the known head is not among the rows looked at")


def _rows(first: int, last: int, what: str) -> str:
    return f"row {first}: {what}" if first >= last else f"rows {first} to {last}: {what}"
