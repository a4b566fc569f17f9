"""Runs the migrations on the connection that the store hands over; Alembic reads this file."""

from __future__ import annotations

from alembic import context

context.configure(connection=context.config.attributes["connection"])
context.run_migrations()
