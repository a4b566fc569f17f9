"""In what condition a specimen came: SPM-21 and SPM-24, comments (NTE), text, indices and local codes of OBX.

What is said of one specimen holds for all that was measured in it, wherever in the message it is said.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Sequence
from typing import NamedTuple

from engine.hl7 import OrderGroup, range_of, read_value
from engine.model.quantity import Interval, Operator, Truth
from engine.model.result import STATUS_ACTIONS, ResultStatus, StatusAction
from engine.model.segments import Segment
from engine.terminology import IndexLimit, Terminology

_LONGEST_REPEATED = 400  # a longer text is a report of its own, and comes once
_LETTER = re.compile(r"[^\W\d_]")
_NO_TEXTS = frozenset({"SN", "ED", "RP", "TS", "DT", "TM", "DTM"})
_TELLING = frozenset({StatusAction.EVALUATE, StatusAction.PROVISIONAL})
# HL7 table 0078: beyond the range, abnormal; normal.
_ABNORMAL_FLAGS = frozenset({"H", "HH", "HU", "A", "AA", ">"})
_NORMAL_FLAGS = frozenset({"N"})


class Index(NamedTuple):
    """An observation of how a specimen looks: which condition it is about, and whether it says so.

    ``holds`` is None where the value cannot be judged: a number alone, for every analyser has a scale of its
    own.
    """

    condition: str
    holds: bool | None


class BesideValue(NamedTuple):
    """What OBX-3 and OBX-8 say: conditions, whether it is an index, and the codes of the observation."""

    conditions: tuple[str, ...]
    is_index: bool
    codes: tuple[str, ...]


NOTHING_BESIDE = BesideValue((), is_index=False, codes=())


def beside_value(obx: Segment, site_name: str, terminology: Terminology) -> BesideValue:
    """What OBX-3 and OBX-8 of one observation say."""
    flagged = (terminology.specimens.by_code("OBX-8", code) for code in _codes(obx, 8, terminology))
    about = _about(obx, site_name, terminology)
    return BesideValue(tuple(filter(None, flagged)), about is not None, _codes(obx, 3, terminology))


def index_of(obx: Segment, site_name: str, terminology: Terminology) -> Index | None:
    """What an observation says as an index of its specimen; None for one that is none.

    In this order: a word or grade (``2+``), the limit that the site has stated, the laboratory's own flag
    (OBX-8), its own range (OBX-7). Only 0 is nothing on any scale.
    """
    about = _about(obx, site_name, terminology)
    if about is None:
        return None
    (condition, limit), table = about, terminology.specimens
    reading = read_value(obx)
    grades = (table.says(text, condition) for text in (reading.text, obx.text(5)))
    grade = next((said for said in grades if said is not None), None)
    number = reading.interval
    if grade is not None:
        return Index(condition, grade)
    if limit is not None and number is not None:
        return Index(condition, _known(number.compare(limit.operator, limit.number)))
    flags = {obx.text(8, repetition=each).strip().upper() for each in range(1, obx.repetitions(8) + 1)}
    if flags & _ABNORMAL_FLAGS:
        return Index(condition, holds=True)
    if flags & _NORMAL_FLAGS:
        return Index(condition, holds=False)
    return Index(condition, _by_range(obx, number))


def _about(obx: Segment, site_name: str, terminology: Terminology) -> tuple[str, IndexLimit | None] | None:
    """The condition that OBX-3 is an index of, and the limit that the site has stated for it."""
    asked = ("index", obx.notation, site_name, obx.raw(3))
    found = terminology.remembered.get(asked)
    if not isinstance(found, tuple):
        limit = terminology.index_limit(site_name, [obx.text(3, component) for component in (1, 4)])
        names = (terminology.specimens.of_index(obx.text(3, n), obx.text(3, n + 1)) for n in (1, 4))
        found = (limit.condition if limit is not None else next(filter(None, names), ""), limit)
        terminology.remember(asked, found)
    condition, limit = found
    return (condition, limit) if condition else None


def _by_range(obx: Segment, number: Interval | None) -> bool | None:
    if number is None:
        return None
    reference = range_of(obx, "")
    if reference is not None and reference.high is not None:
        operator = Operator.GREATER_OR_EQUAL if reference.high_open else Operator.GREATER
        return _known(number.compare(operator, reference.high))
    return False if number.point == 0 else None


def _known(truth: Truth) -> bool | None:
    return None if truth is Truth.UNKNOWN else truth is Truth.TRUE


def specimen_conditions(
    orders: Sequence[OrderGroup],
    beside: Sequence[Sequence[BesideValue]],
    site_name: str,
    terminology: Terminology,
) -> tuple[str, ...]:
    """The condition of the specimen of each order: ``haemolysed``, ``clotted, haemolysed``, or empty.

    ``beside`` is what stands beside each value of each order.
    """
    said = [
        set(_said(order, told, site_name, terminology)) for order, told in zip(orders, beside, strict=True)
    ]
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


def _specimen_numbers(order: OrderGroup) -> set[str]:
    numbers = (s.text(2) or s.text(2, subcomponent=2) for s in order.specimens)
    return {number for number in numbers if number}


def _said(
    order: OrderGroup, told: Sequence[BesideValue], site_name: str, terminology: Terminology
) -> Iterator[str]:
    table = terminology.specimens
    for specimen in order.specimens:
        for field in (21, 24):
            for code in _codes(specimen, field, terminology):
                yield from filter(None, (table.by_code(f"SPM-{field}", code),))
            yield from _by_text(specimen, field, terminology)
    notes = [*order.notes, *(note for each in order.observations for note in each.notes)]
    for note in notes:
        yield from _by_text(note, 3, terminology)
    for observation, beside in zip(order.observations, told, strict=True):
        obx = observation.obx
        yield from beside.conditions
        index = index_of(obx, site_name, terminology) if beside.is_index else None
        if index is not None:
            # One with a code is a row of its own, so that its next version may take back what it says.
            if index.holds and _tells(obx) and not beside.codes:
                yield index.condition
        elif _LETTER.search(obx.raw(5)) and obx.text(2).strip().upper() not in _NO_TEXTS:
            yield from _by_text(obx, 5, terminology)
        if table.observations:
            for code in beside.codes:
                yield from filter(None, (table.by_observation(code, obx.text(5)),))


def _by_text(segment: Segment, field: int, terminology: Terminology) -> Collection[str]:
    """The conditions that the texts of a repeating field name; laboratories write the same ones for ever."""
    raw = segment.raw(field)
    if not raw:
        return ()
    asked = ("named", segment.notation, raw)
    found = terminology.remembered.get(asked)
    if not isinstance(found, frozenset):
        found = frozenset(terminology.specimens.by_text(" ".join(_repeated(segment, field))))
        if len(raw) <= _LONGEST_REPEATED:
            terminology.remember(asked, found)
    return found


def _tells(obx: Segment) -> bool:
    """Whether the status lets it speak; one that is in no table is told of elsewhere."""
    code = obx.text(11).strip().upper() or ResultStatus.FINAL.value
    return code in tuple(ResultStatus) and STATUS_ACTIONS[ResultStatus(code)] in _TELLING


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
