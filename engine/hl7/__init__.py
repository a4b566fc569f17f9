"""Reading HL7 v2 in ER7 form: bytes in, patients with their orders and results out.

:func:`read_stream` finds the messages in bytes, :func:`parse` reads one. Bad content raises
:class:`engine.errors.ContentError` and nothing else; times raise :class:`TimeUnreadableError`.
"""

from engine.hl7.framing import Stream, is_empty_batch, read_stream, split_delivery, split_stream
from engine.hl7.grouping import Observation, OrderGroup, PatientGroup
from engine.hl7.pharmacy import PharmacyGroup, PharmacyOrder
from engine.hl7.ranges import range_of, read_range
from engine.hl7.reader import MAX_BYTES, MAX_SEGMENTS, Message, parse
from engine.hl7.times import TimeUnreadableError, moment_of, read_moment
from engine.hl7.values import ValueReading, ValueWarning, read_number, read_value, unit_of

__all__ = [
    "MAX_BYTES",
    "MAX_SEGMENTS",
    "Message",
    "Observation",
    "OrderGroup",
    "PatientGroup",
    "PharmacyGroup",
    "PharmacyOrder",
    "Stream",
    "TimeUnreadableError",
    "ValueReading",
    "ValueWarning",
    "is_empty_batch",
    "moment_of",
    "parse",
    "range_of",
    "read_moment",
    "read_number",
    "read_range",
    "read_stream",
    "read_value",
    "split_delivery",
    "split_stream",
    "unit_of",
]
