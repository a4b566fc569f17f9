"""Looking after a store: whether it hangs together, and what is old enough to go."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import closing
from datetime import datetime

from sqlalchemy import Connection, delete, func, select, text
from sqlalchemy.engine.interfaces import DBAPICursor

from engine.audit import Head, Kind, Note, Seal
from engine.errors import ConfigError, Defect
from engine.store import chain, codec, schema
from engine.store.auditing import head_of, look
from engine.store.statements import compiled_statements
from engine.store.upgrading import Hand, opened
from engine.store.vouched import Vouched, present

_NOBODY = "SELECT count(*) FROM {table} WHERE person_id NOT IN (SELECT person_id FROM persons)"
_CHECKS: Mapping[str, str] = {
    "persons in a class without a root": """
        SELECT count(*) FROM persons member LEFT JOIN persons root ON root.person_id = member.root
        WHERE root.person_id IS NULL OR root.root <> root.person_id""",
    "identifiers of nobody": _NOBODY.format(table="identifiers"),
    "results of nobody": _NOBODY.format(table="results"),
    "results of nobody, by order": _NOBODY.format(table="order_results"),
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
    with opened(url, reading=True) as connection:
        found = []
        if connection.dialect.name == "sqlite":
            said = connection.execute(text("PRAGMA integrity_check")).scalars().all()
            found += [f"SQLite: {line}" for line in said if line != "ok"]
        counts = {name: connection.execute(text(query)).scalar_one() for name, query in _CHECKS.items()}
        return found + [f"{name}: {count}" for name, count in counts.items() if count]


def purge(
    url: str, before: datetime, hand: Hand | None = None, *, audit_before: datetime | None = None
) -> dict[str, int]:
    """Remove what is older than ``before`` and needed for nothing any more; how many of what.

    Published messages; held messages that somebody has released or discarded; ledger lines of messages
    that are not held. Results, therapy, alerts and what was told of them stay. ``hand`` is told in the audit,
    whose rows before ``audit_before`` are removed too: what is still there of what they vouched for is
    vouched for anew. Raises as :func:`check`, and ConfigError where the audit does not verify.
    """
    limit = codec.instant(before)
    with opened(url) as connection:
        if hand is None:
            return _removed(connection, limit)
        seal = Seal(hand.site_key)
        with closing(Vouched(seal)) as vouched:
            cut = None
            if audit_before is not None:
                chain.hold(_cursor(connection), compiled_statements(connection.dialect.name))
                cut = _checked_cut(connection, seal, vouched, codec.instant(audit_before))
            counts = _removed(connection, limit)
            what: dict[str, object] = {"before": limit, "by": hand.by, "removed": dict(counts)}
            notes = []
            if cut is not None:
                counts["rows of the audit"] = _cut_off(connection, cut)
                what["cut"] = {"sequence": cut.sequence, "hash": cut.hash}
                vouched.look_again(vouch for _, vouch, _ in present(connection, seal))
                notes = list(chain.carrying(vouched.carried(cut.sequence, limit), codec.instant(hand.at)))
            notes.append(Note(Kind.STORE_PURGED, codec.instant(hand.at), what))
            chain.add(notes, _cursor(connection), compiled_statements(connection.dialect.name), seal)
            return counts


def _removed(connection: Connection, limit: str) -> dict[str, int]:
    messages, held, outbox = schema.messages, schema.quarantine, schema.outbox
    links = schema.message_persons
    old = select(messages.c.id).where(
        messages.c.received_at < limit, messages.c.id.not_in(select(held.c.message_id))
    )
    published = connection.execute(delete(outbox).where(outbox.c.sent_at != "", outbox.c.sent_at < limit))
    closed = connection.execute(delete(held).where(held.c.state != "held", held.c.closed_at < limit))
    connection.execute(delete(links).where(links.c.message_id.in_(old)))
    lines = connection.execute(delete(messages).where(messages.c.id.in_(old)))
    return {
        "published messages": published.rowcount,
        "closed quarantine entries": closed.rowcount,
        "ledger lines": lines.rowcount,
    }


def _checked_cut(connection: Connection, seal: Seal, vouched: Vouched, limit: str) -> Head | None:
    """Where the chain may be cut: behind its last row before this time; None where there is none."""
    verdict = look(connection, seal, vouched)
    if verdict.count:
        hint = "azawatch audit verify; nothing is removed before it is known what happened"
        raise ConfigError([Defect("audit", 0, f"does not verify: {verdict.faults[0]}", hint)])
    table = schema.audit
    newer = select(func.min(table.c.sequence)).where(table.c.at >= limit)
    first = connection.execute(newer).scalar()
    return head_of(connection, verdict.head.sequence if first is None else first - 1)


def _cut_off(connection: Connection, cut: Head) -> int:
    return connection.execute(delete(schema.audit).where(schema.audit.c.sequence <= cut.sequence)).rowcount


def _cursor(connection: Connection) -> DBAPICursor:
    return connection.connection.cursor()
