"""What people and the relay ask of the store: outbox, quarantine, messages, ledger, opening."""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import suppress
from datetime import datetime, timedelta
from pathlib import Path
from string import ascii_letters

import pytest
import sqlalchemy
from sqlalchemy import create_engine

from engine.errors import ConfigError
from engine.model.disposition import Disposition, Outcome, Reason
from engine.model.ledger import LedgerEntry
from engine.store import InboxKey, OutboxRow, Store, TakenMessage
from tests.support.builders import DAY_ZERO, on_day
from tests.support.outbox import hand_over, unsent

KEY = InboxKey("LAB|HOSPITAL", "C1", "digest")
HELD = Outcome(Disposition.QUARANTINED, Reason.STATUS_UNKNOWN, "OBX[1]-11", "not in table 0085")
TAKEN = Outcome(Disposition.ACCEPTED, Reason.RESULTS)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "azawatch.db"


@pytest.fixture
def store(url: str) -> Iterator[Store]:
    opened = Store.open(url)
    yield opened
    opened.close()


def statement(url: str, text: str) -> list[tuple[object, ...]]:
    """Run a statement beside the store; its rows, if it gives any."""
    engine = create_engine(url.replace("postgresql:", "postgresql+psycopg:"))
    try:
        with engine.begin() as connection:
            found = connection.execute(sqlalchemy.text(text))
            return [tuple(row) for row in found] if found.returns_rows else []
    finally:
        engine.dispose()


def queued(name: str, body: bytes = b"MSH|...") -> OutboxRow:
    return OutboxRow(
        name, "azawatch.alerts", "alert.urgent.start", "text/plain", f"alert {name}", {"rule": "µ"}, body
    )


def message(
    outcome: Outcome = TAKEN, key: InboxKey = KEY, body: bytes | None = None, *, persons: tuple[str, ...] = ()
) -> TakenMessage:
    return TakenMessage(
        key, DAY_ZERO, "ORU^R01", outcome, "labs", "revision", persons=persons, quarantined_body=body
    )


def put(store: Store, *messages: TakenMessage) -> None:
    with store.transaction() as unit:
        for one in messages:
            unit.put_message(one)


def queue(store: Store, *names: str, at: datetime = DAY_ZERO) -> None:
    with store.transaction() as unit:
        unit.put_outbox([queued(name) for name in names], at)


def code(text: str = "Potassium", *, on_therapy: bool = False, control_id: str = "C1") -> LedgerEntry:
    return LedgerEntry("LAB", "2823-3", "LN", "mmol/L", "unmapped", text, on_therapy, control_id)


# --- outbox ------------------------------------------------------------------------------------


def test_messages_leave_in_the_order_of_decision(store: Store) -> None:
    """An alert's start is published before its end."""
    queue(store, "one", "two")
    queue(store, "three")

    assert hand_over(store, DAY_ZERO) == ["one", "two", "three"]
    assert hand_over(store, DAY_ZERO, limit=2) == ["one", "two"]
    assert store.outbox_depth() == 3


def test_large_messages_are_handed_over_a_few_at_a_time(store: Store) -> None:
    """Two hundred unreadable documents that wait for the broker do not fill the memory of the relay."""
    with store.transaction() as unit:
        for number, size in enumerate((9, 7_000_000, 7_000_000, 7_000_000, 20_000_000, 9)):
            row = OutboxRow(f"m{number}", "held", "unreadable", "x/y", "", {}, bytes(size))
            unit.put_outbox([row], DAY_ZERO)

    assert hand_over(store, DAY_ZERO, confirmed=["m0", "m1", "m2"]) == ["m0", "m1", "m2"]
    assert hand_over(store, DAY_ZERO, confirmed=["m3"]) == ["m3"]
    assert hand_over(store, DAY_ZERO, confirmed=["m4"]) == ["m4"]
    assert hand_over(store, DAY_ZERO) == ["m5"]


def test_a_text_where_a_code_should_be_is_counted_like_any_code(store: Store) -> None:
    """A sender puts its comment there: an index of PostgreSQL has no room for it, and the feed goes on."""
    text = "".join(random.Random(1).choices(ascii_letters, k=9000))
    entry = LedgerEntry(
        "LAB",
        text,
        text,
        text,
        "unmapped",
        text,
        on_therapy=True,
        control_id="C1",
        person_id="anna",
        day="2026-03-01",
    )
    for _ in range(2):
        with store.transaction() as unit:
            unit.put_ledger([entry], DAY_ZERO)

    (counted,) = store.mapping_ledger()
    assert (counted["code"], counted["count"], counted["text"]) == (text[:250], 2, text)


def test_what_failed_goes_behind_what_was_never_tried(store: Store) -> None:
    """One alert without a queue to go to does not hold up the others."""
    queue(store, "one", "two", "three")
    hand_over(store, DAY_ZERO, failures={"one": "returned"})
    hand_over(store, DAY_ZERO, failures={"one": "returned", "two": "refused"})

    assert [(row.message_id, row.attempts) for row in unsent(store)] == [
        ("three", 0),
        ("two", 1),
        ("one", 2),
    ]


def test_a_confirmed_message_is_not_sent_again(store: Store) -> None:
    """The broker's confirmation is remembered; where nothing was said, nothing changes."""
    queue(store, "one", "two")
    hand_over(store, DAY_ZERO, confirmed=["one"])
    hand_over(store, DAY_ZERO)

    assert hand_over(store, DAY_ZERO) == ["two"]


def test_a_relay_that_dies_leaves_its_messages_unsent(store: Store) -> None:
    """Whoever comes next publishes them."""
    queue(store, "one")

    with suppress(RuntimeError), store.handover(10):
        raise RuntimeError("gone")
    assert hand_over(store, DAY_ZERO) == ["one"]


def test_body_and_headers_are_kept_to_the_byte(store: Store) -> None:
    """What was rendered is what is published, whatever bytes it is made of."""
    body = bytes(range(256)) * 3
    with store.transaction() as unit:
        unit.put_outbox([queued("one", body)], DAY_ZERO)

    (row,) = unsent(store)
    assert row.body == body
    assert row.headers == {"rule": "µ"}
    assert (row.exchange, row.routing_key) == ("azawatch.alerts", "alert.urgent.start")


def test_every_queued_message_has_its_time(store: Store, url: str) -> None:
    """Also what follows from a roster import, which no message brought, can be told to be too old."""
    queue(store, "one", at=DAY_ZERO)

    ((created,),) = statement(url, "SELECT created_at FROM outbox")
    assert datetime.fromisoformat(str(created)) == DAY_ZERO


# --- messages and quarantine -------------------------------------------------------------------


def test_a_message_is_recognised_when_it_comes_again(store: Store) -> None:
    """A redelivery is known by sender, control id and content, and counted."""
    put(store, message())
    with store.transaction() as unit:
        unit.prefetch([KEY], ())
        assert unit.seen(KEY)
        assert not unit.seen(InboxKey(KEY.sender, KEY.control_id, "other content"))
        unit.count_repeat(KEY)
        unit.count_repeat(KEY)

    assert store.messages()[0]["repeats"] == 2
    assert ("duplicate", "seen-before", 2) in store.disposition_counts()


def test_a_message_is_recognised_within_its_batch(store: Store) -> None:
    """A sender that repeats itself at once is no more believed than one that waits."""
    with store.transaction() as unit:
        unit.prefetch([KEY], ())
        unit.put_message(message())
        assert unit.seen(KEY)
        unit.count_repeat(KEY)

    assert store.messages()[0]["repeats"] == 1


def test_a_held_message_keeps_its_bytes(store: Store) -> None:
    """What a human looks at is what the laboratory sent, NUL, odd bytes and all."""
    body = bytes(range(256))
    put(store, message(HELD, body=body))

    held = store.quarantined()[0]
    assert held.body == body
    assert (held.state, held.message["reason"]) == ("held", "status-unknown")
    assert "body" not in held.message


def test_a_released_message_says_how_it_ended(store: Store) -> None:
    """After its release a message is listed once, as accepted, and under its patient."""
    put(store, message(HELD, body=b"MSH"), message(key=InboxKey("LAB", "C2", "d2")))
    with store.transaction() as unit:
        unit.put_message(message(persons=("anna",)))
        assert unit.close_quarantined(1, "released", "mapped", on_day(1))

    assert store.quarantined(row_id=1)[0].why == "mapped"
    assert store.quarantined(state="held") == []
    assert [row["disposition"] for row in store.messages(control_id="C1")] == ["accepted"]
    assert [row["control_id"] for row in store.messages(person_ids=["anna"])] == ["C1"]


def test_releasing_again_is_harmless(store: Store) -> None:
    """Two people may press the same button."""
    put(store, message(HELD, body=b"MSH"))
    with store.transaction() as unit:
        assert unit.close_quarantined(1, "held", "", None)
        unit.put_message(message(persons=("anna",)))
        assert unit.close_quarantined(1, "released", "mapped", DAY_ZERO)
    with store.transaction() as unit:
        assert not unit.close_quarantined(1, "held", "", None)
        unit.put_message(message(persons=("anna",)))
        assert not unit.close_quarantined(1, "discarded", "again", DAY_ZERO)

    assert store.quarantined()[0].state == "released"


def test_many_messages_may_be_asked_for_at_once(store: Store) -> None:
    """A batch is not limited by how many parameters a statement may have."""
    keys = [InboxKey("LAB", str(number), f"digest{number}") for number in range(40_000)]
    put(store, message(key=keys[39_999]))
    with store.transaction() as unit:
        unit.prefetch(keys, ())
        assert [key.control_id for key in keys if unit.seen(key)] == ["39999"]


def test_a_name_that_is_no_text_does_not_stop_the_feed(store: Store) -> None:
    """A file name or a command line in another charset reaches us with half characters."""
    with store.transaction() as unit:
        unit.put_message(
            TakenMessage(KEY, DAY_ZERO, "", HELD, "archive-\udce4.hl7", "r", quarantined_body=b"MSH")
        )
    with store.transaction() as unit:
        unit.close_quarantined(1, "discarded", "\udce4", DAY_ZERO)

    assert store.messages()[0]["source"] == "archive-?.hl7"
    assert store.roots_by_identifier("\udce4") == []


# --- ledger ------------------------------------------------------------------------------------


def test_codes_not_understood_are_counted(store: Store) -> None:
    """How often, for how many on therapy, since when and where last: what a human maps first."""
    with store.transaction() as unit:
        unit.put_ledger([code(), code(on_therapy=True)], on_day(2))
    with store.transaction() as unit:
        unit.put_ledger([code("Kalium", control_id="C9")], on_day(3))
        unit.put_ledger([code("old", control_id="C0")], on_day(1))

    (row,) = store.mapping_ledger()
    assert (row["count"], row["on_therapy"], row["text"], row["control_id"]) == (4, 1, "Kalium", "C9")
    assert datetime.fromisoformat(row["first_seen"]) == on_day(1)
    assert datetime.fromisoformat(row["last_seen"]) == on_day(3)


# --- opening -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "address", ["", "not a url", "oracle://x/y", "nosuch://x", "mysql://engine:secret@db/azawatch"]
)
def test_a_url_that_cannot_be_used_is_refused(address: str) -> None:
    """The engine does not start on a store that it cannot have, and says so without the password."""
    with pytest.raises(ConfigError) as refused:
        Store.open(address)
    assert "secret" not in str(refused.value)


def test_a_folder_that_is_not_there_is_refused(tmp_path: Path) -> None:
    """A mistyped path is found at the start."""
    with pytest.raises(ConfigError, match="may the engine write"):
        Store.open(f"sqlite:///{tmp_path / 'missing' / 'azawatch.db'}")


def test_a_file_that_is_no_store_is_refused(file: Path) -> None:
    """A store_url that points at a letter does not turn it into a database."""
    file.write_bytes(b"Dear colleague, " * 100)

    with pytest.raises(ConfigError, match="SQLITE_NOTADB"):
        Store.open(f"sqlite:///{file}")
    assert file.read_bytes().startswith(b"Dear")


def test_a_store_of_another_release_is_refused(store: Store, url: str) -> None:
    """A release never writes into tables that it does not know."""
    assert store.check() == "ok"
    statement(url, "UPDATE alembic_version SET version_num = '999'")

    with pytest.raises(ConfigError, match="schema 999"):
        Store.open(url)


def test_a_store_in_memory_serves_all_threads() -> None:
    """A trial without a file keeps its state between connections."""
    store = Store.open("sqlite://")
    queue(store, "one")

    assert store.outbox_depth() == 1
    assert store.check() == "ok"
    store.close()


def test_times_sort_as_text(store: Store, url: str) -> None:
    """Whatever zone the clock runs in, the ledger is in the order of events."""
    for number, hours in enumerate((5, -5, 0)):
        offset = DAY_ZERO.astimezone().tzinfo
        at = (DAY_ZERO + timedelta(hours=hours)).astimezone(offset)
        put(store, TakenMessage(InboxKey("LAB", str(number), "d"), at, "", TAKEN, "labs", "r"))

    rows = statement(url, "SELECT control_id FROM messages ORDER BY received_at")
    assert rows == [("1",), ("2",), ("0",)]


@pytest.mark.parametrize(
    ("address", "said"),
    [
        ("u@h/d?sslmod=require", r'unknown parameter "sslmod" \(write "sslmode"\)'),
        ("u@h/d?connect_timeout=3&sslmode=requir", r"unknown sslmode \(write one of verify-full"),
        ("u@h/d?target_session_attrs=any&S3cret=1", "unknown parameter, number 2 behind"),
    ],
)
def test_a_misspelt_parameter_of_the_address_is_told_with_what_to_write(address: str, said: str) -> None:
    """It was told as a row that the store refuses, or as a database that is away; a secret is not told."""
    with pytest.raises(ConfigError, match=said) as refused:
        Store.open(f"postgresql://{address}")

    assert "S3cret" not in str(refused.value)
