"""The same message read by python-hl7: readers written independently make the same mistake less easily.

Where python-hl7 is known to be wrong it is not asked, and each case is named here:

* it only knows CR as the end of a segment (LF-only input becomes one segment): it is given CR, no blank
  lines, no framing bytes, and wrapped lines joined, as HL7 v2.9 2.4.4 has them;
* ``hl7.parse`` strips Python's white space from the whole message, also what belongs to the last leaf
  (``str.strip`` takes U+0085 and U+2028 too): a last segment ``ZZZ|end`` is added;
* it fills in separators that a short MSH-2 does not declare, and loses its way where one character
  has two meanings: only messages with at least four distinct encoding characters are compared;
* an MSH segment that ends before MSH-3 is cut wrongly: ``str.find`` gives -1;
* ``hl7.util.unescape`` drops unknown and unbalanced sequences, makes CR of line breaks, ``_`` of
  highlighting and Latin-1 of hexadecimal characters: unescaped leaves are compared where every escape
  sequence is one of F S T R E; the leaves as sent are compared always.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

import hl7

from engine.hl7.reader import Message
from engine.hl7.segment import ReadSegment

Position = tuple[int, int, int, int]
"""Field, component, repetition, subcomponent."""

_LINE = re.compile("\r\n|\r|\n")
_SENTINEL = "ZZZ|end"


@dataclass(frozen=True, slots=True)
class Comparison:
    """How many leaves were compared, and where the readers differ: places only, never content."""

    leaves: int
    differing: tuple[str, ...]


def sentinel(separator: str) -> str:
    """The segment that keeps python-hl7 from taking white space off the last leaf."""
    return _SENTINEL.replace("|", separator)


def normalised(body: bytes, charset: str) -> str | None:
    """The message as HL7 wants it, with the sentinel; None where it has no full set of separators.

    Raises UnicodeDecodeError and LookupError for a charset that does not fit.
    """
    text = body.decode(charset).removeprefix("\ufeff")
    separator = re.escape(text[3:4])
    segments: list[str] = []
    for line in _LINE.split(text):
        bare = line.strip("\x0b\x1c\0").replace("\0", "\ufffd")
        start = bare.lstrip(" \t")
        if re.match(f"(?:[A-Z][A-Z0-9]{{2}}|pid)(?:{separator}| *$)", start):
            segments.append(start[:3].upper() + start[3:])
        elif start and segments:
            segments[-1] += "\n" + bare
    if not segments:
        return None
    encoding = segments[0][4:].partition(text[3:4])[0]
    characters = text[3:4] + encoding
    if len(encoding) < 4 or len(set(characters)) != len(characters) or len(segments[0]) < 10:
        return None
    return "\r".join([*segments, sentinel(text[3:4])])


def compared(message: Message, text: str) -> Comparison:
    """Every leaf as our reader and python-hl7 see it, and the places just behind them.

    ``text`` is what :func:`normalised` gives; ``message`` may have the sentinel or not.
    """
    oracle = hl7.parse(text)
    ours, theirs = message.segments, list(oracle)
    if len(ours) == len(theirs) - 1:
        theirs.pop()
    names = [str(segment[0]) for segment in theirs]
    if names != [segment.name for segment in ours]:
        return Comparison(0, ("segments",))
    leaves, differing = 0, []
    for one, other in zip(ours, theirs, strict=True):
        positions = dict(_leaves(other))
        leaves += len(positions)
        places = {*_differing_leaves(one, oracle, positions), *_differing_counts(one, set(positions))}
        differing += sorted(places)
    return Comparison(leaves, tuple(differing))


def _leaves(segment: hl7.Segment) -> Iterator[tuple[Position, str]]:
    """Every leaf that python-hl7 sees, with the position that our reader calls it by."""
    for field_number, field in enumerate(segment):
        if field_number == 0:
            continue
        for repetition_number, repetition in enumerate(field, start=1):
            components = [repetition] if isinstance(repetition, str) else repetition
            for component_number, component in enumerate(components, start=1):
                leaves = [component] if isinstance(component, str) else component
                for leaf_number, leaf in enumerate(leaves, start=1):
                    yield (field_number, component_number, repetition_number, leaf_number), str(leaf)


def _differing_leaves(
    ours: ReadSegment, oracle: hl7.Message, positions: dict[Position, str]
) -> Iterator[str]:
    for position, leaf in positions.items():
        field, component, repetition, subcomponent = position
        # One further at the innermost level is either the next leaf or nothing.
        following = (field, component, repetition, subcomponent + 1)
        same = leaf == ours.leaf(*position) and positions.get(following, "") == ours.leaf(*following)
        if same and field > 2 and _only_separator_escapes(leaf, oracle.esc):
            same = str(oracle.unescape(leaf)) == ours.text(*position)
        if not same:
            yield ours.location(field)


def _differing_counts(ours: ReadSegment, positions: set[Position]) -> Iterator[str]:
    fields = {position[0] for position in positions}
    behind = max(fields, default=0) + 1
    if ours.raw(behind):
        yield ours.location(behind)
    for field in fields:
        raw = ours.raw(field)
        repetitions = {position[2] for position in positions if position[0] == field}
        same = (len(repetitions) if raw else 0) == ours.repetitions(field)
        same = same and ours.leaf(field, 1, len(repetitions) + 1) == ""
        for repetition in repetitions:
            components = {where[1] for where in positions if where[0] == field and where[2] == repetition}
            texts = ours.components(field, repetition)
            same = same and (len(components) == len(texts) or (components == {1} and texts == ()))
            told = tuple(ours.text(field, number, repetition) for number in range(1, len(texts) + 1))
            same = same and texts == told
        if not same:
            yield ours.location(field)


def _only_separator_escapes(leaf: str, escape: str) -> bool:
    """Whether python-hl7 unescapes a leaf as the standard says."""
    sequence = re.escape(escape)
    return escape not in re.sub(f"{sequence}[FSTRE]{sequence}", "", leaf) and leaf != '""'
