"""The results of one order in one row, as they came first: most people are never treated, and nobody asks.

They are rows of their own as soon as one of them is told again, or any therapy or alert of the person is
known. So a result is in one place only, and whoever asks for the results of people on therapy finds rows.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from operator import itemgetter
from typing import Any

from engine.model.result import Result
from engine.store import codec, schema
from engine.store.schema import RESULT_COLUMNS

_COLUMNS = ("person_id", "key", *RESULT_COLUMNS)
_SHARED = (
    "sender",
    "order_number",
    "specimen",
    "collected_at",
    "collected_precision",
    "collected_notes",
    "reported_at",
    "sent_at",
    "control_id",
    "specimen_condition",
)
_OWN = tuple(name for name in _COLUMNS if name not in ("person_id", *_SHARED))
_shared = itemgetter(*map(_COLUMNS.index, _SHARED))
_own = itemgetter(*map(_COLUMNS.index, _OWN))
_in_order = itemgetter(*map((*_SHARED, *_OWN).index, _COLUMNS[1:]))
_key, _sender, _number, _collected_at, _problem = (
    _COLUMNS.index(name) for name in ("key", "sender", "order_number", "collected_at", "problem")
)
_write = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), check_circular=False).encode

Row = tuple[str | int, ...]
Order = tuple[str, str]
"""Person and :func:`order_of` a result."""


def order_of(sender: str, number: str) -> str:
    """What the keys of the results of one order begin with."""
    return f"{sender}|{number}"


def orders_of(results: Iterable[Result]) -> set[Order]:
    """The orders of which these are results."""
    return {(result.person_id, order_of(result.sender, result.order)) for result in results}


def by_order(rows: Iterable[Row]) -> dict[Order, list[Row]]:
    """Rows of results, those of one order together."""
    found: dict[Order, list[Row]] = {}
    for row in rows:
        order = (str(row[0]), order_of(str(row[_sender]), str(row[_number])))
        found.setdefault(order, []).append(row)
    return found


def packed(order: Order, rows: Sequence[Row]) -> Row | None:
    """The results of an order as one row of their own table; None where they have to stay rows.

    That is where they do not all come from one message and one draw, and where one of them is found by what
    it is and not by its order: notices, and what has a problem.
    """
    shared = _shared(rows[0])
    begin = f"{order[1]}|"
    for row in rows:
        if row[_problem] or not str(row[_key]).startswith(begin) or _shared(row) != shared:
            return None
    text = _write([shared, [_own(row) for row in rows]])
    return (*order, rows[0][_collected_at], len(rows), text)


def unpacked(row: Sequence[Any]) -> Iterator[Row]:
    """The rows of results of which :func:`packed` has made this one."""
    shared, own = json.loads(row[schema.order_results.c.keys().index("results")])
    return ((row[0], *_in_order((*shared, *each))) for each in own)


def results_of(row: Sequence[Any]) -> Iterator[Result]:
    """The same as values."""
    return map(codec.result_from_row, unpacked(row))
