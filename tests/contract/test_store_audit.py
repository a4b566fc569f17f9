"""The audit of a store: what was tampered with is found with its place, and purging leaves it whole."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from engine.audit import Head, Kind
from engine.errors import ConfigError, EngineError
from engine.model.alert import FEED_SILENT
from engine.model.disposition import Disposition, Outcome, Reason
from engine.model.record import Record
from engine.outbox import Publishing, alert_rows
from engine.store import Hand, InboxKey, Store, TakenMessage, TechnicalAlert, export, migrate, purge, verify
from tests.contract.test_store_asking import statement
from tests.contract.test_store_migrations import make
from tests.support.builders import DAY_ZERO, on_day
from tests.support.outbox import hand_over, unsent
from tests.unit.outbound.events import START

KEY = b"the key of this site, long enough"
HELD = Outcome(Disposition.QUARANTINED, Reason.STATUS_UNKNOWN, "OBX[1]-11", "not in table 0085")
TAKEN = Outcome(Disposition.ACCEPTED, Reason.RESULTS)
ROWS = 7
FORGED = (
    "INSERT INTO outbox (message_id, exchange, routing_key, content_type, correlation_id, headers, body,"
    " created_at) SELECT 'E9', exchange, routing_key, content_type, "
)
SETTLED = "UPDATE audit SET kind = 'backlog-settled', what = '{\"dropped\":[{}]}' WHERE sequence = 6"
FROM_A_TRUE_ONE = ", headers, body, created_at FROM outbox WHERE message_id = 'E2'"


def message(number: int, outcome: Outcome = TAKEN, day: float = 0) -> TakenMessage:
    """A message of that day; its control id has what PostgreSQL cannot hold."""
    key = InboxKey("LAB|HOSPITAL", f"C{number}\0", f"digest {number}")
    body = b"MSH" if outcome is HELD else None
    return TakenMessage(key, on_day(day), "ORU^R01", outcome, "labs", "r1", quarantined_body=body)


def tell(store: Store, day: float, number: int, *messages: TakenMessage) -> None:
    """A batch with an alert event, on that day."""
    event = replace(START, event_id=f"E{number}", sequence=number, decided_at=on_day(day))
    with store.transaction() as unit:
        for one in messages:
            unit.put_message(one)
        unit.put_record(Record(START.person), events=[event])
        unit.put_outbox(alert_rows([event], Publishing()), on_day(day))


def discard(store: Store, day: float) -> None:
    """A person closes the first held message."""
    held = store.quarantined(state="held")[0]
    same = {name: held.message[name] for name in ("digest", "sender", "control_id")}
    with store.transaction() as unit:
        unit.close_quarantined(held.id, "discarded", "a double", on_day(day))
        what = {"quarantine": held.id, "by": "anna", "why": "a double", **same}
        unit.note(Kind.QUARANTINE_DISCARDED, what, on_day(day))


def alarm(store: Store, day: float) -> None:
    """The engine tells of a sender that is silent."""
    event = replace(START, event_id="T1", alert_id="T", family=FEED_SILENT, rule=FEED_SILENT)
    with store.technical() as technical:
        alert = TechnicalAlert("T", FEED_SILENT, "north", 1, on_day(day))
        technical.put_alert(alert)
        technical.put_outbox(alert, alert_rows([event], Publishing()), on_day(day))


@pytest.fixture
def store(url: str) -> Iterator[Store]:
    with story(url) as opened:
        yield opened


@contextmanager
def story(url: str) -> Iterator[Store]:
    """Seven rows: start, messages, an event, messages, another event, a discarded message, an alarm."""
    with closing(Store.open(url, site_key=KEY)) as opened:
        opened.note(Kind.ENGINE_STARTED, {"revision": "r1"}, DAY_ZERO)
        tell(opened, 0, 1, message(1), message(2, HELD))
        tell(opened, 40, 2, message(3, day=40), message(4, HELD, day=40))
        discard(opened, 41)
        alarm(opened, 41)
        hand_over(opened, on_day(1), confirmed=["E1"])
        yield opened


def faults(url: str, known: Head | None = None) -> list[str]:
    return verify(url, KEY, known=known).faults


def test_an_audit_that_nobody_touched_verifies(store: Store, url: str) -> None:
    """Every ledger line, alert event, message to receivers and closed entry is vouched for."""
    verdict = verify(url, KEY, known=store.audit_head())

    assert (verdict.rows, verdict.vouched, verdict.faults) == (ROWS, 4 + 2 + 3 + 1, [])
    assert verdict.head == store.audit_head()
    assert [entry.kind for entry in export(url)] == [
        "engine-started", "messages", "alert-event", "messages", "alert-event", "quarantine-discarded",
        "technical-alert",
    ]  # fmt: skip
    assert verify(url, KEY, since=on_day(39)).rows == 4
    assert store.continues_audit()


@pytest.mark.parametrize(
    ("tampering", "told"),
    [
        ('UPDATE audit SET what = \'{"revision":"r2"}\' WHERE sequence = 1', "row 1 (engine-started, "),
        ("UPDATE audit SET at = '2020' WHERE sequence = 4", "row 4 (messages, "),
        ("UPDATE audit SET hash = 'a' || hash WHERE sequence = 6", "row 6 (quarantine-discarded, "),
        ("DELETE FROM audit WHERE sequence = 3", "row 3: removed"),
        ("DELETE FROM audit WHERE sequence < 3", "rows 1 to 2: removed, and no row tells of a purge"),
        ("INSERT INTO audit SELECT 8, at, kind, what, hash, hash FROM audit WHERE sequence = 7", "row 8 ("),
        ("INSERT INTO audit SELECT -5, at, kind, what, hash, hash FROM audit WHERE sequence = 7", "row -5 ("),
        ("INSERT INTO audit SELECT 0, at, kind, what, hash, hash FROM audit WHERE sequence = 7", "row 0 ("),
        ("UPDATE audit SET sequence = 20 WHERE sequence = 4", "row 20 (messages, "),
        ("UPDATE audit SET what = x'ff00' WHERE sequence = 4", "row 4 (messages, "),
        ("UPDATE audit SET at = x'ff00' WHERE sequence = 4", "row 4 (messages, "),
        ("UPDATE audit SET hash = x'ff00' WHERE sequence = 4", "row 4 (messages, "),
        ("UPDATE audit SET what = CAST(x'ff' AS TEXT) WHERE sequence = 4", "row 4 (messages, "),
        ("UPDATE audit SET what = printf('%.*c', 200000, '[') WHERE sequence = 4", "row 4 (messages, "),
        ('UPDATE audit SET what = \'{"lines":[[1],"\\ud800"]}\' WHERE sequence = 4', "row 4 (messages, "),
        ('UPDATE audit SET what = \'{"event":{"a":{}}}\' WHERE sequence = 4', "row 4 (messages, "),
        (SETTLED, "row 6 (backlog-settled, "),
        ("UPDATE audit SET sequence = -9223372036854775808 WHERE sequence = 4", "row -9223372036854775808 ("),
        ("UPDATE messages SET sender = CAST(x'ff' AS TEXT) WHERE digest = 'digest 3'", "ledger line 3 "),
        ("UPDATE alert_events SET event = CAST(x'ff' AS TEXT) WHERE event_id = 'E2'", "event E2 "),
        ("UPDATE alert_events SET event = printf('%.*c', 200000, '[') WHERE event_id = 'E2'", "event E2 "),
        (
            "UPDATE outbox SET headers = printf('%.*c', 200000, '[') WHERE message_id = 'E2'",
            "receivers E2: is",
        ),
        ("UPDATE messages SET received_at = x'ff' WHERE digest = 'digest 3'", "ledger line 3 "),
        ("UPDATE alert_events SET event = x'ff' WHERE event_id = 'E2'", "event E2 "),
        ("UPDATE outbox SET created_at = x'ff', headers = x'ff' WHERE message_id = 'E2'", "receivers E2: is"),
        ("UPDATE quarantine SET why = x'ff', closed_at = x'ff' WHERE state = 'discarded'", "entry 1: is"),
        ("UPDATE messages SET disposition = 'ignored' WHERE digest = 'digest 3'", "ledger line 3 "),
        ("DELETE FROM messages WHERE digest = 'digest 1'", "ledger line that row 2 vouches for: removed"),
        ("UPDATE messages SET digest = 'other' WHERE digest = 'digest 1'", "no row of the audit vouches"),
        ("UPDATE alert_events SET event = replace(event, 'crit', 'x') WHERE event_id = 'E2'", "event E2 "),
        ("DELETE FROM alert_events WHERE event_id = 'E1'", "alert event that row 3 vouches for: removed"),
        ("INSERT INTO alert_events VALUES ('E3', 'A', 1, '{}')", "alert event E3 (number 1 of alert A)"),
        ("UPDATE outbox SET routing_key = 'nowhere' WHERE message_id = 'E2'", "message to receivers E2"),
        ("DELETE FROM outbox WHERE message_id = 'E2'", "message to receivers that row 5 vouches"),
        (FORGED + "correlation_id" + FROM_A_TRUE_ONE, "message to receivers E9: no row of the audit vouches"),
        (FORGED + "''" + FROM_A_TRUE_ONE, "message to receivers E9: no row of the audit vouches"),
        ("UPDATE outbox SET body = body || 'x' WHERE message_id = 'T1'", "receivers T1: is not what row 7"),
        ("DELETE FROM outbox WHERE message_id = 'T1'", "message to receivers that row 7 vouches"),
        ("UPDATE quarantine SET state = 'released' WHERE state = 'held'", "closed quarantine entry 2"),
        ("UPDATE quarantine SET state = 'held'", "closed quarantine entry that row 6 vouches for: removed"),
        ("UPDATE quarantine SET why = 'well' WHERE state = 'discarded'", "closed quarantine entry 1"),
    ],
)
def test_tampering_is_found_with_its_place(tmp_path: Path, tampering: str, told: str) -> None:
    """Whoever can write the database and has not the key cannot change the past unnoticed."""
    url = f"sqlite:///{tmp_path / 'azawatch.db'}"
    with story(url):
        statement(url, tampering.replace(":", r"\:"))

        assert [fault for fault in faults(url) if told in fault], faults(url)


def test_what_was_cut_off_is_found_by_a_head_that_was_kept(store: Store, url: str) -> None:
    """The newest rows can be removed without a trace in the chain; the log server knows better."""
    head = store.audit_head()
    statement(url, "DELETE FROM audit WHERE sequence > 4")
    assert "rows 5 to 7: cut off from the end" in faults(url, head)

    tell(store, 42, 3)
    tell(store, 42, 4)
    tell(store, 42, 5)
    assert any("row 7 (alert-event" in fault and "known head" in fault for fault in faults(url, head))


def test_the_key_of_another_site_makes_no_row(store: Store, url: str) -> None:
    """Somebody who rebuilds the chain with a key of their own is found out; so is a wrong setting."""
    with closing(Store.open(url, site_key=b"another key" * 4)) as other:
        assert not other.continues_audit()
        tell(other, 43, 3)

    assert "row 8 (alert-event, 2026-04-24T09:00:00): changed, moved" in faults(url)[0]
    assert verify(url, b"another key" * 4).faults[0].startswith("rows 1 to 7: changed")
    assert store.audit_head().sequence == 8


def test_a_purge_leaves_an_audit_that_verifies(store: Store, url: str) -> None:
    """What is gone by right is no fault, what is still there stays vouched for, and the rest is found."""
    hand = Hand(KEY, "anna", on_day(400))
    purge(url, on_day(30), hand)
    assert faults(url) == []

    counts = purge(url, on_day(60), hand, audit_before=on_day(41.5))
    assert counts["rows of the audit"] == ROWS
    assert [entry.kind for entry in export(url)] == ["store-purged", "carried", "carried", "store-purged"]
    assert faults(url) == []
    assert len(store.alert_events()) == 2

    statement(url, "DELETE FROM outbox WHERE message_id = 'E2'")
    statement(url, "UPDATE alert_events SET event = replace(event, 'crit', 'x') WHERE event_id = 'E1'")
    changed, removed = faults(url)
    assert "alert event E1 " in changed
    assert "is not what row " in changed
    assert removed.startswith("message to receivers that row ")


def test_what_is_removed_after_a_purge_is_found(store: Store, url: str) -> None:
    """What is older and was let be, such as what is held, hides nothing that is newer."""
    assert unsent(store)
    purge(url, on_day(30), Hand(KEY, "anna", on_day(407)), audit_before=on_day(41.5))
    assert faults(url) == []

    statement(url, "DELETE FROM messages WHERE digest = 'digest 3'")
    assert [fault.partition(" that row ")[0] for fault in faults(url)] == ["ledger line"]


def test_an_audit_with_faults_is_not_cut(store: Store, url: str) -> None:
    """Else a purge would carry what somebody has made of the past into the chain."""
    assert unsent(store)
    statement(url, "UPDATE messages SET disposition = 'ignored' WHERE digest = 'digest 3'")

    with pytest.raises(ConfigError, match=r"does not verify: ledger line 3"):
        purge(url, on_day(30), Hand(KEY, "anna", on_day(400)), audit_before=on_day(41.5))
    assert store.audit_head().sequence == ROWS


def test_a_copy_of_a_message_is_vouched_for(store: Store, url: str) -> None:
    """Where two readers disagree nobody is accused; what somebody passes off as a copy is found."""
    copied = message(1).key
    store.keep_copy(copied, b"MSH", "two readers disagree", on_day(41))
    store.keep_copy(InboxKey("LAB", "unknown", "no digest"), b"MSH", "of no ledger line", on_day(41))
    assert faults(url) == []
    assert [entry.kind for entry in export(url)][ROWS:] == ["copy-kept"]

    purge(url, on_day(30), Hand(KEY, "anna", on_day(407)), audit_before=on_day(41.5))
    assert faults(url) == []
    assert len(store.quarantined(state="copy")) == 1

    statement(url, "UPDATE quarantine SET state = 'copy' WHERE state = 'held'")
    assert [fault for fault in faults(url) if "copy of a message 2: no row of the audit" in fault]
    statement(url, "DELETE FROM quarantine WHERE state = 'copy'")
    assert [fault for fault in faults(url) if fault.startswith("copy of a message that row ")]


def test_several_writers_make_one_chain(url: str) -> None:
    """Workers, sweeps and commands add to it at the same time; none is lost and none doubled."""

    def write(number: int) -> None:
        with closing(Store.open(url, site_key=KEY)) as one:
            for count in range(10):
                tell(one, count, number * 100 + count, message(number * 100 + count))

    Store.open(url).close()
    with ThreadPoolExecutor(4) as threads:
        list(threads.map(write, range(1, 5)))

    assert (verify(url, KEY).rows, faults(url)) == (80, [])


def test_an_old_store_is_vouched_for_when_it_is_migrated(url: str) -> None:
    """The first row tells of the migration, the next of all that it found."""
    make(url, "3")
    statement(
        url,
        "INSERT INTO messages (sender, control_id, digest, received_at, message_type, disposition, reason,"
        " location, detail, source, revision, observations, results, events, repeats)"
        " VALUES ('LAB', 'C1', 'd', '2026', 'ORU^R01', 'accepted', 'results', '', '', '', 'r', 1, 1, 0, 0)",
    )
    assert migrate(url, Hand(KEY, "anna", DAY_ZERO))[0] == "3"
    assert (verify(url, KEY).vouched, faults(url)) == (1, [])

    statement(url, "UPDATE messages SET results = 0")
    assert "is not what row 2 vouches for" in faults(url)[0]


def test_a_store_without_a_key_keeps_no_audit(url: str) -> None:
    """What nobody vouches for is told as such, once somebody asks."""
    with closing(Store.open(url)) as opened:
        tell(opened, 0, 1, message(1))
        assert opened.audit_head() == Head()

    assert len(faults(url)) == 3


def test_a_refused_batch_leaves_no_row(store: Store, url: str) -> None:
    """The audit is written in the transaction of what it tells, or not at all."""
    refused = replace(message(9), source="labs", message_type="\udce4")
    with pytest.raises(EngineError, match="surrogate"):
        tell(store, 43, 3, refused)

    assert (store.audit_head().sequence, faults(url)) == (ROWS, [])
