"""Segments of a message of our own, read by the real reader, and a site to read them for."""

from __future__ import annotations

from zoneinfo import ZoneInfo

from engine.hl7 import parse
from engine.model.segments import Segment
from engine.model.site import Site

SITE = Site(
    name="stevens",
    time_zone=ZoneInfo("Europe/London"),
    charset="cp1252",
    default_authority="STEVENS",
    identifier_types=frozenset({"MR", "PI", "NH"}),
    authorities=(("2.25.77", "STEVENS"), ("STV", "STEVENS")),
)


def segments(*lines: str) -> tuple[Segment, ...]:
    """The segments after MSH."""
    header = r"MSH|^~\&|ADT|STEVENS|AZAWATCH|STEVENS|20260312141530||ADT^A40|1|P|2.5"
    return tuple(parse("\r".join((header, *lines)).encode()).segments[1:])


def pid(*fields: str) -> Segment:
    """A PID; the fields count from PID-1."""
    return segments("|".join(("PID", *fields)))[0]
