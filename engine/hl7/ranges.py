"""OBX-7: the reference range as laboratories write it (HL7 v2.9 7.4.2.7)."""

from __future__ import annotations

import re
from decimal import Decimal

from engine.hl7.values import NUMBER
from engine.model.quantity import ReferenceRange
from engine.model.segments import Segment

_BETWEEN = re.compile(rf"({NUMBER}) *(?:-|–|to) *({NUMBER})")  # laboratories also write an en dash
_ONE_SIDED = re.compile(rf"(<=|>=|<|>) *({NUMBER})")
_FOR_SEX = re.compile(r"([MF]) *: *(.*)", re.IGNORECASE | re.DOTALL)
_BRACKETS = frozenset({"[]", "()"})


def read_range(text: str, sex: str) -> ReferenceRange | None:
    """Read ``10-40``, ``10 to 40``, ``-5-5``, ``<40``, ``>=5``, ``M:10-50;F:10-35``; None for anything else.

    ``>10`` means that values above 10 are normal, so that there is no upper limit; ``<40`` that there is
    no lower one. One pair of brackets around the whole is accepted. A range by sex is only usable when
    ``sex`` (PID-8) is M or F. The text is kept as sent; the unit is that of OBX-6.
    """
    stripped = text.strip()
    parts = [part.strip() for part in re.split("[;~]", stripped) if part.strip()]
    for_sex = [_FOR_SEX.fullmatch(part) for part in parts]
    if not any(for_sex):
        return _read(stripped, stripped)
    chosen = [found[2] for found in for_sex if found and found[1].upper() == sex.strip().upper()]
    if not all(for_sex) or len(chosen) != 1:
        return None
    return _read(chosen[0].strip(), stripped)


def range_of(obx: Segment, sex: str) -> ReferenceRange | None:
    """Read OBX-7 of a segment; a range by sex may be sent as repetitions. As :func:`read_range`."""
    repetitions = [obx.whole_components(7, number) for number in range(1, obx.repetitions(7) + 1)]
    if any(any(components[1:]) for components in repetitions):
        return None  # cut by a separator: the rest of the text is in other components
    return read_range(";".join(components[0] for components in repetitions if components), sex)


def _read(text: str, sent: str) -> ReferenceRange | None:
    if text[:1] + text[-1:] in _BRACKETS:
        text = text[1:-1].strip()
    between = _BETWEEN.fullmatch(text)
    if between:
        low, high = Decimal(between[1]), Decimal(between[2])
        return ReferenceRange(low, high, sent) if low <= high else None
    one_sided = _ONE_SIDED.fullmatch(text)
    if one_sided is None:
        return None
    is_open = len(one_sided[1]) == 1
    limit = Decimal(one_sided[2])
    if one_sided[1][0] == "<":
        return ReferenceRange(None, limit, sent, high_open=is_open)
    return ReferenceRange(limit, None, sent, low_open=is_open)
