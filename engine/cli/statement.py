"""``azawatch statement``: who was watched on a day, signed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from engine.cli.shared import (
    QUARANTINED,
    ConfigOption,
    fail,
    load_settings,
    print_json,
    read_text,
    say,
    store_of,
)

if TYPE_CHECKING:
    from engine.decide import Knowledge
    from engine.settings import Settings
    from engine.statement import Installed
    from engine.store import Store

_FIRST_YEAR = 1970  # of nothing before it a message tells

statement = typer.Typer(help="Who was watched on a day, signed; verify what was signed.")


class StatementFormat(StrEnum):
    """How statements are written."""

    TEXT = "text"
    JSON = "json"


@statement.callback(invoke_without_command=True)
def make(
    context: typer.Context,
    day: Annotated[
        str | None,
        typer.Option("--date", metavar="DATE", help="2026-03-12: as of its end. Default: as of now."),
    ] = None,
    patient: Annotated[str | None, typer.Option(help="Of one patient: identifier, exactly as sent.")] = None,
    form: Annotated[
        StatementFormat, typer.Option("--format", help="json: one signed object a line; text: to read.")
    ] = StatementFormat.JSON,
    config: ConfigOption = None,
) -> None:
    """State of every patient with a thiopurine whether it was watched and why, and sign it.

    Therapy, last result of each analyte, next test due, open alerts, and whether its laboratory still sends.
    Of a day that is over it says what is on record about it now. It holds patient data.
    """
    if context.invoked_subcommand is not None:
        return
    from engine import app
    from engine.settings import site_key
    from engine.shared_clock import SharedClock
    from engine.statement import signed_together, statement_of

    settings = load_settings(config)
    store = store_of(settings)
    knowledge = app.knowledge_of(settings)
    at = _instant(day, knowledge, SharedClock(store, app.now)())
    installed = _installed(store, settings, knowledge, at)
    roots = sorted(store.treated())
    if patient is not None:
        roots = [root for root in store.roots_by_identifier(patient) if root in roots]
        if not roots:
            raise fail(f"no patient {patient!r} of whom a thiopurine was told", "identifiers are exact")
    found = (statement_of(record, installed) for record in store.records(roots))
    if form is StatementFormat.JSON:
        print_json(signed_together(found, site_key(settings)))
    else:
        for one in found:
            typer.echo("\n".join(_lines(one)))


@statement.command("verify")
def verify(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="What --format json has written.")],
    config: ConfigOption = None,
) -> None:
    """Tell whether a file of statements is as it was signed: exit 1 where anything was changed or removed."""
    from engine.settings import site_key
    from engine.statement import faults

    # Only a line feed ends a line: an identifier may hold what Unicode calls a line separator.
    text = read_text(file).removesuffix("\n")
    lines = text.split("\n") if text else []
    try:
        found = list(faults(lines, site_key(load_settings(config))))
    except ValueError as error:
        raise fail(
            f"{file}:{error}: is no signed statement", "verify what --format json has written"
        ) from None
    for number, what in found:
        say(f"{file}:{number}: {what}")
    if found:
        raise typer.Exit(QUARANTINED)
    if len(lines) == 1:
        say(f"{file}: one signed line, unchanged; whether its file held others cannot be seen from it")
    else:
        say(f"{file}: {len(lines)} signed lines, unchanged")


def _instant(day: str | None, knowledge: Knowledge, now: datetime) -> datetime:
    """The end of a day in the time zone of the site; never ahead of the clock."""
    if day is None:
        return now
    try:
        wanted = date.fromisoformat(day)
    except ValueError:
        wanted = date.min
    if wanted.year < _FIRST_YEAR:
        raise typer.BadParameter("write a date as 2026-03-12", param_hint="--date")
    begin = datetime.combine(wanted, time(), knowledge.terminology.site("", "").time_zone)
    if begin > now:
        raise typer.BadParameter(f"{day} lies ahead", param_hint="--date")
    return min((begin + timedelta(days=1)).astimezone(UTC), now)


def _installed(store: Store, settings: Settings, knowledge: Knowledge, at: datetime) -> Installed:
    from engine import __version__
    from engine.statement import HABIT, Hour, Installed, feed_of

    hours = store.hours_of_senders(at - HABIT, at)
    return Installed(
        at=at,
        release=__version__,
        protocol=settings.protocol,
        knowledge=knowledge,
        watch=store.watch(),
        feeds={
            sender: feed_of(sender, [Hour(*hour) for hour in found], at) for sender, found in hours.items()
        },
        waiting=store.outbox_depth() - store.held_messages(),
    )


def _lines(one: Mapping[str, Any]) -> Iterator[str]:
    """What a person reads of a statement."""
    who = one["patient"]
    watched = "WATCHED" if one["watched"] else "NOT WATCHED"
    yield f"{who['id']} ({who['assigning_authority']})  {watched}: {'; '.join(one['why'])}"
    therapy = one["therapy"]
    if therapy is not None:
        dose = f"{therapy['dose_mg_per_day']} mg/day" if therapy["dose_mg_per_day"] else "dose unknown"
        yield f"  therapy   {therapy['drug']} {dose}, {therapy['state']}, since {therapy['since'][:10]}"
    yield f"  protocol  {one['protocol']}, knowledge {one['engine']['knowledge_revision']}"
    for result in one["last_results"]:
        yield f"  last      {result['analyte']} {result['value']} of {result['collected_at'][:16]}"
    if one["never_measured"]:
        yield f"  never     {', '.join(one['never_measured'])}"
    if one["not_understood"]:
        yield f"  unread    {', '.join(one['not_understood'])}"
    for due in one["next_due"]:
        yield f"  due       {due['panel']} {due['due']}{' OVERDUE' if due['overdue'] else ''}"
    for alert in one["open_alerts"]:
        taken = f", acknowledged by {alert['acknowledged_by']}" if alert["acknowledged_by"] else ""
        yield f"  alert     {alert['severity']} {alert['rule']} since {alert['since'][:16]}{taken}"
    for feed in one["feeds"]:
        state = "sends" if feed["healthy"] else "SILENT"
        yield f"  feed      {feed['sender']} {state}, last message {feed['last_message'][:16]}"
