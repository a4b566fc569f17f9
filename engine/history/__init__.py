"""From a person's record to what the rules see: series, derived counts, baseline, scope."""

from engine.history.situation import HistoryOptions, situation_of

__all__ = ["HistoryOptions", "situation_of"]
