"""``mappings suggest``: what an archive holds that nobody has mapped, and what it may be; never applied."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from engine.cli.offline import PathsArgument, progress_bar, remark, tell_defects
from engine.cli.shared import (
    QUARANTINED,
    ConfigOption,
    MappingsOption,
    fail,
    load_settings,
    print_table,
    say,
)
from engine.errors import Defect

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from engine.survey import SenderSurvey, SuggestedCode, Survey
    from engine.terminology import Terminology
    from engine.ucum import Ucum


def suggest(
    paths: PathsArgument,
    out: Annotated[
        Path | None,
        typer.Option("--out", metavar="FILE", help="Write the site file here; never over another."),
    ] = None,
    form: Annotated[
        Literal["text", "site"], typer.Option("--format", help="A table for reading, or the site file.")
    ] = "text",
    sender: Annotated[
        str | None,
        typer.Option("--sender", metavar="NAME", help="Only this site, or APPLICATION|FACILITY as sent."),
    ] = None,
    mappings_folder: MappingsOption = None,
    config: ConfigOption = None,
) -> None:
    """Codes and units of an archive that no mapping knows, by count, and what they may be, with reasons.

    The site file has every suggested row commented out: nothing is in force before a person has taken the
    "# " off. No value of a patient is printed, and of fewer than five persons nothing that follows from
    values. Exit 0: ran; 1: a file or message could not be read; 2: a defect.
    """
    from engine import app
    from engine.knowledge import read_folder
    from engine.survey import Survey, judge
    from engine.terminology import parse_terminology
    from engine.transports.archive import read_archive

    if out is not None and out.exists():
        raise fail(f"{out} exists", "somebody may have worked on it; give another name")
    settings = load_settings(config, mappings=mappings_folder)
    terminology = parse_terminology(read_folder(settings.mappings))
    survey = Survey(terminology, app.intake_options(settings, None))
    defects: list[Defect] = []
    progress = progress_bar()
    with progress:
        task = progress.add_task("suggest", total=None)
        for message in read_archive(paths, defects.append, on_remark=remark):
            survey.add(message)
            progress.advance(task)
    sites = {
        name: site for name, site in sorted(survey.sites.items()) if sender in (None, name, *site.senders)
    }
    if sender is not None and not sites:
        raise fail(f"no message of {sender!r}", f"senders: {', '.join(sorted(survey.sites)) or 'none'}")
    ucum = _ucum(sites, terminology)
    found = {
        name: judge(site, terminology, None if ucum is None else ucum.compare) for name, site in sites.items()
    }
    if form == "text":
        for name, site in sites.items():
            if not (found[name] or site.units or site.mislabelled):
                typer.echo(f"{', '.join(sorted(site.senders))}: everything is mapped")
                continue
            _tables(name, site, found[name], terminology, ucum)
    if form == "site" or out is not None:
        _write(out, sites, found, terminology)
    _summarize(survey)
    tell_defects(defects)
    if survey.unreadable or defects:
        raise typer.Exit(QUARANTINED)


def _ucum(sites: Mapping[str, SenderSurvey], terminology: Terminology) -> Ucum | None:
    """The library of units, loaded only where some unit is in no table."""
    from engine import ucum

    sent = {unit for site in sites.values() for how in site.codes.values() for _, unit in how}
    unknown = any(unit.strip() and not terminology.is_known_unit(unit) for unit in sent)
    if not unknown and not any(site.units for site in sites.values()):
        return None
    library = ucum.load()
    if library is None:
        say("units that no table has were not compared with UCUM: pip install 'azawatch[suggest]'")
    return library


def _tables(
    name: str,
    site: SenderSurvey,
    codes: Sequence[SuggestedCode],
    terminology: Terminology,
    ucum: Ucum | None,
) -> None:
    from engine.cli.suggest_page import code_rows, reasons, unit_rows

    known = f", site {name}" if name in terminology.sites else ""
    typer.echo(f"{', '.join(sorted(site.senders))}{known}: {len(codes)} codes in no table")
    if codes:
        print_table(*code_rows(codes))
        for line in reasons(codes):
            typer.echo(line)
    if site.units:
        typer.echo("units in no table, of codes that are mapped")
        print_table(*unit_rows(site, terminology, ucum))
    for code, count in site.mislabelled.most_common():
        typer.echo(f"{code}: {count} times, labelled LOINC and none: the sender must mend it, no row can")
    typer.echo()


def _write(
    out: Path | None,
    sites: Mapping[str, SenderSurvey],
    found: Mapping[str, Sequence[SuggestedCode]],
    terminology: Terminology,
) -> None:
    """The site file, of one sender: the same code may mean another thing elsewhere."""
    from engine.cli.suggest_page import site_file

    with_codes = [name for name in sites if found[name]]
    if not with_codes:
        say("every code is mapped: there is no site file to write")
        return
    if len(with_codes) > 1:
        named = ", ".join(f'"{name}"' for name in with_codes)
        raise fail("codes of several senders", f"a site file is of one: --sender with one of {named}")
    (name,) = with_codes
    text = site_file(name, sorted(sites[name].senders), found[name], known=name in terminology.sites)
    if out is None:
        typer.echo(text, nl=False)
        return
    try:
        with out.open("x", encoding="utf-8") as file:
            file.write(text)
    except OSError as error:
        raise fail(f"{out}: cannot be written: {error.strerror}") from None
    say(f"wrote {out}: nothing in it is in force before somebody has confirmed it")


def _summarize(survey: Survey) -> None:
    say(f"{survey.messages} messages read")
    if survey.without_code:
        say(f"{survey.without_code} observations came without any code")
    if survey.left_out:
        say(f"{survey.left_out} results of further codes were not counted: are these codes at all?")
    for source, reason, place in survey.unreadable:
        say(f"not read: {source}: {reason} at {place or 'message'}")
