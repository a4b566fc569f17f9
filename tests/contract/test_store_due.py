"""Who is due when, how far time has been judged."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from datetime import datetime

import pytest

from engine.model.alert import Alert
from engine.model.moment import Moment
from engine.model.person import Identifier, Person
from engine.model.record import Record
from engine.model.therapy import TherapyEvent, TherapyEventKind
from engine.model.watch import Watch
from engine.store import Store, Unit
from tests.support.builders import DAY_ZERO, finding, on_day


@pytest.fixture
def store(url: str) -> Iterator[Store]:
    opened = Store.open(url)
    yield opened
    opened.close()


def add(unit: Unit, name: str) -> Record:
    """A person on therapy."""
    identifier = Identifier("HOSPITAL", name, "MR")
    record = Record(Person(name, (identifier,), members=(name,)))
    start = TherapyEvent("e1", name, TherapyEventKind.START, Moment(DAY_ZERO), "azathioprine")
    unit.put_person(record.person, [identifier], new=True)
    unit.put_record(record, therapy=[start])
    return record


def test_those_who_are_due_come_in_the_order_of_their_instants(store: Store) -> None:
    """A sweep costs what is due: who is due later, and who never is, is not read."""
    with store.transaction() as unit:
        for name, day in (("anna", 9), ("berta", 7), ("clara", 30), ("dora", None)):
            add(unit, name)
            unit.put_due(name, None if day is None else on_day(day))
        assert unit.next_due() == on_day(7)
        assert unit.due(on_day(9), 10) == [("berta", on_day(7)), ("anna", on_day(9))]
    with store.transaction() as unit:
        assert unit.next_due() == on_day(7)
        assert unit.due(on_day(9), 1) == [("berta", on_day(7))]
        unit.put_due("berta", on_day(12))
        assert unit.due(on_day(9), 10) == [("anna", on_day(9))]
        unit.put_due("anna", None)
        assert unit.due(on_day(9), 10) == []
        assert unit.next_due() == on_day(12)


def test_a_merge_leaves_one_person_to_look_at(store: Store) -> None:
    """The number that was retired is nobody whom a sweep could judge."""
    with store.transaction() as unit:
        anna, berta = add(unit, "anna"), add(unit, "berta")
        unit.put_due("berta", on_day(7))
    with store.transaction() as unit:
        unit.put_merge(anna, berta.person, DAY_ZERO, "M1", "ADT^A40")
        unit.put_due("anna", on_day(8))
    with store.transaction() as unit:
        assert unit.due(on_day(30), 10) == [("anna", on_day(8))]


def test_how_far_time_was_judged_outlives_a_restart(store: Store, url: str) -> None:
    """After a stop the engine goes on from there."""
    assert store.watch() is None
    watch = Watch(on_day(1), on_day(3))
    with store.transaction() as unit:
        assert unit.watch() is None
        unit.put_watch(watch)
        assert unit.watch() == watch

    with closing(Store.open(url)) as again:
        assert again.watch() == watch


def test_everybody_on_therapy_is_looked_at_once_for_each_revision(store: Store) -> None:
    """New rules may wait for something in people of whom nothing is heard."""
    with store.transaction() as unit:
        add(unit, "anna")
    with store.transaction() as unit:
        assert unit.look_at_everybody(on_day(2), "r1")
        assert unit.due(on_day(2), 10) == [("anna", on_day(2))]
        unit.put_due("anna", None)
    with store.transaction() as unit:
        assert not unit.look_at_everybody(on_day(3), "r1")
        assert unit.due(on_day(9), 10) == []
        assert unit.look_at_everybody(on_day(3), "r2")


def alert(waiting_since: datetime | None, *, is_open: bool = True) -> Alert:
    told = finding()
    at = on_day(1)
    return Alert("A1", "anna", "f", "", "e", is_open, 1, told, told, at, at, waiting_since=waiting_since)


@pytest.mark.parametrize("waiting_since", [None, on_day(4)])
def test_an_alert_keeps_since_when_it_waits(store: Store, url: str, waiting_since: datetime | None) -> None:
    """An alert is told again an hour after it was raised, whatever happens to the engine meanwhile."""
    with store.transaction() as unit:
        unit.put_record(add(unit, "anna"), alerts=[alert(waiting_since)])

    with closing(Store.open(url)) as beside:
        (found,) = beside.alerts(only_open=True)
    assert found.waiting_since == waiting_since
