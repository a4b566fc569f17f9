"""What is fuzzed. Each target takes any bytes; what it may raise by design ends here, all else is a find."""

from __future__ import annotations

import struct
from collections.abc import Callable
from contextlib import suppress
from functools import cache
from io import BufferedReader, BytesIO, RawIOBase
from pathlib import Path
from typing import cast
from zoneinfo import ZoneInfo

from pika import BasicProperties

from engine.errors import ConfigError, ContentError, Defect
from engine.hl7 import Message, TimeUnreadableError, parse, read_moment, read_number, read_range, read_stream
from engine.hl7.charset import decode
from engine.hl7.framing import is_empty_batch, split_delivery
from engine.hl7.pharmacy import group_pharmacy
from engine.pseudonyms import KEY_BYTES, Links, Options, Pseudonymiser, Pseudonyms
from engine.results import Header, read_results
from engine.rulebook.parse import read_rule
from engine.rulebook.sources import SourceBook, read_sources
from engine.terminology.csvtable import read_table
from engine.terminology.drugs import parse_drugs
from engine.terminology.facts import FactTable, parse_facts
from engine.terminology.genes import parse_genes
from engine.terminology.loinc import parse_loinc
from engine.terminology.methods import parse_methods
from engine.terminology.names import parse_names
from engine.terminology.ranges import parse_ranges
from engine.terminology.sites import parse_sites
from engine.terminology.specimens import parse_specimens
from engine.terminology.units import damage, normalised, parse_factor, parse_units
from engine.therapy import read_roster
from engine.transports.amqp.consumer import _delivery_count
from engine.transports.archive import read_archive
from engine.transports.unpacking import Limits
from tests.scenario.timeline import knowledge

ROOT = Path(__file__).parents[2]
SITE_ZONE = ZoneInfo("Europe/London")
_DEEPEST = 300


def framing(data: bytes) -> None:
    """Any bytes are split into messages; nothing is raised, and no byte is invented."""
    stream = read_stream(data)
    assert sum(map(len, stream.messages)) <= 2 * len(data) + 4 * (1 + len(stream.messages))
    assert split_delivery(data)
    is_empty_batch(data)


def charset(data: bytes) -> None:
    """Any bytes become text, or ContentError with a place."""
    _content_error(lambda: decode(data, "cp1252"))


def reader(data: bytes) -> None:
    """Any bytes become a message of which every field can be asked for, or ContentError with a place."""
    _content_error(lambda: _touched(parse(data)))


def values(data: bytes) -> None:
    """Any text is read as a value and as a range, or is not; nothing is raised."""
    text = data.decode("utf-8", "replace")
    for value_type in ("NM", "SN", "ST"):
        reading = read_number(text, value_type)
        assert reading.interval is not None or reading.warning
    for sex in ("M", "F", ""):
        read_range(text, sex)


def units(data: bytes) -> None:
    """Any text is normalised, once for all, or is not a factor; nothing is raised."""
    text = data.decode("utf-8", "replace")
    assert not set(normalised(text)) & set(" \t\r\n")
    damage(text)
    parse_factor(text)
    defects: list[Defect] = []
    list(read_table("units.csv", text, ("a", "b"), defects))


def times(data: bytes) -> None:
    """Any text is a moment that UTC has, or TimeUnreadableError."""
    text = data.decode("utf-8", "replace")
    with suppress(TimeUnreadableError):
        assert read_moment(text, SITE_ZONE).at.utcoffset() is not None
    with suppress(TimeUnreadableError):
        read_moment(text, SITE_ZONE, None, text[-1:])


def roster(data: bytes) -> None:
    """Any text is a roster, or ConfigError whose every defect names its line."""
    text = data.decode("utf-8", "replace")
    analytes = knowledge().terminology.analytes
    try:
        read_roster(text, "roster.csv", SITE_ZONE, analytes, lambda *_: "", lambda *_: "")
    except ConfigError as error:
        assert error.defects
        assert all(defect.line for defect in error.defects)


def rules(data: bytes) -> None:
    """Any text is a rule, or has defects that name the file; no other error."""
    text = data.decode("utf-8", "replace")
    found = read_rule(text, "rule.yaml", knowledge().terminology.analytes, _sources())
    assert found.rule is not None or found.defects


def message(data: bytes) -> None:
    """Any bytes are split, read and turned into results, as the engine does before it asks the store."""
    for body in split_delivery(data)[:5]:
        _content_error(lambda body=body: _results(parse(body)))  # type: ignore[misc]


def archive(data: bytes) -> None:
    """Any bytes are an archive: its messages, and a defect with its file for what cannot be read."""
    found: list[Defect] = []
    limits = Limits(stretch_bytes=200_000, file_bytes=1_000_000)
    given = BufferedReader(cast("RawIOBase", BytesIO(data)))
    read = list(read_archive(["-"], found.append, limits, found.append, standard_input=given))
    assert sum(len(one.body) for one in read) <= limits.file_bytes * max(1, data.count(b"PK"))
    assert read or found
    assert all(defect.file and defect.message for defect in found)


def pseudonyms(data: bytes) -> None:
    """Any bytes are rewritten to messages that can be read again, or ContentError with a place."""
    _content_error(lambda: _rewritten(parse(data)))


def sites(data: bytes) -> None:
    """Any text is a table of senders, or has defects that name the file; no other error."""
    text, found = data.decode("utf-8", "replace"), list[Defect]()
    terminology = knowledge().terminology
    units = terminology._tables.units
    files = {"sites.yaml": text, "sites/stevens.csv": text}
    read = parse_sites(files, "sites.yaml", terminology.analytes, units, defects=found, warnings=found)
    assert found or read.sites
    assert all(defect.file and defect.message for defect in found)


def mapping(data: bytes) -> None:
    """Any text is one of the tables of mappings/, or has defects that name its line; no other error."""
    text, found = data.decode("utf-8", "replace"), list[Defect]()
    analytes = knowledge().terminology.analytes
    parse_loinc("t.csv", text, analytes, found, found)
    parse_drugs("t.csv", text, found)
    parse_facts("t.csv", text, FactTable(), found)
    parse_genes("t.csv", text, ("U/mL",), found)
    parse_methods("t.csv", text, found)
    parse_names("t.csv", text, analytes, found)
    parse_ranges("t.csv", text, analytes, found)
    parse_specimens("t.csv", text, found)
    parse_units("t.csv", text, {}, found)
    assert all(defect.message for defect in found)


def headers(data: bytes) -> None:
    """Any table of headers that AMQP allows is read; no value of it ends the connection."""
    table = _table(BytesIO(data), 0)
    properties = BasicProperties()
    properties.decode(struct.pack(">H", BasicProperties.FLAG_HEADERS) + table)
    assert isinstance(properties.headers, dict)
    assert _delivery_count(properties.headers) >= 1


TARGETS: dict[str, Callable[[bytes], None]] = {
    target.__name__: target
    for target in (
        *(framing, charset, reader, values, units, times, roster, rules, message),
        *(archive, pseudonyms, sites, mapping, headers),
    )
}


def _content_error(work: Callable[[], object]) -> None:
    try:
        work()
    except ContentError as error:
        assert error.reason, "a refusal without a reason"
        assert error.location, "a refusal without a place"


def _touched(found: Message) -> None:
    pharmacy = group_pharmacy(found.segments)
    assert found.segment_count == pharmacy.handled + pharmacy.ignored
    assert found.segment_count == found.handled + found.ignored
    found.time(SITE_ZONE)
    for segment in found.segments:
        for field in range(1, 9):
            for repetition in range(1, segment.repetitions(field) + 1):
                segment.whole_components(field, repetition)
                segment.text(field, 1, repetition)


def _results(found: Message) -> None:
    terminology = knowledge().terminology
    site = terminology.site(found.sending_application, found.sending_facility)
    sent = found.time(site.time_zone)
    sender = f"{found.sending_application}|{found.sending_facility}"
    told = Header(sender, found.control_id, site, sent, found.offset)
    for group in found.patients():
        read_results(group, told, "person", "F", terminology)


def _rewritten(found: Message) -> None:
    terminology = knowledge().terminology
    options = Options(Pseudonyms(bytes(KEY_BYTES)), terminology, frozenset(), lambda _: False, "AZAWATCH")
    links = Links(options.pseudonyms)
    links.take(found, terminology.site(found.sending_application, found.sending_facility))
    for body in Pseudonymiser(options, links).rewrite(found):
        parse(body)


def _table(data: BytesIO, depth: int) -> bytes:
    """A table of headers as a broker sends it: kinds and values out of these bytes, lengths that fit."""
    fields = b""
    while kind := data.read(1):
        if kind == b"}":
            break
        name = data.read(2)
        fields += bytes([len(name)]) + name + _value(kind, data, depth)
    return struct.pack(">I", len(fields)) + fields


_SIZES = {b"t": 1, b"b": 1, b"B": 1, b"s": 2, b"u": 2, b"U": 2, b"I": 4, b"i": 4, b"L": 8, b"l": 8}
_SIZES |= {b"f": 4, b"d": 8, b"D": 5, b"T": 8, b"V": 0}


def _value(kind: bytes, data: BytesIO, depth: int) -> bytes:
    if kind in _SIZES:
        return kind + data.read(_SIZES[kind]).ljust(_SIZES[kind], b"\0")
    if kind in b"FA" and depth < _DEEPEST:
        inner = _table(data, depth + 1)
        if kind == b"F":
            return kind + inner
        return kind + struct.pack(">I", len(inner) + 1) + b"F" + inner
    text = data.read(data.read(1)[0] if kind in b"Sx" and len(data.getvalue()) > data.tell() else 0)
    return (kind if kind in b"Sx" else b"S") + struct.pack(">I", len(text)) + text


@cache
def _sources() -> SourceBook:
    return read_sources((ROOT / "docs" / "sources.md").read_text("utf-8"))
