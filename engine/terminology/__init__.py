"""Codes, units, drugs and senders: what the words of a message mean, by exact tables only."""

from __future__ import annotations

from engine.terminology.candidates import Candidate, CompareUnits, Variant, candidates
from engine.terminology.facts import Statement, is_known_system
from engine.terminology.loinc import LOINC_SYSTEMS, has_right_check_digit
from engine.terminology.lookup import CheckReport, Entry, Lookup
from engine.terminology.names import Specimen
from engine.terminology.sites import SITE_COLUMNS
from engine.terminology.specimens import IndexLimit
from engine.terminology.terminology import Terminology, parse_terminology
from engine.terminology.units import normalised as normalised_unit

__all__ = [
    "LOINC_SYSTEMS",
    "SITE_COLUMNS",
    "Candidate",
    "CheckReport",
    "CompareUnits",
    "Entry",
    "IndexLimit",
    "Lookup",
    "Specimen",
    "Statement",
    "Terminology",
    "Variant",
    "candidates",
    "has_right_check_digit",
    "is_known_system",
    "normalised_unit",
    "parse_terminology",
]
