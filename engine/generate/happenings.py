"""What happens to one person and is told to the hospital's systems."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from engine.generate.truth import Kind, Truth


class Step(StrEnum):
    """What a prescriber orders."""

    START = "start"
    STOP = "stop"
    RESTART = "restart"


@dataclass(frozen=True, slots=True)
class Draw:
    """Blood is drawn. ``values`` are texts as the laboratory writes them; ``truths`` are shown first by it.

    ``quirk``: what the laboratory gets wrong, told in its own truth; ``symptom`` as the patient tells it.
    """

    at: datetime
    values: Mapping[str, str]
    symptom: str = ""
    truths: tuple[Truth, ...] = ()
    quirk: Truth | None = None
    phenotype: str = ""


@dataclass(frozen=True, slots=True)
class Ordered:
    """Azathioprine is ordered or stopped; ``dose`` in mg a day."""

    at: datetime
    step: Step
    dose: int
    truths: tuple[Truth, ...] = ()


@dataclass(frozen=True, slots=True)
class Registered:
    """The admission office tells who somebody is; ``diagnosis`` is an ICD-10 code."""

    at: datetime
    event: str
    diagnosis: str = ""
    truths: tuple[Truth, ...] = ()


Happening = Draw | Ordered | Registered

QUIRKS = (Kind.UNIT_MISSING, Kind.UNIT_UNKNOWN, Kind.UNREADABLE, Kind.IMPLAUSIBLE, Kind.HAEMOLYSED)
