"""A message with all its times moved by one constant, and nothing else changed."""

from __future__ import annotations

from functools import partial
from zoneinfo import ZoneInfo

from engine.hl7.reader import Message
from engine.hl7.segment import ReadSegment
from engine.hl7.shifting import Shift, shift_time
from engine.hl7.time_places import TIME_TYPES, Places, time_places
from engine.hl7.times import TimeUnreadableError

_VALUE: Places = {5: ((1, 1),)}


def restamped(message: Message, shift: Shift, zone: ZoneInfo) -> bytes:
    """The bytes of ``message`` with every date and time moved; lines end with CR.

    Found by data type (see :func:`time_places`), and in OBX-5 where OBX-2 says so. What cannot be read
    as a time, and Z segments, stay as they are. Raises UnicodeEncodeError where the character set of the
    message cannot be written.
    """
    change = partial(_moved, shift=shift, zone=zone, message=message)
    lines = [segment.with_leaves(_places(segment, message.version), change) for segment in message.segments]
    return "".join(f"{line}\r" for line in lines).encode(message.charset)


def _places(segment: ReadSegment, version: str) -> Places:
    places = time_places(segment.name, version)
    if segment.name == "OBX" and segment.text(2).strip().upper() in TIME_TYPES:
        return {**places, **_VALUE}
    return places


def _moved(text: str, shift: Shift, zone: ZoneInfo, message: Message) -> str:
    try:
        return shift_time(text, shift, zone, message.offset)
    except TimeUnreadableError:
        return text
