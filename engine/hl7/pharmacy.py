"""Which pharmacy segments make up one order (HL7 v2.9 chapter 4A: OMP, ORM, RDE, RDS, RGV, RAS).

TQ1, RXR and RXC belong to the segment that they follow. An encoded order (RDE) may repeat the original
request with its own times before RXE; the times that count stand after RXE (RDE_O11, TIMING_ENCODED).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from engine.model.frozen import frozen
from engine.model.segments import Segment


@frozen()
class PharmacyOrder:
    """One order: what was requested (RXO), encoded (RXE), dispensed (RXD), given (RXG), administered (RXA).

    ``timing`` (TQ1), ``routes`` (RXR) and ``components`` (RXC) are those that count: the ones after the
    RXE, else after RXD, RXG or RXA, else those of the original request.
    """

    orc: Segment | None
    encoded: Segment | None = None
    requested: Segment | None = None
    dispensed: Segment | None = None
    given: Segment | None = None
    administered: tuple[Segment, ...] = ()
    timing: tuple[Segment, ...] = ()
    routes: tuple[Segment, ...] = ()
    components: tuple[Segment, ...] = ()


@frozen()
class PharmacyGroup:
    """The orders of one PID; ``pid`` is None for orders that came before any."""

    pid: Segment | None
    pv1: Segment | None
    orders: tuple[PharmacyOrder, ...] = ()


@frozen()
class PharmacyGrouping:
    """The patients, how many segments were used, and those passed over; together that is all of them."""

    patients: tuple[PharmacyGroup, ...]
    handled: int
    passed_over: tuple[Segment, ...]

    @property
    def ignored(self) -> int:
        """How many segments were passed over."""
        return len(self.passed_over)


_DRUG_SEGMENTS = ("RXO", "RXE", "RXD", "RXG", "RXA")
_ORIGINAL, _EVENT, _ENCODED = range(3)  # whose details they are; the last that was sent counts
_STAGES = {"RXO": _ORIGINAL, "RXE": _ENCODED, "RXD": _EVENT, "RXG": _EVENT, "RXA": _EVENT}
_DETAILS = ("TQ1", "RXR", "RXC")


@dataclass(slots=True)
class _Order:
    orc: Segment | None = None
    drugs: dict[str, list[Segment]] = field(default_factory=dict)
    details: dict[str, dict[int, list[Segment]]] = field(default_factory=dict)
    stage: int = _ORIGINAL

    def frozen(self) -> PharmacyOrder:
        return PharmacyOrder(
            orc=self.orc,
            encoded=self._drug("RXE"),
            requested=self._drug("RXO"),
            dispensed=self._drug("RXD"),
            given=self._drug("RXG"),
            administered=tuple(self.drugs.get("RXA", ())),
            timing=self._counting("TQ1"),
            routes=self._counting("RXR"),
            components=self._counting("RXC"),
        )

    def _drug(self, name: str) -> Segment | None:
        return self.drugs[name][0] if name in self.drugs else None

    def _counting(self, name: str) -> tuple[Segment, ...]:
        by_stage = self.details.get(name)
        return tuple(by_stage[max(by_stage)]) if by_stage else ()


@dataclass(slots=True)
class _Patient:
    pid: Segment | None = None
    pv1: Segment | None = None
    orders: list[_Order] = field(default_factory=list)


def group_pharmacy(segments: Iterable[Segment]) -> PharmacyGrouping:
    """Group the segments of a pharmacy message; never fails, every RX segment is in exactly one order."""
    patients: list[_Patient] = []
    handled = 0
    passed_over: list[Segment] = []
    for segment in segments:
        if _take(patients, segment):
            handled += 1
        else:
            passed_over.append(segment)
    groups = tuple(
        PharmacyGroup(patient.pid, patient.pv1, tuple(order.frozen() for order in patient.orders))
        for patient in patients
    )
    return PharmacyGrouping(groups, handled, tuple(passed_over))


def _take(patients: list[_Patient], segment: Segment) -> bool:
    """Add a segment to the open patient and order; False when no order or patient has a use for it."""
    name = segment.name
    if name == "MSH":
        return True
    if name == "PID":
        patients.append(_Patient(pid=segment))
        return True
    if name not in ("PV1", "ORC", *_DRUG_SEGMENTS, *_DETAILS):
        return False
    if not patients:
        patients.append(_Patient())
    patient = patients[-1]
    if name == "PV1":
        if patient.pv1 is not None:
            return False
        patient.pv1 = segment
    elif name == "ORC":
        patient.orders.append(_Order(orc=segment))
    elif name in _DRUG_SEGMENTS:
        # One ORC may administer many doses (RXA repeats); any other second one begins another order.
        if not patient.orders or (name != "RXA" and name in patient.orders[-1].drugs):
            patient.orders.append(_Order())
        order = patient.orders[-1]
        order.drugs.setdefault(name, []).append(segment)
        order.stage = _STAGES[name]
    elif not patient.orders:
        return False
    else:
        order = patient.orders[-1]
        order.details.setdefault(name, {}).setdefault(order.stage, []).append(segment)
    return True
