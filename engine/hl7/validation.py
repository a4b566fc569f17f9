"""What a message violates, with the place of each violation: for our own output and `azawatch validate`.

Field contents are judged by hl7apy. The order of segments is judged by an automaton built from hl7apy's
tables of message structures, because hl7apy's own grouping parser drops what it cannot place and moves
what follows (Z segments, a second PID, every result of a 2.8 message) without saying so.

Problems name segments, fields and data types, never their contents.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any

from hl7apy import SUPPORTED_LIBRARIES, get_default_encoding_chars, load_library, load_reference
from hl7apy.consts import VALIDATION_LEVEL
from hl7apy.core import Segment
from hl7apy.exceptions import (
    ChildNotFound,
    ChildNotValid,
    HL7apyException,
    InvalidName,
    MaxChildLimitReached,
    MaxLengthReached,
)
from hl7apy.parser import parse_field
from hl7apy.validation import Validator

from engine.model.result import ResultStatus

_FRAMING = "\x0b\x1c"
_MOST_EXPECTED = 6
_NUMBER = re.compile(r"[+-]?\d+(\.\d*)?")  # NM: HL7 v2.9 2A.3.47
_STRUCTURED = re.compile(  # SN: HL7 v2.9 2A.3.71
    r"(<|>|<=|>=|=|<>)?(\^([+-]?\d+(\.\d*)?)?(\^[-+/.:]?(\^([+-]?\d+(\.\d*)?)?)?)?)?"
)
_UNPRINTABLE = re.compile(r"[\x00-\x08\x0e-\x1f\x7f]")
_STATUSES = frozenset(status.value for status in ResultStatus)

# hl7apy's tables require these in some versions (2.3, 2.3.1, 2.7, 2.8), where the standard's own attribute
# tables call them optional or conditional; OBX-2 is judged together with OBX-5.
_NOT_REQUIRED = frozenset({"OBR_27", "OBX_2", "OBX_4", "ORC_7"})

# MSH-9 with two components, as in the event tables of the standard; "" stands for any trigger.
_STRUCTURES = {
    ("ACK", ""): "ACK",
    ("ADT", "A04"): "ADT_A01",
    ("ADT", "A08"): "ADT_A01",
    ("ADT", "A13"): "ADT_A01",
    ("ADT", "A07"): "ADT_A06",
    ("ADT", "A10"): "ADT_A09",
    ("ADT", "A11"): "ADT_A09",
    ("ADT", "A14"): "ADT_A05",
    ("ADT", "A23"): "ADT_A21",
    ("ADT", "A28"): "ADT_A05",
    ("ADT", "A31"): "ADT_A05",
    ("ADT", "A34"): "ADT_A30",
    ("ADT", "A40"): "ADT_A39",
    ("ADT", "A47"): "ADT_A30",
    ("ORU", ""): "ORU_R01",
    ("RDE", "O25"): "RDE_O11",
}


@dataclass(frozen=True, slots=True)
class _Delimiters:
    field: str
    component: str
    repetition: str
    escape: str
    subcomponent: str

    def hl7apy(self) -> dict[str, str]:
        return {
            **get_default_encoding_chars(),
            "FIELD": self.field,
            "COMPONENT": self.component,
            "REPETITION": self.repetition,
            "ESCAPE": self.escape,
            "SUBCOMPONENT": self.subcomponent,
        }


@dataclass(frozen=True, slots=True)
class _Line:
    """One segment as sent; ``fields[n]`` is field n, ``fields[0]`` the name."""

    name: str
    number: int
    line: int
    fields: tuple[str, ...]

    def problem(self, text: str, field: int = 0) -> str:
        place = f"{self.name}[{self.number}]" + (f"-{field}" if field else "")
        return f"{place} (line {self.line}): {text}"

    def field(self, number: int) -> str:
        return self.fields[number] if number < len(self.fields) else ""


def validate_message(text: str) -> tuple[str, ...]:
    """Everything wrong with one message, in the order of its segments; empty when it conforms.

    ``text`` may have CR, LF or CRLF line ends and MLLP framing. Nothing is raised for content: what
    cannot be read is a problem too. Z segments are taken as they are.
    """
    raw = text.strip(_FRAMING + "\r\n\t ").replace("\r\n", "\r").replace("\n", "\r")
    delimiters = _delimiters(raw)
    if isinstance(delimiters, str):
        return (f"MSH[1] (line 1): {delimiters}",)
    lines = _lines(raw, delimiters)
    header = lines[0]
    version = header.field(12).split(delimiters.component)[0]
    problems = list(_text_problems(lines, delimiters))
    if version not in SUPPORTED_LIBRARIES:
        problems.append(header.problem(f"version {_shown(version)} is not supported", 12))
        return tuple(problems)
    structure = _structure(header.field(9).split(delimiters.component), version)
    if isinstance(structure, _Automaton):
        problems += structure.problems(lines, version)
    else:
        problems.append(header.problem(structure, 9))
    for line in lines:
        problems += _segment_problems(line, version, delimiters)
    return tuple(problems)


def _shown(code: str) -> str:
    """A code from the header, kept short and plain."""
    return re.sub(r"[^A-Za-z0-9._-]", "?", code[:20]) or "(empty)"


def _delimiters(raw: str) -> _Delimiters | str:
    if not raw.startswith("MSH"):
        return "the message does not begin with MSH"
    if len(raw) < 8:
        return "MSH is too short to hold its separators"
    encoding = raw[4:].split(raw[3], maxsplit=1)[0]
    characters = raw[3] + encoding
    if not 4 <= len(encoding) <= 5 or len(set(characters)) < len(characters):
        return "MSH-1 and MSH-2 must be five (from 2.7 on also six) different characters"
    if any(character.isalnum() or character.isspace() for character in characters):
        return "separators may be neither letters, digits nor spaces"
    return _Delimiters(raw[3], *encoding[:4])


def _lines(raw: str, delimiters: _Delimiters) -> list[_Line]:
    counts: Counter[str] = Counter()
    lines = []
    for number, content in enumerate(raw.split("\r"), start=1):
        if not content.strip():
            continue
        name, *fields = content.split(delimiters.field)
        counts[name] += 1
        # MSH-1 is the separator itself
        fields = [delimiters.field, *fields] if name == "MSH" else fields
        lines.append(_Line(name, counts[name], number, (name, *fields)))
    return lines


def _text_problems(lines: Iterable[_Line], delimiters: _Delimiters) -> Iterator[str]:
    """What no table knows of: unpaired escapes, control characters, a charset that was not declared."""
    escape = re.escape(delimiters.escape)
    pair = re.compile(f"{escape}[^{escape}]*{escape}")
    declared = False
    for line in lines:
        declared = declared or (line.name == "MSH" and bool(line.field(18)))
        for number, content in enumerate(line.fields):
            if number == 2 and line.name == "MSH":
                continue
            if delimiters.escape in pair.sub("", content):
                yield line.problem("unpaired escape character", number)
            if _UNPRINTABLE.search(content):
                yield line.problem("control character", number)
            if not declared and not content.isascii():
                declared = True  # told once
                yield line.problem("not ASCII, and MSH-18 declares no character set", number)


def _structure(message_type: list[str], version: str) -> _Automaton | str:
    """The automaton of MSH-9, or why there is none.

    IHE pre-adopted ORU^R40 in 2.6 under a structure name of its own; its segments are those of ORU_R01.
    """
    kind, trigger, named = (*(part.strip().upper() for part in message_type), "", "", "")[:3]
    if (kind, trigger) == ("ORU", "R40"):
        expected = "ORU_R40" if version == "2.6" else "ORU_R01"
        if version < "2.6" or named not in ("", expected):
            return "ORU^R40 is ORU_R40 in version 2.6 (IHE) and ORU_R01 from version 2.8 on"
        return _automaton("ORU_R01", version)
    own, mapped, any_trigger = (
        f"{kind}_{trigger}",
        _STRUCTURES.get((kind, trigger)),
        _STRUCTURES.get((kind, "")),
    )
    for name in filter(None, (named, mapped, own, any_trigger)):
        if _known(name, version):
            return _automaton(name, version)
    return f"no structure {_shown(named or mapped or own)} in version {version}"


def _known(name: str, version: str) -> bool:
    return _reference(name, "Message", version) is not None


@cache
def _reference(name: str, kind: str, version: str) -> Any:  # noqa: ANN401 (hl7apy's nested tuples)
    try:
        return load_reference(name, kind, version)
    except ChildNotFound:
        return None


class _Automaton:
    """A message structure as states: which segment may come next, and when the message may end.

    Built once per structure and version from ``(name, reference, (least, most), kind)`` entries of
    hl7apy. Several states are held at once, so that a segment that fits in two places is never lost.
    """

    def __init__(self, reference: Any) -> None:  # noqa: ANN401
        self._free: list[list[int]] = []  # transitions that take no segment
        self._moves: list[tuple[str, int] | None] = []
        self._first = self._state()
        self._last = self._content(reference, self._first)

    def _state(self) -> int:
        self._free.append([])
        self._moves.append(None)
        return len(self._free) - 1

    def _content(self, reference: Any, start: int) -> int:  # noqa: ANN401
        kind, children = reference[0], reference[1]
        if kind == "choice":
            end = self._state()
            for child in children:
                self._free[self._child(child, start)].append(end)
            return end
        for child in children:
            start = self._child(child, start)
        return start

    def _child(self, child: Any, start: int) -> int:  # noqa: ANN401
        name, reference, (least, most), kind = child
        entry, end = self._state(), self._state()
        self._free[start].append(entry)
        if kind == "GRP":
            done = self._content(reference, entry)
        else:
            done = self._state()
            self._moves[entry] = (name, done)
        self._free[done].append(end)
        if least == 0:
            self._free[entry].append(end)
        if most != 1:
            self._free[done].append(entry)
        return end

    def _reachable(self, states: Iterable[int]) -> set[int]:
        found: set[int] = set()
        waiting = list(states)
        while waiting:
            state = waiting.pop()
            if state not in found:
                found.add(state)
                waiting.extend(self._free[state])
        return found

    def _expected(self, states: set[int]) -> str:
        names = dict.fromkeys(move[0] for state in sorted(states) if (move := self._moves[state]))
        shown = list(names)[:_MOST_EXPECTED]
        return ", ".join(shown) + (", ..." if len(names) > len(shown) else "")

    def problems(self, lines: Iterable[_Line], version: str) -> Iterator[str]:
        """Segments out of place, and a message that stops too early."""
        states = self._reachable({self._first})
        for line in lines:
            if line.name.startswith("Z") and len(line.name) == 3:
                continue
            if _reference(line.name, "Segment", version) is None:
                yield line.problem(f"no such segment in version {version}")
                continue
            reached = {move[1] for state in states if (move := self._moves[state]) and move[0] == line.name}
            if reached:
                states = self._reachable(reached)
            else:
                yield line.problem(f"not expected here; expected {self._expected(states) or 'the end'}")
        if self._last not in states:
            yield f"end of message: expected {self._expected(states)}"


@cache
def _automaton(name: str, version: str) -> _Automaton:
    return _Automaton(_reference(name, "Message", version))


def _segment_problems(line: _Line, version: str, delimiters: _Delimiters) -> Iterator[str]:
    reference = _reference(line.name, "Segment", version)
    if reference is None:
        return  # a Z segment, or told already
    known = reference[1]
    if any(line.fields[len(known) + 1 :]):
        yield line.problem(f"has more than the {len(known)} fields of version {version}")
    for number, (name, field_reference, (least, most), _) in enumerate(known, start=1):
        content = line.field(number)
        title = field_reference[3] or name
        if not content.strip():
            if least > 0 and name not in _NOT_REQUIRED:
                yield line.problem(f"{title} is required", number)
            continue
        if content == '""' or (line.name == "MSH" and number <= 2):
            continue
        repetitions = content.split(delimiters.repetition)
        if 0 < most < len(repetitions):
            yield line.problem(f"{title} is sent {len(repetitions)} times, at most {most} allowed", number)
        if name == "OBX_5":
            yield from _value_problems(line, repetitions, version, delimiters)
            continue
        for repetition in repetitions:
            problem = _content_problem(repetition, name, field_reference, version, delimiters)
            if problem:
                yield line.problem(f"{title}: {problem}", number)
    if line.name == "OBX" and line.field(11) and line.field(11) not in _STATUSES:
        yield line.problem("status is not in table 0085", 11)


def _value_problems(
    line: _Line, repetitions: list[str], version: str, delimiters: _Delimiters
) -> Iterator[str]:
    """OBX-5 by the type of OBX-2, which hl7apy does not look at."""
    kind = line.field(2)
    if not kind:
        yield line.problem("OBX-2 must name the type of a value", 2)
        return
    structure = _reference(kind, "Datatypes_Structs", version)
    base = kind in _base_types(version)
    if structure is None and not base:
        yield line.problem(f"{_shown(kind)} is no data type of version {version}", 2)
        return
    own = {"NM": _NUMBER, "SN": _STRUCTURED}.get(kind)
    reference = (
        ("leaf", None, kind, None, None, -1) if base else ("sequence", structure, kind, None, None, -1)
    )
    for repetition in repetitions:
        if own is not None:
            written = repetition.replace(delimiters.component, "^")
            problem = "" if not written or own.fullmatch(written) else f"not a valid {kind}"
        else:
            problem = _content_problem(repetition, "OBX_5", reference, version, delimiters)
        if problem:
            yield line.problem(f"value: {problem}", 5)


@cache
def _base_types(version: str) -> frozenset[str]:
    return frozenset(load_library(version).get_base_datatypes())


def _content_problem(
    text: str,
    name: str,
    reference: Any,  # noqa: ANN401
    version: str,
    delimiters: _Delimiters,
) -> str:
    """What hl7apy has against one repetition; names the component where one alone is to blame."""
    problem = _verdict(text, name, reference, version, delimiters)
    parts = text.split(delimiters.component)
    if not problem or len(parts) == 1:
        return problem
    for index, part in enumerate(parts):
        alone = _verdict(delimiters.component * index + part, name, reference, version, delimiters)
        if part and alone == problem:
            return f"component {index + 1}: {problem}"
    return problem


def _verdict(text: str, name: str, reference: Any, version: str, delimiters: _Delimiters) -> str:  # noqa: ANN401
    if not text:
        return ""
    try:
        field = parse_field(text, name, version, delimiters.hl7apy(), VALIDATION_LEVEL.STRICT, reference)
        # the validator names the parent of what it finds
        field.parent = Segment(name[:3], version=version, validation_level=VALIDATION_LEVEL.STRICT)
        Validator.validate(field, reference)
    except MaxLengthReached as error:
        return f"longer than {error.limit} characters"
    except MaxChildLimitReached as error:
        return "has more parts than its type" if error.limit else f"was withdrawn before version {version}"
    except InvalidName:
        return f"{reference[2]} has no such component"
    except ChildNotValid:
        return "has a part of the wrong type"
    except HL7apyException as error:
        return str(error)
    except ValueError:
        return f"not a valid {reference[2]}"
    return ""
