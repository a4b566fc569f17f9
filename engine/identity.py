"""Who a message is about: PID-3 identifiers, demographics, visit, and merges (HL7 v2.9 chapter 3).

A person is found by (authority, id), never by name, by account (PID-18) or by social security number
(PID-19). What these functions return are values; resolving aliases is the store's part.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import field
from datetime import date
from functools import lru_cache

from engine.errors import ContentError
from engine.model.disposition import Reason
from engine.model.frozen import frozen
from engine.model.person import Demographics, Identifier, Visit
from engine.model.segments import Segment
from engine.model.site import Site

# Table 0203: they number an account or a visit, not a human being, whatever a site profile says.
_NEVER_A_PERSON = frozenset({"AN", "VN"})

# What people and systems type where no id is known: two strangers with one of these would become one person.
_PLACEHOLDER_WORDS = frozenset(
    {
        "UNKNOWN",
        "UNK",
        "NONE",
        "NIL",
        "NULL",
        "NA",
        "N/A",
        "NOID",
        "NO ID",
        "NOT KNOWN",
        "UNIDENTIFIED",
        "TBD",
    }
)
# All zeros, or the ten nines that stand for "no NHS number"; any text without a letter or digit.
_PLACEHOLDER_PATTERN = re.compile(r"0+|9{7,}|[\W_]+")

# PID-8 as table 0001 has it, and as people write it out.
_REMEMBERED = 1024  # the segments of a batch: each is asked for several times while its message is taken in

_SEX_WORDS = {"MALE": "M", "FEMALE": "F", "UNKNOWN": "U", "OTHER": "O"}


@frozen()
class MergeInstruction:
    """One {PID MRG} group: ``retired`` ids belong to the ``survivor`` from now on, and for ever.

    ``survivor`` are all usable ids of PID-3, the primary one first; ``pairs`` says for each retired id
    which surviving id took its place. Applying one instruction twice changes nothing. ``pid`` describes
    the survivor.
    """

    survivor: tuple[Identifier, ...]
    retired: tuple[Identifier, ...]
    pairs: tuple[tuple[Identifier, Identifier], ...]
    pid: Segment | None = field(default=None, compare=False, repr=False)


@lru_cache(maxsize=_REMEMBERED)
def identifiers(pid: Segment, site: Site) -> tuple[Identifier, ...]:
    """Every id in PID-3 that identifies a person at this site, medical record numbers (MR) first.

    Ids are exact texts: leading zeros count. A missing authority is the site's default, a missing type
    (CX-5) is accepted, placeholders are passed over. PID-2, then PID-4, are read only when PID-3 was not
    sent at all. An empty tuple means that nobody can be found: the caller quarantines the message.
    """
    fields = (3,) if pid.repetitions(3) or pid.is_null(3) else (2, 4)
    for number in fields:
        found = _usable(pid, number, site)
        if found:
            return _primary_first(found)
    return ()


def retired_identifiers(mrg: Segment, site: Site) -> tuple[Identifier, ...]:
    """Every id in MRG-1 that identifies a person at this site."""
    return _usable(mrg, 1, site)


def person_id(identifier: Identifier) -> str:
    """The id of a person first seen under ``identifier``: 20 hexadecimal digits, the same on every machine.

    The type takes no part, because it describes an id and is often sent by one system and left out by
    the next. The text says nothing about the patient to a reader of logs.
    """
    return hashlib.sha256(f"{identifier.authority}|{identifier.value}".encode()).hexdigest()[:20]


@lru_cache(maxsize=_REMEMBERED)
def demographics(pid: Segment) -> Demographics:
    """What this PID says: name (PID-5), birth date (PID-7), sex (PID-8), death (PID-29, PID-30)."""
    sex = pid.text(8).strip().upper()
    name = _name(pid) if pid.repetitions(5) else ()
    return Demographics(name, _birth_date(pid.text(7)), _SEX_WORDS.get(sex, sex), bool(_deceased(pid)))


def updated(stored: Demographics, pid: Segment) -> Demographics:
    """``stored`` with what this PID says: a value replaces, ``""`` clears, a field not sent keeps.

    A birth date less precise than a day, or unreadable, is as good as not sent (HL7 v2.9 2.5.3).
    """
    sent, deceased = demographics(pid), _deceased(pid)
    return Demographics(
        sent.name if pid.raw(5) else stored.name,
        sent.birth_date if sent.birth_date or pid.is_null(7) else stored.birth_date,
        sent.sex if sent.sex or pid.is_null(8) else stored.sex,
        stored.deceased if deceased is None else deceased,
    )


def visit(pv1: Segment) -> Visit:
    """Where the patient is and whose: class (PV1-2), location (-3), attending (-7), visit number (-19)."""
    return Visit(
        patient_class=pv1.text(2).strip().upper(),
        location=_trimmed(pv1.components(3)),
        attending=_trimmed(pv1.components(7)),
        number=pv1.text(19).strip(),
    )


def conflict(stored: Demographics, sent: Demographics) -> bool:
    """Whether these are two different people: birth date and sex known on both sides, and both differ.

    One of them differing alone is a correction or a typing error: see :func:`difference`.
    """
    return len(difference(stored, sent)) == 2


def difference(stored: Demographics, sent: Demographics) -> tuple[str, ...]:
    """Which of ``birth_date`` and ``sex`` are known on both sides and differ; field names only, no values.

    Only male against female is a difference of sex: the other codes of table 0001 are often a way of
    saying that the sender does not know.
    """
    fields = []
    if stored.birth_date and sent.birth_date and stored.birth_date != sent.birth_date:
        fields.append("birth_date")
    if {stored.sex, sent.sex} == {"M", "F"}:
        fields.append("sex")
    return tuple(fields)


def merges(segments: Iterable[Segment], site: Site) -> tuple[MergeInstruction, ...]:
    """The merges of an ADT^A40, A18 or A34: each MRG belongs to the PID before it (HL7 v2.9 3.6.2.1).

    Ids pair up by authority and type where every MRG-1 id finds a partner, else by position where there
    are as many of one as of the other. Raises ContentError (merge-unpaired) where neither works, where
    an MRG-1 is empty, or where there is no MRG at all: a merge lost in silence leaves results with a
    number that nobody looks at any more. Groups that concern accounts or visits only give nothing.
    """
    found: list[MergeInstruction] = []
    pid: Segment | None = None
    seen = False
    for segment in segments:
        if segment.name == "PID":
            pid = segment
        elif segment.name == "MRG":
            seen = True
            if pid is None:
                raise ContentError(Reason.MERGE_UNPAIRED, segment.location(1), "no PID before this MRG")
            instruction = _instruction(pid, segment, site)
            if instruction is not None:
                found.append(instruction)
    if not seen:
        raise ContentError(Reason.MERGE_UNPAIRED, "MRG", "a merge without an MRG segment")
    return tuple(found)


# --- reading CX ----------------------------------------------------------------------------------


@frozen()
class _Sent:
    """One CX repetition as sent: its id, None where it is blank or a placeholder; whether it counts here."""

    identifier: Identifier | None
    counts: bool


def _sent(segment: Segment, field: int, site: Site) -> Iterator[_Sent]:
    for repetition in range(1, segment.repetitions(field) + 1):
        # HL7 v2.9 2A.3.69: trailing blanks of an ST are padding
        value = segment.text(field, 1, repetition).strip()
        kind = segment.text(field, 5, repetition).strip().upper()
        authority = site.authority(
            segment.text(field, 4, repetition, 1).strip(), segment.text(field, 4, repetition, 2).strip()
        )
        counts = kind not in _NEVER_A_PERSON and (not kind or kind in site.identifier_types)
        yield _Sent(None if is_placeholder(value) else Identifier(authority, value, kind), counts)


def is_placeholder(value: str) -> bool:
    """Whether a text stands where no id is known: nothing, ``UNKNOWN``, all zeros."""
    return (
        not value or value.upper() in _PLACEHOLDER_WORDS or _PLACEHOLDER_PATTERN.fullmatch(value) is not None
    )


def _usable(segment: Segment, field: int, site: Site) -> tuple[Identifier, ...]:
    """The ids of a CX field (PID-3, MRG-1) that count at this site, in the order sent, each once."""
    by_key: dict[tuple[str, str], Identifier] = {}
    for sent in _sent(segment, field, site):
        if sent.identifier is not None and sent.counts:
            known = by_key.get(sent.identifier.key)
            if known is None or not known.type:
                by_key[sent.identifier.key] = sent.identifier
    return tuple(by_key.values())


def _primary_first(found: Sequence[Identifier]) -> tuple[Identifier, ...]:
    return tuple(sorted(found, key=lambda identifier: identifier.type != "MR"))


# --- merges --------------------------------------------------------------------------------------


def _instruction(pid: Segment, mrg: Segment, site: Site) -> MergeInstruction | None:
    survivors = _usable(pid, 3, site)
    retired = retired_identifiers(mrg, site)
    if not retired:
        told = tuple(_sent(mrg, 1, site))
        if told and not any(sent.counts for sent in told):
            return None
        raise ContentError(Reason.MERGE_UNPAIRED, mrg.location(1), "no usable identifier to merge")
    if not survivors:
        raise ContentError(Reason.NO_PATIENT_IDENTIFIER, pid.location(3), "nobody to merge into")
    pairs = _paired_by_kind(survivors, retired) or _paired_by_position(survivors, retired)
    if pairs is None:
        raise ContentError(
            Reason.MERGE_UNPAIRED,
            mrg.location(1),
            f"{len(retired)} identifiers cannot be paired with {len(survivors)} in {pid.location(3)}, "
            "neither by authority and type nor by position",
        )
    pairs = tuple(pair for pair in pairs if pair[0].key != pair[1].key)
    if not pairs:
        return None
    return MergeInstruction(_primary_first(survivors), tuple(old for _, old in pairs), pairs, pid)


def _paired_by_kind(
    survivors: Sequence[Identifier], retired: Sequence[Identifier]
) -> tuple[tuple[Identifier, Identifier], ...] | None:
    """Each retired id with the first surviving one of its authority and type; None where one finds none.

    All PID-3 ids are one person's, so it does not matter to that person's record which of several took
    the place. A type that is missing on either side matches any type of the same authority: the single
    ``MRG|old`` of senders that never fill CX-5 finds its partner among several PID-3 ids, but only
    within its own authority, which is what keeps a stranger's equal number out. Senders that list the
    old id in PID-3 as well do not have it paired with itself.
    """
    old_keys = {identifier.key for identifier in retired}
    candidates = [identifier for identifier in survivors if identifier.key not in old_keys] or survivors
    pairs = []
    for old in retired:
        same_authority = [new for new in _primary_first(candidates) if new.authority == old.authority]
        exact = [new for new in same_authority if new.type == old.type]
        loose = [new for new in same_authority if not new.type or not old.type]
        if not exact and not loose:
            return None
        pairs.append(((exact or loose)[0], old))
    return tuple(pairs)


def _paired_by_position(
    survivors: Sequence[Identifier], retired: Sequence[Identifier]
) -> tuple[tuple[Identifier, Identifier], ...] | None:
    """The n-th of PID-3 with the n-th of MRG-1, the standard's default; None unless they are equally many."""
    if len(survivors) != len(retired):
        return None
    return tuple(zip(survivors, retired, strict=True))


# --- PID fields ----------------------------------------------------------------------------------


def _name(pid: Segment) -> tuple[str, ...]:
    """The legal name (XPN-7 L) where one is marked, else the first, without empty components at the end."""
    repetitions = range(1, pid.repetitions(5) + 1)
    legal = (number for number in repetitions if pid.text(5, 7, number) == "L")
    return _trimmed(pid.components(5, next(legal, 1)))


def _birth_date(text: str) -> date | None:
    if not re.match(r"[0-9]{8}", text):
        return None
    try:
        return date(int(text[:4]), int(text[4:6]), int(text[6:8]))
    except ValueError:
        return None


def _deceased(pid: Segment) -> bool | None:
    """PID-30 where it says Y or N, else a death date in PID-29; None where neither was sent."""
    indicator = pid.text(30).strip().upper()
    if indicator in ("Y", "N"):
        return indicator == "Y"
    if pid.text(29):
        return True
    return False if pid.is_null(29) or pid.is_null(30) else None


def _trimmed(components: Sequence[str]) -> tuple[str, ...]:
    values = [component.strip() for component in components]
    while values and not values[-1]:
        values.pop()
    return tuple(values)
