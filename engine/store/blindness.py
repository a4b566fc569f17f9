"""What was not understood, and for how many patients and days it has made the engine blind."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection, func, or_, select, text

from engine.store import schema

_KEY = tuple(schema.ledger.primary_key.columns.keys())


def mapping_ledger(connection: Connection) -> list[Mapping[str, Any]]:
    """Every line of the ledger, the most harmful first.

    ``patients`` are those on therapy who had a result under it; ``blind_days`` counts the days of each of
    them on which nothing usable came under that code of that sender.
    """
    harm = _harm(connection)
    found = []
    for row in connection.execute(select(schema.ledger)).mappings():
        people, blind = harm.get(tuple(row[name] for name in _KEY), (0, 0))
        found.append({**row, "patients": people, "blind_days": blind})
    return sorted(found, key=_most_harmful_first)


def _most_harmful_first(row: Mapping[str, Any]) -> tuple[Any, ...]:
    worse = (row["blind_days"], row["patients"], row["on_therapy"], row["count"])
    return (*(-number for number in worse), *(row[name] for name in _KEY))


def _harm(connection: Connection) -> dict[tuple[str, ...], tuple[int, int]]:
    """Patients, and blind patient-days, by line of the ledger."""
    days, persons, results = schema.blind_days, schema.persons, schema.results
    member = persons.alias("member")
    usable = (
        select(results.c.key)
        .join_from(results, member, results.c.person_id == member.c.person_id)
        .where(
            member.c.root == persons.c.root,
            results.c.sender == days.c.sender,
            results.c.code == days.c.code,
            func.substr(results.c.collected_at, 1, 10) == days.c.day,
            results.c.problem == text("''"),
            or_(results.c.value != text("''"), results.c.text != text("''")),
        )
        .exists()
    )
    statement = select(*(days.c[name] for name in _KEY), persons.c.root, days.c.day, usable).join_from(
        days, persons, days.c.person_id == persons.c.person_id
    )
    seen: defaultdict[tuple[str, ...], set[str]] = defaultdict(set)
    blind: defaultdict[tuple[str, ...], set[tuple[str, str]]] = defaultdict(set)
    for *key, root, day, answered in connection.execute(statement):
        seen[tuple(key)].add(root)
        if not answered:
            blind[tuple(key)].add((root, day))
    return {key: (len(people), len(blind[key])) for key, people in seen.items()}
