"""What a message type is for, to us (HL7 v2.9 chapters 3, 4A and 7). Everything else is ignored by name."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum


class Purpose(StrEnum):
    """What the engine does with a message, by MSH-9."""

    RESULTS = "results"
    THERAPY = "therapy"
    REFILL_REQUEST = "refill-request"  # asks the prescriber; says nothing about a therapy
    DEMOGRAPHICS = "demographics"
    MERGE = "merge"
    NONE = "none"


_TRIGGERS: Mapping[str, Mapping[str, Purpose]] = {
    "ORU": dict.fromkeys(("R01", "R30", "R31", "R32"), Purpose.RESULTS),
    "RDE": {
        "O11": Purpose.THERAPY,
        "O01": Purpose.THERAPY,  # 2.3
        "O49": Purpose.THERAPY,
        "O25": Purpose.REFILL_REQUEST,
    },
    "OMP": {"O09": Purpose.THERAPY},
    "ORM": {"O01": Purpose.THERAPY},
    "RDS": dict.fromkeys(("O13", "O01"), Purpose.THERAPY),
    "RGV": dict.fromkeys(("O15", "O01"), Purpose.THERAPY),
    "RAS": dict.fromkeys(("O17", "O01"), Purpose.THERAPY),
    "ADT": {
        **dict.fromkeys(("A01", "A02", "A03", "A04", "A05", "A08", "A28", "A31"), Purpose.DEMOGRAPHICS),
        # A18, A34 and A39 were kept for compatibility until 2.6.
        **dict.fromkeys(("A18", "A34", "A39", "A40"), Purpose.MERGE),
    },
}


def purpose_of(kind: str, trigger: str) -> Purpose:
    """The purpose of a message type and trigger (``ORU``, ``R01``)."""
    return _TRIGGERS.get(kind, {}).get(trigger, Purpose.NONE)
