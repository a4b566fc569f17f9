"""``azawatch watchdog``: what no longer comes as it used to."""

from __future__ import annotations

from typing import Annotated

import typer

from engine.cli.shared import (
    DIFFERENT,
    ConfigOption,
    JsonOption,
    load_settings,
    parse_time,
    print_json,
    print_table,
    say,
    store_of,
)

_COLUMNS = ("kind", "sender", "name", "change", "last_7_days", "usual", "last_seen")


def watchdog(
    day: Annotated[
        str | None, typer.Option("--date", metavar="DATE", help="The seven days before it; default: today.")
    ] = None,
    as_json: JsonOption = False,
    config: ConfigOption = None,
) -> None:
    """Rules, codes and units that have stopped, fallen or flood, against their own eight weeks before.

    Exit 3 when there are any.
    """
    from engine import app
    from engine.watchdog import judge

    store = store_of(load_settings(config))
    rows = [
        dict(
            zip(
                _COLUMNS,
                (
                    one.subject.kind.value,
                    one.subject.sender,
                    one.subject.name,
                    one.change.value,
                    one.count,
                    one.usual,
                    one.last.isoformat(),
                ),
                strict=True,
            )
        )
        for one in judge(store, parse_time(day) or app.now())
    ]
    if as_json:
        print_json(rows)
    elif rows:
        headings = [name.upper().replace("_", " ") for name in _COLUMNS]
        print_table(headings, [list(row.values()) for row in rows])
    if rows:
        raise typer.Exit(DIFFERENT)
    say("everything comes as it used to, as far as there is a history")
