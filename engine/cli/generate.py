"""``azawatch generate``: an invented feed with the truth about it."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Annotated

import typer

from engine import __version__
from engine.cli.shared import fail, say
from engine.generate.recipe import BEGIN, SEED


def generate(
    folder: Annotated[Path, typer.Argument(metavar="FOLDER", help="A new folder.")],
    people: Annotated[
        int | None,
        typer.Option(min=1, max=9_999_999, help="How many; 500, or one for ten of --messages."),
    ] = None,
    days: Annotated[
        int | None, typer.Option(min=1, max=3650, help="How long; 730, or one for 20,000 of --messages.")
    ] = None,
    seed: Annotated[int, typer.Option(help="The same seed makes the same bytes.")] = SEED,
    messages: Annotated[
        int | None,
        typer.Option(min=1, help="A feed for load instead of lives: so many messages of 20 OBX each."),
    ] = None,
    treated: Annotated[
        str | None,
        typer.Option(metavar="SHARE", help="On a thiopurine: 100%, or 3% with --messages."),
    ] = None,
    begin: Annotated[
        str | None, typer.Option("--from", metavar="DATE", help="First day.", show_default="2024-01-01")
    ] = None,
    gzip: Annotated[bool, typer.Option("--gzip", help="Compress the messages.")] = False,
) -> None:
    """Write an invented feed into a new folder: messages, roster, and the truth about what is in them.

    README.txt in it tells the command that makes it again, byte for byte.
    """
    from engine.generate import Hospital, MixedFeed, Recipe, write_feed

    recipe = Recipe.of(
        people=people,
        days=days,
        seed=seed,
        messages=messages,
        treated=_share(treated),
        begin=_day(begin),
    )
    feed = Hospital(recipe) if messages is None else MixedFeed(recipe)
    written = write_feed(feed, recipe, folder, __version__, compress=gzip)
    say(
        f"{folder}: {written.messages} messages in {written.files} files, "
        f"{written.roster_rows} roster rows, {written.truths} lines of truth"
    )


def _share(text: str | None) -> float | None:
    if text is None:
        return None
    try:
        return float(text.removesuffix("%"))
    except ValueError:
        raise fail(f"--treated {text}: is no share", "write it as 3%") from None


def _day(text: str | None) -> date:
    if text is None:
        return BEGIN
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise fail(f"--from {text}: is no date", "write it as 2026-03-12") from None
