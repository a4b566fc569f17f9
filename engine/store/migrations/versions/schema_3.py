"""Alembic keeps the version of the tables; the engine's own note of it goes.

Revision ID: 3
"""

from __future__ import annotations

from alembic import op

revision = "3"
down_revision = "2"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Remove the note."""
    op.execute("DELETE FROM settings WHERE name = 'schema_version'")
