"""Results of people who were never treated, once they are too old for any baseline."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from sqlalchemy import ColumnElement, Connection, Select, Table, delete, func, or_, select

from engine.store import schema

_TABLES = (schema.results, schema.result_versions, schema.order_results)


def losing_results(before: datetime) -> Select[tuple[str]]:
    """The persons (roots) who lose results collected before this."""
    persons = schema.persons
    current = (schema.results, schema.order_results)
    losing = or_(*(persons.c.person_id.in_(select(t.c.person_id).where(_old(t, before))) for t in current))
    return select(persons.c.root).where(losing, persons.c.person_id.in_(_untreated())).distinct()


def forget_results(connection: Connection, before: datetime) -> int:
    """Remove results, and earlier versions of them, collected before this; how many."""
    kept = schema.order_results
    together = select(func.coalesce(func.sum(kept.c["count"]), 0)).where(*_forgotten(kept, before))
    removed: int = connection.execute(together).scalar_one()
    for table in _TABLES:
        done = connection.execute(delete(table).where(*_forgotten(table, before)))
        removed += 0 if table is kept else done.rowcount
    return removed


def _forgotten(table: Table, before: datetime) -> tuple[ColumnElement[bool], ...]:
    return _old(table, before), table.c.person_id.in_(_untreated())


def _old(table: Table, before: datetime) -> ColumnElement[bool]:
    return table.c.collected_at < _day(before)


def _untreated() -> Select[tuple[str]]:
    events, persons = schema.therapy_events, schema.persons
    same = events.c.person_id == persons.c.person_id
    treated = select(persons.c.root).join_from(events, persons, same).distinct()
    return select(persons.c.person_id).where(persons.c.root.not_in(treated))


def _day(before: datetime) -> str:
    # Collection times keep the offset they were told with; a day covers every offset there is.
    return (before.astimezone(UTC) - timedelta(days=1)).date().isoformat()
