"""Therapy events out of pharmacy messages: OMP^O09, ORM^O01, RDE^O11 (O01), RDS^O13, RGV^O15, RAS^O17.

An order group says which drug, what was done to its order (ORC-1), from when, until when and how much.
What the events of many messages amount to is decided in :mod:`engine.therapy.spans`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC

from engine.errors import ContentError
from engine.model.disposition import Reason
from engine.model.moment import Moment
from engine.model.segments import Segment
from engine.model.site import Site
from engine.model.therapy import TherapyEvent, TherapyEventKind
from engine.therapy.control_codes import (
    CONTROL_CODES,
    ENDING_STATUSES,
    EVENT_KINDS,
    STATUS_EFFECTS,
    ControlCode,
    Effect,
)
from engine.therapy.dose import RXE_DOSE, RXO_DOSE, Dose, daily_dose
from engine.therapy.order_group import DrugLookup, PharmacyOrder, RecognisedDrug, UnrecognisedDrug, recognise
from engine.therapy.telling import version_of
from engine.therapy.timing import (
    ReadTime,
    Schedule,
    read_time_field,
    schedule,
    timings_of_field,
    timings_of_segments,
)

# RDE^O25 asks the prescriber to authorise a refill; it says nothing about a therapy.
REFILL_REQUEST_TRIGGER = "O25"
# These repeat the numbers of their order, but tell of one bag or tablet of it (HL7 v2.9 4A.3.1).
_SUPPLY_TYPES = frozenset({"RDS", "RGV", "RAS"})
# RDE^O49 asks for a supply; nothing has been handed out yet.
_DISPENSE_REQUEST_TRIGGER = "O49"
# In a supply message, whatever says that this supply did not happen after all.
_SUPPLY_CALLED_OFF = frozenset({Effect.CANCEL, Effect.STOP, Effect.REVERT, Effect.NONE})
# RXA-20, table 0322: complete, partially administered, not stated.
_TAKEN = frozenset({"CP", "PA", ""})
# What an ORC can say of an order without naming its drug again.
_NEEDS_NO_DRUG = frozenset(
    {Effect.REPLACE, Effect.STOP, Effect.CANCEL, Effect.HOLD, Effect.RELEASE, Effect.REVERT}
)


@dataclass(frozen=True, slots=True)
class OrderMessage:
    """What reading an order needs to know of its message.

    ``sent`` is MSH-7. ``drug`` recognises a drug by its codes; ``read_time`` reads an HL7 time with the
    zone of the message and raises ValueError.
    """

    type: str
    trigger: str
    sent: Moment | None
    site: Site
    drug: DrugLookup
    read_time: ReadTime


@dataclass(frozen=True, slots=True)
class OrderNotice:
    """What a person should look at in an order of one of our drugs; ``text`` holds no value as sent."""

    location: str
    text: str


@dataclass(frozen=True, slots=True)
class OrdersRead:
    """What the orders of one patient tell. ``events`` still lack their person_id.

    ``recognised`` is the number of orders that name a drug of our table.
    """

    events: tuple[TherapyEvent, ...] = ()
    recognised: int = 0
    unrecognised: tuple[UnrecognisedDrug, ...] = ()
    notices: tuple[OrderNotice, ...] = ()


def events_from_orders(
    orders: Iterable[PharmacyOrder], message: OrderMessage, pv1: Segment | None = None
) -> OrdersRead:
    """Read the order groups of one patient; ``pv1`` tells whether they are told of a hospital stay.

    Raises ContentError: time-unreadable for a time of one of our drugs, therapy-unreadable for an order
    control code that table 0119 does not know. Orders of drugs that are not recognised give no event.
    """
    if message.type == "RDE" and message.trigger == REFILL_REQUEST_TRIGGER:
        return OrdersRead()
    inpatient = pv1 is not None and pv1.text(2).strip().upper() == "I"
    events: list[TherapyEvent] = []
    unrecognised: list[UnrecognisedDrug] = []
    notices: list[OrderNotice] = []
    recognised = 0
    for order in orders:
        found = recognise(order, message.drug)
        if isinstance(found, UnrecognisedDrug):
            unrecognised.append(found)
            continue
        recognised += bool(found.name)
        reading = _Reading(order, message, inpatient, found)
        events.extend(reading.events())
        notices.extend(reading.notices)
    return OrdersRead(tuple(events), recognised, tuple(unrecognised), tuple(notices))


# --- what happened to it -------------------------------------------------------------------------


class _Reading:
    """Reads one order group."""

    def __init__(
        self, order: PharmacyOrder, message: OrderMessage, inpatient: bool, drug: RecognisedDrug
    ) -> None:
        self._order = order
        self._message = message
        self._drug = drug
        self._orc = order.orc
        setting = self._orc_text(29).upper()  # ORC-29 order type, table 0482: I, O
        self._inpatient = setting == "I" if setting in ("I", "O") else inpatient
        self.notices: list[OrderNotice] = []

    def events(self) -> Iterator[TherapyEvent]:
        """The events of this group, none where its code changes nothing."""
        if self._drug.warning:
            self._notice(self._drug.location, self._drug.warning)
        message = self._message
        if (message.type, message.trigger) == ("RDE", _DISPENSE_REQUEST_TRIGGER):
            yield from (replace(event, provisional=True) for event in self._supplies())
            return
        if message.type in _SUPPLY_TYPES:
            yield from self._supplies()
            return
        control = self._control()
        effect = control.effect
        if effect is Effect.STATUS:
            effect = STATUS_EFFECTS.get(self._orc_text(5).upper(), Effect.NONE)
        if effect is Effect.NONE or (not self._drug.name and effect not in _NEEDS_NO_DRUG):
            return
        if effect in (Effect.BEGIN, Effect.CHANGE):
            yield from self._regimen(control, effect)
            effect = ENDING_STATUSES.get(self._orc_text(5).upper(), Effect.NONE)
            if effect is Effect.NONE:
                return
        yield self._event(control, effect, self._transaction_time())

    def _control(self) -> ControlCode:
        """ORC-1; an order without one exists, which is what RE says."""
        code = self._orc_text(1).upper() or "RE"
        control = CONTROL_CODES.get(code)
        if control is None and not self._drug.name:
            return ControlCode(code, "not ours to judge", Effect.NONE)
        if control is None:
            location = self._orc.location(1) if self._orc else "ORC"
            raise ContentError(
                Reason.THERAPY_UNREADABLE, location, "order control code is not in HL7 table 0119"
            )
        return control

    def _regimen(self, control: ControlCode, effect: Effect) -> Iterator[TherapyEvent]:
        """A beginning or a change with its dose, and one change more for each phase that follows."""
        told = self._schedule()
        if told.condition:
            self._notice(self._drug.location, "the timing has a condition or instruction in words: read it")
        if effect is Effect.CHANGE or control.replacement:
            begin = self._change_time(told)
        else:
            begin = told.phases[0].start or self._transaction_time()
        following = told.phases[1:]
        if any(phase.start is None for phase in following):
            self._notice(self._drug.location, "when the dose changes is not told: read the timing")
            yield replace(self._event(control, effect, begin), ends=told.end)
            return
        for number, phase in enumerate(told.phases):
            dose = self._dose(told, number)
            if dose.mg_per_day is None:
                self._notice(self._drug.location, f"dose unknown: {dose.problem}")
            start = phase.start if number and phase.start is not None else begin
            event = self._event(control, Effect.CHANGE if number else effect, start)
            yield replace(event, ends=told.end, dose_mg_per_day=dose.mg_per_day)

    def _supplies(self) -> Iterator[TherapyEvent]:
        """What was dispensed, given or taken."""
        control = self._control()
        if not self._drug.name or control.effect in _SUPPLY_CALLED_OFF:
            return
        order, read_time = self._order, self._message.read_time
        if order.administered:
            for given in order.administered:
                taken = given.text(20).strip().upper() in _TAKEN and not given.repetitions(18)
                if taken and given.text(21).strip().upper() != "D":
                    when = read_time_field(given, 3, read_time)
                    yield self._event(control, Effect.SUPPLY, when or self._transaction_time())
            return
        when = read_time_field(order.dispensed, 3, read_time)
        yield self._event(control, Effect.SUPPLY, when or self._transaction_time())

    # --- when

    def _schedule(self) -> Schedule:
        """TQ1 that counts, else RXE-1, else ORC-7, for what each is the first to tell."""
        read_time = self._message.read_time
        sources = (
            timings_of_segments(self._order.timing, read_time),
            timings_of_field(self._order.encoded, 1, read_time),
            timings_of_field(self._orc, 7, read_time),
        )
        schedules = [schedule(timings) for timings in sources if timings]
        if not schedules:
            return Schedule()
        told = schedules[0]
        if len(told.phases) > 1:
            return told
        phase = told.phases[0]
        for other in schedules[1:]:
            if len(other.phases) == 1:
                phase = replace(
                    phase,
                    start=phase.start or other.phases[0].start,
                    per_day=phase.per_day or other.phases[0].per_day,
                )
                told = replace(told, end=told.end or other.end)
        return replace(told, phases=(phase,))

    def _change_time(self, told: Schedule) -> Moment:
        """When a change takes effect: ORC-15, else the later of the timing's start and the transaction.

        Most systems repeat the start of the whole order in the timing of a change; a new dose that began
        before anybody decided on it would rewrite the history of the dose.
        """
        explicit = self._orc_time(15)
        if explicit is not None:
            return explicit
        transaction = self._transaction_time()
        start = told.phases[0].start
        return start if start is not None and start.at > transaction.at else transaction

    def _transaction_time(self) -> Moment:
        """ORC-15, else ORC-9, else MSH-7 (S:ORC-15)."""
        moment = self._orc_time(15) or self._orc_time(9) or self._message.sent
        if moment is None:
            raise ContentError(
                Reason.TIME_UNREADABLE, "MSH-7", "no time in MSH-7 and none in the order to take its place"
            )
        return moment

    def _orc_time(self, field: int) -> Moment | None:
        return read_time_field(self._orc, field, self._message.read_time)

    # --- how much

    def _dose(self, told: Schedule, number: int) -> Dose:
        order, per_day = self._order, told.phases[number].per_day
        if self._drug.compound:
            return Dose(None, "it is one component of a compound")
        if order.encoded is not None:
            return daily_dose(order.encoded, RXE_DOSE, per_day, told.quantities, self._drug.strength_mg)
        if order.requested is not None:
            return daily_dose(order.requested, RXO_DOSE, per_day, told.quantities, self._drug.strength_mg)
        return Dose(None, "neither RXE nor RXO")

    # --- the event

    def _event(self, control: ControlCode, effect: Effect, effective: Moment) -> TherapyEvent:
        numbers = self._numbers()
        kind = EVENT_KINDS[effect]
        told = self._message.sent or self._orc_time(9) or effective
        return TherapyEvent(
            event_id=_event_id(numbers, control.code, kind, effective, self._drug.name),
            person_id="",
            kind=kind,
            effective=effective,
            drug=self._drug.name,
            order=numbers,
            indication=self._indication(),
            note="cancelled: a stop where it had begun, to be reviewed" if effect is Effect.CANCEL else "",
            source=f"{self._message.type}^{self._message.trigger}",
            provisional=control.request and not self._message.site.trust_placer_requests,
            version=version_of(told.at),
            control=control.code,
            reverts=control.reverts,
            parent=self._parent(),
            inpatient=self._inpatient,
        )

    def _numbers(self) -> str:
        """Placer and filler number of the order, else the prescription number (RXE-15).

        The filler's child orders may inherit the placer number of their parent (table 0119, PA); such a
        number is the parent's, and joining by it would stop all children with one.
        """
        placer, filler = _token("placer", self._orc_text(2)), _token("filler", self._orc_text(3))
        if placer and filler and placer in self._parent().split():
            placer = ""
        numbers = " ".join(token for token in (placer, filler) if token)
        encoded = self._order.encoded
        if not numbers and encoded is not None:
            numbers = _token("prescription", encoded.text(15))
        return numbers or "unnumbered"

    def _parent(self) -> str:
        """ORC-8: placer and filler number of the order that this one was spawned from."""
        if self._orc is None:
            return ""
        tokens = (_token("placer", self._orc.text(8, 1)), _token("filler", self._orc.text(8, 2)))
        return " ".join(token for token in tokens if token)

    def _indication(self) -> str:
        for segment, field in ((self._order.encoded, 27), (self._order.requested, 20)):
            if segment is not None and segment.repetitions(field):
                return segment.text(field, 2).strip() or segment.text(field, 1).strip()
        return ""

    def _orc_text(self, field: int) -> str:
        return self._orc.text(field).strip() if self._orc is not None else ""

    def _notice(self, location: str, text: str) -> None:
        self.notices.append(OrderNotice(location, text))


def _token(kind: str, number: str) -> str:
    """``placer:77``; the namespace is left out, because one system sends it and the next does not."""
    compact = "".join(number.split())
    return f"{kind}:{compact}" if compact else ""


def _event_id(numbers: str, control: str, kind: TherapyEventKind, effective: Moment, drug: str) -> str:
    parts = (numbers, control, kind.value, effective.at.astimezone(UTC).isoformat(), drug)
    return hashlib.sha256("\x1f".join(parts).encode()).hexdigest()[:24]
