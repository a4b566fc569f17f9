"""One unit of work: what it reads back of its own changes, and what the next one finds."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from engine.model.alert import Alert
from engine.model.moment import Moment
from engine.model.person import Identifier, Person
from engine.model.record import Record
from engine.model.result import Problem, Result
from engine.model.therapy import TherapyEvent, TherapyEventKind
from engine.store import Store, Unit
from tests.support.builders import DAY_ZERO, finding, on_day, result

ANNA, BERTA, CLARA = (Identifier("HOSPITAL", number, "MR") for number in ("0071", "71", "0072"))


@pytest.fixture
def store(url: str) -> Iterator[Store]:
    opened = Store.open(url)
    yield opened
    opened.close()


def person(name: str, *identifiers: Identifier) -> Person:
    return Person(name, identifiers, members=(name,))


def add(unit: Unit, name: str, identifier: Identifier, *results: Result) -> Record:
    """A new person with one identifier and some results."""
    record = Record(person(name, identifier), tuple(replace(one, person_id=name) for one in results))
    unit.put_person(record.person, [identifier], new=True)
    unit.put_record(record, results=record.results)
    return record


def merge(unit: Unit, survivor: str, retired: str, at: datetime = DAY_ZERO) -> None:
    """Join two known persons as the engine does."""
    kept, gone = unit.record(survivor), unit.record(retired)
    joined = Record(
        replace(
            kept.person,
            identifiers=(*kept.person.identifiers, *gone.person.identifiers),
            members=tuple(sorted({*kept.person.members, *gone.person.members})),
        ),
        (*kept.results, *gone.results),
        (*kept.therapy, *gone.therapy),
        (*kept.alerts, *gone.alerts),
    )
    unit.put_merge(joined, gone.person, at, "C1", "ADT^A40")
    unit.put_record(joined)


def keys(record: Record) -> set[str]:
    return {one.key for one in record.results}


def test_a_unit_sees_the_person_it_has_just_put(store: Store) -> None:
    """The second message of a batch belongs to the patient that the first has made known."""
    with store.transaction() as unit:
        assert unit.roots_of([ANNA]) == ()
        add(unit, "anna", ANNA, result("alt", "30"))

        assert unit.roots_of([ANNA]) == ("anna",)
        assert unit.knows("anna")
        assert not unit.knows("berta")
        assert keys(unit.record("anna")) == {"order0|alt"}


def test_leading_zeros_tell_people_apart(store: Store) -> None:
    """0071 and 71 are two patients."""
    with store.transaction() as unit:
        add(unit, "anna", ANNA)
        add(unit, "berta", BERTA)
    with store.transaction() as unit:
        assert unit.roots_of([ANNA, BERTA]) == ("anna", "berta")


def test_results_of_the_retired_are_read_under_the_survivor(store: Store) -> None:
    """After a merge the history of both numbers is one history, today and after a restart."""
    with store.transaction() as unit:
        add(unit, "anna", ANNA, result("alt", "30"))
        add(unit, "berta", BERTA, result("ast", "40"))
    with store.transaction() as unit:
        merge(unit, "anna", "berta")

        assert unit.roots_of([BERTA]) == ("anna",)
        assert unit.record("berta") is unit.record("anna")
    with store.transaction() as unit:
        assert unit.roots_of([ANNA, BERTA]) == ("anna",)
        record = unit.record("anna")
    assert keys(record) == {"order0|alt", "order0|ast"}
    assert record.person.members == ("anna", "berta")
    assert {one.person_id for one in record.results} == {"anna", "berta"}


def test_a_merge_is_seen_by_identifiers_looked_up_later_in_the_batch(store: Store) -> None:
    """A message behind the merge may name the retired number for the first time in this batch."""
    with store.transaction() as unit:
        add(unit, "anna", ANNA)
        add(unit, "berta", BERTA)
        unit.put_person(unit.record("berta").person, [CLARA], new=False)
    with store.transaction() as unit:
        merge(unit, "anna", "berta")

        assert unit.roots_of([CLARA]) == ("anna",)


@pytest.mark.parametrize("together", [True, False], ids=["one unit", "two units"])
def test_merges_chain(store: Store, together: bool) -> None:
    """B into A and then A into C: all three numbers lead to C, with the results of all."""
    with store.transaction() as unit:
        add(unit, "anna", ANNA, result("alt", "1"))
        add(unit, "berta", BERTA, result("ast", "2"))
        add(unit, "clara", CLARA, result("wbc", "3"))
    with store.transaction() as unit:
        merge(unit, "anna", "berta")
        if together:
            merge(unit, "clara", "anna")
    if not together:
        with store.transaction() as unit:
            merge(unit, "clara", "anna")
    with store.transaction() as unit:
        assert unit.roots_of([ANNA, BERTA, CLARA]) == ("clara",)
        assert len(unit.record("clara").results) == 3
        assert unit.record("clara").person.members == ("anna", "berta", "clara")


def test_merging_twice_changes_nothing(store: Store) -> None:
    """Interface engines send the same merge again, also the other way round."""
    with store.transaction() as unit:
        add(unit, "anna", ANNA)
        add(unit, "berta", BERTA)
    for _ in range(2):
        with store.transaction() as unit:
            gone = person("berta", BERTA)
            unit.put_merge(unit.record("anna"), gone, DAY_ZERO, "C1", "ADT^A40")
            unit.put_merge(unit.record("berta"), unit.record("anna").person, DAY_ZERO, "C2", "ADT^A40")
            unit.put_record(unit.record("anna"))
    with store.transaction() as unit:
        assert unit.roots_of([ANNA, BERTA]) == ("anna",)


def test_two_classes_become_one(store: Store) -> None:
    """Joining people who have each been joined before loses nobody."""
    others = [Identifier("HOSPITAL", f"9{number}", "MR") for number in range(4)]
    with store.transaction() as unit:
        for number, identifier in enumerate(others):
            add(unit, f"p{number}", identifier, result("alt", str(number), day=number))
        merge(unit, "p0", "p1")
        merge(unit, "p2", "p3")
        merge(unit, "p0", "p2")
    with store.transaction() as unit:
        assert unit.roots_of(others) == ("p0",)
        assert len(unit.record("p0").results) == 4


def test_of_one_result_with_both_people_the_newest_version_counts(store: Store) -> None:
    """A correction that came under the retired number is not hidden by the older value of the survivor."""
    with store.transaction() as unit:
        add(unit, "anna", ANNA, result("alt", "30", version=1))
        add(unit, "berta", BERTA, result("alt", "300", version=2))
        merge(unit, "anna", "berta")
    with store.transaction() as unit:
        assert [str(one.quantity) for one in unit.record("anna").results] == ["300 U/L"]


def test_one_record_holds_results_of_several_members(store: Store) -> None:
    """A result of the retired number that changes later stays one result, where it was."""
    with store.transaction() as unit:
        add(unit, "anna", ANNA, result("alt", "30"))
        add(unit, "berta", BERTA, result("ast", "40"))
        merge(unit, "anna", "berta")
    with store.transaction() as unit:
        record = unit.record("anna")
        old = next(one for one in record.results if one.person_id == "berta")
        new = replace(result("ast", "41", version=1), person_id="berta")
        unit.put_record(
            replace(record, results=(*(one for one in record.results if one is not old), new)),
            results=[new],
            superseded=[old],
        )
    with store.transaction() as unit:
        assert sorted(str(one.quantity) for one in unit.record("anna").results) == ["30 U/L", "41 U/L"]


def test_an_identifier_is_never_given_to_somebody_else(store: Store) -> None:
    """Who a number belongs to changes by a merge only; its type may be learnt."""
    with store.transaction() as unit:
        add(unit, "anna", replace(ANNA, type=""))
    with store.transaction() as unit:
        add(unit, "berta", ANNA)

        assert unit.roots_of([ANNA]) == ("anna",)
    with store.transaction() as unit:
        assert unit.roots_of([ANNA]) == ("anna",)
        assert unit.record("anna").person.identifiers == (ANNA,)


def test_the_same_order_number_of_two_people_is_two_events(store: Store) -> None:
    """Two pharmacies that count alike must not take each other's patients off a drug."""
    with store.transaction() as unit:
        for name, identifier, kind in (
            ("anna", ANNA, TherapyEventKind.START),
            ("berta", BERTA, TherapyEventKind.STOP),
        ):
            told = TherapyEvent("event", name, kind, Moment(DAY_ZERO), "azathioprine")
            unit.put_record(add(unit, name, identifier), therapy=[told])
    with store.transaction() as unit:
        assert [event.kind for event in unit.record("anna").therapy] == [TherapyEventKind.START]
        assert [event.kind for event in unit.record("berta").therapy] == [TherapyEventKind.STOP]


def test_every_version_of_a_value_that_comes_back_is_kept(store: Store) -> None:
    """100, corrected to 200, corrected back to 100: the store can show all three."""
    first, second, third = (
        replace(result("alt", value, version=day), person_id="anna")
        for day, value in enumerate(("100", "200", "100"))
    )
    with store.transaction() as unit:
        record = add(unit, "anna", ANNA, first)
        unit.put_record(replace(record, results=(second,)), results=[second], superseded=[first])
        unit.put_record(replace(record, results=(third,)), results=[third], superseded=[second, first])
        fourth = replace(result("alt", "400", version=9), person_id="anna")
        unit.put_record(replace(record, results=(fourth,)), results=[fourth], superseded=[third])

    with store._connection(reading=True) as connection:
        rows = connection.exec_driver_sql("SELECT value FROM result_versions ORDER BY reported_at").all()
    assert [row[0] for row in rows] == ["100", "200", "100"]


def test_people_with_a_problem_are_found_by_its_key(store: Store) -> None:
    """A note about a held message is found again when the message is released, also after a merge."""
    note = result("", None, problem=Problem.IDENTITY_CONFLICT, code="note")
    with store.transaction() as unit:
        add(unit, "anna", ANNA)
        add(unit, "berta", BERTA, note)
        assert unit.roots_with_problem(note.key) == ("berta",)
        merge(unit, "anna", "berta")
        assert unit.roots_with_problem(note.key) == ("anna",)
    with store.transaction() as unit:
        assert unit.roots_with_problem(note.key) == ("anna",)
        assert unit.roots_with_problem("order0|alt") == ()


def test_a_batch_larger_than_any_statement(store: Store) -> None:
    """A roster of a whole hospital is one unit of work."""
    count = 40_000
    people = [Identifier("HOSPITAL", f"{number:06d}") for number in range(count)]
    with store.transaction() as unit:
        unit.prefetch((), [identifier.key for identifier in people])
        for number, identifier in enumerate(people):
            add(unit, f"p{number}", identifier)
    with store.transaction() as unit:
        unit.prefetch((), [identifier.key for identifier in people])
        assert len(unit.roots_of(people)) == count
    assert len(store.records()) == count


def test_what_another_process_changed_is_seen(store: Store, url: str) -> None:
    """An alert acknowledged or a roster imported beside the running engine holds from the next message on."""
    with store.transaction() as unit:
        add(unit, "anna", ANNA, result("alt", "30"))
    beside = Store.open(url)
    with beside.transaction() as unit:
        new = replace(result("ast", "40"), person_id="anna")
        record = unit.record("anna")
        unit.put_record(replace(record, results=(*record.results, new)), results=[new])
    beside.close()
    with store.transaction() as unit:
        assert keys(unit.record("anna")) == {"order0|alt", "order0|ast"}


def test_an_acknowledgment_beside_the_engine_is_seen(store: Store, url: str) -> None:
    """Who has taken an alert on is not overwritten by the next message about the patient."""
    told = finding()
    with store.transaction() as unit:
        record = add(unit, "anna", ANNA)
        alert = Alert("A1", "anna", "f", "", "", True, 1, told, told, DAY_ZERO, DAY_ZERO)  # noqa: FBT003
        unit.put_record(replace(record, alerts=(alert,)), alerts=[alert])
    with store.transaction() as unit:
        unit.record("anna")
    beside = Store.open(url)
    assert beside.acknowledge("A1", "Dr Stevens", on_day(1))
    assert not beside.acknowledge("A2", "Dr Stevens", on_day(1))
    beside.close()
    with store.transaction() as unit:
        assert [one.acknowledged_by for one in unit.record("anna").alerts] == ["Dr Stevens"]


def test_a_unit_that_failed_leaves_nothing_in_memory(store: Store) -> None:
    """A batch that was not kept is decided again from what is really stored."""
    with store.transaction() as unit:
        record = add(unit, "anna", ANNA, result("alt", "30"))
    new = replace(result("ast", "40"), person_id="anna")

    def fail() -> None:
        with store.transaction() as unit:
            unit.put_record(replace(record, results=(*record.results, new)), results=[new])
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    with store.transaction() as unit:
        assert keys(unit.record("anna")) == {"order0|alt"}


def test_untreated_people_are_forgotten_and_treated_ones_are_not(store: Store) -> None:
    """Old results go, except those of whoever has had the drug, under whichever of their numbers."""
    with store.transaction() as unit:
        add(unit, "anna", ANNA, result("alt", "30", day=-400), result("alt", "31", day=-1))
        add(unit, "berta", BERTA, result("alt", "32", day=-400))
        start = TherapyEvent("e", "clara", TherapyEventKind.START, Moment(DAY_ZERO), "azathioprine")
        unit.put_record(add(unit, "clara", CLARA), therapy=[start])
        merge(unit, "berta", "clara")

    assert store.forget_untreated(on_day(-180), DAY_ZERO) == 1
    with store.transaction() as unit:
        assert keys(unit.record("anna")) == {"order-1|alt"}
        assert keys(unit.record("berta")) == {"order-400|alt"}


def test_a_result_just_inside_the_time_is_kept(store: Store) -> None:
    """Forgetting errs by a day in the patient's favour, since collection times are told in many zones."""
    with store.transaction() as unit:
        add(unit, "anna", ANNA, result("alt", "30", day=-180), result("alt", "31", day=-182))

    assert store.forget_untreated(DAY_ZERO - timedelta(days=180), DAY_ZERO) == 1
