"""What a message violates, with the place of each violation: for our own output and `azawatch validate`.

Field contents are judged by hl7apy. The order of segments is judged by an automaton built from hl7apy's
tables of message structures, because hl7apy's own grouping parser drops what it cannot place and moves
what follows (Z segments, a second PID, every result of a 2.8 message) without saying so.

Problems name segments, fields and data types, never their contents.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from hl7apy import SUPPORTED_LIBRARIES, get_default_encoding_chars, load_library
from hl7apy.consts import VALIDATION_LEVEL
from hl7apy.core import Segment
from hl7apy.exceptions import (
    ChildNotValid,
    HL7apyException,
    InvalidName,
    MaxChildLimitReached,
    MaxLengthReached,
)
from hl7apy.parser import parse_field
from hl7apy.validation import Validator

from engine.hl7.structure import Automaton, shown_code, structure_of, table_entry
from engine.model.result import ResultStatus

_FRAMING = "\x0b\x1c"
_NUMBER = re.compile(r"[+-]?\d+(\.\d*)?")  # NM: HL7 v2.9 2A.3.47
_STRUCTURED = re.compile(  # SN: HL7 v2.9 2A.3.71
    r"(<|>|<=|>=|=|<>)?(\^([+-]?\d+(\.\d*)?)?(\^[-+/.:]?(\^([+-]?\d+(\.\d*)?)?)?)?)?"
)
_SEGMENT_NAME = re.compile(r"[A-Z][A-Z0-9]{2}")
_UNPRINTABLE = re.compile(r"[\x00-\x08\x0e-\x1f\x7f]")
_STATUSES = frozenset(status.value for status in ResultStatus)

# hl7apy's tables require these in some versions (2.3, 2.3.1, 2.7, 2.8), where the standard's own attribute
# tables call them optional or conditional; OBX-2 is judged together with OBX-5.
_NOT_REQUIRED = frozenset({"OBR_27", "OBX_2", "OBX_4", "ORC_7"})


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
        # a line that is no segment may be anything, a name for example
        name = self.name if _SEGMENT_NAME.fullmatch(self.name) else "(no segment)"
        place = f"{name}[{self.number}]" + (f"-{field}" if field else "")
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
        problems.append(header.problem(f"version {shown_code(version)} is not supported", 12))
        return tuple(problems)
    structure = structure_of(header.field(9).split(delimiters.component), version)
    if isinstance(structure, Automaton):
        problems += structure.problems(lines, version)
    else:
        problems.append(header.problem(structure, 9))
    for line in lines:
        problems += _segment_problems(line, version, delimiters)
    return tuple(problems)


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


@cache
def _fields(name: str, version: str) -> Mapping[int, Any]:
    """Field number to hl7apy's entry; empty for a segment that hl7apy has no proper table of.

    Withdrawn fields are left out of some tables, so the number is taken from the name: ERR_2.
    """
    table = table_entry(name, "Segment", version)
    entries = table[1] if table is not None and len(table) == 2 else ()
    numbered = re.compile(re.escape(name) + r"_\d+")
    return {
        int(entry[0].rpartition("_")[2]): entry
        for entry in entries
        if isinstance(entry, tuple) and numbered.fullmatch(entry[0])
    }


def _segment_problems(line: _Line, version: str, delimiters: _Delimiters) -> Iterator[str]:
    known = _fields(line.name, version)
    last = max(known, default=0)
    if known and any(line.fields[last + 1 :]):
        yield line.problem(f"has more than the {last} fields of version {version}")
    for number, (name, field_reference, (least, most), _) in sorted(known.items()):
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
    structure = table_entry(kind, "Datatypes_Structs", version)
    base = kind in _base_types(version)
    if structure is None and not base:
        yield line.problem(f"{shown_code(kind)} is no data type of version {version}", 2)
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
    reference: Any,
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


def _verdict(text: str, name: str, reference: Any, version: str, delimiters: _Delimiters) -> str:
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
    except HL7apyException as error:  # names of elements, not contents
        return str(error)
    except ValueError:
        return f"not a valid {reference[2]}"
    return ""
