"""Synthetic feeds of laboratories, pharmacy and admission, with the truth about what was planted in them.

Everything follows from a seed; nothing here is asked by the engine that reads such feeds. Names, numbers
and rates are invented: a feed shows whether what was planted is found, not how ill a hospital is.
"""

from __future__ import annotations

from engine.generate.hospital import Hospital, PersonFeed
from engine.generate.mixed import MixedFeed
from engine.generate.recipe import Recipe
from engine.generate.truth import EXPECTED, FAMILIES, RELATED, Kind, RosterRow, Sent, Truth
from engine.generate.writing import Written, write_feed

__all__ = [
    "EXPECTED",
    "FAMILIES",
    "RELATED",
    "Hospital",
    "Kind",
    "MixedFeed",
    "PersonFeed",
    "Recipe",
    "RosterRow",
    "Sent",
    "Truth",
    "Written",
    "write_feed",
]
