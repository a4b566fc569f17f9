"""Who was watched on a day, and by what: so that "no alert" can be told from "nobody looked"."""

from engine.statement.feeds import HABIT, Feed, Hour, feed_of
from engine.statement.patient import Installed, statement_of
from engine.statement.signing import faults, signed, signed_together

__all__ = [
    "HABIT",
    "Feed",
    "Hour",
    "Installed",
    "faults",
    "feed_of",
    "signed",
    "signed_together",
    "statement_of",
]
