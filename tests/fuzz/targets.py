"""What is fuzzed. Each target takes any bytes; what it may raise by design ends here, all else is a find."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from functools import cache
from pathlib import Path
from zoneinfo import ZoneInfo

from engine.errors import ConfigError, ContentError, Defect
from engine.hl7 import Message, TimeUnreadableError, parse, read_moment, read_number, read_range, read_stream
from engine.hl7.charset import decode
from engine.hl7.framing import is_empty_batch, split_delivery
from engine.hl7.pharmacy import group_pharmacy
from engine.results import Header, read_results
from engine.rulebook.parse import read_rule
from engine.rulebook.sources import SourceBook, read_sources
from engine.terminology.csvtable import read_table
from engine.terminology.units import damage, normalised, parse_factor
from engine.therapy import read_roster
from tests.scenario.timeline import knowledge

ROOT = Path(__file__).parents[2]
SITE_ZONE = ZoneInfo("Europe/London")


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


TARGETS: dict[str, Callable[[bytes], None]] = {
    target.__name__: target
    for target in (framing, charset, reader, values, units, times, roster, rules, message)
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


@cache
def _sources() -> SourceBook:
    return read_sources((ROOT / "docs" / "sources.md").read_text("utf-8"))
