"""The store on a real file when the world is against it: kills, locks, a full disk, two writers."""

from __future__ import annotations

import os
import shutil
import signal
import sqlite3
import stat
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from engine.errors import EngineError, TransientError
from engine.model.disposition import Disposition, Outcome, Reason
from engine.model.person import Identifier, Person
from engine.model.record import Record
from engine.store import InboxKey, OutboxRow, Store, TakenMessage, Unit
from tests.support.builders import DAY_ZERO, result
from tests.support.outbox import hand_over, unsent

ROOT = Path(__file__).parents[2]
SECRET = "Quixote-4711"
TAKEN = Outcome(Disposition.ACCEPTED, Reason.RESULTS)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "azawatch.db"


@pytest.fixture
def store(file: Path) -> Iterator[Store]:
    opened = Store.open(url_of(file))
    yield opened
    opened.close()


def url_of(file: Path) -> str:
    return f"sqlite:///{file}"


def take(unit: Unit, name: str, results: int = 1, body: bytes = b"") -> None:
    """What one message leaves behind: a person, results, an alert to publish, a ledger line."""
    person = Person(name, (Identifier("HOSPITAL", name),), members=(name,))
    found = tuple(
        replace(result("alt", "30", day), person_id=name, code_text=SECRET) for day in range(results)
    )
    unit.put_person(person, person.identifiers, new=True)
    unit.put_record(Record(person, found), results=found)
    unit.put_outbox([OutboxRow(name, "alerts", "key", "text/plain", "", {}, body)], DAY_ZERO)
    key = InboxKey("LAB", name, name)
    unit.put_message(TakenMessage(key, DAY_ZERO, "ORU^R01", TAKEN, "labs", "r", persons=(name,)))


def counts(file: Path) -> set[int]:
    """How many rows the tables of :func:`take` hold; one number where all is whole."""
    tables = ("persons", "identifiers", "results", "outbox", "messages", "message_persons", "record_changes")
    with closing(sqlite3.connect(file)) as connection:
        return {
            connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0]  # noqa: S608  names of our own
            for table in tables
        }


@contextmanager
def locked(file: Path) -> Iterator[None]:
    """Somebody else writes, and does not finish."""
    with closing(sqlite3.connect(file, isolation_level=None)) as connection:
        connection.execute("BEGIN IMMEDIATE")
        yield
        connection.execute("ROLLBACK")


def run(program: str, *arguments: str) -> subprocess.Popen[str]:
    """Another process with the same store."""
    return subprocess.Popen(
        [sys.executable, "-c", program, *arguments],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        text=True,
    )


def test_a_new_file_is_its_owners_alone(store: Store, file: Path) -> None:
    """Other accounts of the machine read no results, neither in the file nor in those beside it."""
    with store.transaction() as unit:
        take(unit, "anna")

    beside = list(file.parent.glob(f"{file.name}*"))
    assert len(beside) > 1
    assert {stat.S_IMODE(each.stat().st_mode) for each in beside} == {0o600}


def test_an_exception_leaves_nothing(store: Store, file: Path) -> None:
    """A batch that fails half way has not been."""

    def fail() -> None:
        with store.transaction() as unit:
            take(unit, "anna")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    assert counts(file) == {0}
    with store.transaction() as unit:
        take(unit, "berta")
    assert counts(file) == {1}


def test_a_refused_row_is_told_apart_from_a_store_that_is_away(store: Store, file: Path) -> None:
    """What no waiting will cure is no TransientError; nothing of the batch stays, and no value is told."""
    poison = OutboxRow("m", "alerts", None, "text/plain", "", {}, b"")  # type: ignore[arg-type]

    def refuse() -> None:
        with store.transaction() as unit:
            take(unit, "anna")
            unit.put_outbox([poison], DAY_ZERO)

    with pytest.raises(EngineError, match="refused a row: SQLITE_CONSTRAINT") as refused:
        refuse()
    assert not isinstance(refused.value, TransientError)
    assert SECRET not in str(refused.value)
    assert counts(file) == {0}


def test_half_a_character_is_refused_without_telling_it(store: Store, file: Path) -> None:
    """What no database can hold does not take the batch down with it unnamed."""

    def refuse() -> None:
        with store.transaction() as unit:
            take(unit, "anna")
            unit.put_outbox([OutboxRow(f"{SECRET}\ud800", "alerts", "", "", "", {}, b"")], DAY_ZERO)

    with pytest.raises(EngineError, match="refused a row: half a surrogate pair") as refused:
        refuse()
    assert SECRET not in str(refused.value)
    assert counts(file) == {0}


def test_a_locked_store_is_tried_again_later(store: Store, file: Path) -> None:
    """After the busy timeout the batch goes back; the error holds nothing of it."""

    def write() -> None:
        with store.transaction() as unit:
            take(unit, "anna")

    with locked(file), pytest.raises(TransientError) as away:
        write()
    assert str(away.value) == "store: SQLITE_BUSY"
    write()
    assert counts(file) == {1}


def test_a_short_lock_is_waited_for(store: Store, file: Path) -> None:
    """A command line beside the engine costs it a pause, not a retry."""
    release = threading.Event()
    holding = threading.Event()

    def hold() -> None:
        with locked(file):
            holding.set()
            release.wait(5)

    holder = threading.Thread(target=hold)
    holder.start()
    holding.wait(5)
    threading.Timer(0.3, release.set).start()
    with store.transaction() as unit:
        take(unit, "anna")
    holder.join()

    assert counts(file) == {1}


def test_looking_waits_for_no_writer(store: Store, file: Path) -> None:
    """All that people ask for is answered while somebody writes, from the state before."""
    with store.transaction() as unit:
        take(unit, "anna")
    with locked(file):
        beside = Store.open(url_of(file))
        assert [record.person.person_id for record in beside.records()] == ["anna"]
        assert beside.roots_by_identifier("anna") == ["anna"]
        assert beside.outbox_depth() == len(unsent(beside)) == len(beside.messages()) == 1
        assert beside.alerts(only_open=False) == []
        assert beside.alert_events() == []
        assert beside.quarantined() == []
        assert beside.mapping_ledger() == []
        assert beside.disposition_counts() == [("accepted", "results", 1)]
        beside.close()


def test_a_full_disk_keeps_what_was_there(store: Store, file: Path) -> None:
    """A batch that does not fit is not kept and can be tried again; what was acknowledged is whole."""
    with store.transaction() as unit:
        take(unit, "anna")
    with store._connection(reading=True) as connection:
        pages = connection.exec_driver_sql("PRAGMA page_count").scalar_one()
    with store._connection(reading=True) as connection:
        connection.exec_driver_sql(f"PRAGMA max_page_count={pages + 10}")

    def fill() -> None:
        with store.transaction() as unit:
            take(unit, "berta", body=bytes(10**6))

    for _ in range(2):
        with pytest.raises(TransientError, match="store: SQLITE_FULL"):
            fill()
    assert counts(file) == {1}
    with store._connection(reading=True) as connection:
        connection.exec_driver_sql("PRAGMA max_page_count=1000000")
    fill()
    assert counts(file) == {2}
    assert store.check() == "ok"


_KILLED = f"""
import sys
sys.path.insert(0, {str(ROOT)!r})
from tests.fault.test_store_faults import Store, take
store = Store.open(sys.argv[1])
with store.transaction() as unit:
    take(unit, "first")
print("kept", flush=True)
with store.transaction() as unit:
    for number in range(200):
        take(unit, f"p{{number}}", body=bytes(20_000))
    if sys.argv[2] == "flushed":
        unit.flush()
    print("ready", flush=True)
    sys.stdin.read()
"""


@pytest.mark.parametrize("moment", ["collected", "flushed"])
def test_a_kill_in_the_middle_of_a_unit_leaves_nothing_of_it(file: Path, moment: str) -> None:
    """Killed before the commit, even with all rows written: the batch has not been, the one before has."""
    with subprocess.Popen(
        [sys.executable, "-c", _KILLED, url_of(file), moment],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=ROOT,
    ) as process:
        assert process.stdout is not None
        assert [process.stdout.readline() for _ in range(2)] == ["kept\n", "ready\n"]
        process.send_signal(signal.SIGKILL)
        process.wait()

    store = Store.open(url_of(file))
    assert counts(file) == {1}
    assert [record.person.person_id for record in store.records()] == ["first"]
    assert store.check() == "ok"
    store.close()


_WRITER = f"""
import sys
sys.path.insert(0, {str(ROOT)!r})
from tests.fault.test_store_faults import Store, add_result
store = Store.open(sys.argv[1])
for number in range(int(sys.argv[3])):
    add_result(store, sys.argv[2], number)
"""


def add_result(store: Store, writer: str, number: int) -> None:
    """One more result for one and the same patient, on top of the record as it is."""
    anna = Identifier("HOSPITAL", "anna")
    new = replace(result("alt", "30", number, order=f"{writer}{number}"), person_id="anna")
    with store.transaction() as unit:
        if unit.roots_of([anna]):
            record = unit.record("anna")
        else:
            record = Record(Person("anna", (anna,), members=("anna",)))
            unit.put_person(record.person, [anna], new=True)
        told = OutboxRow(str(len(record.results)), "alerts", "key", "text/plain", "", {}, b"")
        unit.put_record(replace(record, results=(*record.results, new)), results=[new])
        unit.put_outbox([told], DAY_ZERO)


def test_two_processes_write_one_after_the_other(file: Path) -> None:
    """Each decides on what the other has left: no result is lost, and no state is decided on twice."""
    each = 60
    with run(_WRITER, url_of(file), "a", str(each)) as one, run(_WRITER, url_of(file), "b", str(each)) as two:
        assert (one.wait(60), two.wait(60)) == (0, 0)

    store = Store.open(url_of(file))
    assert len(store.records(["anna"])[0].results) == 2 * each
    seen = [int(row.message_id) for row in unsent(store)]
    assert seen == list(range(2 * each))
    store.close()


def test_threads_share_a_store_in_memory() -> None:
    """The relay marks what it has sent while a batch is under way, without a file just as with one."""
    store = Store.open("sqlite://")
    for number in range(20):
        with store.transaction() as unit:
            take(unit, f"p{number}")
    failures: list[BaseException] = []

    def relay() -> None:
        try:
            while names := [row.message_id for row in unsent(store, 3)]:
                hand_over(store, DAY_ZERO, confirmed=names, limit=3)
        except BaseException as error:  # noqa: BLE001  told by the assertion below
            failures.append(error)

    relaying = threading.Thread(target=relay)
    relaying.start()
    for number in range(20, 40):
        with store.transaction() as unit:
            take(unit, f"p{number}")
    relaying.join()
    relay()

    assert failures == []
    assert store.outbox_depth() == 0
    store.close()


@pytest.mark.parametrize("by", ["nothing", "a copy"])
def test_nothing_is_committed_to_a_file_that_was_moved_away(store: Store, file: Path, by: str) -> None:
    """A backup put in the place of a store in use: what would be gone with the process is refused."""
    with store.transaction() as unit:
        take(unit, "anna")
    gone = file.with_name("gone.db")
    file.rename(gone)
    if by == "a copy":
        shutil.copy(gone, file)

    with pytest.raises(TransientError, match="moved, removed or replaced"), store.transaction() as unit:
        take(unit, "berta")
    with pytest.raises(TransientError, match="moved, removed or replaced"):
        store.condition()
    assert file.exists() is (by == "a copy")
    gone.rename(file)
    with store.transaction() as unit:
        take(unit, "clara")
    assert [row["control_id"] for row in store.messages()] == ["clara", "anna"]


def test_a_file_that_is_moved_away_under_a_batch_takes_none_of_it(store: Store, file: Path) -> None:
    """It was there when the batch began."""

    def move_it(unit: Unit) -> None:
        take(unit, "anna")
        file.rename(file.with_name("gone.db"))

    with pytest.raises(TransientError, match="moved"), store.transaction() as unit:
        move_it(unit)
    file.with_name("gone.db").rename(file)

    assert store.messages() == []
