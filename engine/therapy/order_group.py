"""One order group of a pharmacy message, and which drug it is about."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Protocol

from engine.model.codes import Coding, DrugMatch
from engine.model.ledger import LedgerEntry
from engine.model.segments import Segment

DrugLookup = Callable[[Sequence[Coding]], DrugMatch | None]


class PharmacyOrder(Protocol):
    """One order group of a pharmacy message, as the reader groups it."""

    @property
    def orc(self) -> Segment | None:
        """ORC: control code, numbers, times."""

    @property
    def encoded(self) -> Segment | None:
        """RXE: the order as the pharmacy encoded it."""

    @property
    def requested(self) -> Segment | None:
        """RXO: the order as it was asked for."""

    @property
    def dispensed(self) -> Segment | None:
        """RXD: a dispense."""

    @property
    def given(self) -> Segment | None:
        """RXG: an instruction to give."""

    @property
    def administered(self) -> Sequence[Segment]:
        """RXA: doses given."""

    @property
    def timing(self) -> Sequence[Segment]:
        """The TQ1 segments that count."""

    @property
    def components(self) -> Sequence[Segment]:
        """RXC: what a compound is made of."""


@dataclass(frozen=True, slots=True)
class UnrecognisedDrug:
    """A drug that no code in our table names: another drug, or ours under a local code or as mere text."""

    location: str
    codings: tuple[Coding, ...]


@dataclass(frozen=True, slots=True)
class RecognisedDrug:
    """A drug of our table and where it stands; ``name`` is empty where an order came without a drug segment.

    ``strength_mg`` is what the code says of one piece. ``compound``: only a component of what is given.
    """

    name: str = ""
    strength_mg: Decimal | None = None
    location: str = ""
    warning: str = ""
    compound: bool = False


def recognise(order: PharmacyOrder, drug: DrugLookup) -> RecognisedDrug | UnrecognisedDrug:
    """The first of RXE-2, RXO-1, RXD-2, RXG-4, RXA-5 that is a drug we know, else of RXC-2."""
    places = [
        (segment, fields)
        for segment, fields in (
            (order.encoded, (2, 31)),  # RXE-31 and RXO-24 are supplementary codes
            (order.requested, (1, 24)),
            (order.dispensed, (2,)),
            (order.given, (4,)),
            *((administered, (5,)) for administered in order.administered),
        )
        if segment is not None
    ]
    if not places:
        return RecognisedDrug()
    for segment, fields in places:
        match = drug(_codings(segment, fields))
        if match is not None:
            return RecognisedDrug(match.drug, match.strength_mg, segment.location(fields[0]), match.warning)
    for component in order.components:
        match = drug(_codings(component, (2,)))
        if match is not None:
            return RecognisedDrug(match.drug, None, component.location(2), match.warning, compound=True)
    segment, fields = places[0]
    return UnrecognisedDrug(segment.location(fields[0]), _codings(segment, fields))


def _codings(segment: Segment, fields: Sequence[int]) -> tuple[Coding, ...]:
    """All triplets (components 1-3, 4-6, 10-12) of all repetitions that hold a code or a text."""
    codings = []
    for field in fields:
        for repetition in range(1, segment.repetitions(field) + 1):
            for first in (1, 4, 10):
                code, text, system = (
                    segment.text(field, first + offset, repetition).strip() for offset in range(3)
                )
                if code or text:
                    codings.append(Coding(code, text, system))
    return tuple(codings)


def unmapped_drugs(
    unrecognised: Iterable[UnrecognisedDrug],
    named_in: Callable[[str], str],
    *,
    sender: str,
    control_id: str,
    on_therapy: bool,
) -> tuple[LedgerEntry, ...]:
    """Orders that name one of our drugs in words but not by a code we know: for a human to map.

    ``named_in`` says which of our drugs a text names, or nothing.
    """
    found = []
    for order in unrecognised:
        if named_in(" ".join(coding.text for coding in order.codings)):
            coding = order.codings[0]
            entry = LedgerEntry(
                sender=sender,
                code=coding.code,
                system=coding.system,
                unit="",
                kind="drug-unmapped",
                text=coding.text,
                on_therapy=on_therapy,
                control_id=control_id,
            )
            found.append(entry)
    return tuple(found)
