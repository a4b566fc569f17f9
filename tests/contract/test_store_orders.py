"""Results of people who were never treated are kept together by order, and nobody who asks can tell."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest
from sqlalchemy import text

from engine.model.moment import Moment
from engine.model.person import Identifier, Person
from engine.model.record import Record
from engine.model.result import Problem, Result
from engine.model.therapy import TherapyEvent, TherapyEventKind
from engine.store import Store, check
from tests.support.builders import DAY_ZERO, on_day, result

ANNA, BERTA = (Identifier("HOSPITAL", number, "MR") for number in ("0071", "71"))
START = TherapyEvent("e", "anna", TherapyEventKind.START, Moment(DAY_ZERO), "azathioprine")


@pytest.fixture
def store(url: str) -> Iterator[Store]:
    opened = Store.open(url)
    yield opened
    opened.close()


def told(
    analyte: str, value: str, day: float = 0, *, owner: str = "anna", version: float | None = None
) -> Result:
    """A result with the key that reading gives it."""
    made = result(analyte, value, day, version=version)
    return replace(made, person_id=owner, key=f"{made.sender}|{made.order}|{made.code}|")


def begin(store: Store, *results: Result, identifier: Identifier = ANNA) -> None:
    """A new person with results."""
    owner = results[0].person_id
    record = Record(Person(owner, (identifier,), members=(owner,)), results)
    with store.transaction() as unit:
        unit.put_person(record.person, [identifier], new=True)
        unit.put_record(record, results=results)


def rows(store: Store, table: str) -> int:
    with store._connection(reading=True) as connection:
        return int(connection.execute(text(f"SELECT count(*) FROM {table}")).scalar_one())  # noqa: S608  our own


def values(store: Store, url: str, root: str = "anna") -> dict[str, str]:
    """What a process that has just started finds of a person; the store hangs together."""
    with Store(store._engine).transaction() as unit:
        found = {one.key.split("|")[-2]: one.sent for one in unit.record(root).results}
    assert check(url) == []
    return found


def test_results_of_one_order_are_one_row_and_come_back_as_they_were(store: Store) -> None:
    """Every field, the text of every language, and nothing twice."""
    odd = replace(told("ast", "30"), text='"\x1f] Ωé', flags=("H", "~"), location="OBX[2]-5", method="m")
    begin(store, told("alt", "41"), odd)
    assert (rows(store, "results"), rows(store, "order_results")) == (0, 1)
    with Store(store._engine).transaction() as unit:
        assert sorted(unit.record("anna").results, key=lambda one: one.key) == [told("alt", "41"), odd]


def test_a_result_told_again_is_found_and_corrected(store: Store, url: str) -> None:
    """The other results of its order stay; what it said before is kept among the versions."""
    first, again = told("alt", "41"), told("alt", "44", version=2)
    begin(store, first, told("ast", "30"))
    with store.transaction() as unit:
        unit.prefetch([], [ANNA.key], [(ANNA.key, "LAB|HOSPITAL|order0")])
        record = unit.outline("anna")
        assert unit.versions(record.person.members, [again]) == (first,)
        unit.put_record(record, results=[again], superseded=[first])
    assert values(store, url) == {"ALT": "44 U/L", "AST": "30 U/L"}
    assert (rows(store, "order_results"), rows(store, "result_versions")) == (0, 1)


def test_an_old_version_that_comes_late_changes_nothing(store: Store, url: str) -> None:
    """It is kept beside, and the newer one holds."""
    begin(store, told("alt", "44", version=2))
    with store.transaction() as unit:
        unit.put_record(unit.outline("anna"), superseded=[told("alt", "41")])
    assert values(store, url) == {"ALT": "44 U/L"}
    assert rows(store, "result_versions") == 1


def test_an_order_that_goes_on_is_one_order(store: Store, url: str) -> None:
    """The rest of a panel comes in a second message, in the same batch or later."""
    begin(store, told("alt", "41"))
    for analyte in ("ast", "alp"):
        with store.transaction() as unit:
            unit.put_record(unit.outline("anna"), results=[told(analyte, "30", version=1)])
    assert values(store, url) == {"ALT": "41 U/L", "AST": "30 U/L", "ALP": "30 U/L"}


def test_of_people_on_therapy_every_result_is_a_row(store: Store, url: str) -> None:
    """From the moment at which the therapy comes, for results of before and after."""
    begin(store, told("alt", "41", -3), told("ast", "30", -3))
    begin(store, told("alt", "50", owner="berta"), identifier=BERTA)
    with store.transaction() as unit:
        record = unit.record("anna")
        assert len(record.results) == 2
        later = told("alt", "60", 1)
        after = replace(record, therapy=(START,), results=(*record.results, later))
        unit.put_record(after, results=[later], therapy=[START])
    assert (rows(store, "results"), rows(store, "order_results")) == (3, 1)
    assert len(values(store, url)) == 2


def test_a_merge_finds_the_results_of_both(store: Store, url: str) -> None:
    """Also where the one is on therapy and the other never was."""
    begin(store, told("alt", "41"))
    begin(store, told("ast", "30", owner="berta"), identifier=BERTA)
    with store.transaction() as unit:
        unit.put_record(replace(unit.record("anna"), therapy=(START,)), therapy=[START])
    with store.transaction() as unit:
        kept, gone = unit.record("anna"), unit.record("berta")
        both = replace(kept, person=replace(kept.person, members=("anna", "berta")))
        unit.put_merge(both, gone.person, DAY_ZERO, "C1", "ADT^A40")
        unit.put_record(both)
    assert values(store, url) == {"ALT": "41 U/L", "AST": "30 U/L"}
    assert rows(store, "order_results") == 0


def test_what_has_a_problem_is_found_by_it(store: Store) -> None:
    """Such an order is kept as rows, and so are notices, whose keys are not those of an order."""
    odd = replace(told("alt", "41"), problem=Problem.UNIT_UNKNOWN, quantity=None)
    begin(store, odd, replace(told("ast", "30", 1), key="specimen|LAB|HOSPITAL|order1"))
    assert (rows(store, "results"), rows(store, "order_results")) == (2, 0)
    with store.transaction() as unit:
        assert unit.roots_with_problem(odd.key) == ("anna",)


def test_results_kept_together_are_counted_and_forgotten_one_by_one(store: Store) -> None:
    """An operator reads how many results there are, however they are kept."""
    begin(store, told("alt", "41", -400), told("ast", "30", -400), told("alt", "42", -1))
    assert store.code_counts() == [("alt", "ALT", 2), ("ast", "AST", 1)]
    assert store.forget_untreated(on_day(-180), DAY_ZERO) == 2
    assert store.code_counts() == [("alt", "ALT", 1)]
