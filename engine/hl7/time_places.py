"""Where the segments of each version hold times: hl7apy's tables of data types, read once per segment."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any

from hl7apy import SUPPORTED_LIBRARIES

from engine.hl7.structure import table_entry

TIME_TYPES = frozenset({"TS", "DTM", "DT"})

Places = Mapping[int, tuple[tuple[int, int], ...]]
"""Field number → (component, subcomponent) of every time in it."""

_NEWEST = "2.8.2"


@cache
def time_places(segment: str, version: str) -> Places:
    """The leaves of a segment that are a date or a date with time, by field; empty for a Z segment.

    By data type: TS, DTM and DT, alone or within another type (DR, TQ, CX ...). Times of day without a
    date (TM) are not among them, nor are birth dates: they say who somebody is. A segment that the
    version does not have is looked up in the newest.
    """
    known = version if version in SUPPORTED_LIBRARIES else _NEWEST
    table = table_entry(segment, "Segment", known) or table_entry(segment, "Segment", _NEWEST)
    entries = table[1] if table is not None and len(table) == 2 else ()
    places = {}
    for entry in entries:
        name, reference = entry[0], entry[1]
        number = name.rpartition("_")[2]
        if number.isdecimal() and "BIRTH" not in (reference[3] or ""):
            found = tuple(_within(reference))
            if found:
                places[int(number)] = found
    return places


def _within(reference: Any) -> Iterator[tuple[int, int]]:
    """The times of one field."""
    if reference[2] in TIME_TYPES:
        yield 1, 1
        return
    for component, part in enumerate(_parts(reference), start=1):
        if part[2] in TIME_TYPES:
            yield component, 1
            continue
        for subcomponent, leaf in enumerate(_parts(part), start=1):
            if leaf[2] in TIME_TYPES:
                yield component, subcomponent


def _parts(reference: Any) -> tuple[Any, ...]:
    return tuple(part[1] for part in reference[1]) if reference[0] == "sequence" else ()
