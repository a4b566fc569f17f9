"""A chain of what happened that cannot be changed unnoticed.

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
    """Add the table; what is there stays."""
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
