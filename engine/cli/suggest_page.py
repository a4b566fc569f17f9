"""Suggestions as tables for reading, and as a site file in which nothing is in force yet."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Sequence

from engine.model.quantity import plain
from engine.survey import FEW, IGNORE, MOST_PERSONS, SenderSurvey, SuggestedCode
from engine.terminology import SITE_COLUMNS, Terminology
from engine.ucum import Ucum

_WIDEST = 36
_HEADINGS = ("CODE", "COUNT", "PERSONS", "TEXT", "UNITS", "RANGES", "NUMBERS", "SPECIMEN", "PERHAPS")
_COMMENT = "# "


def code_rows(codes: Sequence[SuggestedCode]) -> tuple[tuple[str, ...], list[tuple[object, ...]]]:
    """A table of codes: what describes them, and the best of what they may be."""
    rows: list[tuple[object, ...]] = []
    for one in codes:
        best = ", ".join(f"{row.analyte} {row.score}" for row in one.rows if row.analyte != IGNORE)
        described = (one.texts, one.units, one.ranges, (one.numbers,), one.specimens)
        rows.append((one.code, one.results, _persons(one), *(_short(part) for part in described), best))
    return _HEADINGS, rows


def reasons(codes: Sequence[SuggestedCode]) -> Iterator[str]:
    """Why each code may be what it is said to be, or cannot be."""
    for one in codes:
        for row in one.rows:
            how = _narrowed(row.specimen, row.unit)
            yield f"  {one.code}{how} may be {row.analyte}: {'; '.join(row.reasons)}"
        if not one.rows:
            yield from (f"  {one.code} is not {why}" for why in one.refused)


def unit_rows(
    site: SenderSurvey, terminology: Terminology, ucum: Ucum | None
) -> tuple[tuple[str, ...], list[tuple[object, ...]]]:
    """A table of units that mapped codes came with and units.csv does not have."""
    counted = sorted(site.units.items(), key=lambda item: (-item[1], item[0]))
    rows: list[tuple[object, ...]] = [
        (analyte, unit, count, _ucum(unit, terminology.analyte(analyte).units, ucum))
        for (analyte, unit), count in counted
    ]
    return ("ANALYTE", "UNIT", "COUNT", "UCUM"), rows


def site_file(name: str, senders: Sequence[str], codes: Sequence[SuggestedCode], *, known: bool) -> str:
    """A file in the form of mappings/sites/*.csv, every suggested row behind ``# ``.

    ``known``: the sender has a site; else an entry for sites.yaml is drafted too.
    """
    text = io.StringIO()
    for line in _instructions(name, senders, known=known):
        text.write(f"{_COMMENT}{line}\n")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(SITE_COLUMNS)
    for one in codes:
        text.write(f"{_COMMENT}--- {_described(one)}\n")
        if one.code.startswith(_COMMENT):
            text.write(f"{_COMMENT}this code cannot be mapped: a row that begins so is a comment\n")
            continue
        title = one.texts[0] if one.texts else one.code
        for row in one.rows:
            text.write(f"{_COMMENT}{row.analyte} ({row.score}): {_plain('; '.join(row.reasons))}\n")
            text.write(_COMMENT)
            writer.writerow((one.code, title, row.analyte, row.specimen, row.unit, "", ""))
        for why in () if one.rows else one.refused:
            text.write(f"{_COMMENT}not {_plain(why)}\n")
        text.write(_COMMENT)
        writer.writerow((one.code, title, IGNORE, "", "", "", ""))
    return text.getvalue()


def _instructions(name: str, senders: Sequence[str], *, known: bool) -> Iterator[str]:
    yield f"Suggested by azawatch for {_plain(name)}: codes that came and are in no table. None is in force."
    yield "Ask the laboratory about each. Take the hash and the blank off the rows that are right and leave"
    yield "the others: one row of a code or one for each unit or specimen. The last row ignores the code."
    if known:
        yield "Then copy those rows into the file that the site names under codes: in mappings/sites.yaml and"
    else:
        yield "Then save this file as mappings/sites/NAME.csv and add to sites.yaml with the right values:"
        yield "  NAME:"
        named = ", ".join(f'"{_plain(one)}"' for one in senders)
        yield f"    senders: [{named}]"
        yield "    time_zone: UTC"
        yield "    charset: cp1252"
        yield "    default_authority: LOCAL"
        yield '    identifier_types: [MR, PI, ""]'
        yield "    codes: sites/NAME.csv"
    yield "run azawatch mappings check."
    yield "Confirmed by:                      on:"


def _described(one: SuggestedCode) -> str:
    parts = [f"{one.code}: {one.results} results of {_persons(one)} persons"]
    for what, said in (
        ("text", one.texts),
        ("beside it", one.alternates),
        ("unit", one.units),
        ("range", one.ranges),
        ("specimen", one.specimens),
        ("type", one.types),
        ("numbers", (one.numbers,)),
        ("for example", one.places),
    ):
        shown = " | ".join(filter(None, said))
        parts += [f"{what} {shown}"] if shown else []
    return _plain("; ".join(parts))


def _plain(text: str) -> str:
    """One line without quotes: a comment, too, is read as CSV."""
    return " ".join(text.replace('"', "'").split())


def _persons(one: SuggestedCode) -> str:
    if one.persons >= MOST_PERSONS:
        return f"{MOST_PERSONS}+"
    return f"<{FEW}" if one.few else str(one.persons)


def _short(parts: Sequence[str]) -> str:
    text = " | ".join(filter(None, parts))
    return text if len(text) <= _WIDEST else f"{text[: _WIDEST - 1]}…"


def _narrowed(specimen: str, unit: str) -> str:
    said = [f"specimen {specimen}"] if specimen else []
    said += [f"unit {unit}"] if unit else []
    return f" ({', '.join(said)})" if said else ""


def _ucum(unit: str, canonical: Sequence[str], ucum: Ucum | None) -> str:
    if ucum is None:
        return "not asked"
    known = False
    for one in canonical:
        factor = ucum.compare(unit, one)
        if factor:
            return f"1 is {plain(factor)} {one}"
        known = known or factor is not None
    return "measures something else" if known else "no unit of UCUM"
