"""Who a result belongs to."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date


@dataclass(frozen=True, slots=True, order=True)
class Identifier:
    """One CX of PID-3: exact id string (leading zeros count), canonical authority, type (table 0203)."""

    authority: str
    value: str
    type: str = ""

    @property
    def key(self) -> tuple[str, str]:
        """What identifies: authority and value; the type is a description of it."""
        return (self.authority, self.value)


@dataclass(frozen=True, slots=True)
class Demographics:
    """PID-5, -7, -8 and -30 as last told; ``name`` holds the XPN components as sent, unescaped."""

    name: tuple[str, ...] = ()
    birth_date: date | None = None
    sex: str = ""
    deceased: bool = False


@dataclass(frozen=True, slots=True)
class Visit:
    """PV1-2, -3, -7 and -19: where to route a page. Components unescaped, as sent."""

    patient_class: str = ""
    location: tuple[str, ...] = ()
    attending: tuple[str, ...] = ()
    number: str = ""


@dataclass(frozen=True, slots=True)
class Person:
    """One human being, known by every identifier of the alias class that merges have joined.

    ``person_id`` is the root of that class; ``members`` are all person ids in it, the root included.
    """

    person_id: str
    identifiers: tuple[Identifier, ...]
    demographics: Demographics = field(default_factory=Demographics)
    visit: Visit = field(default_factory=Visit)
    members: tuple[str, ...] = ()
