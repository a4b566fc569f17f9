"""What the engine knows about one sender: the site profile, keyed by MSH-3 and MSH-4."""

from __future__ import annotations

from dataclasses import dataclass
from zoneinfo import ZoneInfo


@dataclass(frozen=True, slots=True)
class Site:
    """Defaults for messages of one sending application and facility.

    ``time_zone`` is used when neither the time nor MSH-7 has an offset; ``charset`` when MSH-18 is
    empty and the bytes are not UTF-8; ``default_authority`` when a CX has no assigning authority.
    ``identifier_types`` are the table 0203 types that identify a person; a CX without a type counts.
    """

    name: str
    time_zone: ZoneInfo
    charset: str
    default_authority: str
    identifier_types: frozenset[str]
    authorities: tuple[tuple[str, str], ...] = ()
    trust_placer_requests: bool = True

    def authority(self, namespace: str, universal_id: str) -> str:
        """The canonical authority of a CX-4: by universal id, else by namespace, else as sent."""
        for candidate in (universal_id, namespace):
            for alias, canonical in self.authorities:
                if candidate and alias.casefold() == candidate.casefold():
                    return canonical
        return namespace or universal_id or self.default_authority
