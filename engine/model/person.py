"""Who a result belongs to."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import field
from datetime import date

from engine.model.frozen import frozen


@frozen(order=True)
class Identifier:
    """One CX of PID-3: exact id string (leading zeros count), canonical authority, type (table 0203).

    ``retired``: a merge has joined the record it belonged to into another; it still finds the person, and
    is shown after the numbers in use.
    """

    authority: str
    value: str
    type: str = ""
    retired: bool = False

    @property
    def key(self) -> tuple[str, str]:
        """What identifies: authority and value; the type is a description of it."""
        return (self.authority, self.value)


def in_order_of_use(identifiers: Iterable[Identifier]) -> tuple[Identifier, ...]:
    """Numbers in use before retired ones, medical record numbers (MR) first; the same from any order."""
    return tuple(
        sorted(identifiers, key=lambda one: (one.retired, one.type != "MR", one.authority, one.value))
    )


@frozen()
class Demographics:
    """PID-5, -7, -8 and -30 as last told; ``name`` holds the XPN components as sent, unescaped."""

    name: tuple[str, ...] = ()
    birth_date: date | None = None
    sex: str = ""
    deceased: bool = False


@frozen()
class Visit:
    """PV1-2, -3, -7 and -19: where to route a page. Components unescaped, as sent."""

    patient_class: str = ""
    location: tuple[str, ...] = ()
    attending: tuple[str, ...] = ()
    number: str = ""


@frozen()
class Person:
    """One human being, known by every identifier of the alias class that merges have joined.

    ``person_id`` is the root of that class; ``members`` are all person ids in it, the root included.
    ``identifiers`` are in the order of :func:`in_order_of_use`: the first one names the person.
    """

    person_id: str
    identifiers: tuple[Identifier, ...]
    demographics: Demographics = field(default_factory=Demographics)
    visit: Visit = field(default_factory=Visit)
    members: tuple[str, ...] = ()
