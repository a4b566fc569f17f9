"""Looking after a store: whether it hangs together, and what is old enough to go."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime

from sqlalchemy import Connection, delete, select, text

from engine.errors import ConfigError
from engine.store import codec, schema
from engine.store.opening import READING, driver_errors, failure, open_engine
from engine.store.upgrading import of_another_release, stored_version

_NOBODY = "SELECT count(*) FROM {table} WHERE person_id NOT IN (SELECT person_id FROM persons)"
_CHECKS: Mapping[str, str] = {
    "persons in a class without a root": """
        SELECT count(*) FROM persons member LEFT JOIN persons root ON root.person_id = member.root
        WHERE root.person_id IS NULL OR root.root <> root.person_id""",
    "identifiers of nobody": _NOBODY.format(table="identifiers"),
    "results of nobody": _NOBODY.format(table="results"),
    "earlier versions of results of nobody": _NOBODY.format(table="result_versions"),
    "days of blindness of nobody": _NOBODY.format(table="blind_days"),
    "therapy events of nobody": _NOBODY.format(table="therapy_events"),
    "alerts of nobody": _NOBODY.format(table="alerts"),
    "alerts with a gap in what was told of them": """
        SELECT count(*) FROM alerts WHERE sequence <>
        (SELECT count(*) FROM alert_events told WHERE told.alert_id = alerts.alert_id)""",
    "told events of no alert": """
        SELECT count(*) FROM alert_events WHERE alert_id NOT IN (SELECT alert_id FROM alerts)""",
    "held messages without their ledger line": """
        SELECT count(*) FROM quarantine WHERE message_id NOT IN (SELECT id FROM messages)""",
    "ledger lines that say quarantined, and nothing is held": """
        SELECT count(*) FROM messages WHERE disposition = 'quarantined'
        AND id NOT IN (SELECT message_id FROM quarantine)""",
}


def check(url: str) -> list[str]:
    """What does not hang together in a store, each with how often; empty where all is well.

    Raises ConfigError where there is no store of this release.
    """
    with _opened(url, reading=True) as connection:
        found = []
        if connection.dialect.name == "sqlite":
            said = connection.execute(text("PRAGMA integrity_check")).scalars().all()
            found += [f"SQLite: {line}" for line in said if line != "ok"]
        counts = {name: connection.execute(text(query)).scalar_one() for name, query in _CHECKS.items()}
        return found + [f"{name}: {count}" for name, count in counts.items() if count]


def purge(url: str, before: datetime) -> dict[str, int]:
    """Remove what is older than ``before`` and needed for nothing any more; how many of what.

    Published messages; held messages that somebody has released or discarded; ledger lines of messages
    that are not held. Results, therapy, alerts and what was told of them stay. Raises as :func:`check`.
    """
    limit = codec.instant(before)
    messages, held, outbox = schema.messages, schema.quarantine, schema.outbox
    links = schema.message_persons
    old = select(messages.c.id).where(
        messages.c.received_at < limit, messages.c.id.not_in(select(held.c.message_id))
    )
    with _opened(url) as connection:
        published = connection.execute(delete(outbox).where(outbox.c.sent_at != "", outbox.c.sent_at < limit))
        closed = connection.execute(delete(held).where(held.c.state != "held", held.c.closed_at < limit))
        connection.execute(delete(links).where(links.c.message_id.in_(old)))
        lines = connection.execute(delete(messages).where(messages.c.id.in_(old)))
    return {
        "published messages": published.rowcount,
        "closed quarantine entries": closed.rowcount,
        "ledger lines": lines.rowcount,
    }


@contextmanager
def _opened(url: str, *, reading: bool = False) -> Iterator[Connection]:
    engine = open_engine(url)
    try:
        with (engine.execution_options(**READING) if reading else engine).begin() as connection:
            version = stored_version(connection)
            if version != schema.SCHEMA_VERSION:
                raise ConfigError([of_another_release(engine.url.render_as_string(), version)])
            yield connection
    except driver_errors(engine) as error:
        raise failure(error) from None
    finally:
        engine.dispose()
