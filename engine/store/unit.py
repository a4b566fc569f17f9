"""One transaction: what is read is kept in memory, what is changed is written in bulk at the end."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from sqlalchemy.engine.interfaces import DBAPICursor

from engine.audit import Kind, Note, Seal
from engine.model.alert import Alert, AlertEvent
from engine.model.ledger import LedgerEntry
from engine.model.person import Identifier, Person
from engine.model.record import Record
from engine.model.result import Result
from engine.model.therapy import TherapyEvent
from engine.model.watch import Watch
from engine.store import chain, codec, flushing, holding
from engine.store.cache import RecordCache
from engine.store.condition import JUDGED_UNTIL
from engine.store.flushing import Changes, Merge
from engine.store.holding import HeldBack
from engine.store.locking import Locks
from engine.store.packing import Order, order_of
from engine.store.placing import placed
from engine.store.reading import Reader, newest_versions
from engine.store.rows import InboxKey, OutboxRow, TakenMessage
from engine.store.statements import Statements

_WATCHING_SINCE = "watching_since"
_LOOKED_WITH = "looked_with"  # the revision with which everybody was looked at


class Unit:
    """A unit of work on one connection inside one transaction.

    Reads see what this unit has changed; nothing reaches the database before :meth:`flush`.
    """

    def __init__(
        self, cursor: DBAPICursor, statements: Statements, cache: RecordCache, seal: Seal | None = None
    ) -> None:
        self._cursor = cursor
        self._seal = seal
        self._statements = statements
        self._reader = Reader(cursor, statements, cache)
        self._locks = Locks(cursor, statements)
        self._records: dict[str, Record] = {}
        self._read: dict[str, tuple[Record, int]] = {}
        self._roots: dict[tuple[str, str], str | None] = {}
        self._retired: dict[str, str] = {}
        self._renamed: set[str | None] = set()
        self._changes = Changes()
        self._taken: set[InboxKey] = set()
        self._watch: Watch | None = None
        self._stored_due: str | None = None

    @property
    def cursor(self) -> DBAPICursor:
        """For what a caller keeps beside the record, in the same transaction."""
        return self._cursor

    # --- reading -------------------------------------------------------------------------------

    def prefetch(
        self,
        keys: Iterable[InboxKey],
        identifiers: Iterable[tuple[str, str]],
        orders: Iterable[tuple[tuple[str, str], str]] = (),
    ) -> None:
        """Read in a few statements what a whole batch of messages will ask for.

        ``orders`` are those that bring results: an identifier of the person, and the begin of their keys.
        """
        digests = {key.digest for key in keys}
        self._locks.take(digests)
        self._taken |= self._reader.taken(digests)
        self._find_roots(set(identifiers))
        self._load({root for root in self._roots.values() if root is not None})
        self._reader.known_orders({of for key, order in orders for of in self._of_untreated(key, order)})

    def seen(self, key: InboxKey) -> bool:
        """Whether this very message was taken in before (or earlier in this batch)."""
        return key in self._taken

    def taken(self, digest: str) -> InboxKey | None:
        """The message with these very bytes that was taken in before."""
        self.prefetch([InboxKey("", "", digest)], ())
        return next((key for key in self._taken if key.digest == digest), None)

    def roots_of(self, identifiers: Iterable[Identifier]) -> tuple[str, ...]:
        """The distinct persons (roots of their alias classes) that these identifiers belong to."""
        keys = [identifier.key for identifier in identifiers]
        self._find_roots(set(keys))
        roots = (self._roots[key] for key in keys)
        return tuple(dict.fromkeys(self._survivor(root) for root in roots if root is not None))

    def knows(self, root: str) -> bool:
        """Whether the store or this unit has a record of this person."""
        self._load({root})
        return self._survivor(root) in self._records

    def roots_with_problem(self, key: str) -> tuple[str, ...]:
        """The persons with an observation of this key that has a problem."""
        told = [
            result.person_id
            for (_, other), result in self._changes.results.items()
            if other == key and result.problem is not None
        ]
        found = (self._survivor(root) for root in (*self._reader.roots_with_problem(key), *told))
        return tuple(dict.fromkeys(found))

    def record(self, root: str) -> Record:
        """The record of a known person; of the survivor, where a merge has retired this one."""
        record = self.outline(root)
        return record if record.whole else self._complete(record)

    def outline(self, root: str) -> Record:
        """As :meth:`record`, but results of somebody who was never treated may be left unread."""
        self._load({root})
        return self._records[self._survivor(root)]

    def versions(self, members: Iterable[str], told: Collection[Result]) -> tuple[Result, ...]:
        """The newest version of each of these results that one of the members of a class has."""
        found: list[Result] = []
        for member in members:
            of = {result.key: order_of(result.sender, result.order) for result in told}
            written = {key: self._changes.results.get((member, key)) for key in of}
            found += filter(None, written.values())
            orders = {(member, order) for order in of.values()}
            known = {order for _, order in self._reader.known_orders(orders)}
            # Of an order that nobody knows there is nothing to be found; notices are found by what they are.
            unwritten = {key for key, result in written.items() if result is None}
            asked = [key for key in unwritten if of[key] in known or not key.startswith(f"{of[key]}|")]
            if asked:
                found += self._reader.results_with(member, asked, known)
        return newest_versions(found)

    def watch(self) -> Watch | None:
        """Since when the engine watches, and up to when it has judged time; None before its first message."""
        if self._watch is None:
            told = self._reader.settings((_WATCHING_SINCE, JUDGED_UNTIL))
            if len(told) == 2:
                since, clock = told[_WATCHING_SINCE], told[JUDGED_UNTIL]
                self._watch = Watch(codec.from_instant(since), codec.from_instant(clock))
        return self._watch

    def next_due(self) -> datetime | None:
        """An instant before which nobody is due; None when nobody is."""
        if self._stored_due is None:
            self._stored_due = self._reader.next_due("")
        told = (self._stored_due, *self._changes.due.values())
        earliest = min(filter(None, told), default="")
        return codec.from_instant(earliest) if earliest else None

    def due(self, until: datetime, most: int) -> list[tuple[str, datetime]]:
        """The persons whom time may have changed until then, and since when, in that order."""
        own, last = self._changes.due, codec.instant(until)
        found = dict(self._reader.due(last, most + len(own)))
        found.update(own)
        rows = sorted((at, root) for root, at in found.items() if "" < at <= last)
        if not rows:  # what is stored until then has been looked at in this transaction
            self._stored_due = self._reader.next_due(last)
        return [(root, codec.from_instant(at)) for at, root in rows[:most]]

    def still_due(self, due: Iterable[tuple[str, datetime]]) -> list[tuple[str, datetime]]:
        """Those of the persons who are still due since then: another worker may have judged one meanwhile."""
        wanted = list(due)
        self._load({root for root, _ in wanted})
        now = self._reader.due_of({root for root, _ in wanted}) | self._changes.due
        return [(root, at) for root, at in wanted if now.get(root) == codec.instant(at)]

    # --- changing ------------------------------------------------------------------------------

    def put_person(self, person: Person, more: Iterable[Identifier], *, new: bool) -> None:
        """Store demographics and visit of a person, and identifiers that are new or have a new type.

        An identifier that somebody has stays with them: only a merge joins persons.
        """
        root = person.person_id
        self._changes.persons[root] = person
        self._changes.records.add(root)
        wanted = list(more)
        self._find_roots({identifier.key for identifier in wanted})
        for identifier in wanted:
            self._changes.identifiers[identifier.key] = (identifier, root)
            owner = self._roots[identifier.key]
            if owner is None:
                self._roots[identifier.key] = root
            else:
                self._changes.records.add(owner)
            self._renamed |= {root, owner}
        if new:
            self._renamed.add(root)

    def put_merge(
        self, survivor: Record, retired: Person, decided_at: datetime, control_id: str, why: str
    ) -> None:
        """Join ``retired`` into the survivor's alias class; ``survivor`` is the record of both."""
        root = self._survivor(survivor.person.person_id)
        if root == retired.person_id:
            return
        self._retired[retired.person_id] = root
        self._changes.due[retired.person_id] = ""
        self._records.pop(retired.person_id, None)
        self._changes.records.add(root)
        self._renamed |= {root, retired.person_id}
        self._changes.merges.append(Merge(retired.person_id, root, decided_at, control_id, why))

    def put_record(
        self,
        record: Record,
        *,
        results: Sequence[Result] = (),
        superseded: Sequence[Result] = (),
        therapy: Sequence[TherapyEvent] = (),
        alerts: Sequence[Alert] = (),
        events: Sequence[AlertEvent] = (),
    ) -> None:
        """The record as it is now, and which parts of it are new."""
        root = record.person.person_id
        self._records[root] = record
        changes = self._changes
        changes.results.update(((result.person_id, result.key), result) for result in results)
        changes.versions.extend(superseded)
        changes.therapy.update(((event.person_id, event.event_id), event) for event in therapy)
        changes.alerts.update((alert.alert_id, alert) for alert in alerts)
        changes.events.extend(events)
        if results or therapy or alerts:
            changes.records.add(root)

    def put_due(self, root: str, at: datetime | None) -> None:
        """When time alone may next change what holds of this person."""
        survivor = self._survivor(root)
        if survivor != root:  # made due by somebody who did not know of the merge yet
            self._changes.due[root] = ""
        self._changes.due[survivor] = "" if at is None else codec.instant(at)

    def look_at_everybody(self, at: datetime, revision: str, *, again: bool = False) -> bool:
        """Make everybody on therapy due, unless it was done for this revision; whether it was done now.

        ``again``: even if it was done for this revision.
        """
        if not again and self._reader.settings([_LOOKED_WITH]).get(_LOOKED_WITH) == revision:
            return False
        self._changes.settings[_LOOKED_WITH] = revision
        self._changes.due.update(dict.fromkeys(self._reader.treated(), codec.instant(at)))
        return True

    def put_watch(self, watch: Watch) -> None:
        """Since when the engine watches, and up to when it has judged time."""
        self._watch = watch
        self._changes.settings[_WATCHING_SINCE] = codec.instant(watch.since)
        self._changes.settings[JUDGED_UNTIL] = codec.instant(watch.clock)

    def put_outbox(self, rows: Iterable[OutboxRow], at: datetime, held_until: datetime | None = None) -> None:
        """Queue messages for the relay, in this order; ``at`` is when they were decided.

        ``held_until``: they tell of a backlog, and wait at most so long for what else it holds.
        """
        self._changes.outbox.extend((row, at, held_until) for row in rows)

    def held_back(self, alert_ids: Iterable[str]) -> dict[str, HeldBack]:
        """Those of the alerts that something held back tells of, with all that waits to be told of them."""
        return holding.held_back(self._cursor, self._statements, alert_ids)

    def settle(self, held: HeldBack, told: Iterable[OutboxRow], told_by: str, at: datetime) -> None:
        """Put these in the place of what was held back of one alert, and note what nobody was told.

        ``told_by`` is the event that tells of the rest.
        """
        rows = list(told)
        holding.settle(self._cursor, self._statements, held, rows, told_by, at)
        if self._seal is not None:
            self._changes.notes.append(chain.settled(self._seal, held, rows, at))

    def put_message(self, message: TakenMessage) -> None:
        """Write the one ledger line of a message; with its body when it is quarantined."""
        self._taken.add(message.key)
        self._changes.messages.append(message)

    def count_repeat(self, key: InboxKey) -> None:
        """A message that was taken in before has come again."""
        self._changes.repeats[key] += 1

    def begin_attempt(self, digest: str, counted: int = 0) -> int:
        """Count that a message is about to be read alone; how often it was, this time included.

        ``counted``: what this told before, where nobody knows whether that was committed: it counts once.
        """
        self._cursor.execute(self._statements.count_attempt, (digest, 1))
        count = int(self._cursor.fetchall()[0][0])
        if counted and count > counted:
            self._cursor.execute(self._statements.count_attempt, (digest, counted - count))
            return int(self._cursor.fetchall()[0][0])
        return count

    def end_attempts(self, digest: str) -> None:
        """Forget how often a message was about to be read: it has not ended this process."""
        self._cursor.execute(self._statements.end_attempts, (digest,))

    def close_quarantined(self, row_id: int, state: str, why: str, at: datetime | None) -> bool:
        """Mark one held message released or discarded; false when it is not held.

        As ``held``, at no time, it stays so, and nobody else closes it until the transaction ends.
        """
        row = (state, codec.storable(why), codec.instant(at) if at else "", row_id)
        self._cursor.execute(self._statements.close_quarantined, row)
        return self._cursor.rowcount == 1

    def put_ledger(self, entries: Iterable[LedgerEntry], at: datetime) -> None:
        """Count codes and units that were not understood."""
        self._changes.ledger.extend((entry, at) for entry in entries)

    def note(self, kind: Kind, what: Mapping[str, object], at: datetime) -> None:
        """Tell in the audit what somebody did, where this store keeps one."""
        self._changes.notes.append(Note(kind, codec.instant(at), what))

    # --- the database --------------------------------------------------------------------------

    def flush(self) -> None:
        """Write everything that changed, in bulk; called once, before the commit."""
        results = placed(self._changes, self._records, self._reader)
        flushing.write(self._changes, results, self._cursor, self._statements)
        if self._seal is not None:
            notes = list(chain.notes_of(self._changes, self._seal))
            chain.add(notes, self._cursor, self._statements, self._seal)

    def committed(self) -> Iterator[tuple[Record, int]]:
        """Records as the store holds them after the commit, each with the number of changes it has seen.

        Made of the rows that were read and those that were written, not of what callers believe. People
        who are new, have new numbers or belong to a merge are left to be read again.
        """
        changes = self._changes
        news = changes.by_person()
        for root, (record, count) in self._read.items():
            if root in self._renamed or record.person.members != (root,):
                continue
            if not record.whole and (news[root].therapy or news[root].alerts):
                continue
            if root in changes.records:
                person = changes.persons.get(root, record.person)
                yield news[root].added_to(record, person), count + 1
            else:
                yield record, count

    def _survivor(self, root: str) -> str:
        while root in self._retired:
            root = self._retired[root]
        return root

    def _of_untreated(self, key: tuple[str, str], order: str) -> Iterator[Order]:
        """The order under each name of a person of whom results are left unread."""
        root = self._roots[key]
        if root is not None:
            record = self._records[self._survivor(root)]
            if not record.whole:
                yield from ((member, order) for member in record.person.members)

    def _find_roots(self, keys: set[tuple[str, str]]) -> None:
        missing = {key for key in keys if key not in self._roots}
        if missing:
            # Nobody else makes a person of one of these numbers, or joins one to another person, meanwhile.
            self._locks.take(f"{value}|{authority}" for authority, value in missing)
            found = self._reader.roots(missing)
            while self._locks.take(found.values()):
                found = self._reader.roots(missing)
            self._roots.update((key, found.get(key)) for key in missing)

    def _load(self, roots: set[str]) -> None:
        missing = {root for root in map(self._survivor, roots) if root not in self._records}
        if missing:
            self._locks.take(missing)
            found = self._reader.records(missing, whole=False)
            for root, (record, count) in found.items():
                self._records[root] = record
                self._read[root] = (record, count)
            self._load_survivors(missing - found.keys())

    def _complete(self, record: Record) -> Record:
        """Read the results that were left unread."""
        root, members = record.person.person_id, record.person.members
        stored = self._reader.results(members)
        read, count = self._read[root]
        self._read[root] = (replace(read, results=newest_versions(stored), whole=True), count)
        results = {(result.person_id, result.key): result for result in stored}
        results.update((place, told) for place, told in self._changes.results.items() if place[0] in members)
        whole = replace(record, results=newest_versions(results.values()), whole=True)
        self._records[root] = whole
        return whole

    def _load_survivors(self, retired: set[str]) -> None:
        """Those whom another transaction has joined to somebody since they were asked for."""
        for root in retired:
            survivor = self._reader.root_of(root)
            if survivor is not None and survivor != root:
                self._retired[root] = survivor
                self._load({survivor})
