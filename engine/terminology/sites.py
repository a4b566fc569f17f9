"""Who sends (mappings/sites.yaml) and what their own codes mean (mappings/sites/*.csv)."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from zoneinfo import ZoneInfo

from engine.errors import ConfigError, Defect
from engine.model.codes import AnalyteDefinition, CodeKind
from engine.model.site import Site
from engine.strictyaml import Reader, Scalar, Table, load
from engine.terminology.csvtable import Row, read_table
from engine.terminology.loinc import Meaning
from engine.terminology.specimens import IndexLimit, read_limit
from engine.terminology.units import UnitTable

DEFAULT_SITE = "default"

_NAME = re.compile(r"[a-z][a-z0-9-]*")
_KEYS = (
    "senders",
    "time_zone",
    "charset",
    "default_authority",
    "authorities",
    "identifier_types",
    "trust_placer_requests",
    "codes",
    "facts",
)
SITE_COLUMNS = ("code", "name", "analyte", "specimen", "unit", "unit_when_missing", "method")
_IGNORE = "ignore"

# HL7 table 0211 and the Windows pages that undeclared feeds really use → Python codec. Only one-byte sets and
# UTF-8: in all of them the delimiters of a message are single ASCII bytes.
_CHARSETS = {
    "ascii": "ascii",
    "unicode utf-8": "utf-8",
    "utf-8": "utf-8",
    **{f"8859/{part}": f"iso8859-{part}" for part in (*range(1, 12), *range(13, 17))},
    **{f"cp{page}": f"cp{page}" for page in range(1250, 1259)},
}


@dataclass(frozen=True, slots=True)
class LocalRow:
    """One row of a site's code file: applies when specimen and unit match or are empty.

    ``limit``: the code is an index of the specimen, which has a condition from that number on.
    """

    specimen: str
    unit: str
    meaning: Meaning
    limit: IndexLimit | None = None


@dataclass(frozen=True, slots=True)
class SiteTable:
    """Senders → site; (site name, code) → rows, the most specific first; site name → its file of facts."""

    sites: Mapping[str, Site]
    exact: Mapping[tuple[str, str], Site]
    patterns: tuple[tuple[str, str, Site], ...]
    codes: Mapping[tuple[str, str], tuple[LocalRow, ...]]
    facts: Mapping[str, str]

    def site(self, application: str, facility: str) -> Site:
        """The profile of a sender (MSH-3.1, MSH-4.1): exact, else by pattern in file order, else default."""
        key = (application.strip().casefold(), facility.strip().casefold())
        found = self.exact.get(key)
        if found is not None:
            return found
        for for_application, for_facility, site in self.patterns:
            if _fits(key[0], for_application) and _fits(key[1], for_facility):
                return site
        return self.sites[DEFAULT_SITE]

    def meaning(self, site_name: str, code: str, specimen: str, unit: str) -> Meaning | None:
        """What ``code`` means at a site: by specimen and unit, else specimen, else unit, else neither."""
        for row in self.codes.get((site_name, code), ()):
            if (not row.specimen or row.specimen == specimen) and (not row.unit or row.unit == unit):
                return row.meaning
        return None

    def index_limit(self, site_name: str, code: str) -> IndexLimit | None:
        """From which number of an index on the site calls a specimen haemolysed, if it says."""
        rows = self.codes.get((site_name, code), ())
        return next((row.limit for row in rows if row.limit is not None), None)

    def limits(self) -> Iterator[tuple[tuple[str, int], IndexLimit]]:
        """Every limit of an index that a site states, and where: file and line."""
        for rows in self.codes.values():
            for row in rows:
                if row.limit is not None:
                    yield (row.meaning.file, row.meaning.line), row.limit


@dataclass(frozen=True, slots=True)
class _Profile:
    site: Site
    senders: tuple[Scalar, ...]
    codes: str
    codes_line: int
    facts: str
    facts_line: int


def parse_sites(
    files: Mapping[str, str],
    file: str,
    analytes: Mapping[str, AnalyteDefinition],
    units: UnitTable,
    *,
    defects: list[Defect],
    warnings: list[Defect],
) -> SiteTable:
    """Read sites.yaml and every file of local codes that it names; defects are appended."""
    profiles = list(_profiles(file, files.get(file, ""), defects))
    codes: dict[tuple[str, str], list[LocalRow]] = {}
    tables = {}
    for profile in profiles:
        for named, line in ((profile.codes, profile.codes_line), (profile.facts, profile.facts_line)):
            if named and named not in files:
                hint = "paths are relative to the folder of sites.yaml"
                defects.append(Defect(file, line, f"there is no file {named}", hint))
        if profile.codes not in files:
            continue
        if profile.codes not in tables:  # two sites may share a file; its defects are told once
            tables[profile.codes] = _codes(profile.codes, files[profile.codes], analytes, units, defects)
        for code, rows in tables.get(profile.codes, {}).items():
            codes[profile.site.name, code] = rows
    facts = {profile.site.name: profile.facts for profile in profiles if profile.facts in files}
    warnings.extend(
        Defect(name, 0, "no site uses this file", "name it under codes: or facts: in sites.yaml")
        for name in sorted(files)
        if name.startswith("sites/") and name.endswith(".csv") and name not in (*tables, *facts.values())
    )
    senders = _senders(file, profiles, defects)
    return SiteTable(
        {profile.site.name: profile.site for profile in profiles},
        {
            (application, facility): site
            for application, facility, site in senders
            if "*" not in application + facility
        },
        tuple((a, f, site) for a, f, site in senders if "*" in a + f),
        {key: tuple(rows) for key, rows in codes.items()},
        facts,
    )


def _fits(text: str, pattern: str) -> bool:
    """Whether ``pattern`` is ``text``, ``*`` standing for anything.

    In a time linear in the text, which a sender makes as long as it likes: a regular expression with three
    stars takes its square.
    """
    first, *rest = pattern.split("*")
    if not rest:
        return text == first
    *middle, last = rest
    end = len(text) - len(last)
    position = len(first)
    if position > end or not text.startswith(first) or not text.endswith(last):
        return False
    for part in middle:
        found = text.find(part, position, end)
        if found < 0:
            return False
        position = found + len(part)
    return True


def _profiles(file: str, text: str, defects: list[Defect]) -> Iterator[_Profile]:
    reader = Reader(file)
    try:
        root = reader.table(load(text, file), "sites.yaml")
    except ConfigError as error:
        defects.extend(error.defects)
        return
    if DEFAULT_SITE not in root.entries:
        reader.defect(1, f'there is no site "{DEFAULT_SITE}"', "senders that match nothing need one")
    for name, node in root.entries.items():
        if not _NAME.fullmatch(name):
            reader.defect(root.line_of(name), f'"{name}" is not a site name', "lower case, digits, hyphen")
        yield _profile(name, reader.table(node, f"site {name}"), reader)
    defects.extend(reader.defects)


def _profile(name: str, table: Table, reader: Reader) -> _Profile:
    what = f"site {name}"
    reader.only_keys(table, _KEYS, what)
    senders = reader.texts(table, "senders", what, required=name != DEFAULT_SITE)
    if name == DEFAULT_SITE and senders:
        reader.defect(
            table.line_of("senders"), "the default site has senders", "it takes whoever matches nothing"
        )
    site = Site(
        name=name,
        time_zone=_zone(table, reader, what),
        charset=_charset(table, reader, what),
        default_authority=reader.text(table, "default_authority", what, required=True),
        identifier_types=_identifier_types(table, reader, what),
        authorities=_authorities(table, reader, what),
        trust_placer_requests=reader.boolean(table, "trust_placer_requests", what, default=True),
    )
    codes, facts = (reader.text(table, key, what) for key in ("codes", "facts"))
    return _Profile(site, senders, codes, table.line_of("codes"), facts, table.line_of("facts"))


def _zone(table: Table, reader: Reader, what: str) -> ZoneInfo:
    name = reader.text(table, "time_zone", what, required=True)
    try:
        return ZoneInfo(name or "UTC")
    except (KeyError, ValueError, OSError):  # unknown; not a plain name; a folder of the zone database
        hint = "an IANA name: Europe/London, America/New_York, UTC"
        reader.defect(table.line_of("time_zone"), f'unknown time zone "{name}" of {what}', hint)
        return ZoneInfo("UTC")


def _charset(table: Table, reader: Reader, what: str) -> str:
    name = reader.text(table, "charset", what, required=True)
    codec = _CHARSETS.get(name.casefold())
    if name and codec is None:
        hint = "ASCII, 8859/1 ... 8859/16, UNICODE UTF-8 (HL7 table 0211), or cp1250 ... cp1258"
        reader.defect(table.line_of("charset"), f'unknown charset "{name}" of {what}', hint)
    return codec or "cp1252"


def _identifier_types(table: Table, reader: Reader, what: str) -> frozenset[str]:
    types = reader.texts(table, "identifier_types", what, required=True)
    for item in types:
        if not item.text and not item.quoted:
            reader.defect(item.line, f"an empty item in identifier_types of {what}", 'write "" for no type')
    return frozenset(item.text for item in types)


def _authorities(table: Table, reader: Reader, what: str) -> tuple[tuple[str, str], ...]:
    node = table.entries.get("authorities")
    if node is None:
        return ()
    aliases = reader.table(node, f"authorities of {what}")
    return tuple(
        (alias, reader.text(aliases, alias, f"authorities of {what}", required=True))
        for alias in aliases.entries
    )


def _senders(file: str, profiles: list[_Profile], defects: list[Defect]) -> list[tuple[str, str, Site]]:
    found: list[tuple[str, str, Site]] = []
    lines: dict[tuple[str, str], int] = {}
    for profile in profiles:
        for sender in profile.senders:
            application, bar, facility = sender.text.casefold().partition("|")
            key = (application.strip(), facility.strip())
            if not bar or not any(key) or "|" in facility:
                hint = 'write "APPLICATION|FACILITY" as in MSH-3 and MSH-4, * for any'
                defects.append(Defect(file, sender.line, f'"{sender.text}" is not a sender', hint))
            elif key in lines:
                hint = f"also on line {lines[key]}; a sender belongs to one site"
                defects.append(Defect(file, sender.line, f'sender "{sender.text}" stands twice', hint))
            else:
                lines[key] = sender.line
                found.append((*key, profile.site))
    return found


def _codes(
    file: str,
    text: str,
    analytes: Mapping[str, AnalyteDefinition],
    units: UnitTable,
    defects: list[Defect],
) -> dict[str, list[LocalRow]]:
    seen: dict[tuple[str, str, str], int] = {}
    table: dict[str, list[LocalRow]] = {}
    for row in read_table(file, text, SITE_COLUMNS, defects):
        key = (row["code"], row["specimen"], row["unit"])
        if not row["code"]:
            defects.append(
                Defect(file, row.line, "the row has no code", "write OBX-3.1 as the laboratory sends it")
            )
        elif key in seen:
            hint = f"first on line {seen[key]}; remove one, or tell them apart by specimen or unit"
            defects.append(Defect(file, row.line, f'code "{row["code"]}" stands twice', hint))
        elif _is_right(file, row, analytes, units, defects):
            table.setdefault(row["code"], []).append(_local_row(file, row))
        seen.setdefault(key, row.line)
    for rows in table.values():  # a specimen tells more about what was measured than a unit does
        rows.sort(key=lambda local: (bool(local.specimen), bool(local.unit)), reverse=True)
    return table


def _local_row(file: str, row: Row) -> LocalRow:
    limit = read_limit(row["analyte"])
    ignored = row["analyte"] == _IGNORE or limit is not None
    meaning = Meaning(
        CodeKind.IGNORED if ignored else CodeKind.ANALYTE,
        "" if ignored else row["analyte"],
        row["name"],
        row["method"],
        row["unit_when_missing"],
        row.line,
        file,
    )
    return LocalRow(row["specimen"], row["unit"], meaning, limit)


def _is_right(
    file: str, row: Row, analytes: Mapping[str, AnalyteDefinition], units: UnitTable, defects: list[Defect]
) -> bool:
    analyte, assumed = row["analyte"], row["unit_when_missing"]
    before = len(defects)
    if not row["name"]:
        hint = "the laboratory's own name, so that people can check the row"
        defects.append(Defect(file, row.line, f'code "{row["code"]}" has no name', hint))
    if analyte == _IGNORE or read_limit(analyte) is not None:
        if assumed or row["method"]:
            hint = "leave unit_when_missing and method empty"
            defects.append(Defect(file, row.line, "an ignored code with a unit or method", hint))
    elif analyte not in analytes:
        hint = f"use a name of analytes.yaml, or {_IGNORE}, or of an index: haemolysed >= 100"
        defects.append(Defect(file, row.line, f'unknown analyte "{analyte}"', hint))
    elif assumed and units.find(analyte, assumed) is None:
        hint = "use a unit that units.csv lists for it"
        defects.append(Defect(file, row.line, f"{assumed} is not a unit of {analyte}", hint))
    if assumed and row["unit"]:
        hint = "a row for one unit never sees a result without"
        defects.append(Defect(file, row.line, "unit and unit_when_missing in one row", hint))
    return len(defects) == before
