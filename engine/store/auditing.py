"""Looking through the audit: whether the chain holds, and whether what it vouches for is as it was."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import Connection, func, select

from engine.audit import CLOSED, COPY, EVENT, LINE, OUTGOING, Entry, Head, Seal, Vouch, Walk
from engine.errors import ConfigError, Defect
from engine.store import codec, schema
from engine.store.upgrading import opened
from engine.store.vouched import Vouched, present, streamed

_MOST_FAULTS = 100


@dataclass(slots=True)
class Verdict:
    """What came of a look: ``faults`` with their places, at most 100, of ``count`` in all.

    ``rows`` of the chain were looked at, up to ``head``; ``vouched`` rows of other tables were compared.
    """

    rows: int = 0
    head: Head = field(default_factory=Head)
    vouched: int = 0
    faults: list[str] = field(default_factory=list)
    count: int = 0

    def add(self, fault: str) -> None:
        """One more fault."""
        self.count += 1
        if len(self.faults) < _MOST_FAULTS:
            self.faults.append(fault)


def verify(url: str, site_key: bytes, *, since: datetime | None = None, known: Head | None = None) -> Verdict:
    """Look through the audit of a store, from a time on, up to the newest row.

    Finds rows of the chain that were changed, removed, inserted or moved; ledger lines, alert events and
    what is to be sent of them, and closed quarantine entries that are not what the chain vouches for; and,
    with a ``known`` head, that rows were cut off from the end. Other processes may write meanwhile. Raises
    ConfigError where there is no store of this release.
    """
    seal = Seal(site_key)
    begin = "" if since is None else codec.instant(since)
    with opened(url, reading=True) as connection, closing(Vouched(seal)) as vouched:
        return look(connection, seal, vouched, begin, known)


def look(
    connection: Connection, seal: Seal, vouched: Vouched, begin: str = "", known: Head | None = None
) -> Verdict:
    """The same inside a transaction of the caller, who is handed what the chain vouches for."""
    verdict = Verdict()
    first = first_since(connection, begin)
    walk = Walk(seal, known, head_of(connection, first - 1))
    for entry in walk.along(entries(connection, first)):
        vouched.take(entry)
    for fault in walk.faults:
        verdict.add(fault)
    verdict.rows, verdict.head = walk.rows, walk.head or Head()
    for name, vouch, at in present(connection, seal):
        _compare(verdict, vouched, name, vouch, looked_at=str(at) >= begin, whole=not begin)
    for about, sequence in vouched.missing(walk.purged_before):
        verdict.add(f"{_WORDS[about]} that row {sequence} vouches for: removed")
    return verdict


def export(url: str, since: datetime | None = None) -> Iterator[Entry]:
    """The rows of the audit from a time on, in their order. Raises as :func:`verify`."""
    with opened(url, reading=True) as connection:
        begin = "" if since is None else codec.instant(since)
        yield from entries(connection, first_since(connection, begin))


def entries(connection: Connection, first: int) -> Iterator[Entry]:
    """The rows of the chain from this number on."""
    table = schema.audit
    for row in streamed(
        connection, select(table).where(table.c.sequence >= first).order_by(table.c.sequence)
    ):
        yield Entry(row.sequence, *map(str, row[1:]))  # bytes, where somebody has put them there


def first_since(connection: Connection, at: str) -> int:
    """The number of the first row of this time or later; where no time is given, of the very first one.

    That one may have a number below 1: somebody has put it there.
    """
    table = schema.audit
    first = connection.execute(select(func.min(table.c.sequence)).where(table.c.at >= at)).scalar()
    if first is None and at:
        raise ConfigError([Defect("audit", 0, f"has no row since {at}", "azawatch audit head")])
    return 1 if first is None else int(first) if at else min(1, int(first))


def head_of(connection: Connection, sequence: int) -> Head | None:
    """The head of the chain when it ended at this row; None where there is no such row."""
    if sequence < 1:
        return None
    table = schema.audit
    row = connection.execute(
        select(table.c.sequence, table.c.hash).where(table.c.sequence == sequence)
    ).first()
    return None if row is None else Head(row.sequence, str(row.hash))


_WORDS = {
    LINE: "ledger line",
    EVENT: "alert event",
    OUTGOING: "message to receivers",
    CLOSED: "closed quarantine entry",
    COPY: "copy of a message",
}


def _compare(
    verdict: Verdict, vouched: Vouched, name: str, vouch: Vouch, *, looked_at: bool, whole: bool
) -> None:
    sequence = vouched.found(vouch)
    if sequence is None:
        # What vouches for a message to receivers has the time of the decision, which may be long before.
        if looked_at and (whole or vouch.about != OUTGOING):
            verdict.add(f"{name}: no row of the audit vouches for it")
    elif sequence < 0:
        verdict.add(f"{name}: is not what row {-sequence} vouches for")
    else:
        verdict.vouched += 1
