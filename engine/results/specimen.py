"""In what condition a specimen came: SPM-21 and SPM-24, comments (NTE), text and local codes of OBX.

What is said of one specimen holds for all that was measured in it, wherever in the message it is said.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from engine.hl7 import OrderGroup
from engine.model.segments import Segment
from engine.terminology import Terminology

_LETTER = re.compile(r"[^\W\d_]")
_NO_TEXTS = frozenset({"SN", "ED", "RP", "TS", "DT", "TM", "DTM"})


def specimen_conditions(orders: Sequence[OrderGroup], terminology: Terminology) -> tuple[str, ...]:
    """The condition of the specimen of each order: ``haemolysed``, ``clotted, haemolysed``, or empty."""
    said = [set(_said(order, terminology)) for order in orders]
    if not any(said):
        return ("",) * len(orders)
    names = [_specimen_numbers(order) for order in orders]
    of_specimen: dict[str, set[str]] = {}
    for numbers, conditions in zip(names, said, strict=True):
        for number in numbers:
            of_specimen.setdefault(number, set()).update(conditions)
    return tuple(
        ", ".join(sorted(conditions.union(*(of_specimen[number] for number in numbers))))
        for numbers, conditions in zip(names, said, strict=True)
    )


def is_spoiled(terminology: Terminology, analyte: str, condition: str) -> bool:
    """Whether a value of that analyte is not to be believed in a specimen of that condition."""
    known = terminology.analytes.get(analyte) if condition else None
    return known is not None and not set(known.spoiled_by).isdisjoint(condition.split(", "))


def _specimen_numbers(order: OrderGroup) -> set[str]:
    numbers = (s.text(2) or s.text(2, subcomponent=2) for s in order.specimens)
    return {number for number in numbers if number}


def _said(order: OrderGroup, terminology: Terminology) -> Iterator[str]:
    table = terminology.specimens
    for specimen in order.specimens:
        for field in (21, 24):
            for code in _codes(specimen, field, terminology):
                yield from filter(None, (table.by_code(f"SPM-{field}", code),))
            yield from table.by_text(" ".join(_repeated(specimen, field)))
    notes = [*order.notes, *(note for each in order.observations for note in each.notes)]
    for note in notes:
        yield from table.by_text(" ".join(_repeated(note, 3)))
    for observation in order.observations:
        obx = observation.obx
        for code in _codes(obx, 8, terminology):
            yield from filter(None, (table.by_code("OBX-8", code),))
        if _LETTER.search(obx.raw(5)) and obx.text(2).strip().upper() not in _NO_TEXTS:
            yield from table.by_text(" ".join(_repeated(obx, 5)))
        if table.observations:
            for code in _codes(obx, 3, terminology):
                yield from filter(None, (table.by_observation(code, obx.text(5)),))


def _codes(segment: Segment, field: int, terminology: Terminology) -> tuple[str, ...]:
    """The codes of a repeating field, those of the alternate system too."""
    raw = segment.raw(field)
    if not raw:
        return ()
    asked = ("codes", segment.notation, raw)
    found = terminology.remembered.get(asked)
    if not isinstance(found, tuple):
        sent = (
            segment.text(field, component, repetition)
            for repetition in range(1, segment.repetitions(field) + 1)
            for component in (1, 4)
        )
        found = tuple(filter(None, sent))
        terminology.remember(asked, found)
    return found


def _repeated(segment: Segment, field: int) -> Iterator[str]:
    for repetition in range(1, segment.repetitions(field) + 1):
        yield ", ".join(segment.components(field, repetition))
