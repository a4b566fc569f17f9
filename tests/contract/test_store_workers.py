"""Several workers on one PostgreSQL store: one after the other for a person, side by side for all others."""

from __future__ import annotations

import random
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from datetime import UTC
from string import ascii_letters

import pytest
from sqlalchemy import create_engine, make_url, text

from engine.errors import EngineError, TransientError
from engine.model.alert import Alert
from engine.model.person import Identifier, Person
from engine.model.record import Record
from engine.store import InboxKey, OutboxRow, Store, Unit
from engine.store.postgresql import DRIVER
from tests.contract.test_store_unit import merge
from tests.support.builders import DAY_ZERO, finding, on_day, result
from tests.support.private_postgresql import PrivatePostgresql

pytestmark = pytest.mark.postgresql

ANNA, BERTA = Identifier("HOSPITAL", "1", "MR"), Identifier("HOSPITAL", "2", "MR")


@pytest.fixture
def workers(postgresql: PrivatePostgresql) -> Iterator[tuple[Store, Store]]:
    """Two processes' stores on one database."""
    url = postgresql.new_database()
    one, other = Store.open(url), Store.open(url)
    yield one, other
    one.close()
    other.close()


def add(unit: Unit, name: str, identifier: Identifier) -> None:
    """A new person, as the engine makes one where it knows none."""
    if not unit.roots_of([identifier]):
        record = Record(Person(name, (identifier,), members=(name,)))
        unit.put_person(record.person, [identifier], new=True)
        unit.put_record(record)


@contextmanager
def meanwhile(work: Callable[[], None]) -> Iterator[threading.Thread]:
    """Another worker at work beside the block; what goes wrong there is raised at the end."""
    failures: list[BaseException] = []

    def run() -> None:
        try:
            work()
        except BaseException as error:  # noqa: BLE001  raised below
            failures.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    yield thread
    thread.join()
    for failure in failures:
        raise failure


def test_a_new_person_is_made_once(workers: tuple[Store, Store]) -> None:
    """Two messages about somebody nobody knows, with two workers at the same time: one record."""
    one, other = workers

    def beside() -> None:
        with other.transaction() as unit:
            add(unit, "second", ANNA)

    with one.transaction() as unit:
        add(unit, "first", ANNA)
        with meanwhile(beside) as thread:
            thread.join(0.3)
            assert thread.is_alive()  # waits for us
            unit.flush()
            unit._cursor.connection.commit()  # what ends the transaction
    assert one.roots_by_identifier("1") == ["first"]


def test_others_are_not_waited_for(workers: tuple[Store, Store]) -> None:
    """Two workers take messages about two persons at the same time."""
    one, other = workers
    with one.transaction() as unit:
        add(unit, "first", ANNA)
        with other.transaction() as beside:
            add(beside, "second", BERTA)
        assert other.roots_by_identifier("2") == ["second"]
        assert other.roots_by_identifier("1") == []


def test_a_message_that_two_workers_have_is_taken_once(workers: tuple[Store, Store]) -> None:
    """A redelivery to another worker waits until the first one has ended, and is then a repeat."""
    one, other = workers
    key = InboxKey("LAB", "C1", "digest")
    waited = threading.Event()

    def beside() -> None:
        with other.transaction() as unit:
            unit.prefetch([key], [])
            waited.set()

    with one.transaction() as unit:
        unit.prefetch([key], [])
        with meanwhile(beside):
            assert not waited.wait(0.3)
            unit._cursor.connection.commit()
    assert waited.is_set()


def test_somebody_who_was_merged_while_waited_for_is_found(workers: tuple[Store, Store]) -> None:
    """A sweep has a list of persons; another worker joins one of them to somebody before it comes to them."""
    one, other = workers
    with one.transaction() as unit:
        add(unit, "anna", ANNA)
        add(unit, "berta", BERTA)
        unit.put_due("berta", on_day(1))
    with one.transaction() as unit:
        merge(unit, "anna", "berta")

    with other.transaction() as unit:
        assert unit.record("berta").person.person_id == "anna"
        assert unit.still_due([("berta", on_day(1))]) == []


def test_who_was_judged_meanwhile_is_not_judged_again(workers: tuple[Store, Store]) -> None:
    """A message has moved on when somebody is due: the sweep that began before leaves them alone."""
    one, other = workers
    with one.transaction() as unit:
        add(unit, "anna", ANNA)
        unit.put_due("anna", on_day(1))
    with other.transaction() as unit:
        due = unit.due(on_day(2), 10)
    with one.transaction() as unit:
        unit.put_due("anna", on_day(5))

    with other.transaction() as unit:
        assert due == [("anna", on_day(1))]
        assert unit.still_due(due) == []
        assert unit.still_due([("anna", on_day(5))]) == [("anna", on_day(5))]


def test_one_worker_at_a_time_judges_time(workers: tuple[Store, Store]) -> None:
    """The others go on with the feed; when it dies another one takes over."""
    one, other = workers
    with one.alone("sweep") as first, other.alone("sweep") as second, other.alone("other") as third:
        assert (first, second, third) == (True, False, True)
    with other.alone("sweep") as second:
        assert second


def test_who_was_joined_and_made_due_at_once_is_looked_at_once(workers: tuple[Store, Store]) -> None:
    """Everybody is made due for new rules while a merge is under way: no sweep finds the retired for ever."""
    one, other = workers
    with one.transaction() as unit:
        add(unit, "anna", ANNA)
        add(unit, "berta", BERTA)
        unit.put_due("berta", on_day(1))
    with one.transaction() as unit:
        merge(unit, "anna", "berta")
    with one.transaction() as unit:  # whoever asked for everybody before the merge
        unit._changes.due["berta"] = on_day(1).astimezone(UTC).isoformat(timespec="microseconds")

    with other.transaction() as unit:
        for root, _ in unit.still_due(unit.due(on_day(2), 10)):
            unit.record(root)
            unit.put_due(root, on_day(5))
    with other.transaction() as unit:
        assert unit.due(on_day(9), 10) == [("anna", on_day(5))]


def test_who_takes_an_alert_on_waits_for_whoever_judges_the_patient(workers: tuple[Store, Store]) -> None:
    """A result comes in the same moment: the new state of the alert keeps the name of who takes care."""
    one, other = workers
    told = finding()
    alert = Alert(
        "a1",
        "anna",
        "family",
        subject="",
        episode_id="",
        open=True,
        sequence=1,
        current=told,
        published=told,
        published_at=DAY_ZERO,
        started_at=DAY_ZERO,
    )
    with one.transaction() as unit:
        add(unit, "anna", ANNA)
        unit.put_record(replace(unit.record("anna"), alerts=(alert,)), alerts=[alert])
    done: list[bool] = []

    def beside() -> None:
        done.append(other.acknowledge("a1", "Dr. Care", on_day(2)))

    with one.transaction() as unit:
        record = unit.record("anna")
        thread = threading.Thread(target=beside)
        thread.start()
        thread.join(0.3)
        later = replace(record.alerts[0], sequence=2)
        unit.put_record(replace(record, alerts=(later,)), alerts=[later])
    thread.join()

    assert done == [True]
    assert [(one.sequence, one.acknowledged_by) for one in other.alerts(only_open=True)] == [(2, "Dr. Care")]


def test_the_defaults_of_a_site_do_not_undo_the_promise(postgresql: PrivatePostgresql) -> None:
    """Where transactions see only what was there when they began, and commits are not on disk: not ours."""
    url = postgresql.new_database()
    engine = create_engine(make_url(url).set(drivername=DRIVER))
    with engine.begin() as connection:
        name = connection.execute(text("SELECT current_database()")).scalar_one()
        for setting in ("default_transaction_isolation = 'repeatable read'", "synchronous_commit = off"):
            connection.execute(text(f'ALTER DATABASE "{name}" SET {setting}'))
    engine.dispose()

    with closing(Store.open(url)) as store, store.transaction() as unit:
        found: list[tuple[str, ...]] = []
        for setting in ("transaction_isolation", "synchronous_commit"):
            unit.cursor.execute(f"SHOW {setting}")
            found += unit.cursor.fetchall()
    assert found == [("read committed",), ("local",)]


def test_a_row_that_no_index_can_hold_is_refused_and_not_waited_for(workers: tuple[Store, Store]) -> None:
    """PostgreSQL's driver calls that operational: taken for a database that is away, it stopped the feed."""
    name = "".join(random.Random(1).choices(ascii_letters, k=9000))
    with (
        pytest.raises(EngineError, match="refused a row: 54000") as refused,
        workers[0].transaction() as unit,
    ):
        add(unit, name, ANNA)
    assert not isinstance(refused.value, TransientError)


def outbox(store: Store, *rows: tuple[str, str]) -> None:
    """Queue messages, each (message id, alert id)."""
    with store.transaction() as unit:
        unit.put_outbox(
            [OutboxRow(name, "alerts", "alert.urgent.start", "x/y", alert, {}, b"") for name, alert in rows],
            DAY_ZERO,
        )


def test_two_relays_never_have_the_same_message(workers: tuple[Store, Store]) -> None:
    """Nothing is published twice because there are two."""
    one, other = workers
    outbox(one, ("m1", "a1"), ("m2", "a2"), ("m3", "a3"))

    with one.handover(2) as first, other.handover(2) as second:
        assert [row.message_id for row in first.rows] == ["m1", "m2"]
        assert [row.message_id for row in second.rows] == ["m3"]
        first.done([row.id for row in first.rows], {}, DAY_ZERO)
    with other.handover(9) as left:
        assert [row.message_id for row in left.rows] == ["m3"]


def test_the_messages_of_an_alert_keep_their_order_with_two_relays(workers: tuple[Store, Store]) -> None:
    """Its end is never under way while another relay still has its start."""
    one, other = workers
    outbox(one, ("start", "a1"), ("end", "a1"), ("of another", "a2"))

    with one.handover(1) as first, other.handover(9) as second:
        assert [row.message_id for row in first.rows] == ["start"]
        assert [row.message_id for row in second.rows] == ["of another"]
    with other.handover(9) as third:
        assert [row.message_id for row in third.rows] == ["start", "of another"]
        third.done([row.id for row in third.rows], {}, DAY_ZERO)
    with other.handover(9) as last:
        assert [row.message_id for row in last.rows] == ["end"]


def test_two_that_wait_for_each_other_are_told_to_try_again(workers: tuple[Store, Store]) -> None:
    """The database ends such a ring; the batch is taken anew, nothing of it was kept."""
    one, other = workers
    with one.transaction() as unit:
        add(unit, "anna", ANNA)
        add(unit, "berta", BERTA)
    ready = threading.Barrier(2)
    again: list[str] = []

    def judge(store: Store, first: str, second: str) -> None:
        try:
            with store.transaction() as unit:
                unit.record(first)
                ready.wait()
                record = unit.record(second)
                unit.put_record(record, results=[replace(result("alt", "40"), person_id=second)])
        except TransientError as error:
            again.append(str(error))

    with meanwhile(lambda: judge(other, "berta", "anna")):
        judge(one, "anna", "berta")
    assert again == ["store: 40P01"]
    assert sum(len(record.results) for record in one.records()) == 1


def test_a_worker_paused_before_its_commit_takes_the_batch_anew(workers: tuple[Store, Store]) -> None:
    """The server ends what is idle for too long; the message was held as one that the store refuses."""
    store, other = workers
    with pytest.raises(TransientError, match="store: 25P03"), store.transaction() as paused:  # noqa: PT012
        paused.cursor.execute("SELECT pg_backend_pid()")
        (pid,) = paused.cursor.fetchall()[0]
        paused.cursor.execute("SET LOCAL idle_in_transaction_session_timeout = '10ms'")
        with other.transaction() as looking:
            there = True
            while there:
                looking.cursor.execute("SELECT pg_stat_clear_snapshot()")
                looking.cursor.execute("SELECT 1 FROM pg_stat_activity WHERE pid = %s", (pid,))
                there = bool(looking.cursor.fetchall())
