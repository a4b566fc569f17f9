"""What the clinical path asks: codes, units, drugs and senders, from the texts of mappings/."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from decimal import Decimal

from engine.errors import ConfigError, Defect
from engine.model.codes import AnalyteDefinition, CodeKind, CodeMatch, Coding, DrugMatch
from engine.model.facts import GeneLevel
from engine.model.quantity import Interval, Quantity, ReferenceRange
from engine.model.result import Problem, Result
from engine.model.site import Site
from engine.terminology import lookup
from engine.terminology.analytes import AS_SENT, AnalyteEntry, parse_analytes
from engine.terminology.drugs import parse_drugs
from engine.terminology.facts import FactTable, Statement, parse_facts
from engine.terminology.genes import GENE_ANALYTES, GeneTable, parse_genes
from engine.terminology.identify import identify
from engine.terminology.loinc import Meaning, parse_loinc
from engine.terminology.methods import as_named, parse_methods
from engine.terminology.names import NameTable, parse_names
from engine.terminology.ranges import AssumedRange, parse_ranges
from engine.terminology.sites import parse_sites
from engine.terminology.specimens import Effects, IndexLimit, SpecimenTable, parse_specimens, parse_spoiling
from engine.terminology.units import Conversion, damage, parse_units

ANALYTES_FILE = "analytes.yaml"
LOINC_FILE = "loinc.csv"
UNITS_FILE = "units.csv"
DRUGS_FILE = "drugs.csv"
RANGES_FILE = "reference_ranges.csv"
SITES_FILE = "sites.yaml"
FACTS_FILE = "facts.csv"
GENES_FILE = "genes.csv"
SPECIMEN_FILE = "specimen.csv"
SPOILING_FILE = "spoiling.csv"
METHODS_FILE = "methods.csv"
NAMES_FILE = "names.csv"

_REQUIRED = (
    ANALYTES_FILE,
    LOINC_FILE,
    UNITS_FILE,
    DRUGS_FILE,
    RANGES_FILE,
    SITES_FILE,
    FACTS_FILE,
    GENES_FILE,
    SPECIMEN_FILE,
    SPOILING_FILE,
    METHODS_FILE,
)
_ONE = Decimal(1)
_MOST_KNOWN = 20_000


@dataclass(frozen=True, slots=True)
class Terminology:
    """Frozen tables with the questions that may be asked of them. Build it with :func:`parse_terminology`."""

    analytes: Mapping[str, AnalyteDefinition]
    warnings: tuple[Defect, ...]
    _tables: lookup.Tables
    _ranges: Mapping[tuple[str, str], AssumedRange]
    _genes: GeneTable
    specimens: SpecimenTable
    _methods: Mapping[str, str]
    names: NameTable
    # What fields as sent mean by these tables, for who reads the same ones again and again.
    remembered: dict[tuple[str, ...], object] = field(default_factory=dict, repr=False, compare=False)
    # A feed repeats the same few hundred identifiers for ever; what they mean never changes.
    _known: dict[tuple[tuple[Coding, ...], str, str, str], CodeMatch] = field(
        default_factory=dict, repr=False, compare=False
    )

    def analyte(self, name: str) -> AnalyteDefinition:
        """The definition of an analyte; KeyError for a name that is not in analytes.yaml."""
        return self.analytes[name]

    def site(self, application: str, facility: str) -> Site:
        """The profile of a sender by MSH-3.1 and MSH-4.1; the default site when nobody has named it."""
        return self._tables.sites.site(application, facility)

    @property
    def sites(self) -> Mapping[str, Site]:
        """Every site profile by name, ``default`` included."""
        return self._tables.sites.sites

    @property
    def specimen_types(self) -> frozenset[str]:
        """The types of specimen by which the sites tell their local codes apart, as they send them."""
        rows = (row for rows in self._tables.sites.codes.values() for row in rows)
        return frozenset(row.specimen for row in rows if row.specimen)

    def identify(self, codings: Iterable[Coding], site_name: str, specimen: str, unit: str) -> CodeMatch:
        """What one OBX-3 means; ``codings`` are its triplets, empty ones allowed.

        A triplet labelled LOINC is looked up as such, one without a system too when the code is in our table;
        any other is a local code of the site, narrowed by ``specimen`` and ``unit`` as sent. Triplets must
        agree: two analytes, or an analyte beside a code that we know to be something else (an excluded one, a
        panel, one the site ignores), give ``disagree``. A LOINC that we do not list says nothing either way.
        """
        triplets = tuple(codings)
        asked = (triplets, site_name, specimen, unit)
        found = self._known.get(asked)
        if found is not None:
            return found
        tables = self._tables
        question = tables.facts.question(triplets, site_name)
        if question is not None:
            found = CodeMatch(
                CodeKind.QUESTION, "", question.code.strip(), question.system, question.text, unit=unit
            )
        else:
            found = identify(
                triplets,
                site_name=site_name,
                specimen=specimen,
                unit=unit,
                loinc=tables.loinc,
                sites=tables.sites,
                analytes=tables.analytes,
            )
        if len(self._known) >= _MOST_KNOWN:
            self._known.clear()
        self._known[asked] = found
        return found

    def remember(self, asked: tuple[str, ...], meaning: object) -> None:
        """Keep what texts mean in ``remembered``, which never grows beyond some thousands."""
        if len(self.remembered) >= _MOST_KNOWN:
            self.remembered.clear()
        self.remembered[asked] = meaning

    def quantity(self, analyte: str, interval: Interval, unit: str) -> Quantity | Problem:
        """``interval`` in the canonical unit, exactly; ``unit`` is CodeMatch.unit.

        Problem UNIT_MISSING: nothing sent and the analyte needs a unit. UNIT_UNKNOWN: no row of units.csv for
        this analyte. IMPLAUSIBLE: a known end lies outside the bounds of analytes.yaml. KeyError for an
        analyte that does not exist.
        """
        definition = self.analytes[analyte]
        conversion = self._conversion(definition, unit)
        if isinstance(conversion, Problem):
            return conversion
        factor = conversion.factor
        converted = interval if factor == _ONE else interval.scaled(factor)
        if not _plausible(converted, definition):
            return Problem.IMPLAUSIBLE
        return Quantity(converted, conversion.unit)

    def _conversion(self, definition: AnalyteDefinition, unit: str) -> Conversion | Problem:
        found = self._tables.units.find(definition.name, unit)
        if found is not None:
            return found
        if unit.strip():
            return Problem.UNIT_UNKNOWN
        return Conversion(definition.unit, _ONE) if definition.accepts_empty_unit else Problem.UNIT_MISSING

    def conversion(self, analyte: str, unit: str) -> Conversion | None:
        """The row of units.csv for a unit as sent; None where there is none for this analyte."""
        return self._tables.units.find(analyte, unit)

    def reference(self, analyte: str, reference: ReferenceRange, unit: str) -> ReferenceRange:
        """A laboratory's range in the canonical unit, text as sent; no limits when the unit is no use."""
        conversion = self._conversion(self.analytes[analyte], unit)
        if isinstance(conversion, Problem):
            return ReferenceRange(None, None, reference.text)
        factor = conversion.factor
        return ReferenceRange(
            None if reference.low is None else reference.low * factor,
            None if reference.high is None else reference.high * factor,
            reference.text,
            reference.low_open,
            reference.high_open,
        )

    def assumed_reference(self, analyte: str, sex: str, unit: str) -> ReferenceRange | None:
        """A published range for a result in that canonical unit; only where a site asks for it.

        ``sex`` is PID-8; where the table has a range per sex only, an unknown sex gives None.
        """
        found = self._ranges.get((analyte, sex)) or self._ranges.get((analyte, ""))
        return found.range if found is not None and found.unit == unit else None

    def method(self, codings: Iterable[Coding]) -> str:
        """The method that OBX-17 names by code or text, or empty: the code of a result may imply it too."""
        names = (as_named(name) for coding in codings for name in (coding.code, coding.text))
        return next((self._methods[name] for name in names if name in self._methods), "")

    def unit_advice(self, analyte: str, unit: str) -> str:
        """What to do about a unit that quantity() refused, for the data-quality notice."""
        definition = self.analytes[analyte]
        accepted = " or ".join(definition.units)
        if not unit.strip():
            return f"the laboratory must send a unit in OBX-6 (for example {accepted})"
        return damage(unit) or f"units.csv does not list it for {definition.title} (canonical: {accepted})"

    def drug(self, codings: Iterable[Coding]) -> DrugMatch | None:
        """The drug of a give code (RXO-1, RXE-2, RXD-2, RXG-4, RXA-5) by exact code, or None."""
        return self._tables.drugs.match(codings)

    def facts_asked(self, question: CodeMatch, site_name: str) -> tuple[str, ...]:
        """All facts that an answer to an OBX-3 of kind ``question`` can tell of."""
        return self._tables.facts.facts_of(_coding(question), site_name)

    def answer(
        self, question: CodeMatch, codings: Iterable[Coding], site_name: str
    ) -> tuple[Statement, ...] | None:
        """What an OBX-5 says in answer to a question; None for an answer that no table knows."""
        return self._tables.facts.answer(_coding(question), codings, site_name)

    def diagnosis(self, codings: Iterable[Coding], site_name: str) -> tuple[Statement, ...] | None:
        """What a DG1-3 says; None where it is not in facts.csv, as most diagnoses are not."""
        return self._tables.facts.diagnosis(codings, site_name)

    def allergy(self, codings: Iterable[Coding], site_name: str) -> tuple[Statement, ...] | None:
        """What an AL1-3 says; None where it is not about a drug of ours."""
        sent = tuple(codings)
        drug = self._tables.drugs.match(sent)
        return self._tables.facts.allergy(sent, site_name, drug.drug if drug is not None else "")

    def index_limit(self, site_name: str, codes: Iterable[str]) -> IndexLimit | None:
        """From which number of an index (by its codes) on a site calls a specimen haemolysed, if it says."""
        limits = (self._tables.sites.index_limit(site_name, code) for code in codes)
        return next((limit for limit in limits if limit is not None), None)

    def is_spoiled(self, analyte: str, condition: str) -> bool:
        """Whether a value of the analyte is not to be believed in a specimen of that condition."""
        known = self.analytes.get(analyte) if condition else None
        return known is not None and not set(known.spoiled_by).isdisjoint(condition.split(", "))

    @property
    def gene_analytes(self) -> frozenset[str]:
        """The analytes whose results tell of TPMT or NUDT15."""
        return GENE_ANALYTES

    def gene_levels(self, result: Result) -> tuple[GeneLevel, ...]:
        """What a result says of TPMT and NUDT15; empty for one that tells of neither."""
        return self._genes.levels(result.analyte, result.text, result.quantity)

    def readable(self, analyte: str, texts: Iterable[str]) -> str:
        """The first of the texts of a coded result that says something of a gene, or nothing."""
        return next((text for text in texts if self._genes.levels(analyte, text, None)), "")

    def drug_by_text(self, text: str) -> str:
        """A drug whose name or brand stands in ``text``, or empty: a suggestion for a person."""
        return self._tables.drugs.suggest(text)

    def look_up(self, asked: str, text: str = "") -> lookup.Lookup:
        """Everything the tables say about a code or unit; suggestions by ``text`` where they are silent."""
        return lookup.look_up(self._tables, asked, text)

    def suggest(self, text: str) -> tuple[str, ...]:
        """Analytes whose names resemble ``text``: for the ledger of unmapped codes, never for a result."""
        return lookup.suggest(self._tables, text)

    def loinc(self, code: str) -> Meaning | None:
        """The row of loinc.csv for a code, whatever system it is labelled with; None for one not listed."""
        return self._tables.loinc.get(code.strip())

    def is_known_unit(self, unit: str) -> bool:
        """Whether units.csv has this unit for any analyte."""
        return bool(unit.strip()) and any(self.conversion(name, unit) for name in self.analytes)

    def check_report(self) -> lookup.CheckReport:
        """Counts by kind and warnings, for ``mappings check``."""
        return lookup.check_report(self._tables, self.warnings)


def _coding(question: CodeMatch) -> Coding:
    return Coding(question.code, question.text, question.system)


def _plausible(interval: Interval, definition: AnalyteDefinition) -> bool:
    """Whether the known ends lie within the bounds; an open end on a bound leaves nothing inside."""
    low, high = definition.low, definition.high
    for end, excluded_above, excluded_below in (
        (interval.low, interval.low_open, False),
        (interval.high, False, interval.high_open),
    ):
        if end is None:
            continue
        if low is not None and (end < low or (end == low and excluded_below)):
            return False
        if high is not None and (end > high or (end == high and excluded_above)):
            return False
    return True


def parse_terminology(files: Mapping[str, str]) -> Terminology:
    """Build the tables from the texts of one folder, by path (``mappings/loinc.csv``).

    The folder part may be anything or nothing; defects name files as given. Raises ConfigError with every
    defect of every file. Other files of the folder are not looked at.
    """
    folder = _folder(files)
    inside = {name.removeprefix(folder): text for name, text in files.items() if name.startswith(folder)}
    defects: list[Defect] = []
    warnings: list[Defect] = []
    terminology = _parse(inside, defects, warnings)
    if terminology is None or defects:
        raise ConfigError(_within(folder, defects))
    return replace(terminology, warnings=_within(folder, warnings))


def _folder(files: Mapping[str, str]) -> str:
    """What stands before the names of our files, with its slash."""
    for name in sorted(files):
        folder, slash, base = name.rpartition("/")
        if base in _REQUIRED:
            return folder + slash
    return ""


def _within(folder: str, defects: list[Defect]) -> tuple[Defect, ...]:
    return tuple(replace(defect, file=folder + defect.file) for defect in defects)


def _parse(files: Mapping[str, str], defects: list[Defect], warnings: list[Defect]) -> Terminology | None:
    missing = [name for name in _REQUIRED if name not in files]
    hint = "mappings/README.md describes it"
    defects.extend(Defect(name, 0, "the file is missing", hint) for name in missing)
    if missing:
        return None
    entries = parse_analytes(ANALYTES_FILE, files[ANALYTES_FILE], defects)
    units, canonical = parse_units(UNITS_FILE, files[UNITS_FILE], entries, defects)
    specimens = parse_specimens(SPECIMEN_FILE, files[SPECIMEN_FILE], defects)
    effects = parse_spoiling(SPOILING_FILE, files[SPOILING_FILE], entries, specimens, defects)
    analytes = {
        name: _definition(entry, canonical.get(name, ()), effects.get(name, Effects()))
        for name, entry in entries.items()
    }
    facts = FactTable()
    parse_facts(FACTS_FILE, files[FACTS_FILE], facts, defects)
    sites = parse_sites(files, SITES_FILE, analytes, units, defects=defects, warnings=warnings)
    for place, limit in sites.limits():
        if limit.condition not in specimens.conditions:
            message = f'nothing says "{limit.condition}" of a specimen'
            defects.append(Defect(*place, message, "no row of specimen.csv names it"))
    for site_name, file in sites.facts.items():
        parse_facts(file, files[file], facts, defects, site_name)
    tables = lookup.Tables(
        analytes,
        parse_loinc(LOINC_FILE, files[LOINC_FILE], analytes, defects, warnings),
        units,
        parse_drugs(DRUGS_FILE, files[DRUGS_FILE], defects),
        sites,
        facts,
        specimens,
    )
    ranges = parse_ranges(RANGES_FILE, files[RANGES_FILE], analytes, defects)
    activity = canonical.get("tpmt_activity", ())
    genes = parse_genes(GENES_FILE, files[GENES_FILE], activity, defects)
    methods = parse_methods(METHODS_FILE, files[METHODS_FILE], defects)
    # A site's own folder may lack it: no result depends on it.
    spoken = files.get(NAMES_FILE)
    names = NameTable() if spoken is None else parse_names(NAMES_FILE, spoken, analytes, defects)
    return Terminology(analytes, (), tables, ranges, genes, specimens, methods, names)


def _definition(entry: AnalyteEntry, units: tuple[str, ...], effects: Effects) -> AnalyteDefinition:
    return AnalyteDefinition(
        name=entry.name,
        title=entry.title,
        unit="" if entry.unit == AS_SENT else entry.unit,
        kind=entry.kind,
        panel=entry.panel,
        units=units,
        low=entry.low,
        high=entry.high,
        accepts_empty_unit=entry.accepts_empty_unit,
        contradicted_by=entry.contradicted_by,
        spoiled_by=effects.spoiled_by,
        reserved_in=effects.reserved_in,
        proves_panel=entry.proves_panel,
        range_needed_above=entry.range_needed_above,
    )
