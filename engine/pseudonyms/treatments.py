"""What becomes of the contents of a field: each lets through what it can check, and nothing else."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from datetime import date, timedelta

from engine.hl7.writer import EMPTY, Er7, composite, leaf
from engine.model.codes import Coding
from engine.model.segments import Segment
from engine.pseudonyms.scope import REMOVED, Scope, Treatment
from engine.terminology import is_known_system
from engine.therapy.dose import is_dose_unit
from engine.therapy.frequency import duration, duration_of_code, times_per_day

MARKER = Er7(REMOVED)
TRIPLETS = (1, 4, 10)

_NUMBER = re.compile(r"[<>=]{0,2} *[+-]?[0-9]{1,7}(\.[0-9]{0,7})?")
_BIRTH = re.compile(r"([0-9]{4})([0-9]{2})([0-9]{2})")
_YEAR = re.compile(r"[0-9]{4}")
_TYPES_OF_STAYS = frozenset({"AN", "VN"})  # HL7 table 0203
_TYPE_OF_NAME = re.compile(r"[A-Z]")
_CLOCK = re.compile(r"[0-9]{4}")
_PRECISIONS = frozenset("YLDHMS")


def repeated(one: Callable[[Scope, Segment, int, int], Er7]) -> Treatment:
    """A treatment of every repetition."""

    def treat(scope: Scope, segment: Segment, field: int) -> Er7:
        count = segment.repetitions(field)
        if count == 1:
            return one(scope, segment, field, 1)
        return Er7("~".join(one(scope, segment, field, number) for number in range(1, count + 1)).rstrip("~"))

    return treat


def words(known: Iterable[str]) -> Treatment:
    """A code of a closed list, in any case; another becomes the marker."""
    listed = frozenset(word.upper() for word in known)
    return _checked(lambda text: text.upper() in listed)


def shaped(pattern: str) -> Treatment:
    """A text that has the form, as a whole; another becomes the marker."""
    form = re.compile(pattern)
    return _checked(lambda text: form.fullmatch(text) is not None)


def _checked(passes: Callable[[str], bool]) -> Treatment:
    def treat(_scope: Scope, segment: Segment, field: int) -> Er7:
        return _passed(segment.text(field), passes)

    return treat


def _passed(text: str, passes: Callable[[str], bool]) -> Er7:
    stripped = text.strip()
    if not stripped:
        return EMPTY
    return leaf(stripped) if passes(stripped) else MARKER


def marker(_scope: Scope, segment: Segment, field: int) -> Er7:
    """That there was something."""
    return MARKER if segment.raw(field).strip() else EMPTY


def number(_scope: Scope, segment: Segment, field: int) -> Er7:
    """A number of at most seven digits before its point."""
    return _passed(segment.text(field), _is_number)


def _is_number(text: str) -> bool:
    return _NUMBER.fullmatch(text) is not None


def time(scope: Scope, segment: Segment, field: int) -> Er7:
    """A TS or DTM: moved."""
    letter = segment.text(field, 2)
    return composite(scope.time(segment.text(field)), Er7(letter) if letter in _PRECISIONS else EMPTY)


def period(scope: Scope, segment: Segment, field: int) -> Er7:
    """A DR: both ends moved."""
    return composite(*(scope.time(segment.text(field, component)) for component in (1, 2)))


def birth(scope: Scope, segment: Segment, field: int) -> Er7:
    """A birth date: a keyed day of the same year, moved as all dates of the person; nobody is over 90."""
    text = segment.text(field).strip()
    if not text:
        return EMPTY
    told = _BIRTH.match(text)
    if told is None:
        only = _YEAR.match(text)
        return Er7(str(max(int(only[0]), scope.earliest_birth_year))) if only else MARKER
    chance = scope.pseudonyms.number("birth", f"{scope.person:x} {told[0]}")
    year = max(int(told[1]), scope.earliest_birth_year, 1)
    try:
        day = date(year, 1, 1) + timedelta(days=chance % 365 + scope.shift.days)
    except OverflowError:
        return MARKER
    return Er7(f"{day.year:04d}{day:%m%d}")


def numbers(scope: Scope, segment: Segment, field: int) -> Er7:
    """An EI or EIP: a number and its namespace, or a placer and a filler number."""
    first = scope.identifier(segment.text(field))
    if not first and (second := scope.identifier(segment.text(field, subcomponent=2))):
        first = Er7(f"&{second}")
    return composite(first, scope.identifier(segment.text(field, 2)))


@repeated
def person_number(scope: Scope, segment: Segment, field: int, repetition: int) -> Er7:
    """A CX: number, authority and type; one of a type that names neither a person nor a stay goes."""
    kind = segment.text(field, 5, repetition).strip().upper()
    if kind and kind not in scope.site.identifier_types and kind not in _TYPES_OF_STAYS:
        return EMPTY
    authority = scope.authority(
        segment.text(field, 4, repetition, 1).strip(), segment.text(field, 4, repetition, 2).strip()
    )
    value = scope.identifier(segment.text(field, 1, repetition))
    return composite(value, EMPTY, EMPTY, authority, leaf(kind)) if value else EMPTY


@repeated
def name(scope: Scope, segment: Segment, field: int, repetition: int) -> Er7:
    """An XPN: an invented name in the components that had one, and the type of the name."""
    kind = segment.text(field, 7, repetition).strip()
    seed = f"{scope.person:x} {'' if kind == 'L' else kind}"
    parts = _invented(scope, segment, (field, repetition), (1, 2, 3), seed)
    known = leaf(kind) if _TYPE_OF_NAME.fullmatch(kind) else EMPTY
    return composite(*parts, EMPTY, EMPTY, EMPTY, known) if any(parts) else EMPTY


@repeated
def provider(scope: Scope, segment: Segment, field: int, repetition: int) -> Er7:
    """An XCN: the pseudonym of the number, and a name that goes with it."""
    told = [segment.text(field, component, repetition).strip() for component in (1, 2, 3)]
    if not any(told):
        return EMPTY
    seed = f"provider {told[0] or ' '.join(told)}"
    return composite(scope.identifier(told[0]), *_invented(scope, segment, (field, repetition), (2, 3), seed))


def _invented(
    scope: Scope, segment: Segment, place: tuple[int, int], components: tuple[int, ...], seed: str
) -> list[Er7]:
    field, repetition = place
    pseudonyms = scope.pseudonyms
    invented = (pseudonyms.family(seed), pseudonyms.given(seed), pseudonyms.given(f"{seed} 2"))
    return [
        Er7(text) if segment.text(field, component, repetition).strip() else EMPTY
        for component, text in zip(components, invented, strict=False)
    ]


def place(scope: Scope, segment: Segment, field: int) -> Er7:
    """A PL: the pseudonym of the ward, without room and bed."""
    return scope.identifier(segment.text(field))


def told_number(scope: Scope, segment: Segment, field: int) -> Er7:
    """A number of something, in the first component."""
    return scope.identifier(segment.text(field))


@repeated
def drug(scope: Scope, segment: Segment, field: int, repetition: int) -> Er7:
    """A give code: those of our table with the name of the drug; of another drug only that there is one."""
    terminology = scope.options.terminology
    parts = [EMPTY] * 12
    texts = []
    for first in TRIPLETS:
        code, text, system = (segment.text(field, first + n, repetition).strip() for n in range(3))
        texts.append(text)
        match = terminology.drug((Coding(code, "", system),))
        if match is not None:
            parts[first - 1 : first + 2] = leaf(code), Er7(match.drug), leaf(system)
    if not any(parts):
        parts[1] = Er7(terminology.drug_by_text(" ".join(texts)) or REMOVED)
    return composite(*parts)


def unit(_scope: Scope, segment: Segment, field: int) -> Er7:
    """A unit of a dose."""
    sent = [segment.text(field, component).strip() for component in (1, 2, 3, 4)]
    if not any(sent):
        return EMPTY
    known = [leaf(text) if number != 2 and is_dose_unit(text) else EMPTY for number, text in enumerate(sent)]
    return composite(*known) if any(known) else MARKER


def indication(scope: Scope, segment: Segment, field: int) -> Er7:
    """An indication that a protocol is chosen by; of another only that there is one."""
    text = segment.text(field, 2).strip() or segment.text(field, 1).strip()
    if not text:
        return marker(scope, segment, field)
    return composite(EMPTY, leaf(text)) if scope.options.indications(text) else composite(EMPTY, MARKER)


def diagnosis_system(_scope: Scope, segment: Segment, field: int) -> Er7:
    """A coding system that the tables know."""
    return _passed(segment.text(field), is_known_system)


def system_name(text: str) -> Er7:
    """A coding system that the tables know, empty, or ``L`` for the sender's own."""
    stripped = text.strip()
    if not stripped:
        return EMPTY
    return leaf(stripped) if is_known_system(stripped) else Er7("L")


# --- timing ----------------------------------------------------------------------------------------


@repeated
def repeat_pattern(_scope: Scope, segment: Segment, field: int, repetition: int) -> Er7:
    """An RPT: a frequency that is understood, or a period with its unit."""
    parts = [segment.text(field, component, repetition).strip() for component in (1, 5, 6)]
    known = duration(parts[1], parts[2]) is not None
    period_told = (leaf(parts[1]), leaf(parts[2])) if known else ()
    return composite(_frequency(parts[0]), EMPTY, EMPTY, EMPTY, *period_told)


def _frequency(text: str) -> Er7:
    return _passed(text, lambda word: times_per_day(word) is not None or word.upper() == "PRN")


@repeated
def clock_time(_scope: Scope, segment: Segment, field: int, repetition: int) -> Er7:
    """A time of day at which something is given."""
    return _passed(segment.text(field, 1, repetition), lambda text: _CLOCK.fullmatch(text) is not None)


def lasting(scope: Scope, segment: Segment, field: int) -> Er7:
    """A CQ that is a duration."""
    count, of = segment.text(field).strip(), segment.text(field, 2).strip()
    return (
        composite(leaf(count), leaf(of)) if duration(count, of) is not None else marker(scope, segment, field)
    )


def priority(_scope: Scope, segment: Segment, field: int) -> Er7:
    """Whether something is given as needed only."""
    return Er7("PRN") if segment.text(field).strip().upper().startswith("PRN") else EMPTY


@repeated
def timing(scope: Scope, segment: Segment, field: int, repetition: int) -> Er7:
    """A TQ, as it was before version 2.5."""
    told = {number: segment.text(field, number, repetition).strip() for number in range(1, 13)}
    if not any(told.values()) and not segment.text(field, 2, repetition, 2):
        return EMPTY
    occasions = [text for text in segment.text(field, 2, repetition, 2).split(",") if text.strip()]
    explicit = ",".join("0800" for _ in occasions)
    return composite(
        _passed(told[1], _is_number),
        Er7(_frequency(told[2]) + (f"&{explicit}" if explicit else "")),
        _passed(told[3], lambda text: duration_of_code(text) is not None),
        scope.time(told[4]),
        scope.time(told[5]),
        Er7("PRN") if told[6].upper().startswith("PRN") else EMPTY,
        MARKER if told[7] else EMPTY,
        MARKER if told[8] else EMPTY,
        Er7("S") if told[9].upper() == "S" else EMPTY,
        EMPTY,
        EMPTY,
        _passed(told[12], _is_number),
    )
