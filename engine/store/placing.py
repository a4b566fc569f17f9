"""Where the results of a unit of work go: to rows of their own, or those of an order into one row."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from engine.model.record import Record
from engine.store import codec
from engine.store.flushing import Changes, Placed
from engine.store.packing import Row, by_order, orders_of, packed, unpacked
from engine.store.reading import Reader


def placed(changes: Changes, records: Mapping[str, Record], reader: Reader) -> Placed:
    """What is to be written of the results of a unit; ``records`` as it leaves them.

    Of persons with any therapy or alert nothing is kept together; of others the orders that come for the
    first time.
    """
    changed = (records[root] for root in changes.records if root in records)
    watched = {name for each in changed if each.therapy or each.alerts for name in each.person.members}
    found = Placed()
    orders = by_order(codec.result_rows(changes.results.values()))
    corrected = orders_of(changes.versions)
    told = {order for order in (*orders, *corrected) if order[0] not in watched}
    again = reader.known_orders(told)
    for order, rows in orders.items():
        apart = order[0] in watched or order in again or order in corrected
        row = None if apart else packed(order, rows)
        if row is None:
            found.rows += rows
        else:
            found.together.append(row)
    _take_apart(found, (*reader.packed(watched), *reader.packed_with(again)))
    return found


def _take_apart(found: Placed, stored: Iterable[Sequence[object]]) -> None:
    """The rows of the order come first: those that are told now are written over them."""
    before: list[Row] = []
    for row in stored:
        before += unpacked(row)
        found.apart.append((str(row[0]), str(row[1])))
    found.rows[:0] = before
