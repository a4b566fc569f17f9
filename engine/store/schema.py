"""The tables. Times are ISO 8601 text in UTC with microseconds, so that they sort as text everywhere."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    PrimaryKeyConstraint,
    String,
    Table,
    Text,
    UniqueConstraint,
    text,
)

SCHEMA_VERSION = "4"

metadata = MetaData()

# Ordered and compared byte by byte, as times and keys must be; PostgreSQL would follow the language.
_Word = String().with_variant(String(collation="C"), "postgresql")
_Id = BigInteger().with_variant(Integer, "sqlite")

# Defaults are the database's own: the bulk statements of a unit leave such columns out.
_EMPTY = text("''")
_ZERO = text("0")

# Alembic's own table; a new store is born with the newest version in it.
version = Table("alembic_version", metadata, Column("version_num", String(32), primary_key=True))

settings = Table("settings", metadata, Column("name", _Word, primary_key=True), Column("value", Text))

persons = Table(
    "persons",
    metadata,
    Column("person_id", _Word, primary_key=True),
    # The root of the alias class that merges have built; rows of results never move.
    Column("root", _Word, nullable=False, index=True),
    Column("demographics", Text, nullable=False),
    Column("visit", Text, nullable=False),
)

# When time alone may next change what holds of a person (the root of the class): what a sweep asks for.
# Empty where nothing is awaited.
due = Table(
    "due",
    metadata,
    Column("root", _Word, primary_key=True),
    Column("at", _Word, nullable=False),
    Index("due_at", "at"),
    sqlite_with_rowid=False,
)

# How often the record of a person (the root of its class) has changed: tells a process that remembers a
# record whether another one has changed it since.
record_changes = Table(
    "record_changes",
    metadata,
    Column("root", _Word, primary_key=True),
    Column("count", Integer, nullable=False),
    sqlite_with_rowid=False,
)

identifiers = Table(
    "identifiers",
    metadata,
    Column("authority", _Word, nullable=False),
    Column("value", _Word, nullable=False),
    Column("type", _Word, nullable=False),
    Column("person_id", _Word, nullable=False, index=True),
    # The value first: people and batches ask by value, whoever assigned it.
    PrimaryKeyConstraint("value", "authority"),
    sqlite_with_rowid=False,
)

merges = Table(
    "merges",
    metadata,
    Column("id", _Id, primary_key=True, autoincrement=True),
    Column("retired", _Word, nullable=False),
    Column("survivor", _Word, nullable=False),
    Column("decided_at", _Word, nullable=False),
    Column("control_id", _Word, nullable=False),
    Column("why", _Word, nullable=False),
)

RESULT_COLUMNS = (
    "analyte",
    "code",
    "code_text",
    "sender",
    "order_number",
    "specimen",
    "collected_at",
    "collected_precision",
    "collected_notes",
    "reported_at",
    "sent_at",
    "status_rank",
    "digest",
    "status",
    "value",
    "unit",
    "reference",
    "sent",
    "text",
    "problem",
    "flags",
    "method",
    "control_id",
    "location",
    "specimen_condition",
    "spoiled",
)


def _result_columns() -> list[Column[object]]:
    columns: list[Column[object]] = [
        Column("person_id", _Word, nullable=False),
        Column("key", _Word, nullable=False),
    ]
    for name in RESULT_COLUMNS:
        kind = Integer if name in ("collected_precision", "status_rank", "spoiled") else _Word
        columns.append(Column(name, kind, nullable=False))
    return columns


results = Table(
    "results",
    metadata,
    *_result_columns(),
    PrimaryKeyConstraint("person_id", "key"),
    # Few observations have a problem; those that do are asked for by key alone.
    Index(
        "results_problems",
        "key",
        sqlite_where=text("problem <> ''"),
        postgresql_where=text("problem <> ''"),
    ),
    sqlite_with_rowid=False,
)

# Results of people who were never treated: those of one order in one row, until one of them is told again or
# a therapy comes. A result is here or in ``results``. See engine/store/packing.py.
order_results = Table(
    "order_results",
    metadata,
    Column("person_id", _Word, nullable=False),
    Column("order_key", _Word, nullable=False),
    Column("collected_at", _Word, nullable=False),
    Column("count", Integer, nullable=False),
    Column("results", Text, nullable=False),
    PrimaryKeyConstraint("person_id", "order_key"),
    sqlite_with_rowid=False,
)

# Versions that a newer one has replaced, and versions that arrived when a newer one was already here.
result_versions = Table(
    "result_versions",
    metadata,
    *_result_columns(),
    # A version is told apart by all that orders versions: a value may come back after a correction.
    PrimaryKeyConstraint("person_id", "key", "reported_at", "sent_at", "status_rank", "digest"),
    sqlite_with_rowid=False,
)

therapy_events = Table(
    "therapy_events",
    metadata,
    Column("person_id", _Word, nullable=False),
    Column("event_id", _Word, nullable=False),
    Column("payload", Text, nullable=False),
    # Senders number their orders as they like: the same event of two persons is two events.
    PrimaryKeyConstraint("person_id", "event_id"),
    sqlite_with_rowid=False,
)

alerts = Table(
    "alerts",
    metadata,
    Column("alert_id", _Word, primary_key=True),
    Column("person_id", _Word, nullable=False, index=True),
    Column("family", _Word, nullable=False),
    Column("subject", _Word, nullable=False),
    Column("episode_id", _Word, nullable=False),
    Column("open", Boolean, nullable=False),
    Column("severity", _Word, nullable=False),
    Column("sequence", Integer, nullable=False),
    Column("current", Text, nullable=False),
    Column("published", Text, nullable=False),
    Column("published_at", _Word, nullable=False),
    Column("started_at", _Word, nullable=False),
    Column("acknowledged_at", _Word, nullable=False),
    Column("acknowledged_by", _Word, nullable=False),
    Column("waiting_since", _Word, nullable=False),
    Index("alerts_open", "open", "severity"),
)

alert_events = Table(
    "alert_events",
    metadata,
    Column("event_id", _Word, primary_key=True),
    Column("alert_id", _Word, nullable=False),
    Column("sequence", Integer, nullable=False),
    Column("event", Text, nullable=False),
    UniqueConstraint("alert_id", "sequence"),
)

outbox = Table(
    "outbox",
    metadata,
    Column("id", _Id, primary_key=True, autoincrement=True),
    Column("message_id", _Word, nullable=False),
    Column("exchange", _Word, nullable=False),
    Column("routing_key", _Word, nullable=False),
    Column("content_type", _Word, nullable=False),
    Column("correlation_id", _Word, nullable=False),
    Column("headers", Text, nullable=False),
    Column("body", LargeBinary, nullable=False),
    Column("created_at", _Word, nullable=False),
    Column("sent_at", _Word, nullable=False, server_default=_EMPTY),
    Column("attempts", Integer, nullable=False, server_default=_ZERO),
    Column("last_error", _Word, nullable=False, server_default=_EMPTY),
    # Until when a message may be held back that tells of a backlog; empty: it goes out as soon as it can.
    Column("held_until", _Word, nullable=False, server_default=_EMPTY),
    Index("outbox_unsent", "sent_at", "attempts", "id"),
    Index(
        "outbox_unsent_alerts",
        "correlation_id",
        "id",
        sqlite_where=text("sent_at = ''"),
        postgresql_where=text("sent_at = ''"),
    ),
    Index(
        "outbox_held",
        "correlation_id",
        sqlite_where=text("held_until <> ''"),
        postgresql_where=text("held_until <> ''"),
    ),
)

# What was told of an alert to nobody: it was no longer true when the backlog that it came with was judged.
# ``told_by`` is the event that tells of it instead.
not_paged = Table(
    "not_paged",
    metadata,
    Column("event_id", _Word, primary_key=True),
    Column("alert_id", _Word, nullable=False, index=True),
    Column("decided_at", _Word, nullable=False),
    Column("told_by", _Word, nullable=False),
)

messages = Table(
    "messages",
    metadata,
    Column("id", _Id, primary_key=True, autoincrement=True),
    Column("sender", _Word, nullable=False),
    Column("control_id", _Word, nullable=False, index=True),
    Column("digest", _Word, nullable=False),
    Column("received_at", _Word, nullable=False),
    Column("message_type", _Word, nullable=False),
    Column("disposition", _Word, nullable=False),
    Column("reason", _Word, nullable=False),
    Column("location", _Word, nullable=False),
    Column("detail", _Word, nullable=False),
    Column("source", _Word, nullable=False),
    Column("revision", _Word, nullable=False),
    Column("observations", Integer, nullable=False),
    Column("results", Integer, nullable=False),
    Column("events", Integer, nullable=False),
    Column("repeats", Integer, nullable=False, server_default=_ZERO),
    UniqueConstraint("digest", "sender", "control_id"),
)

message_persons = Table(
    "message_persons",
    metadata,
    Column("message_id", _Id, ForeignKey("messages.id"), nullable=False),
    Column("person_id", _Word, nullable=False, index=True),
    PrimaryKeyConstraint("message_id", "person_id"),
    sqlite_with_rowid=False,
)

quarantine = Table(
    "quarantine",
    metadata,
    Column("id", _Id, primary_key=True, autoincrement=True),
    Column("message_id", _Id, ForeignKey("messages.id"), nullable=False),
    Column("body", LargeBinary, nullable=False),
    Column("state", _Word, nullable=False, server_default=text("'held'")),
    Column("closed_at", _Word, nullable=False, server_default=_EMPTY),
    Column("why", _Word, nullable=False, server_default=_EMPTY),
    Index("quarantine_held", "state"),
)

ledger = Table(
    "mapping_ledger",
    metadata,
    Column("sender", _Word, nullable=False),
    Column("code", _Word, nullable=False),
    Column("system", _Word, nullable=False),
    Column("unit", _Word, nullable=False),
    Column("kind", _Word, nullable=False),
    Column("text", _Word, nullable=False),
    Column("first_seen", _Word, nullable=False),
    Column("last_seen", _Word, nullable=False),
    Column("count", Integer, nullable=False),
    Column("on_therapy", Integer, nullable=False),
    Column("control_id", _Word, nullable=False),
    PrimaryKeyConstraint("sender", "code", "system", "unit", "kind"),
)

# How often each code and unit came on a day: what the watchdog holds the present week against.
daily_counts = Table(
    "daily_counts",
    metadata,
    Column("day", _Word, nullable=False),
    Column("kind", _Word, nullable=False),
    Column("sender", _Word, nullable=False),
    Column("name", _Word, nullable=False),
    Column("count", Integer, nullable=False),
    PrimaryKeyConstraint("day", "kind", "sender", "name"),
    sqlite_with_rowid=False,
)

# The days on which a person on therapy had a result under a code or unit that was not understood.
blind_days = Table(
    "blind_days",
    metadata,
    Column("sender", _Word, nullable=False),
    Column("code", _Word, nullable=False),
    Column("system", _Word, nullable=False),
    Column("unit", _Word, nullable=False),
    Column("kind", _Word, nullable=False),
    Column("person_id", _Word, nullable=False),
    Column("day", _Word, nullable=False),
    PrimaryKeyConstraint("sender", "code", "system", "unit", "kind", "person_id", "day"),
    sqlite_with_rowid=False,
)

# How often a message was about to be read alone by a process that then ended; gone once it is on record.
attempts = Table(
    "attempts",
    metadata,
    Column("digest", _Word, primary_key=True),
    Column("count", Integer, nullable=False),
    sqlite_with_rowid=False,
)

# What happened, in a chain of keyed hashes: see engine/audit.py.
audit = Table(
    "audit",
    metadata,
    Column("sequence", _Id, primary_key=True, autoincrement=False),
    Column("at", _Word, nullable=False),
    Column("kind", _Word, nullable=False),
    Column("what", Text, nullable=False),
    Column("previous", _Word, nullable=False),
    Column("hash", _Word, nullable=False),
)

# Senders of results, and how quiet each was in each hour of the last weeks: see engine/feeds.py.
feeds = Table(
    "feeds",
    metadata,
    Column("name", _Word, primary_key=True),
    Column("first_at", _Word, nullable=False),
    Column("last_at", _Word, nullable=False),
)

feed_silences = Table(
    "feed_silences",
    metadata,
    Column("name", _Word, nullable=False),
    Column("hour", _Word, nullable=False),
    Column("seconds", Integer, nullable=False),
    PrimaryKeyConstraint("hour", "name"),
    sqlite_with_rowid=False,
)

# Open alerts about no person: a sender that is silent, an alert that is not out, the heartbeat.
technical_alerts = Table(
    "technical_alerts",
    metadata,
    Column("alert_id", _Word, primary_key=True),
    Column("kind", _Word, nullable=False),
    Column("subject", _Word, nullable=False),
    Column("sequence", Integer, nullable=False),
    Column("started_at", _Word, nullable=False),
)
