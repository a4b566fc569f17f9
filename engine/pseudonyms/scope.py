"""What the treatment of a field needs to know: of the key, of the sender, and of the person."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timezone

from engine.hl7 import TimeUnreadableError
from engine.hl7.shifting import Shift, shift_time
from engine.hl7.writer import EMPTY, Er7, leaf
from engine.model.segments import Segment
from engine.model.site import Site
from engine.pseudonyms.keyed import Pseudonyms
from engine.terminology import Terminology

REMOVED = "[removed]"
"""Stands where a text was that may not pass and whose presence matters; no table knows it."""


@dataclass(frozen=True, slots=True)
class Options:
    """What holds for a whole archive.

    ``authorities`` are those of the site profiles, ``indications`` those that a protocol is chosen by, in
    the form in which they are compared. ``own_application`` is the name under which the engine tells its
    alerts. ``one_shift``: everybody's dates move alike.
    """

    pseudonyms: Pseudonyms
    terminology: Terminology
    authorities: frozenset[str]
    indications: Callable[[str], bool]
    own_application: str
    one_shift: bool = False


@dataclass(frozen=True, slots=True)
class Scope:
    """What holds for one patient in one message."""

    options: Options
    site: Site
    offset: timezone | None
    shift: Shift
    person: int
    earliest_birth_year: int

    @property
    def pseudonyms(self) -> Pseudonyms:
        """The key."""
        return self.options.pseudonyms

    def identifier(self, text: str) -> Er7:
        """The pseudonym of a number, escaped."""
        return leaf(self.pseudonyms.identifier(text)) if text.strip() else EMPTY

    def time(self, text: str) -> Er7:
        """A time moved; one that cannot be read stays one that cannot be read."""
        if not text.strip():
            return EMPTY
        try:
            return leaf(shift_time(text, self.shift, self.site.time_zone, self.offset))
        except TimeUnreadableError:
            return Er7(REMOVED)

    def authority(self, namespace: str, universal_id: str) -> Er7:
        """An assigning authority as the site profile names it, else its pseudonym."""
        if not namespace and not universal_id:
            return EMPTY
        return leaf(authority_name(self.options, self.site.authority(namespace, universal_id)))


def authority_name(options: Options, canonical: str) -> str:
    """An authority of the mappings as it is, any other by its pseudonym; that of a roster row too."""
    known = not canonical or canonical in options.authorities
    return canonical if known else options.pseudonyms.identifier(canonical)


Treatment = Callable[[Scope, Segment, int], Er7]
"""What becomes of one field of a segment."""
