"""Which result belongs to which order of which patient (HL7 v2.9 7.3.1, ORU^R01), read tolerantly.

A state machine of one table: the name of a segment selects what it does to the patient and the order
that are open. Nothing is looked up by position in a message structure, so that an unexpected segment
cannot move results to another patient, which grammar-driven parsers do.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import NamedTuple

from engine.model.frozen import frozen
from engine.model.segments import Segment


class Observation(NamedTuple):
    """One OBX with the comments that follow it (a named tuple because there are many of them).

    ``after_specimen``: an SPM stands between its OBR and it. Formally it then describes the specimen;
    laboratory systems send ordinary results there too.
    """

    obx: Segment
    notes: list[Segment]
    after_specimen: bool = False


@dataclass(slots=True)
class OrderGroup:
    """One OBR with its ORC, specimens and results; ``obr`` is None for results that came without one.

    ``notes`` are the comments on the ORC, the OBR and the specimens; ``specimen_seen``: an SPM came after
    the OBR. Nobody changes a group once the message is read.
    """

    orc: Segment | None = None
    obr: Segment | None = None
    specimens: list[Segment] = field(default_factory=list)
    observations: list[Observation] = field(default_factory=list)
    notes: list[Segment] = field(default_factory=list)
    specimen_seen: bool = False


@dataclass(slots=True)
class PatientGroup:
    """One PID with everything up to the next; ``pid`` is None for what came before any.

    ``notes`` are the comments on the PID and the PV1; ``diagnoses`` are its DG1, ``allergies`` its AL1,
    which stand in ADT messages, and in result messages of systems that add them.
    """

    pid: Segment | None = None
    pv1: Segment | None = None
    orders: list[OrderGroup] = field(default_factory=list)
    notes: list[Segment] = field(default_factory=list)
    diagnoses: list[Segment] = field(default_factory=list)
    allergies: list[Segment] = field(default_factory=list)


@frozen()
class ResultGrouping:
    """The patients, how many segments were used, and those passed over; together that is all of them."""

    patients: tuple[PatientGroup, ...]
    handled: int
    passed_over: tuple[Segment, ...]

    @property
    def ignored(self) -> int:
        """How many segments were passed over."""
        return len(self.passed_over)


def group_results(segments: Iterable[Segment]) -> ResultGrouping:
    """Group the segments of a result message; never fails, every OBX ends up in exactly one group."""
    machine = _Machine()
    for segment in segments:
        machine.take(segment)
    return machine.result()


class _Machine:
    __slots__ = ("_handled", "_notes", "_order", "_passed_over", "_patients")

    def __init__(self) -> None:
        self._patients: list[PatientGroup] = []
        self._order: OrderGroup | None = None  # the last one of the last patient
        self._notes: list[Segment] | None = None  # where a comment would go; None while nothing takes one
        self._handled = 0
        self._passed_over: list[Segment] = []

    def take(self, segment: Segment) -> None:
        name = segment.name
        handler = _HANDLERS.get(name)
        if handler is not None and handler(self, segment):
            self._handled += 1
            return
        self._passed_over.append(segment)
        # A comment belongs to the segment before it, so that of an ignored segment is ignored with it.
        # Z segments are a sender's own additions and do not stand between a result and its comment.
        if name != "NTE" and not name.startswith("Z"):
            self._notes = None

    def result(self) -> ResultGrouping:
        return ResultGrouping(tuple(self._patients), self._handled, tuple(self._passed_over))

    def header(self, _: Segment) -> bool:
        self._notes = None
        return True

    def patient(self, segment: Segment) -> bool:
        patient = PatientGroup(pid=segment)
        self._patients.append(patient)
        self._order = None
        self._notes = patient.notes
        return True

    def visit(self, segment: Segment) -> bool:
        patient = self._open_patient()
        if patient.pv1 is not None:
            return False
        patient.pv1 = segment
        self._notes = patient.notes
        return True

    def diagnosis(self, segment: Segment) -> bool:
        self._open_patient().diagnoses.append(segment)
        self._notes = None
        return True

    def allergy(self, segment: Segment) -> bool:
        self._open_patient().allergies.append(segment)
        self._notes = None
        return True

    def common_order(self, segment: Segment) -> bool:
        order = self._new_order()
        order.orc = segment
        self._notes = order.notes
        return True

    def request(self, segment: Segment) -> bool:
        order = self._order
        if order is None or order.obr is not None or order.observations:
            order = self._new_order()
        order.obr = segment
        order.specimen_seen = False
        self._notes = order.notes
        return True

    def specimen(self, segment: Segment) -> bool:
        order = self._order or self._new_order()
        order.specimens.append(segment)
        order.specimen_seen = True
        self._notes = order.notes
        return True

    def observation(self, segment: Segment) -> bool:
        order = self._order
        if order is None or order.obr is None:
            order = self._order = self._order_without_request()
        notes: list[Segment] = []
        self._notes = notes
        order.observations.append(Observation(segment, notes, order.specimen_seen))
        return True

    def note(self, segment: Segment) -> bool:
        if self._notes is None:
            return False
        self._notes.append(segment)
        return True

    def _open_patient(self) -> PatientGroup:
        if not self._patients:
            self._patients.append(PatientGroup())
        return self._patients[-1]

    def _new_order(self) -> OrderGroup:
        self._order = order = OrderGroup()
        self._open_patient().orders.append(order)
        return order

    def _order_without_request(self) -> OrderGroup:
        """The order for a result when the open one has no OBR, or none is open.

        OBR, ORC, OBX: the ORC looked like the next order, but the result shows that it was that of the OBR.
        Small analysers send it so; the result would otherwise have no OBR.
        """
        last = self._order or self._new_order()
        orders = self._open_patient().orders
        if len(orders) < 2 or last.observations or last.specimens:
            return last
        before = orders[-2]
        if before.obr is None or before.orc is not None or before.observations:
            return last
        before.orc = last.orc
        before.notes.extend(last.notes)
        orders.pop()
        return before


_HANDLERS: dict[str, Callable[[_Machine, Segment], bool]] = {
    "MSH": _Machine.header,
    "PID": _Machine.patient,
    "PV1": _Machine.visit,
    "DG1": _Machine.diagnosis,
    "AL1": _Machine.allergy,
    "ORC": _Machine.common_order,
    "OBR": _Machine.request,
    "SPM": _Machine.specimen,
    "OBX": _Machine.observation,
    "NTE": _Machine.note,
}
