"""``explain``: what would come of one message, step by step, and nothing comes of it."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from dataclasses import replace
from itertools import chain, islice
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from engine.cli.offline import remark, tell_defects
from engine.cli.shared import (
    QUARANTINED,
    ConfigOption,
    MappingsOption,
    ProtocolOption,
    RulesOption,
    fail,
    load_settings,
    print_json,
    read_text,
    say,
)
from engine.errors import Defect

if TYPE_CHECKING:
    from datetime import datetime

    from engine.decide import Knowledge
    from engine.store import Store
    from engine.taken import Arrived, IntakeOptions

_FOR_THE_CLOCK = 200


def explain(
    message: Annotated[
        str,
        typer.Argument(
            metavar="MSG", help="A file, or one message of it by the name that replay gives it: a.hl7#3."
        ),
    ],
    number: Annotated[
        int | None, typer.Option("--message", min=1, metavar="N", help="Only the N-th message of the file.")
    ] = None,
    store: Annotated[
        str | None,
        typer.Option("--store", metavar="URL", help="Judge it on this store, which is opened read-only."),
    ] = None,
    roster: Annotated[Path | None, typer.Option(help="Who takes what: roster CSV; not with --store.")] = None,
    every: Annotated[bool, typer.Option("--all", help="Also the rules that it does not concern.")] = False,
    form: Annotated[
        Literal["text", "json"], typer.Option("--format", help="JSON: one object a line.")
    ] = "text",
    rules: RulesOption = None,
    mappings: MappingsOption = None,
    protocol: ProtocolOption = None,
    config: ConfigOption = None,
) -> None:
    """What would come of a message: segments, codes, person, therapy, every rule with its evidence, alerts.

    Prints patient data and writes nothing; without --store the message meets an empty store. Several
    messages are taken one after the other, each on what those before would have left; one that is picked
    out is taken alone. Exit 0: ran; 1: a message would be quarantined, or the file could not be read to its
    end; 2: a defect.
    """
    from engine import app
    from engine.cli.explain_page import page
    from engine.explanation import explain as put_into_words
    from engine.intake import Intake
    from engine.store import Store, rehearsal

    if store is not None and roster is not None:
        raise fail("--store and --roster cannot go together", "the store knows who takes what")
    settings = load_settings(config, rules=rules, mappings=mappings, protocol=protocol)
    knowledge = app.knowledge_of(settings)
    options = app.intake_options(settings, app.now if store is not None else None)
    options = replace(options, traced=True)
    defects: list[Defect] = []
    found = _picked(message, number, defects)
    memory = Store.open("sqlite://")
    intake = Intake(memory, knowledge, options)
    first = list(islice(found, _FOR_THE_CLOCK))
    began = intake.begin(first)
    if roster is not None:
        _import(roster, memory, knowledge, options, began)
    held = count = 0
    with memory.transaction() if store is None else rehearsal(store) as unit:
        for arrived in chain(first, found):
            taken = intake.rehearse(unit, arrived)
            formats, wording = options.publishing.formats, options.publishing.render
            told = put_into_words(taken, knowledge, formats, wording, _short(settings.mappings))
            count += 1
            held += bool(told.to_do)
            if form == "json":
                print_json([dataclasses.asdict(told)])
            else:
                typer.echo("\n".join(page(told, every=every)) + "\n")
    tell_defects(defects)
    if not count and not defects:
        raise fail(f"{message}: there is no such message", "numbers count from 1")
    if held or defects:
        raise typer.Exit(QUARANTINED)


def _picked(asked: str, number: int | None, defects: list[Defect]) -> Iterator[Arrived]:
    """The messages of a file, or the one that is asked for by its place or its number."""
    from engine.taken import Arrived
    from engine.transports.archive import read_archive

    path, place = _place(asked)
    for count, message in enumerate(read_archive([path], defects.append, on_remark=remark), 1):
        if (number is None or count == number) and (not place or message.source == place):
            yield Arrived(message.body, message.source)
            if place or number is not None:
                return


def _place(asked: str) -> tuple[str, str]:
    """The file to read, and ``file#3`` or ``day.zip/file#3`` where one message of it was named so."""
    named, sharp, number = asked.rpartition("#")
    if not sharp or not number.isdigit() or Path(asked).exists():
        return asked, ""
    file = Path(named)
    for above in (file, *file.parents):
        if above.is_file():
            return str(above), f"{file.as_posix()}#{number}"
    return named, f"{file.as_posix()}#{number}"


def _short(folder: Path) -> str:
    """A folder as somebody would type it here."""
    here = Path.cwd()
    return str(folder.relative_to(here) if folder.is_relative_to(here) else folder)


def _import(
    roster: Path, store: Store, knowledge: Knowledge, options: IntakeOptions, began: datetime
) -> None:
    """Take a roster in as replay does: as if somebody had done so at the time of the first message."""
    from engine import app
    from engine.operations import Operations

    rows = app.roster_rows(read_text(roster), str(roster), knowledge)
    told = Operations(store, knowledge, options, lambda: began).import_roster(rows, roster.name)
    if told:
        say(f"{len(told)} alert events follow from the roster alone")
