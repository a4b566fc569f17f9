"""What an OBX says, understood once: laboratories send the same codes, units, ranges and values for ever.

All of it follows from fields as they were sent, the separators they were written with, and the tables.
"""

from __future__ import annotations

from engine.hl7 import range_of, read_value, unit_of
from engine.model.codes import AnalyteKind, CodeKind, CodeMatch
from engine.model.frozen import frozen
from engine.model.quantity import Quantity, ReferenceRange
from engine.model.result import Problem
from engine.model.segments import Segment
from engine.results.coded import coded_texts, codings
from engine.results.specimen import NOTHING_BESIDE, BesideValue, beside_value
from engine.terminology import Terminology

# Table 0078 codes that forbid the use of the value: failed quality control, cytotoxic substance present,
# held for medical review.
_UNUSABLE_FLAGS = frozenset({"QCF", "TOX", "HM"})

# OBX-3, -6, -7, -8 and -17, and OBX-2 and -5.
_BESIDE_THE_VALUE = (3, 6, 7, 8, 17)
_OF_THE_VALUE = (2, 5)


@frozen()
class Description:
    """What stands beside a value: what it was taken for, unit as sent, and for one of ours the rest.

    ``beside`` is what it says of the specimen.
    """

    match: CodeMatch
    unit: str
    beside: BesideValue = NOTHING_BESIDE
    reference: ReferenceRange | None = None
    flags: tuple[str, ...] = ()
    method: str = ""


@frozen()
class Value:
    """OBX-5 with its unit, understood or with the problem that prevents it."""

    quantity: Quantity | None = None
    sent: str = ""
    text: str = ""
    problem: Problem | None = None


NO_VALUE = Value()


@frozen()
class Observed:
    """Reads the OBX of one order: ``specimen`` is what the order names as its kind, ``sex`` is PID-8."""

    terminology: Terminology
    site: str
    sex: str
    specimen: str

    def description(self, obx: Segment) -> Description:
        """What stands beside the value."""
        asked = (obx.notation, self.site, self.sex, self.specimen, *obx.raws(_BESIDE_THE_VALUE))
        found = self.terminology.remembered.get(asked)
        if not isinstance(found, Description):
            found = self._description(obx)
            self.terminology.remember(asked, found)
        return found

    def _description(self, obx: Segment) -> Description:
        unit = unit_of(obx)
        match = self.terminology.identify(codings(obx, 3), self.site, self.specimen, unit)
        beside = beside_value(obx, self.site, self.terminology)
        if match.kind not in (CodeKind.ANALYTE, CodeKind.QUESTION, CodeKind.UNMAPPED):
            return Description(match, unit, beside)
        flags = tuple(obx.text(8, repetition=number) for number in range(1, obx.repetitions(8) + 1))
        reference = range_of(obx, self.sex) if match.kind is CodeKind.ANALYTE else None
        if reference is not None:
            reference = self.terminology.reference(match.analyte, reference, match.unit)
        method = match.method or self.terminology.method(codings(obx, 17))
        return Description(match, unit, beside, reference, flags, method)

    def value(self, obx: Segment, told: Description) -> Value:
        """The value of one of our analytes."""
        match = told.match
        asked = (obx.notation, match.analyte, match.unit, told.unit, *obx.raws(_OF_THE_VALUE))
        found = self.terminology.remembered.get(asked)
        if not isinstance(found, Value):
            found = self._value(obx, told)
            self.terminology.remember(asked, found)
        if _UNUSABLE_FLAGS.isdisjoint(told.flags) or self._is_coded(match):
            return found
        return Value(None, found.sent, found.text, Problem.VALUE_UNREADABLE)

    def _value(self, obx: Segment, told: Description) -> Value:
        analyte = told.match.analyte
        reading = read_value(obx)
        text = reading.text
        sent = f"{text} {told.unit}".strip()
        if self._is_coded(told.match):
            # The code may say what the text does not, and the other way round.
            understood = self.terminology.readable(analyte, (*coded_texts(obx), text))
            return Value(None, sent, understood or text, None if understood else Problem.VALUE_UNREADABLE)
        if reading.interval is None:
            return Value(None, sent, text, Problem.VALUE_UNREADABLE)
        quantity = self.terminology.quantity(analyte, reading.interval, told.match.unit)
        if isinstance(quantity, Quantity):
            return Value(quantity, sent, text)
        return Value(None, sent, text, quantity)

    def _is_coded(self, match: CodeMatch) -> bool:
        return self.terminology.analyte(match.analyte).kind is AnalyteKind.CODED
