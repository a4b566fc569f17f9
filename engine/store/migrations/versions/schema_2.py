"""Time is judged, alerts wait for somebody, and a result tells of its specimen.

Nobody is due after it: the first sweep looks at everybody on therapy, because it has never looked.

Revision ID: 2
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "2"
down_revision = "1"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the table of who is due, and the columns; what is there stays."""
    word = sa.String().with_variant(sa.String(collation="C"), "postgresql")
    empty, zero = sa.text("''"), sa.text("0")
    op.add_column("alerts", sa.Column("waiting_since", word, nullable=False, server_default=empty))
    for table in ("results", "result_versions"):
        op.add_column(table, sa.Column("specimen_condition", word, nullable=False, server_default=empty))
        op.add_column(table, sa.Column("spoiled", sa.Integer(), nullable=False, server_default=zero))
    op.create_table(
        "due",
        sa.Column("root", word, nullable=False),
        sa.Column("at", word, nullable=False),
        sa.PrimaryKeyConstraint("root"),
        sqlite_with_rowid=False,
    )
    op.create_index("due_at", "due", ["at"], unique=False)
