"""Records of persons heard of lately, so that the next message about them need not read them again."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable

from engine.model.record import Record

# The memory of some thousands of records: a result takes one to two kilobytes, a person without results too.
_RESULTS_AT_MOST = 12_000


class RecordCache:
    """Committed records by person, each good for as long as the store counts no further change of it.

    Every change of a record, by whichever process, is counted on its person's row in the same transaction.
    The count is read anew before a record is taken from here, so a record that is out of date is never used.
    """

    def __init__(self, results_at_most: int = _RESULTS_AT_MOST) -> None:
        self._records: OrderedDict[str, tuple[Record, int]] = OrderedDict()
        self._room = results_at_most

    def get(self, root: str, changes: int) -> Record | None:
        """The record of a person after this number of changes, if it is here."""
        found = self._records.get(root)
        if found is None or found[1] != changes:
            return None
        self._records.move_to_end(root)
        return found[0]

    def keep(self, records: Iterable[tuple[Record, int]]) -> None:
        """Remember records as a transaction that has ended well has left them; the oldest make room."""
        for record, changes in records:
            root = record.person.person_id
            self._forget(root)
            self._records[root] = (record, changes)
            self._room -= _size(record)
        while self._room < 0:
            self._forget(next(iter(self._records)))

    def _forget(self, root: str) -> None:
        found = self._records.pop(root, None)
        if found is not None:
            self._room += _size(found[0])


def _size(record: Record) -> int:
    """In results; an alert, with its two findings, is as large as several."""
    return 2 + len(record.results) + len(record.therapy) + 10 * len(record.alerts)
