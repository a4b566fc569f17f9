"""Whether a store hangs together, and what is old enough to go."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta

import pytest

from engine.errors import ConfigError
from engine.model.disposition import Disposition, Outcome, Reason
from engine.model.person import Identifier, Person
from engine.model.record import Record
from engine.store import InboxKey, OutboxRow, Store, TakenMessage, check, purge
from tests.contract.test_store_asking import statement
from tests.support.builders import DAY_ZERO, on_day, result
from tests.support.outbox import hand_over

HELD = Outcome(Disposition.QUARANTINED, Reason.STATUS_UNKNOWN, "OBX[1]-11", "not in table 0085")
TAKEN = Outcome(Disposition.ACCEPTED, Reason.RESULTS)


@pytest.fixture
def store(url: str) -> Iterator[Store]:
    opened = Store.open(url)
    with opened.transaction() as unit:
        identifier = Identifier("HOSPITAL", "1", "MR")
        record = Record(Person("anna", (identifier,), members=("anna",)))
        unit.put_person(record.person, [identifier], new=True)
        unit.put_record(record, results=[replace(result("alt", "40"), person_id="anna")])
        for number, (outcome, at) in enumerate(
            ((TAKEN, DAY_ZERO), (HELD, DAY_ZERO), (HELD, DAY_ZERO), (TAKEN, on_day(50)))
        ):
            key = InboxKey("LAB", str(number), f"digest {number}")
            body = b"MSH" if outcome is HELD else None
            unit.put_message(
                TakenMessage(key, at, "ORU^R01", outcome, "", "r", persons=("anna",), quarantined_body=body)
            )
        rows = [OutboxRow(name, "alerts", "key", "x/y", name, {}, b"") for name in ("sent", "unsent")]
        unit.put_outbox(rows, DAY_ZERO)
    hand_over(opened, on_day(1), confirmed=["sent"])
    with opened.transaction() as unit:
        first = opened.quarantined()[0]
        assert unit.close_quarantined(first.id, "discarded", "a test", on_day(2))
    yield opened
    opened.close()


def test_what_is_needed_for_nothing_any_more_goes(store: Store, url: str) -> None:
    """What is held, unsent or young stays, and so do results; the store is sound before and after."""
    assert check(url) == []

    assert purge(url, on_day(30)) == {
        "published messages": 1,
        "closed quarantine entries": 1,
        "ledger lines": 2,
    }

    assert check(url) == []
    assert [line["control_id"] for line in store.messages()] == ["3", "2"]
    assert [held.state for held in store.quarantined()] == ["held"]
    assert store.outbox_depth() == 1
    assert len(store.records(["anna"])[0].results) == 1
    assert set(purge(url, on_day(30)).values()) == {0}


@pytest.mark.parametrize(
    ("damage", "told"),
    [
        ("DELETE FROM persons", ["identifiers of nobody: 1", "results of nobody: 1"]),
        ("UPDATE persons SET root = 'berta'", ["persons in a class without a root: 1"]),
        ("DELETE FROM quarantine", ["ledger lines that say quarantined, and nothing is held: 2"]),
    ],
)
def test_what_does_not_hang_together_is_told(store: Store, url: str, damage: str, told: list[str]) -> None:
    """A row that a person has removed, or that a copy has lost, is found."""
    assert store.outbox_depth() == 1
    statement(url, damage)

    assert check(url) == told


def test_only_a_store_of_this_release_is_looked_after(url: str) -> None:
    """Nothing is removed from tables that another release has made."""
    for work in (check, lambda address: purge(address, DAY_ZERO + timedelta(days=9))):
        with pytest.raises(ConfigError, match="there is no store"):
            work(url)
