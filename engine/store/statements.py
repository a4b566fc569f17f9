"""Every statement of a unit of work, compiled once from the schema: values go to the driver as they are.

A batch of messages runs these few statements again and again; putting SQLAlchemy's own execution between
them and the driver costs more than the database does.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Any, NamedTuple

from sqlalchemy import (
    BindParameter,
    Delete,
    Insert,
    Integer,
    Select,
    Table,
    Update,
    bindparam,
    case,
    func,
    literal_column,
    select,
    text,
    tuple_,
    update,
)

from engine.store import schema
from engine.store.words import WORDS

_HELD = schema.outbox.c.held_until
_TEXTS = "__[POSTCOMPILE_texts]"  # SQLAlchemy's mark for a list whose length is not known yet
# The keys of the results of an order begin with it and a bar; what comes after the bar is a brace.
_KNOWN_ORDERS = """
WITH asked (person, number) AS (VALUES __[POSTCOMPILE_texts]) SELECT person, number FROM asked
WHERE EXISTS (SELECT 1 FROM order_results WHERE person_id = person AND order_key = number)
OR EXISTS (SELECT 1 FROM results WHERE person_id = person AND key >= number || '|' AND key < number || '}')
"""
SAME_MESSAGE = ("digest", "sender", "control_id")
LATEST = ("last_seen", "control_id", "text")
"""By these the ledger tells where a code was seen last; equal times are no matter of chance."""


class Statements(NamedTuple):
    """SQL text with its parameters in the order that the comments say; lists through :func:`with_texts`."""

    # reading
    taken: str  # digests
    roots: str  # values of identifiers
    persons: str  # roots
    identifiers: str  # person ids, as in the three that follow
    results: str
    therapy: str
    alerts: str
    results_with: str  # person id, then keys
    packed: str  # person ids
    packed_with: str  # person id, then orders
    known_orders: str  # persons and orders, through with_orders
    root_of: str  # person id
    problem_roots: str  # key of a result
    due: str  # until when, how many at most
    due_of: str  # roots
    next_due: str  # after when
    settings: str  # names
    treated: str
    held_alerts: str
    unsent: str  # alert ids, as in the one that follows
    told: str
    # writing
    put_person: str  # person_id, root, demographics, visit
    move_members: str  # new root, old root
    count_change: str  # root, 1
    put_identifier: str  # authority, value, type, person_id
    put_merge: str  # retired, survivor, decided_at, control_id, why
    put_result: str  # the columns of the table, as in the four that follow
    put_version: str
    put_packed: str
    drop_packed: str  # person id, order
    put_therapy: str
    put_alert: str
    put_alert_event: str
    put_message: str  # the columns of the table between id and repeats
    link_person: str  # person_id, then what makes a message the same
    hold: str  # body, then what makes a message the same
    put_copy: str  # body, state, why, closed_at, then what makes a message the same
    close_quarantined: str  # state, why, closed_at, id
    count_repeats: str  # how many more, then what makes a message the same
    put_outbox: str  # the columns of the table between id and sent_at, then until when it is held
    release: str  # content type, routing key, headers, body, id
    drop: str  # id
    put_not_paged: str  # the columns of the table
    count_code: str  # the columns of the table
    put_blind_day: str  # the columns of the table
    count_day: str  # the columns of the table
    put_due: str  # root, at
    put_setting: str  # name, value
    chain_head: str
    put_audit: str  # the columns of the table
    count_attempt: str  # digest, 1; gives the count
    end_attempts: str  # digest
    # how this kind of database
    mark: str  # marks a parameter
    lock: str  # keeps others from what has one of these numbers; empty where only one can write at a time
    try_lock: str  # the same for one number, without waiting
    lock_all: str  # keeps others from everything: 0
    lock_chain: str  # keeps others from adding to the audit: two numbers
    lock_not_all: str  # lets others have what has other numbers: 0


@cache
def compiled_statements(backend: str) -> Statements:
    """The statements in the words of one kind of database: ``sqlite`` or ``postgresql``."""
    words = WORDS[backend]
    dialect = words.dialect

    def compiled(
        statement: Select[Any] | Insert | Update | Delete, names: Sequence[str] | None = None
    ) -> str:
        return str(statement.compile(dialect=dialect, column_keys=names))

    def inserted(table: Table, names: Sequence[str]) -> str:
        return compiled(table.insert().inline(), names)

    def upserted(table: Table, *, key: Sequence[str] = (), keep: Sequence[str] = ()) -> str:
        key = key or table.primary_key.columns.keys()
        names = written(table)
        insert = words.insert(table)
        changed = {name: insert.excluded[name] for name in names if name not in {*key, *keep}}
        return compiled(insert.on_conflict_do_update(index_elements=list(key), set_=changed), names)

    persons, messages, results = schema.persons, schema.messages, schema.results
    orders = schema.order_results
    changes, attempts = schema.record_changes, schema.attempts
    return Statements(
        taken=compiled(
            select(messages.c.sender, messages.c.control_id, messages.c.digest).where(
                messages.c.digest.in_(_texts())
            )
        ),
        roots=compiled(
            select(schema.identifiers.c.authority, schema.identifiers.c.value, persons.c.root)
            .join_from(schema.identifiers, persons, schema.identifiers.c.person_id == persons.c.person_id)
            .where(schema.identifiers.c.value.in_(_texts()))
        ),
        persons=compiled(
            select(persons, func.coalesce(changes.c["count"], text("0")))
            .join_from(persons, changes, persons.c.person_id == changes.c.root, isouter=True)
            .where(persons.c.root.in_(_texts()))
        ),
        identifiers=compiled(select(schema.identifiers).where(schema.identifiers.c.person_id.in_(_texts()))),
        results=compiled(select(results).where(results.c.person_id.in_(_texts()))),
        results_with=compiled(
            select(results).where(results.c.person_id == bindparam("person"), results.c.key.in_(_texts()))
        ),
        packed=compiled(select(orders).where(orders.c.person_id.in_(_texts()))),
        packed_with=compiled(
            select(orders).where(orders.c.person_id == bindparam("person"), orders.c.order_key.in_(_texts()))
        ),
        known_orders=_KNOWN_ORDERS,
        therapy=compiled(
            select(schema.therapy_events).where(schema.therapy_events.c.person_id.in_(_texts()))
        ),
        alerts=compiled(select(schema.alerts).where(schema.alerts.c.person_id.in_(_texts()))),
        root_of=compiled(select(persons.c.root).where(persons.c.person_id == bindparam("person"))),
        problem_roots=compiled(
            select(persons.c.root)
            .join_from(results, persons, results.c.person_id == persons.c.person_id)
            .where(text("problem <> ''"), results.c.key == bindparam("key"))
            .distinct()
        ),
        due=compiled(
            select(schema.due.c.root, schema.due.c.at)
            .where(schema.due.c.at > text("''"), schema.due.c.at <= bindparam("until"))
            .order_by(schema.due.c.at, schema.due.c.root)
            .limit(bindparam("most"))
            .offset(literal_column("0", Integer))
        ),
        due_of=compiled(select(schema.due).where(schema.due.c.root.in_(_texts()))),
        next_due=compiled(select(func.min(schema.due.c.at)).where(schema.due.c.at > bindparam("after"))),
        settings=compiled(select(schema.settings).where(schema.settings.c.name.in_(_texts()))),
        treated=compiled(
            select(persons.c.root)
            .join_from(
                schema.therapy_events, persons, schema.therapy_events.c.person_id == persons.c.person_id
            )
            .distinct()
        ),
        held_alerts=compiled(_held_alerts()),
        unsent=compiled(
            select(schema.outbox.c.id, schema.outbox.c.message_id, schema.outbox.c.correlation_id, _HELD)
            .where(schema.outbox.c.sent_at == text("''"), schema.outbox.c.correlation_id.in_(_texts()))
            .order_by(schema.outbox.c.id)
        ),
        told=compiled(
            select(schema.alert_events.c.alert_id, schema.alert_events.c.event)
            .where(schema.alert_events.c.alert_id.in_(_texts()))
            .order_by(schema.alert_events.c.alert_id, schema.alert_events.c.sequence)
        ),
        put_person=upserted(persons, keep=("root",)),
        move_members=compiled(
            update(persons).where(persons.c.root == bindparam("old")).values(root=bindparam("new"))
        ),
        count_change=compiled(_counted_change(words.insert(changes)), ("root", "count")),
        put_identifier=upserted(schema.identifiers, keep=("person_id",)),
        put_merge=inserted(schema.merges, written(schema.merges)),
        put_result=upserted(results),
        put_version=compiled(
            words.insert(schema.result_versions).on_conflict_do_nothing(), written(schema.result_versions)
        ),
        put_packed=inserted(orders, written(orders)),
        drop_packed=compiled(
            orders.delete().where(
                orders.c.person_id == bindparam("person"), orders.c.order_key == bindparam("order")
            )
        ),
        put_therapy=upserted(schema.therapy_events),
        put_alert=upserted(schema.alerts),
        put_alert_event=inserted(schema.alert_events, written(schema.alert_events)),
        put_message=upserted(messages, key=SAME_MESSAGE),
        link_person=compiled(
            words.insert(schema.message_persons)
            .from_select(["person_id", "message_id"], _of_message(bindparam("person")))
            .on_conflict_do_nothing()
        ),
        hold=compiled(
            schema.quarantine.insert().from_select(["body", "message_id"], _of_message(bindparam("body")))
        ),
        put_copy=compiled(
            schema.quarantine.insert().from_select(
                ["body", "state", "why", "closed_at", "message_id"],
                select(
                    *(bindparam(name) for name in ("body", "state", "why", "closed_at")), messages.c.id
                ).where(*_same_message()),
            )
        ),
        close_quarantined=compiled(_closed()),
        count_repeats=compiled(
            update(messages).where(*_same_message()).values(repeats=messages.c.repeats + bindparam("more"))
        ),
        put_outbox=inserted(schema.outbox, [*written(schema.outbox), "held_until"]),
        release=compiled(_released()),
        drop=compiled(schema.outbox.delete().where(schema.outbox.c.id == bindparam("row_id"))),
        put_not_paged=compiled(
            words.insert(schema.not_paged).on_conflict_do_nothing(), written(schema.not_paged)
        ),
        count_code=compiled(_counted(words.insert(schema.ledger)), written(schema.ledger)),
        put_blind_day=compiled(
            words.insert(schema.blind_days).on_conflict_do_nothing(), written(schema.blind_days)
        ),
        count_day=compiled(_added_day(words.insert(schema.daily_counts)), written(schema.daily_counts)),
        put_due=upserted(schema.due),
        put_setting=upserted(schema.settings),
        chain_head=compiled(
            select(schema.audit.c.sequence, schema.audit.c.hash)
            .order_by(schema.audit.c.sequence.desc())
            .limit(literal_column("1", Integer))
            .offset(literal_column("0", Integer))
        ),
        put_audit=inserted(schema.audit, written(schema.audit)),
        count_attempt=compiled(
            _counted_change(words.insert(attempts)).returning(attempts.c["count"]), ("digest", "count")
        ),
        end_attempts=compiled(attempts.delete().where(attempts.c.digest == bindparam("digest"))),
        mark=words.mark,
        lock=words.lock,
        try_lock=words.try_lock,
        lock_all=words.lock_all,
        lock_chain=words.lock_chain,
        lock_not_all=words.lock_not_all,
    )


def written(table: Table) -> list[str]:
    """The columns that a unit writes: all but those that the database fills itself."""
    return [
        column.name
        for column in table.columns
        if column.server_default is None and column.autoincrement is not True
    ]


@cache
def with_texts(statement: str, count: int, mark: str) -> str:
    """A reading statement with room for a list of so many texts."""
    return statement.replace(_TEXTS, ", ".join([mark] * count))


@cache
def with_orders(statement: str, count: int, mark: str) -> str:
    """A statement about a list of so many persons and orders."""
    return statement.replace(_TEXTS, ", ".join([f"({mark}, {mark})"] * count))


def _texts() -> BindParameter[Any]:
    return bindparam("texts", expanding=True)


def _same_message() -> list[Any]:
    return [schema.messages.c[name] == bindparam(f"same_{name}") for name in SAME_MESSAGE]


def _of_message(value: BindParameter[Any]) -> Select[Any]:
    return select(value, schema.messages.c.id).where(*_same_message())


def _counted_change(insert: Any) -> Any:
    return insert.on_conflict_do_update(
        index_elements=list(insert.table.primary_key.columns),
        set_={"count": insert.table.c["count"] + insert.excluded["count"]},
    )


def _added_day(insert: Any) -> Any:
    table = schema.daily_counts
    return insert.on_conflict_do_update(
        index_elements=list(table.primary_key.columns),
        set_={"count": table.c["count"] + insert.excluded["count"]},
    )


def _closed() -> Update:
    table = schema.quarantine
    return (
        update(table)
        .ordered_values(
            (table.c.state, bindparam("new_state")),
            (table.c.why, bindparam("new_why")),
            (table.c.closed_at, bindparam("at")),
        )
        .where(table.c.id == bindparam("row_id"), table.c.state == text("'held'"))
    )


def _held_alerts() -> Select[Any]:
    """Alerts that something held back tells of: whose they are, since when and until when it waits.

    And whether anything that is not held back waits behind it.
    """
    table, alerts, persons = schema.outbox, schema.alerts, schema.persons
    waiting = table.alias()
    fresh = (
        select(waiting.c.id)
        .where(
            waiting.c.correlation_id == table.c.correlation_id,
            waiting.c.sent_at == text("''"),
            waiting.c.held_until == text("''"),
        )
        .exists()
    )
    return (
        select(
            table.c.correlation_id,
            persons.c.root,
            func.min(table.c.held_until),
            func.max(table.c.created_at),
            fresh,
        )
        .join_from(table, alerts, alerts.c.alert_id == table.c.correlation_id)
        .join(persons, persons.c.person_id == alerts.c.person_id)
        .where(text("outbox.held_until <> ''"))
        .group_by(table.c.correlation_id, persons.c.root)
        .order_by(func.min(table.c.held_until), table.c.correlation_id)
    )


def _released() -> Update:
    table = schema.outbox
    return (
        update(table)
        .ordered_values(
            (table.c.content_type, bindparam("new_type")),
            (table.c.routing_key, bindparam("new_key")),
            (table.c.headers, bindparam("new_headers")),
            (table.c.body, bindparam("new_body")),
            (table.c.held_until, text("''")),
        )
        .where(table.c.id == bindparam("row_id"))
    )


def _counted(insert: Any) -> Any:
    """Adds to the counts of a code, and remembers where it was seen last, whatever came first."""
    table = schema.ledger
    sent = insert.excluded
    earlier = sent.first_seen < table.c.first_seen
    later = tuple_(*(sent[name] for name in LATEST)) >= tuple_(*(table.c[name] for name in LATEST))
    return insert.on_conflict_do_update(
        index_elements=list(table.primary_key.columns),
        set_={
            "count": table.c["count"] + sent["count"],
            "on_therapy": table.c.on_therapy + sent.on_therapy,
            "first_seen": case((earlier, sent.first_seen), else_=table.c.first_seen),
            **{name: case((later, sent[name]), else_=table.c[name]) for name in LATEST},
        },
    )
