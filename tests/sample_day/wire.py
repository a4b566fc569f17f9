"""How a sending system writes HL7 v2: senders, segments, times, and the bytes of one message."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

UTC_ZONE = ZoneInfo("UTC")

RECEIVER = ("AZAWATCH", "STEVENS")

# The separators this module writes with; a message with others is translated as a whole.
STANDARD = "|^~\\&"


@dataclass(frozen=True, slots=True)
class Sender:
    """One sending system: what it puts into MSH, which clock it writes and which bytes it sends.

    ``offset``: its times carry the offset from UTC. ``charset`` is MSH-18, ``codec`` what its bytes
    really are.
    """

    application: str
    facility: str
    version: str
    zone: ZoneInfo = UTC_ZONE
    offset: bool = False
    charset: str = ""
    codec: str = "utf-8"
    line_end: str = "\r"

    def time(self, instant: datetime, *, digits: int = 14) -> str:
        """An HL7 time in this sender's zone, with ``digits`` of precision."""
        local = instant.astimezone(self.zone)
        text = local.strftime("%Y%m%d%H%M%S")[:digits]
        return text + local.strftime("%z") if self.offset else text

    @property
    def old_format(self) -> bool:
        """Versions before 2.5 have no SPM, and put specimen and receipt into OBR."""
        return self.version < "2.5"


def at(text: str) -> datetime:
    """An instant in UTC: ``03-12 07:40`` is in 2026, ``2025-12-15 10:00`` says its year."""
    full = text if text[4:5] == "-" else f"2026-{text}"
    return datetime.strptime(full, "%Y-%m-%d %H:%M").replace(tzinfo=UTC)


def segment(name: str, fields: Mapping[int, str]) -> str:
    """One segment out of its numbered fields; what is not given stays empty."""
    last = max((number for number, value in fields.items() if value), default=0)
    return "|".join([name, *(fields.get(number, "") for number in range(1, last + 1))])


@dataclass(frozen=True, slots=True)
class Event:
    """One alert event that the day must lead to, derived by hand; ``why`` is the derivation.

    ``labels`` are the rules of labels and modifiers that the story is about; the alert may bear others too.
    """

    patient: str
    rule: str
    family: str
    phase: str
    reason: str
    severity: str
    value: str
    unit: str
    why: str
    subject: str = ""
    labels: tuple[str, ...] = ()


@dataclass(slots=True, eq=False)
class Draft:
    """A message before it is numbered: everything but the control id, which follows the order of sending.

    ``outcome`` is the disposition and its reason that the engine must reach. ``same_control_id_as``
    repeats the control id of another message; ``repeats`` repeats the whole message byte for byte;
    ``raw`` replaces the message by bytes that are none.
    """

    slug: str
    sent: datetime
    sender: Sender
    kind: str
    segments: list[str]
    expect: tuple[Event, ...] = ()
    outcome: tuple[str, str] = ("accepted", "results")
    shows: str = ""
    processing: str = "P"
    version: str = ""
    separators: str = STANDARD
    line_end: str = ""
    same_control_id_as: Draft | None = None
    repeats: Draft | None = None
    raw: bytes | None = None
    orders: tuple[str, ...] = ()
    control_id: str = field(default="", init=False)

    def body(self) -> bytes:
        """The message as its sender puts it on the wire; :attr:`control_id` must be known."""
        if self.raw is not None:
            return self.raw
        if self.repeats is not None:
            return self.repeats.body()
        header = self._header()
        end = self.line_end or self.sender.line_end
        text = "".join(line + end for line in [header, *self.segments])
        if self.separators != STANDARD:
            text = text.translate(str.maketrans(STANDARD, self.separators))
        return text.encode(self.sender.codec)

    def _header(self) -> str:
        sender = self.sender
        fields = {
            # MSH-1 is the separator itself, so that field n stands at position n - 1.
            1: "^~\\&",
            2: sender.application,
            3: sender.facility,
            4: RECEIVER[0],
            5: RECEIVER[1],
            6: sender.time(self.sent),
            8: self.kind,
            9: self.control_id,
            10: self.processing,
            11: self.version or sender.version,
            17: sender.charset,
        }
        return segment("MSH", fields)
