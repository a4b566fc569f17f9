"""What every command needs: settings, the store, tables on a terminal, and how errors end a command."""

from __future__ import annotations

import json
import os
import pwd
from collections.abc import Iterable, Mapping, Sequence
from contextlib import ExitStack, closing
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from engine import settings as configuration
from engine.addresses import has_password
from engine.errors import ConfigError, Defect
from engine.settings import Settings

if TYPE_CHECKING:
    from engine.store import Store

at_the_end = ExitStack()
"""What a command has opened and its end must close."""

RAN = 0
QUARANTINED = 1
DEFECT = 2
DIFFERENT = 3

SIGNALLED = 128
"""The exit code of a command that a signal has ended is this and the number of the signal."""

ConfigOption = Annotated[
    Path | None,
    typer.Option("--config", help="Settings file.", envvar="AZAWATCH_CONFIG", show_default="azawatch.toml"),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON, one object a line.")]
RulesOption = Annotated[Path | None, typer.Option("--rules", help="Folder of rules to use instead.")]
MappingsOption = Annotated[Path | None, typer.Option("--mappings", help="Folder of mappings to use instead.")]
ProtocolOption = Annotated[
    str | None, typer.Option("--protocol", help="Which rules are in force: a file of rules/protocols.")
]


def load_settings(config: Path | None, **overrides: object) -> Settings:
    """Settings from file and environment, with the options that were given on the command line."""
    given = {name: value for name, value in overrides.items() if value is not None}
    if has_password(str(given.get("amqp_url", ""))):
        say("everybody on this machine can read the password of --amqp: use AZAWATCH_AMQP_URL_FILE")
    return configuration.load(config, overrides=given)


def store_of(settings: Settings) -> Store:
    """The store that the settings name, which must be there; it is closed when the command ends."""
    from engine.store import Store

    return at_the_end.enter_context(closing(Store.open(settings.store_address, create_new=False)))


def written_store_of(settings: Settings, *, create_new: bool = False) -> Store:
    """The same for a command that changes something, which is then told in the audit."""
    from engine.store import Store

    key = configuration.site_key(settings)
    store = Store.open(settings.store_address, site_key=key, create_new=create_new)
    return at_the_end.enter_context(closing(store))


def account() -> str:
    """Who is at the terminal: the account on this machine, and behind sudo the one that called it."""
    number = os.getuid()
    try:
        name = pwd.getpwuid(number).pw_name
    except KeyError:
        name = str(number)
    caller = os.environ.get("SUDO_USER", "")
    return f"{name} ({caller})" if caller else name


ByOption = Annotated[
    str, typer.Option("--by", default_factory=account, show_default="your account", help="Who does it.")
]


def parse_time(text: str | None) -> datetime | None:
    """An ISO 8601 date or time from the command line; UTC where it names no zone."""
    if text is None:
        return None
    try:
        moment = datetime.fromisoformat(text)
        moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
        moment.astimezone(UTC)
    except (ValueError, OverflowError):
        raise typer.BadParameter("write a date or time as 2026-03-12 or 2026-03-12T14:00+00:00") from None
    return moment


def say(text: str) -> None:
    """A line for the person at the terminal, on stderr: stdout is for what was asked for."""
    typer.echo(text, err=True)


def fail(message: str, hint: str = "") -> ConfigError:
    """A usage error of one line."""
    return ConfigError([Defect("azawatch", 0, message, hint)])


def read_text(file: Path) -> str:
    """A text file that a person wrote. Raises ConfigError when it cannot be read as UTF-8."""
    try:
        return file.read_text("utf-8-sig")
    except OSError as error:
        raise fail(f"{file}: cannot be read: {error.strerror}") from None
    except UnicodeDecodeError as error:
        line = error.object[: error.start].count(b"\n") + 1
        raise fail(f"{file}:{line}: is not UTF-8 text", "save the file as UTF-8") from None


def print_json(rows: Iterable[Any]) -> None:
    """One JSON object a line."""
    for row in rows:
        typer.echo(json.dumps(row, ensure_ascii=False, default=str))


def print_table(headings: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    """Columns as wide as what is in them; the same text whether a terminal or a pipe reads it."""
    cells = [[str(cell) for cell in row] for row in rows]
    widths = [max(len(text) for text in column) for column in zip(headings, *cells, strict=True)]
    for line in (headings, *cells):
        typer.echo("  ".join(text.ljust(width) for text, width in zip(line, widths, strict=True)).rstrip())


def print_fields(row: Mapping[str, Any]) -> None:
    """Name and value of what is not empty, a line each, and an empty line behind them."""
    width = max(len(name) for name in row)
    for name, value in row.items():
        if value not in ("", None):
            text = value if isinstance(value, str | int) else json.dumps(value, default=str)
            typer.echo(f"{name.ljust(width)}  {text}")
    typer.echo("")


def to_seconds(instant: str) -> str:
    """A stored time without its fraction."""
    return datetime.fromisoformat(instant).isoformat(timespec="seconds")
