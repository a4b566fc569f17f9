"""Pseudonyms: an archive that may leave the hospital, and on which the engine judges as on the original.

Default-deny: a message is put together anew from the fields of :mod:`engine.pseudonyms.fields`; whatever
is not listed there does not pass. The key is bytes; nothing here reads a file or a clock.
"""

from engine.pseudonyms.keyed import KEY_BYTES, WEEKS, Pseudonyms
from engine.pseudonyms.links import Links
from engine.pseudonyms.messages import Pseudonymiser
from engine.pseudonyms.rosters import rewritten_roster
from engine.pseudonyms.scope import REMOVED, Options

__all__ = [
    "KEY_BYTES",
    "REMOVED",
    "WEEKS",
    "Links",
    "Options",
    "Pseudonymiser",
    "Pseudonyms",
    "rewritten_roster",
]
