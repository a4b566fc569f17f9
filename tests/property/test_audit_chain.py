"""Whatever is done to a row of the chain, it is found, and the place is named."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from engine.audit import Entry, Head, Kind, Note, Seal, Walk

SEAL = Seal(b"the key of this site, long enough")
THIEF = Seal(b"another key that is long enough too")
TOLD = st.dictionaries(st.text(max_size=8), st.text(max_size=8) | st.integers(), max_size=3)
NOTES = st.builds(
    Note, st.sampled_from([Kind.ENGINE_STARTED, Kind.ALERT_ACKNOWLEDGED]), st.sampled_from("abc"), TOLD
)


def chain(notes: list[Note], seal: Seal = SEAL, head: Head | None = None) -> list[Entry]:
    """The rows that tell these."""
    head, rows = head or Head(), []
    for note in notes:
        rows.append(seal.entry(note, head))
        head = rows[-1].head
    return rows


def faults(rows: list[Entry], known: Head | None = None) -> list[str]:
    walk = Walk(SEAL, known)
    list(walk.along(sorted(rows, key=lambda row: row.sequence)))
    return walk.faults


CHAINS = st.lists(NOTES, min_size=2, max_size=7).map(chain)


def names(fault: str, sequence: int) -> bool:
    """Whether a fault names this row, alone or within a range."""
    words = fault.replace(":", "").split()
    if words[0] == "row":
        return int(words[1]) == sequence
    return int(words[1]) <= sequence <= int(words[3])


@given(CHAINS)
def test_an_untouched_chain_has_no_fault(rows: list[Entry]) -> None:
    """Nobody is accused for nothing, with a head that was kept at any time."""
    for row in rows:
        assert faults(rows, row.head) == []


@given(CHAINS, st.data())
def test_a_changed_row_is_named(rows: list[Entry], data: st.DataObject) -> None:
    """In whichever of its columns, by whatever text."""
    place = data.draw(st.integers(0, len(rows) - 1))
    column = data.draw(st.sampled_from(["at", "kind", "what", "previous", "hash"]))
    text = data.draw(st.text(max_size=70).filter(lambda text: text != getattr(rows[place], column)))
    changed: dict[str, Any] = {column: text}
    rows[place] = replace(rows[place], **changed)

    assert any(names(fault, place + 1) for fault in faults(rows))


@given(CHAINS, st.data())
def test_removed_rows_are_named(rows: list[Entry], data: st.DataObject) -> None:
    """At the beginning, in between, and with a head that was kept, at the end."""
    known = rows[-1].head
    first = data.draw(st.integers(0, len(rows) - 1))
    last = data.draw(st.integers(first, len(rows) - 1))
    del rows[first : last + 1]

    assert any(names(fault, first + 1) and names(fault, last + 1) for fault in faults(rows, known))


@given(CHAINS, NOTES, st.data())
def test_an_inserted_row_is_named(rows: list[Entry], note: Note, data: st.DataObject) -> None:
    """A row made without the key, with all behind it moved by one."""
    place = data.draw(st.integers(0, len(rows)))
    (forged,) = chain([note], THIEF, Head(place, rows[place - 1].hash if place else ""))
    behind = [replace(row, sequence=row.sequence + 1) for row in rows[place:]]

    assert any(names(fault, place + 1) for fault in faults([*rows[:place], forged, *behind]))


@given(CHAINS, st.data())
def test_swapped_rows_are_named(rows: list[Entry], data: st.DataObject) -> None:
    """Two rows that have changed places."""
    one, other = data.draw(st.lists(st.integers(0, len(rows) - 1), min_size=2, max_size=2, unique=True))
    rows[one], rows[other] = (
        replace(rows[other], sequence=one + 1),
        replace(rows[one], sequence=other + 1),
    )
    found = faults(rows)

    assert any(names(fault, one + 1) for fault in found)
    assert any(names(fault, other + 1) for fault in found)


@given(CHAINS, st.data())
def test_a_chain_that_went_on_after_a_cut_is_found_by_its_head(
    rows: list[Entry], data: st.DataObject
) -> None:
    """The engine itself adds to what an intruder has left; the head of yesterday is not in it."""
    known = rows[-1].head
    kept = rows[: data.draw(st.integers(0, len(rows) - 1))]
    notes = data.draw(st.lists(NOTES, min_size=len(rows), max_size=len(rows) + 2))
    notes[0] = replace(notes[0], what={"another": "past"})
    went_on = kept + chain(notes, SEAL, kept[-1].head if kept else None)

    assert any(names(fault, known.sequence) for fault in faults(went_on, known))
