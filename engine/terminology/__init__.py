"""Codes, units, drugs and senders: what the words of a message mean, by exact tables only."""

from __future__ import annotations

from engine.terminology.facts import Statement, is_known_system
from engine.terminology.loinc import has_right_check_digit
from engine.terminology.lookup import CheckReport, Entry, Lookup
from engine.terminology.specimens import IndexLimit
from engine.terminology.terminology import Terminology, parse_terminology

__all__ = [
    "CheckReport",
    "Entry",
    "IndexLimit",
    "Lookup",
    "Statement",
    "Terminology",
    "has_right_check_digit",
    "is_known_system",
    "parse_terminology",
]
