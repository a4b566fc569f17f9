"""Reading for a unit of work: identifiers to persons, persons to records, many at a time."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from itertools import chain
from typing import Any, TypeVar

from sqlalchemy.engine.interfaces import DBAPICursor

from engine.model.person import Identifier, Person, in_order_of_use
from engine.model.record import Record
from engine.model.result import Result
from engine.store import codec
from engine.store.cache import RecordCache
from engine.store.packing import Order, results_of
from engine.store.rows import InboxKey, alert_from_row
from engine.store.statements import Statements, with_orders, with_texts
from engine.therapy import newest

_T = TypeVar("_T")

# Lists are read in these lengths, so that a few prepared statements serve all; SQLite has a limit as well.
_SIZES = (1, 8, 16, 64, 128, 512)


class Reader:
    """What the database holds, on one connection inside one transaction."""

    def __init__(self, cursor: DBAPICursor, statements: Statements, cache: RecordCache) -> None:
        self._cursor = cursor
        self._statements = statements
        self._cache = cache
        self._orders: dict[Order, bool] = {}  # whether any result of it was stored before

    def taken(self, digests: Iterable[str]) -> set[InboxKey]:
        """The messages taken in before that have one of these digests."""
        rows = self._rows(self._statements.taken, digests)
        return {InboxKey(sender, control_id, digest) for sender, control_id, digest in rows}

    def roots(self, keys: Iterable[tuple[str, str]]) -> dict[tuple[str, str], str]:
        """The person of each identifier (authority, value) that is known."""
        rows = self._rows(self._statements.roots, {value for _, value in keys})
        return {(authority, value): root for authority, value, root in rows}

    def roots_with_problem(self, key: str) -> list[str]:
        """The persons with an observation of this key that has a problem."""
        self._cursor.execute(self._statements.problem_roots, (key,))
        return [root for (root,) in self._cursor.fetchall()]

    def settings(self, names: Iterable[str]) -> dict[str, str]:
        """What the engine has noted for itself under these names."""
        return {row[0]: row[1] for row in self._rows(self._statements.settings, names)}

    def next_due(self, after: str) -> str:
        """The first instant after that one at which somebody is due; empty when nobody is."""
        self._cursor.execute(self._statements.next_due, (after,))
        (found,) = self._cursor.fetchone() or ("",)
        return found or ""

    def treated(self) -> list[str]:
        """Everybody of whom any therapy was told."""
        self._cursor.execute(self._statements.treated)
        return [root for (root,) in self._cursor.fetchall()]

    def due(self, until: str, most: int) -> list[tuple[str, str]]:
        """The persons who are due until then, and since when."""
        self._cursor.execute(self._statements.due, (until, most))
        return [(root, at) for root, at in self._cursor.fetchall()]

    def due_of(self, roots: Iterable[str]) -> dict[str, str]:
        """Since when each of these persons is due."""
        return {row[0]: row[1] for row in self._rows(self._statements.due_of, roots)}

    def root_of(self, person_id: str) -> str | None:
        """The root of the class that a person belongs to by now."""
        self._cursor.execute(self._statements.root_of, (person_id,))
        row = self._cursor.fetchone()
        return None if row is None else row[0]

    def results(self, person_ids: Iterable[str]) -> list[Result]:
        """The results of these persons."""
        wanted = list(person_ids)
        rows = self._rows(self._statements.results, wanted)
        together = self._rows(self._statements.packed, wanted)
        return [*map(codec.result_from_row, rows), *chain.from_iterable(map(results_of, together))]

    def results_with(self, person_id: str, keys: Collection[str], orders: Iterable[str]) -> list[Result]:
        """The results of one person that have one of these keys; ``orders`` are those that they may be of."""
        rows = self._rows(self._statements.results_with, keys, (person_id,))
        together = self._rows(self._statements.packed_with, orders, (person_id,))
        packed = (result for row in together for result in results_of(row) if result.key in keys)
        return [*map(codec.result_from_row, rows), *packed]

    def packed(self, person_ids: Iterable[str]) -> Sequence[Sequence[Any]]:
        """The rows that hold the results of an order each, of these persons."""
        return self._rows(self._statements.packed, person_ids)

    def packed_with(self, orders: Iterable[Order]) -> Iterator[Sequence[Any]]:
        """Those of these orders."""
        numbers: dict[str, list[str]] = defaultdict(list)
        for person_id, number in orders:
            numbers[person_id].append(number)
        for person_id, wanted in numbers.items():
            yield from self._rows(self._statements.packed_with, wanted, (person_id,))

    def known_orders(self, orders: set[Order]) -> set[Order]:
        """Those of which any result was stored before this transaction."""
        missing = sorted(order for order in orders if order not in self._orders)
        for some in _in_lengths(missing):
            statement = with_orders(self._statements.known_orders, len(some), self._statements.mark)
            self._cursor.execute(statement, [*chain.from_iterable(some)])
            self._orders.update(((person_id, number), True) for person_id, number in self._cursor.fetchall())
        for order in missing:
            self._orders.setdefault(order, False)
        return {order for order in orders if self._orders[order]}

    def records(self, roots: Iterable[str], *, whole: bool = True) -> dict[str, tuple[Record, int]]:
        """The records of those that are known, each with the number of changes it has seen.

        Where they need not be ``whole``, results of those of whom neither therapy nor an alert was ever told
        are left unread.
        """
        members: dict[str, list[str]] = defaultdict(list)
        own: dict[str, tuple[str, str, int]] = {}
        for person_id, root, demographics, visit, changes in self._rows(self._statements.persons, roots):
            members[root].append(person_id)
            if person_id == root:
                own[root] = (demographics, visit, changes)
        found: dict[str, tuple[Record, int]] = {}
        for root, (_, _, changes) in own.items():
            remembered = self._cache.get(root, changes)
            if remembered is not None and (remembered.whole or not whole):
                found[root] = (remembered, changes)
        root_of = {member: root for root in own if root not in found for member in members[root]}
        if root_of:
            parts = _Parts(self._rows, self._statements, root_of, whole=whole)
            for root in dict.fromkeys(root_of.values()):
                demographics, visit, changes = own[root]
                person = Person(
                    root,
                    in_order_of_use(parts.identifiers[root]),
                    codec.demographics_from_text(demographics),
                    codec.visit_from_text(visit),
                    tuple(sorted(members[root])),
                )
                record = Record(
                    person,
                    newest_versions(parts.results[root]),
                    newest(parts.therapy[root]),
                    tuple(parts.alerts[root]),
                    whole=root in parts.whole,
                )
                found[root] = (record, changes)
        return found

    def _rows(
        self, statement: str, texts: Iterable[str], before: tuple[str, ...] = ()
    ) -> Sequence[Sequence[Any]]:
        """The rows of a list of texts; ``before`` are the parameters that come before the list."""
        rows: list[Sequence[Any]] = []
        for some in _in_lengths(sorted(texts)):
            self._cursor.execute(with_texts(statement, len(some), self._statements.mark), [*before, *some])
            rows += self._cursor.fetchall()
        return rows


def _in_lengths(wanted: list[_T]) -> Iterator[list[_T]]:
    """Parts of a list, each with its last one again until the driver has a statement for the length."""
    for start in range(0, len(wanted), _SIZES[-1]):
        some = wanted[start : start + _SIZES[-1]]
        size = next(size for size in _SIZES if size >= len(some))
        yield some + some[-1:] * (size - len(some))


class _Parts:
    """The rows of several persons by the root of their alias class."""

    def __init__(
        self,
        rows: Callable[[str, Iterable[str]], Sequence[Sequence[Any]]],
        statements: Statements,
        root_of: Mapping[str, str],
        *,
        whole: bool,
    ) -> None:
        def grouped(
            statement: str, owner: int, read: Callable[[Sequence[Any]], _T], of: Iterable[str] = root_of
        ) -> dict[str, list[_T]]:
            groups: dict[str, list[_T]] = defaultdict(list)
            for row in rows(statement, of):
                groups[root_of[row[owner]]].append(read(row))
            return groups

        def identifier(row: Sequence[Any]) -> Identifier:
            authority, value, kind, owner = row
            return Identifier(authority, value, kind, retired=owner != root_of[owner])

        self.identifiers = grouped(statements.identifiers, 3, identifier)
        self.therapy = grouped(statements.therapy, 0, lambda row: codec.therapy_from_row(*row))
        self.alerts = grouped(statements.alerts, 1, alert_from_row)
        self.whole = set(root_of.values()) if whole else {*self.therapy, *self.alerts}
        read = [member for member, root in root_of.items() if root in self.whole]
        self.results = grouped(statements.results, 0, codec.result_from_row, read)
        for row in rows(statements.packed, read):
            self.results.setdefault(root_of[row[0]], []).extend(results_of(row))


def newest_versions(results: Iterable[Result]) -> tuple[Result, ...]:
    """The newest version of every key; merged persons may both have one."""
    newest_of: dict[str, Result] = {}
    for result in results:
        known = newest_of.get(result.key)
        if known is None or known.version < result.version:
            newest_of[result.key] = result
    return tuple(newest_of.values())
