"""A store that remembers records answers like one that has just been opened."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from engine.model.alert import Alert
from engine.model.moment import Moment
from engine.model.person import Demographics, Identifier, Person, Visit
from engine.model.record import Record
from engine.model.therapy import TherapyEvent, TherapyEventKind
from engine.store import Store, Unit, newest_versions
from tests.support.builders import finding, on_day, result

NAMES = st.integers(0, 3).map(lambda number: f"p{number}")
DAYS = st.integers(0, 4)


class Remembering(RuleBasedStateMachine):
    """A few patients to whom everything happens, in any order, in units of one change each."""

    def __init__(self) -> None:
        super().__init__()
        self.store = Store.open("sqlite://")

    def teardown(self) -> None:
        self.store.close()

    def _record(self, unit: Unit, name: str) -> Record:
        number = Identifier("HOSPITAL", name, "MR")
        for root in unit.roots_of([number]):
            return unit.record(root)
        record = Record(Person(name, (number,), members=(name,)))
        unit.put_person(record.person, [number], new=True)
        unit.put_record(record)
        return record

    @rule(name=NAMES, day=DAYS, version=DAYS, value=st.integers(1, 9))
    def reported(self, name: str, day: int, version: int, value: int) -> None:
        """A result, or a newer version of one."""
        with self.store.transaction() as unit:
            record = self._record(unit, name)
            new = result("alt", str(value), day, version=version)
            key = f"{new.sender}|{new.order}|{new.code}|"
            new = replace(new, person_id=record.person.person_id, key=key)
            known = {one.key: one for one in record.results}
            if new.key not in known or known[new.key].version < new.version:
                after = replace(record, results=newest_versions((*record.results, new)))
                unit.put_record(after, results=[new], superseded=[*record.results][:1])

    @rule(name=NAMES, day=DAYS)
    def treated(self, name: str, day: int) -> None:
        """A therapy event."""
        with self.store.transaction() as unit:
            record = self._record(unit, name)
            owner = record.person.person_id
            event = TherapyEvent(
                f"e{day}", owner, TherapyEventKind.START, Moment(on_day(day)), "azathioprine"
            )
            unit.put_record(replace(record, therapy=(*record.therapy, event)), therapy=[event])

    @rule(name=NAMES, day=DAYS, is_open=st.booleans())
    def alerted(self, name: str, day: int, is_open: bool) -> None:
        """An alert that opens, goes on or ends."""
        with self.store.transaction() as unit:
            record = self._record(unit, name)
            owner, told = record.person.person_id, finding()
            at = on_day(day)
            alert = Alert(owner, owner, "f", "", "", is_open, 1, told, told, at, at)
            unit.put_record(replace(record, alerts=(alert,)), alerts=[alert])

    @rule(name=NAMES, day=DAYS)
    def acknowledged(self, name: str, day: int) -> None:
        """Somebody takes an alert on."""
        self.store.acknowledge(name, "nurse", on_day(day))

    @rule(name=NAMES, ward=st.sampled_from(["W1", "W2"]), more=st.booleans())
    def moved(self, name: str, ward: str, more: bool) -> None:
        """Another bed, another name, perhaps another number."""
        with self.store.transaction() as unit:
            record = self._record(unit, name)
            person = replace(record.person, demographics=Demographics((ward,)), visit=Visit("I", (ward,)))
            unit.put_person(person, [Identifier("WARD", f"{name}{ward}")] if more else [], new=False)

    @rule(one=NAMES, other=NAMES)
    def merged(self, one: str, other: str) -> None:
        """Two patients turn out to be one."""
        with self.store.transaction() as unit:
            kept, gone = self._record(unit, one), self._record(unit, other)
            if kept.person.person_id != gone.person.person_id:
                unit.put_merge(kept, gone.person, on_day(0), "C1", "ADT^A40")

    @rule(day=DAYS)
    def forgotten(self, day: int) -> None:
        """Housekeeping."""
        self.store.forget_untreated(on_day(day), on_day(day))

    @invariant()
    def as_if_opened_anew(self) -> None:
        """What is remembered is what the tables say."""
        fresh = Store(self.store._engine).records()
        with self.store.transaction() as unit:
            remembered = [unit.record(record.person.person_id) for record in fresh]
        assert [_sorted(record) for record in remembered] == [_sorted(record) for record in fresh]


def _sorted(record: Record) -> Record:
    return replace(
        record,
        results=tuple(sorted(record.results, key=lambda one: one.key)),
        alerts=tuple(sorted(record.alerts, key=lambda one: one.alert_id)),
    )


TestRemembering = Remembering.TestCase
TestRemembering.settings = settings(max_examples=40, stateful_step_count=20, deadline=None)
