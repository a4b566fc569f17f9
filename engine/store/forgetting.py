"""Results of people who were never treated, once they are too old for any baseline."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from sqlalchemy import Connection, Select, delete, select

from engine.store import schema


def losing_results(before: datetime) -> Select[tuple[str]]:
    """The persons (roots) who lose results collected before this."""
    results, persons = schema.results, schema.persons
    return (
        select(persons.c.root)
        .join_from(results, persons, results.c.person_id == persons.c.person_id)
        .where(results.c.collected_at < _day(before), results.c.person_id.in_(_untreated()))
        .distinct()
    )


def forget_results(connection: Connection, before: datetime) -> int:
    """Remove results, and earlier versions of them, collected before this; how many."""
    removed = 0
    for table in (schema.results, schema.result_versions):
        old = table.c.collected_at < _day(before)
        removed += connection.execute(delete(table).where(old, table.c.person_id.in_(_untreated()))).rowcount
    return removed


def _untreated() -> Select[tuple[str]]:
    events, persons = schema.therapy_events, schema.persons
    same = events.c.person_id == persons.c.person_id
    treated = select(persons.c.root).join_from(events, persons, same).distinct()
    return select(persons.c.person_id).where(persons.c.root.not_in(treated))


def _day(before: datetime) -> str:
    # Collection times keep the offset they were told with; a day covers every offset there is.
    return (before.astimezone(UTC) - timedelta(days=1)).date().isoformat()
