"""What codes mean: triplets as sent, the analytes we know, and what a lookup concluded."""

from __future__ import annotations

from decimal import Decimal
from enum import StrEnum

from engine.model.frozen import frozen


@frozen()
class Coding:
    """One triplet of a CE or CWE: components 1-3, 4-6 or 10-12 (HL7 v2.9 2A.3.13), unescaped."""

    code: str
    text: str = ""
    system: str = ""


class AnalyteKind(StrEnum):
    """How the value of an analyte is read."""

    QUANTITY = "quantity"  # a number with a unit
    CODED = "coded"  # a text or code: a genotype, a phenotype


@frozen()
class AnalyteDefinition:
    """One analyte of mappings/analytes.yaml.

    ``unit`` is the canonical UCUM unit of every stored value, or empty where values of several units
    cannot be converted into each other and each is kept in its own (TPMT activity); ``units`` lists all
    canonical units, so it is ``(unit,)`` for most and empty for coded analytes. ``low`` and ``high`` are
    plausibility bounds in the canonical unit: a value outside is not believed. ``contradicted_by`` are
    lower-case words that must not stand in the text sent with the code. ``spoiled_by`` are conditions of
    a specimen (``haemolysed``) in which its value is not to be believed, ``reserved_in`` those in which it is
    judged with reserve. ``proves_panel``: a usable result of it shows that its panel was taken.
    ``range_needed_above``: above it a value without a printed range is told of at once.
    """

    name: str
    title: str
    unit: str
    kind: AnalyteKind
    panel: str
    units: tuple[str, ...] = ()
    low: Decimal | None = None
    high: Decimal | None = None
    accepts_empty_unit: bool = False
    contradicted_by: tuple[str, ...] = ()
    spoiled_by: tuple[str, ...] = ()
    reserved_in: tuple[str, ...] = ()
    proves_panel: bool = False
    range_needed_above: Decimal | None = None


class CodeKind(StrEnum):
    """What an observation identifier turned out to be."""

    ANALYTE = "analyte"  # one of ours
    EXCLUDED = "excluded"  # looks like one of ours and must not be taken for it (fetal blood, a goal)
    QUESTION = "question"  # its coded answers are facts about the patient
    PANEL = "panel"  # names a battery, not a result
    IGNORED = "ignored"  # the site's table says that it is of no interest
    NOT_MONITORED = "not-monitored"  # a well-formed LOINC that we do not watch
    UNMAPPED = "unmapped"  # a local code without a row, or a code labelled LOINC that is none
    DISAGREE = "disagree"  # the triplets name different things


ESTIMATE = "estimate"
"""The method of counts estimated from a smear."""


@frozen()
class CodeMatch:
    """The meaning of one observation identifier.

    ``analyte`` is set for kind ``analyte`` only. ``code``, ``system`` and ``text`` are the triplet that
    decided, as sent. ``title`` is the name in our tables, ``method`` the method of the code (``estimate``
    and ``segmented`` matter to callers). ``unit`` is the unit to convert with: as sent, or the one that
    the site's table supplies for this code where none was sent, and then ``unit_assumed`` is true.
    ``detail`` says in words what disagrees; it holds codes and analyte names only. ``places`` are the rows
    that decided, within the mappings: ``loinc.csv:2``.
    """

    kind: CodeKind
    analyte: str = ""
    code: str = ""
    system: str = ""
    text: str = ""
    method: str = ""
    title: str = ""
    unit: str = ""
    unit_assumed: bool = False
    detail: str = ""
    places: tuple[str, ...] = ()


@frozen()
class DrugMatch:
    """A drug recognised by an exact code; ``strength_mg`` per tablet, capsule or vial where the code says so.

    ``warning`` is for the log and the mapping ledger: what was odd about the coding.
    """

    drug: str
    strength_mg: Decimal | None = None
    code: str = ""
    system: str = ""
    warning: str = ""
