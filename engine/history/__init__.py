"""From a person's record to what the rules see: series, derived counts, baseline, scope."""

from engine.history.derived import WEIGHT, derived_facts
from engine.history.ranges import with_assumed_ranges
from engine.history.situation import HistoryOptions, situation_of
from engine.history.specimens import with_conditions

__all__ = [
    "WEIGHT",
    "HistoryOptions",
    "derived_facts",
    "situation_of",
    "with_assumed_ranges",
    "with_conditions",
]
