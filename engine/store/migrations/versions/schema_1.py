"""The tables of the first release.

Revision ID: 1
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "1"
down_revision = None
branch_labels = None
depends_on = None


def _word() -> sa.types.TypeEngine[str]:
    return sa.String().with_variant(sa.String(collation="C"), "postgresql")


def _id() -> sa.types.TypeEngine[int]:
    return sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Create them."""
    op.create_table(
        "alert_events",
        sa.Column("event_id", _word(), nullable=False),
        sa.Column("alert_id", _word(), nullable=False),
        sa.Column("sequence", sa.Integer(), nullable=False),
        sa.Column("event", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("event_id"),
        sa.UniqueConstraint("alert_id", "sequence"),
    )
    op.create_table(
        "alerts",
        sa.Column("alert_id", _word(), nullable=False),
        sa.Column("person_id", _word(), nullable=False),
        sa.Column("family", _word(), nullable=False),
        sa.Column("subject", _word(), nullable=False),
        sa.Column("episode_id", _word(), nullable=False),
        sa.Column("open", sa.Boolean(), nullable=False),
        sa.Column("severity", _word(), nullable=False),
        sa.Column("sequence", sa.Integer(), nullable=False),
        sa.Column("current", sa.Text(), nullable=False),
        sa.Column("published", sa.Text(), nullable=False),
        sa.Column("published_at", _word(), nullable=False),
        sa.Column("started_at", _word(), nullable=False),
        sa.Column("acknowledged_at", _word(), nullable=False),
        sa.Column("acknowledged_by", _word(), nullable=False),
        sa.PrimaryKeyConstraint("alert_id"),
    )
    op.create_index("alerts_open", "alerts", ["open", "severity"], unique=False)
    op.create_index("ix_alerts_person_id", "alerts", ["person_id"], unique=False)
    op.create_table(
        "identifiers",
        sa.Column("authority", _word(), nullable=False),
        sa.Column("value", _word(), nullable=False),
        sa.Column("type", _word(), nullable=False),
        sa.Column("person_id", _word(), nullable=False),
        sa.PrimaryKeyConstraint("value", "authority"),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_identifiers_person_id", "identifiers", ["person_id"], unique=False)
    op.create_table(
        "mapping_ledger",
        sa.Column("sender", _word(), nullable=False),
        sa.Column("code", _word(), nullable=False),
        sa.Column("system", _word(), nullable=False),
        sa.Column("unit", _word(), nullable=False),
        sa.Column("kind", _word(), nullable=False),
        sa.Column("text", _word(), nullable=False),
        sa.Column("first_seen", _word(), nullable=False),
        sa.Column("last_seen", _word(), nullable=False),
        sa.Column("count", sa.Integer(), nullable=False),
        sa.Column("on_therapy", sa.Integer(), nullable=False),
        sa.Column("control_id", _word(), nullable=False),
        sa.PrimaryKeyConstraint("sender", "code", "system", "unit", "kind"),
    )
    op.create_table(
        "merges",
        sa.Column("id", _id(), autoincrement=True, nullable=False),
        sa.Column("retired", _word(), nullable=False),
        sa.Column("survivor", _word(), nullable=False),
        sa.Column("decided_at", _word(), nullable=False),
        sa.Column("control_id", _word(), nullable=False),
        sa.Column("why", _word(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_table(
        "messages",
        sa.Column("id", _id(), autoincrement=True, nullable=False),
        sa.Column("sender", _word(), nullable=False),
        sa.Column("control_id", _word(), nullable=False),
        sa.Column("digest", _word(), nullable=False),
        sa.Column("received_at", _word(), nullable=False),
        sa.Column("message_type", _word(), nullable=False),
        sa.Column("disposition", _word(), nullable=False),
        sa.Column("reason", _word(), nullable=False),
        sa.Column("location", _word(), nullable=False),
        sa.Column("detail", _word(), nullable=False),
        sa.Column("source", _word(), nullable=False),
        sa.Column("revision", _word(), nullable=False),
        sa.Column("observations", sa.Integer(), nullable=False),
        sa.Column("results", sa.Integer(), nullable=False),
        sa.Column("events", sa.Integer(), nullable=False),
        sa.Column("repeats", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("digest", "sender", "control_id"),
    )
    op.create_index("ix_messages_control_id", "messages", ["control_id"], unique=False)
    op.create_table(
        "outbox",
        sa.Column("id", _id(), autoincrement=True, nullable=False),
        sa.Column("message_id", _word(), nullable=False),
        sa.Column("exchange", _word(), nullable=False),
        sa.Column("routing_key", _word(), nullable=False),
        sa.Column("content_type", _word(), nullable=False),
        sa.Column("correlation_id", _word(), nullable=False),
        sa.Column("headers", sa.Text(), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", _word(), nullable=False),
        sa.Column("sent_at", _word(), server_default=sa.text("''"), nullable=False),
        sa.Column("attempts", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("last_error", _word(), server_default=sa.text("''"), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("outbox_unsent", "outbox", ["sent_at", "attempts", "id"], unique=False)
    op.create_table(
        "persons",
        sa.Column("person_id", _word(), nullable=False),
        sa.Column("root", _word(), nullable=False),
        sa.Column("demographics", sa.Text(), nullable=False),
        sa.Column("visit", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("person_id"),
    )
    op.create_index("ix_persons_root", "persons", ["root"], unique=False)
    op.create_table(
        "record_changes",
        sa.Column("root", _word(), nullable=False),
        sa.Column("count", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("root"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "result_versions",
        sa.Column("person_id", _word(), nullable=False),
        sa.Column("key", _word(), nullable=False),
        sa.Column("analyte", _word(), nullable=False),
        sa.Column("code", _word(), nullable=False),
        sa.Column("code_text", _word(), nullable=False),
        sa.Column("sender", _word(), nullable=False),
        sa.Column("order_number", _word(), nullable=False),
        sa.Column("specimen", _word(), nullable=False),
        sa.Column("collected_at", _word(), nullable=False),
        sa.Column("collected_precision", sa.Integer(), nullable=False),
        sa.Column("collected_notes", _word(), nullable=False),
        sa.Column("reported_at", _word(), nullable=False),
        sa.Column("sent_at", _word(), nullable=False),
        sa.Column("status_rank", sa.Integer(), nullable=False),
        sa.Column("digest", _word(), nullable=False),
        sa.Column("status", _word(), nullable=False),
        sa.Column("value", _word(), nullable=False),
        sa.Column("unit", _word(), nullable=False),
        sa.Column("reference", _word(), nullable=False),
        sa.Column("sent", _word(), nullable=False),
        sa.Column("text", _word(), nullable=False),
        sa.Column("problem", _word(), nullable=False),
        sa.Column("flags", _word(), nullable=False),
        sa.Column("method", _word(), nullable=False),
        sa.Column("control_id", _word(), nullable=False),
        sa.Column("location", _word(), nullable=False),
        sa.PrimaryKeyConstraint("person_id", "key", "reported_at", "sent_at", "status_rank", "digest"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "results",
        sa.Column("person_id", _word(), nullable=False),
        sa.Column("key", _word(), nullable=False),
        sa.Column("analyte", _word(), nullable=False),
        sa.Column("code", _word(), nullable=False),
        sa.Column("code_text", _word(), nullable=False),
        sa.Column("sender", _word(), nullable=False),
        sa.Column("order_number", _word(), nullable=False),
        sa.Column("specimen", _word(), nullable=False),
        sa.Column("collected_at", _word(), nullable=False),
        sa.Column("collected_precision", sa.Integer(), nullable=False),
        sa.Column("collected_notes", _word(), nullable=False),
        sa.Column("reported_at", _word(), nullable=False),
        sa.Column("sent_at", _word(), nullable=False),
        sa.Column("status_rank", sa.Integer(), nullable=False),
        sa.Column("digest", _word(), nullable=False),
        sa.Column("status", _word(), nullable=False),
        sa.Column("value", _word(), nullable=False),
        sa.Column("unit", _word(), nullable=False),
        sa.Column("reference", _word(), nullable=False),
        sa.Column("sent", _word(), nullable=False),
        sa.Column("text", _word(), nullable=False),
        sa.Column("problem", _word(), nullable=False),
        sa.Column("flags", _word(), nullable=False),
        sa.Column("method", _word(), nullable=False),
        sa.Column("control_id", _word(), nullable=False),
        sa.Column("location", _word(), nullable=False),
        sa.PrimaryKeyConstraint("person_id", "key"),
        sqlite_with_rowid=False,
    )
    op.create_index(
        "results_problems",
        "results",
        ["key"],
        unique=False,
        sqlite_where=sa.text("problem <> ''"),
        postgresql_where=sa.text("problem <> ''"),
    )
    op.create_table(
        "settings",
        sa.Column("name", _word(), nullable=False),
        sa.Column("value", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("name"),
    )
    op.create_table(
        "therapy_events",
        sa.Column("person_id", _word(), nullable=False),
        sa.Column("event_id", _word(), nullable=False),
        sa.Column("payload", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("person_id", "event_id"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "message_persons",
        sa.Column("message_id", _id(), nullable=False),
        sa.Column("person_id", _word(), nullable=False),
        sa.ForeignKeyConstraint(
            ["message_id"],
            ["messages.id"],
        ),
        sa.PrimaryKeyConstraint("message_id", "person_id"),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_message_persons_person_id", "message_persons", ["person_id"], unique=False)
    op.create_table(
        "quarantine",
        sa.Column("id", _id(), autoincrement=True, nullable=False),
        sa.Column("message_id", _id(), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.Column("state", _word(), server_default=sa.text("'held'"), nullable=False),
        sa.Column("closed_at", _word(), server_default=sa.text("''"), nullable=False),
        sa.Column("why", _word(), server_default=sa.text("''"), nullable=False),
        sa.ForeignKeyConstraint(
            ["message_id"],
            ["messages.id"],
        ),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("quarantine_held", "quarantine", ["state"], unique=False)
