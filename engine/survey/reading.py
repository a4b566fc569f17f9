"""What an archive holds that no mapping knows: codes and units by sender, counted, without any value."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from decimal import Decimal
from typing import TypeVar

from engine.errors import ContentError
from engine.hl7 import OrderGroup, parse, range_of, read_value, unit_of
from engine.identity import identifiers
from engine.model.codes import AnalyteKind, CodeKind, CodeMatch, Coding
from engine.model.disposition import Reason
from engine.model.purpose import Purpose, purpose_of
from engine.model.quantity import ReferenceRange
from engine.model.segments import Segment
from engine.results import codings, specimen_type
from engine.sweep import EPOCH
from engine.taken import IntakeOptions, why_unused
from engine.terminology import LOINC_SYSTEMS, Terminology, Variant
from engine.transports.archive import ArchiveMessage

FEW = 5
"""Of fewer persons nothing is told that follows from their values."""

MOST_PERSONS = 1000
"""So many persons are told apart for each way in which a code is sent: memory stays flat."""

_PLACES = 3
_TEXTS = 3
_RANGES = 3
_MOST_DIFFERENT = 50
_MOST_CODES = 20_000
_LONGEST = 80

_T = TypeVar("_T")


@dataclass(slots=True)
class Sent:
    """How one code came with one specimen and one unit; counts, and what describes the test.

    ``persons`` are hashes for counting, ``magnitudes`` the powers of ten of the numbers.
    """

    results: int = 0
    numeric: int = 0
    persons: set[int] = field(default_factory=set)
    texts: Counter[str] = field(default_factory=Counter)
    batteries: Counter[str] = field(default_factory=Counter)
    alternates: Counter[Coding] = field(default_factory=Counter)
    ranges: Counter[str] = field(default_factory=Counter)
    limits: dict[str, ReferenceRange] = field(default_factory=dict)
    types: Counter[str] = field(default_factory=Counter)
    magnitudes: Counter[int] = field(default_factory=Counter)
    places: list[str] = field(default_factory=list)

    def variant(self, code: str, specimen: str, unit: str) -> Variant:
        """What suggestions may rest on."""
        return Variant(
            code=code,
            specimen=specimen,
            unit=unit,
            texts=tuple(text for text, _ in self.texts.most_common(_TEXTS)),
            battery=next((text for text, _ in self.batteries.most_common(1)), ""),
            alternates=tuple(self.alternates),
            ranges=tuple(self.limits[text] for text, _ in self.ranges.most_common(_RANGES)),
            results=self.results,
            numeric=self.numeric,
            magnitudes=self.magnitudes if len(self.persons) >= FEW else {},
        )


@dataclass(slots=True)
class SenderSurvey:
    """What one site, or one sender without a site of its own, sends that nobody has mapped.

    ``codes``: by code, then by specimen and unit as sent. ``mislabelled``: codes that are labelled LOINC and
    are none: no row of a site can map them. ``units``: of mapped codes, by analyte and unit as sent.
    """

    senders: set[str] = field(default_factory=set)
    messages: int = 0
    codes: dict[str, dict[tuple[str, str], Sent]] = field(default_factory=dict)
    mislabelled: Counter[str] = field(default_factory=Counter)
    units: Counter[tuple[str, str]] = field(default_factory=Counter)


@dataclass(frozen=True, slots=True)
class _Where:
    """What an observation shares with those beside it; ``person`` is a hash, 0 for nobody."""

    order: OrderGroup
    site: str
    sex: str
    person: int
    source: str


@dataclass(slots=True)
class Survey:
    """Reads result messages one by one; memory grows with what is different, not with the archive."""

    terminology: Terminology
    options: IntakeOptions
    sites: dict[str, SenderSurvey] = field(default_factory=dict)
    messages: int = 0
    unreadable: list[tuple[str, Reason, str]] = field(default_factory=list)
    without_code: int = 0
    left_out: int = 0

    def add(self, message: ArchiveMessage) -> None:
        """Count one message; one that cannot be read is noted with its place."""
        self.messages += 1
        try:
            self._add(message)
        except ContentError as error:
            self.unreadable.append((message.source, Reason(error.reason), error.location))

    def _add(self, archived: ArchiveMessage) -> None:
        message = parse(
            archived.body,
            lambda application, facility: self.terminology.site(application, facility).charset,
            max_bytes=self.options.max_message_bytes,
        )
        if purpose_of(message.type, message.trigger) is not Purpose.RESULTS:
            return
        if why_unused(message, self.options, self.terminology, EPOCH) is not None:
            return
        site = self.terminology.site(message.sending_application, message.sending_facility)
        sender = f"{message.sending_application}|{message.sending_facility}"
        # Whoever has no site of its own needs a file of its own.
        known = self.terminology.site("", "") is not site
        found = self.sites.setdefault(site.name if known else sender, SenderSurvey())
        found.senders.add(sender)
        found.messages += 1
        for group in message.patients():
            given = identifiers(group.pid, site) if group.pid is not None else ()
            sex = group.pid.text(8) if group.pid is not None else ""
            person = hash(given[0].key) if given else 0
            for order in group.orders:
                where = _Where(order, site.name, sex, person, archived.source)
                for observation in order.observations:
                    self._observe(found, where, observation.obx)

    def _observe(self, found: SenderSurvey, where: _Where, obx: Segment) -> None:
        how = specimen_type(where.order), unit_of(obx)
        sent = codings(obx, 3)
        match = self.terminology.identify(sent, where.site, *how)
        if match.kind is CodeKind.ANALYTE:
            self._mapped(found, match)
        elif match.kind is CodeKind.UNMAPPED:
            local = next((one for one in sent if one.system.strip().casefold() not in LOINC_SYSTEMS), None)
            if local is not None:
                self._unmapped(found, where, local, how, obx)
            elif sent:
                found.mislabelled[sent[0].code] += 1
            else:
                self.without_code += 1

    def _mapped(self, found: SenderSurvey, match: CodeMatch) -> None:
        definition = self.terminology.analyte(match.analyte)
        blind = match.unit.strip() and self.terminology.conversion(match.analyte, match.unit) is None
        if definition.kind is AnalyteKind.QUANTITY and blind:
            found.units[match.analyte, match.unit] += 1

    def _unmapped(
        self, found: SenderSurvey, where: _Where, local: Coding, how: tuple[str, str], obx: Segment
    ) -> None:
        if local.code not in found.codes and len(found.codes) >= _MOST_CODES:
            self.left_out += 1
            return
        one = found.codes.setdefault(local.code, {}).setdefault(how, Sent())
        one.results += 1
        if where.person and len(one.persons) < MOST_PERSONS:
            one.persons.add(where.person)
        for coding in codings(obx, 3):
            _note(one.texts, _line(coding.text))
            if coding != local:
                _note(one.alternates, coding)
        if where.order.obr is not None:
            _note(one.batteries, _line(where.order.obr.text(4, 2) or where.order.obr.text(4)))
        _note(one.types, obx.text(2))
        limits = range_of(obx, where.sex)
        if limits is not None and limits.text:
            _note(one.ranges, limits.text)
            one.limits.setdefault(limits.text, limits)
        interval = read_value(obx).interval
        if interval is not None:
            one.numeric += 1
            number = interval.low if interval.low is not None else interval.high
            if number:
                one.magnitudes[Decimal(number).adjusted()] += 1
        if len(one.places) < _PLACES:
            one.places.append(where.source)


def _line(text: str) -> str:
    return " ".join(text.split())[:_LONGEST]


def _note(counter: Counter[_T], what: _T) -> None:
    """Count what is not empty; of too many different things only those that came first."""
    if what and (what in counter or len(counter) < _MOST_DIFFERENT):
        counter[what] += 1
