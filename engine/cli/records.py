"""Commands on what the engine knows: ``roster``, ``alerts``, ``messages``."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from engine.cli.shared import (
    ByOption,
    ConfigOption,
    JsonOption,
    fail,
    load_settings,
    print_fields,
    print_json,
    print_table,
    read_text,
    say,
    store_of,
    to_seconds,
    written_store_of,
)
from engine.model.disposition import Disposition, Reason

if TYPE_CHECKING:
    from engine.model.alert import Alert
    from engine.model.person import Person
    from engine.store import Store

roster = typer.Typer(no_args_is_help=True, help="Who takes what, since when: import, export, show.")
alerts = typer.Typer(no_args_is_help=True, help="Alerts: list, show with evidence, acknowledge.")
messages = typer.Typer(no_args_is_help=True, help="Every message ever taken in, and how it ended.")

AuthorityOption = Annotated[
    str | None, typer.Option("--authority", help="Assigning authority, where two share a number.")
]


def _store(config: Path | None) -> Store:
    return store_of(load_settings(config))


# --- roster ------------------------------------------------------------------------------------


@roster.command("import")
def import_roster(
    file: Annotated[Path, typer.Argument(metavar="CSV", help="Columns as in docs/roster.md.")],
    by: ByOption,
    config: ConfigOption = None,
) -> None:
    """Import therapy events; nothing of the file is taken when one row is wrong.

    Importing the same file again changes nothing. Alerts that follow are published by the running engine.
    """
    from engine import app
    from engine.operations import grouped_by_patient

    settings = load_settings(config)
    knowledge = app.knowledge_of(settings)
    text = read_text(file)
    rows = app.roster_rows(text, str(file), knowledge)
    operations = app.operations(settings, written_store_of(settings, create_new=True))
    digest = hashlib.sha256(text.encode()).hexdigest()
    events = operations.import_roster(rows, file.name, digest=digest, by=by)
    say(f"{len(rows)} events of {len(grouped_by_patient(rows))} patients imported")
    if events:
        say(f"{len(events)} alert events follow from them")


@roster.command("export")
def export_roster(config: ConfigOption = None) -> None:
    """Print what rosters have told, as roster CSV; "roster show" tells of pharmacy orders too."""
    from engine import app
    from engine.model.therapy import ROSTER
    from engine.therapy.roster import RosterRow, write_roster

    settings = load_settings(config)
    zone = app.knowledge_of(settings).terminology.site("", "").time_zone
    rows = []
    for record in _store(config).records():
        told = sorted(record.therapy, key=lambda event: (event.effective.at, event.event_id))
        identifier = next(iter(record.person.identifiers), None)
        if identifier is not None:
            rows += [
                RosterRow(identifier.value, identifier.authority, event)
                for event in told
                if event.source == ROSTER
            ]
    typer.echo(write_roster(rows, zone), nl=False)


@roster.command("show")
def show_roster(
    patient: Annotated[str, typer.Argument(metavar="PATIENT", help="Patient identifier, exactly as sent.")],
    authority: AuthorityOption = None,
    config: ConfigOption = None,
) -> None:
    """What is known of one patient: identifiers, therapy, newest results, open alerts."""
    from engine.history.series import FINAL, series
    from engine.therapy import facts, spans

    store = _store(config)
    roots = store.roots_by_identifier(patient, authority)
    if not roots:
        raise fail(f"no patient {patient!r}", "identifiers are exact: leading zeros count")
    for record in store.records(roots):
        person = record.person
        typer.echo(f"{_name(person)}  born {person.demographics.birth_date or 'unknown'}")
        for identifier in person.identifiers:
            typer.echo(
                f"  identifier {identifier.value} of {identifier.authority} {identifier.type}".rstrip()
            )
        for span in spans(record.therapy):
            doses = ", ".join(
                f"{'?' if dose.mg_per_day is None else dose.mg_per_day} mg/day from {dose.effective.date()}"
                for dose in span.doses
            )
            until = f" until {span.stop.date()}" if span.stop else ""
            typer.echo(f"  {span.drug} since {span.start.date()}{until}: {doses or 'dose unknown'}")
        for name, told in sorted(facts(record.therapy).items()):
            for fact in told:
                typer.echo(f"  {name} = {fact.value} ({fact.effective.at.date()}, {fact.source})")
        for analyte, found in sorted(series(record.results, FINAL).items()):
            newest = found[-1]
            value = newest.quantity if newest.quantity is not None else newest.text
            typer.echo(f"  {analyte} {value} collected {newest.collected.isoformat()}")
        for alert in record.alerts:
            if alert.open and not alert.shadow:
                typer.echo(f"  open alert {alert.alert_id} {alert.current.severity} {alert.current.title}")


# --- alerts ------------------------------------------------------------------------------------


@alerts.command("list")
def list_alerts(
    every: Annotated[bool, typer.Option("--all", help="Ended ones too.")] = False,
    shadow: Annotated[
        bool, typer.Option("--shadow", help="Those of rules in shadow instead: kept, never sent.")
    ] = False,
    as_json: JsonOption = False,
    config: ConfigOption = None,
) -> None:
    """Open alerts, the gravest first, the older of equal ones before."""
    store = _store(config)
    listed = (alert for alert in store.alerts(only_open=not every) if alert.shadow is shadow)
    found = sorted(listed, key=_gravest_first)
    people = {record.person.person_id: record.person for record in store.records()}
    rows = [_alert_row(alert, people) for alert in found]
    if as_json:
        print_json(rows)
    else:
        print_table([heading.upper() for heading in _ALERT_COLUMNS], [list(row.values()) for row in rows])


_ALERT_COLUMNS = ("alert", "severity", "state", "patient", "rule", "since", "acknowledged", "title")


def _gravest_first(alert: Alert) -> tuple[bool, int, datetime]:
    severity = alert.current.severity
    return (not alert.open, -1 if severity is None else -severity.rank, alert.started_at)


def _alert_row(alert: Alert, people: Mapping[str, Person]) -> dict[str, str]:
    person = people.get(alert.person_id) or next(
        (p for p in people.values() if alert.person_id in p.members), None
    )
    identifier = person.identifiers[0].value if person and person.identifiers else ""
    values = (
        alert.alert_id,
        str(alert.current.severity or ""),
        "open" if alert.open else "ended",
        identifier,
        alert.current.rule_id,
        alert.started_at.isoformat(timespec="seconds"),
        alert.acknowledged_by,
        alert.current.title,
    )
    return dict(zip(_ALERT_COLUMNS, values, strict=True))


@alerts.command("show")
def show_alert(
    alert_id: Annotated[
        str, typer.Argument(metavar="ID", help="Alert id, or an unambiguous beginning of it.")
    ],
    as_json: JsonOption = False,
    config: ConfigOption = None,
) -> None:
    """The evidence card: each event, each condition with value, limit and origin, sources, silent rules."""
    from engine.cli.card import evidence_card
    from engine.outbound import Format, RenderOptions, render

    store = _store(config)
    events, told_by = store.alert_events(alert_id), store.not_paged(alert_id)
    if not events:
        raise fail(f"no alert {alert_id!r}", "azawatch alerts list --all")
    if len({event.alert_id for event in events}) > 1:
        raise fail(f"{alert_id!r} is the beginning of several alert ids", "write more of it")
    for event in events:
        if as_json:
            typer.echo(render(event, Format.EVENT_JSON, RenderOptions()).body.decode())
        else:
            typer.echo(evidence_card(event, told_by.get(event.event_id)))


@alerts.command("ack")
def acknowledge(
    alert_id: Annotated[str, typer.Argument(metavar="ID")],
    by: Annotated[str, typer.Option("--by", help="Who has taken it on.")],
    config: ConfigOption = None,
) -> None:
    """Note that somebody has taken an alert on."""
    from engine import app
    from engine.shared_clock import SharedClock

    store = written_store_of(load_settings(config))
    if not store.acknowledge(alert_id, by, SharedClock(store, app.now)()):
        raise fail(f"no open alert {alert_id!r}", "azawatch alerts list")
    say(f"alert {alert_id} acknowledged by {by}")


# --- messages ----------------------------------------------------------------------------------


@messages.command("find")
def find_messages(
    control_id: Annotated[str | None, typer.Option(help="MSH-10, exactly as sent.")] = None,
    patient: Annotated[str | None, typer.Option(help="Patient identifier, exactly as sent.")] = None,
    disposition: Annotated[Disposition | None, typer.Option(help="Only messages that ended so.")] = None,
    reason: Annotated[
        Reason | None, typer.Option(help="Only messages that ended so for this reason.")
    ] = None,
    limit: Annotated[int, typer.Option(min=1, help="At most so many, newest first.")] = 50,
    count: Annotated[
        bool, typer.Option("--count", help="Only count them, by disposition and reason.")
    ] = False,
    as_json: JsonOption = False,
    config: ConfigOption = None,
) -> None:
    """Which messages came, and where each one ended."""
    store = _store(config)
    if count:
        print_table(("DISPOSITION", "REASON", "MESSAGES"), store.disposition_counts())
        return
    people = None
    if patient is not None:
        roots = store.roots_by_identifier(patient)
        people = [member for record in store.records(roots) for member in record.person.members]
    rows = store.messages(
        control_id=control_id, disposition=disposition, reason=reason, person_ids=people, limit=limit
    )
    if as_json:
        print_json(rows)
        return
    columns = (
        "id",
        "received_at",
        "control_id",
        "sender",
        "message_type",
        "disposition",
        "reason",
        "location",
    )
    print_table([c.upper() for c in columns], [[_cell(row, column) for column in columns] for row in rows])


@messages.command("show")
def show_message(
    which: Annotated[str, typer.Argument(metavar="ID", help="Number in the list, or MSH-10.")],
    config: ConfigOption = None,
) -> None:
    """Everything noted about one message."""
    rows = _store(config).messages(control_id=which)
    if not rows:
        raise fail(f"no message {which!r}", "azawatch messages find")
    for row in rows:
        print_fields(row)


def _cell(row: Mapping[str, Any], column: str) -> object:
    return to_seconds(row[column]) if column == "received_at" else row[column]


def _name(person: Person) -> str:
    return " ".join(part for part in person.demographics.name[:2] if part) or "name unknown"
