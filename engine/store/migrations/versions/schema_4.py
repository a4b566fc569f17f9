"""A chain of what happened that cannot be changed unnoticed; what a backlog holds back; who was blind when;
which messages ended a process; results of one order in one row.

Revision ID: 4
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "4"
down_revision = "3"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add tables and columns; what is there stays."""
    word = sa.String().with_variant(sa.String(collation="C"), "postgresql")
    number = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
    op.create_table(
        "audit",
        sa.Column("sequence", number, nullable=False, autoincrement=False),
        sa.Column("at", word, nullable=False),
        sa.Column("kind", word, nullable=False),
        sa.Column("what", sa.Text(), nullable=False),
        sa.Column("previous", word, nullable=False),
        sa.Column("hash", word, nullable=False),
        sa.PrimaryKeyConstraint("sequence"),
    )
    empty = sa.text("''")
    held = sa.text("held_until <> ''")
    op.add_column("outbox", sa.Column("held_until", word, nullable=False, server_default=empty))
    op.create_index("outbox_held", "outbox", ["correlation_id"], sqlite_where=held, postgresql_where=held)
    unsent = sa.text("sent_at = ''")
    op.create_index(
        "outbox_unsent_alerts",
        "outbox",
        ["correlation_id", "id"],
        sqlite_where=unsent,
        postgresql_where=unsent,
    )
    op.create_table(
        "not_paged",
        sa.Column("event_id", word, nullable=False),
        sa.Column("alert_id", word, nullable=False),
        sa.Column("decided_at", word, nullable=False),
        sa.Column("told_by", word, nullable=False),
        sa.PrimaryKeyConstraint("event_id"),
    )
    op.create_index("ix_not_paged_alert_id", "not_paged", ["alert_id"], unique=False)
    counted = ("day", "kind", "sender", "name")
    op.create_table(
        "daily_counts",
        *(sa.Column(name, word, nullable=False) for name in counted),
        sa.Column("count", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint(*counted),
        sqlite_with_rowid=False,
    )
    key = ("sender", "code", "system", "unit", "kind", "person_id", "day")
    op.create_table(
        "blind_days",
        *(sa.Column(name, word, nullable=False) for name in key),
        sa.PrimaryKeyConstraint(*key),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "feeds",
        sa.Column("name", word, nullable=False),
        sa.Column("first_at", word, nullable=False),
        sa.Column("last_at", word, nullable=False),
        sa.PrimaryKeyConstraint("name"),
    )
    op.create_table(
        "feed_silences",
        sa.Column("name", word, nullable=False),
        sa.Column("hour", word, nullable=False),
        sa.Column("seconds", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("hour", "name"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "technical_alerts",
        sa.Column("alert_id", word, nullable=False),
        sa.Column("kind", word, nullable=False),
        sa.Column("subject", word, nullable=False),
        sa.Column("sequence", sa.Integer(), nullable=False),
        sa.Column("started_at", word, nullable=False),
        sa.PrimaryKeyConstraint("alert_id"),
    )
    op.create_table(
        "attempts",
        sa.Column("digest", word, nullable=False),
        sa.Column("count", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("digest"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "order_results",
        sa.Column("person_id", word, nullable=False),
        sa.Column("order_key", word, nullable=False),
        sa.Column("collected_at", word, nullable=False),
        sa.Column("count", sa.Integer(), nullable=False),
        sa.Column("results", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("person_id", "order_key"),
        sqlite_with_rowid=False,
    )
