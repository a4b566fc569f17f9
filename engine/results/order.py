"""What every observation of one OBR shares: order number, specimen and times."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta, timezone

from engine.errors import ContentError
from engine.hl7 import OrderGroup, TimeUnreadableError, moment_of
from engine.model.disposition import Reason
from engine.model.frozen import frozen
from engine.model.moment import Moment, later
from engine.model.segments import Segment
from engine.model.site import Site

# A specimen cannot be collected after its result was sent; a day of grace covers skewed clocks and zones.
_FUTURE_GRACE = timedelta(days=1)


@frozen()
class Header:
    """What every observation of a message inherits from its MSH."""

    sender: str
    control_id: str
    site: Site
    sent_at: Moment | None
    default_offset: timezone | None


@frozen()
class OrderFacts:
    """What every observation of an order shares.

    ``collected`` holds where OBX-14 is empty. ``condition`` is that of the specimen: ``haemolysed``.
    """

    number: str
    specimen: str
    specimen_type: str
    collected: Moment | None
    reported: Moment | None
    condition: str = ""


@dataclass(slots=True)
class Times:
    """The times of one message; a time that is repeated in many fields is read once.

    A time that cannot be, a day and more after the message was sent, is as good as one that cannot be
    read: one wrong year must not hold back the other results, nor stay the newest for ever.
    """

    header: Header
    read: dict[str, Moment | None] = field(default_factory=dict)

    def at(self, segment: Segment | None, number: int) -> Moment | None:
        """The time in a field, or None where it is absent, cannot be read, or cannot be."""
        raw = "" if segment is None else segment.raw(number)
        if segment is None or not raw:
            return None
        if raw not in self.read:
            try:
                moment = moment_of(segment, number, self.header.site.time_zone, self.header.default_offset)
            except TimeUnreadableError:
                moment = None
            if moment is not None and _after_sending(moment, self.header):
                moment = None
            self.read[raw] = moment
        return self.read[raw]


def order_facts(order: OrderGroup, times: Times) -> OrderFacts:
    """Specimen type: SPM-4, else OBR-15.

    Collected: OBR-7, else SPM-17, else when the laboratory received (OBR-14) or reported it (OBR-22).
    """
    obr = order.obr
    specimen = next((name for s in order.specimens if (name := s.text(2) or s.text(2, subcomponent=2))), "")
    return OrderFacts(
        number=order_number(order),
        specimen=specimen,
        specimen_type=specimen_type(order),
        collected=times.at(obr, 7)
        or next((told for specimen in order.specimens if (told := times.at(specimen, 17))), None)
        or times.at(obr, 14)
        or times.at(obr, 22),
        reported=times.at(obr, 22),
    )


def order_number(order: OrderGroup) -> str:
    """OBR-3, else OBR-2, else the same of ORC; empty where there is none."""
    obr, orc = order.obr, order.orc
    return (obr.text(3) or obr.text(2) if obr else "") or (orc.text(3) or orc.text(2) if orc else "")


def specimen_type(order: OrderGroup) -> str:
    """SPM-4, else OBR-15, as sent."""
    kind = next((name for specimen in order.specimens if (name := specimen.text(4))), "")
    return kind or (order.obr.text(15) if order.obr is not None else "")


def time_told(facts: OrderFacts, obx: Segment, times: Times) -> Moment | None:
    """When the specimen was taken: OBX-14, else the time of the order, else MSH-7."""
    return times.at(obx, 14) or facts.collected or times.header.sent_at


def collected_at(facts: OrderFacts, obx: Segment, times: Times) -> Moment:
    """As :func:`time_told`. Raises ContentError when no time was told."""
    collected = time_told(facts, obx, times)
    if collected is None:
        raise ContentError(
            Reason.TIME_UNREADABLE,
            obx.location(14),
            "neither OBX-14, OBR-7, SPM-17, OBR-14, OBR-22 nor MSH-7 holds a readable time",
        )
    return collected


def _after_sending(collected: Moment, header: Header) -> bool:
    return header.sent_at is not None and collected.at > later(header.sent_at.at, _FUTURE_GRACE)
