"""Which person a message speaks of, what is joined, and that nothing is stored before the end."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

import pytest

from engine.errors import ContentError
from engine.hl7 import parse
from engine.model.disposition import Reason
from engine.model.person import Identifier
from engine.model.segments import Segment
from engine.people import IdentityConflictError, People
from engine.store import Store
from engine.telling import Occasion
from tests.scenario.timeline import knowledge
from tests.scenario.wire import Patient, patient

OCCASION = Occasion(control_id="C1", now=datetime(2026, 3, 12, tzinfo=UTC))
SITE = knowledge().terminology.site("", "")
H1 = Identifier("STEVENS", "H1", "MR")
H2 = Identifier("STEVENS", "H2", "MR")


def pid(person: Patient) -> Segment:
    """The PID of a message of our own, read by the real reader."""
    text = r"MSH|^~\&|LIS|STEVENS|AZAWATCH|STEVENS|2026||ADT^A08|1|P|2.5" + "\r" + person.segment()
    return parse(text.encode()).segments[1]


def pv1(ward: str) -> Segment:
    text = r"MSH|^~\&|LIS|STEVENS|AZAWATCH|STEVENS|2026||ADT^A08|1|P|2.5" + f"\rPV1|1|I|{ward}"
    return parse(text.encode()).segments[1]


@pytest.fixture
def store() -> Iterator[Store]:
    opened = Store.open("sqlite://")
    yield opened
    opened.close()


@contextmanager
def people_of(store: Store) -> Iterator[People]:
    """The persons of one message in a transaction of their own; the test decides whether to commit."""
    with store.transaction() as unit:
        yield People(unit, OCCASION, SITE)


def tell(store: Store, *persons: Patient) -> None:
    """Store what messages about these persons say."""
    for person in persons:
        with people_of(store) as people:
            people.told(people.identify(pid(person)), pid(person), None)
            people.commit()


def test_nothing_is_stored_before_the_commit(store: Store) -> None:
    """A message that turns out to be unusable at its last segment has changed nothing."""
    with people_of(store) as people:
        people.told(people.identify(pid(patient("H1"))), pid(patient("H1")), None)

    assert store.records() == []


def test_a_person_is_found_by_any_of_her_numbers(store: Store) -> None:
    """The laboratory sends one number, the ward the other."""
    tell(store, patient("H1", "E1@CITY"))

    with people_of(store) as people:
        by_city = people.identify(pid(patient("E1@CITY")))
        by_hospital = people.identify(pid(patient("H1")))

    assert by_city == by_hospital


def test_equal_numbers_of_two_authorities_are_two_people(store: Store) -> None:
    """A number means something only with who gave it."""
    tell(store, patient("1@CITY"), patient("1@COUNTY"))

    assert len(store.records()) == 2


def test_numbers_learned_later_are_kept(store: Store) -> None:
    """The second message brings a second number, and the name."""
    tell(store, Patient(("H1",), born="", sex="", name=""), patient("H1", "E1@CITY"))
    (record,) = store.records()

    assert {identifier.value for identifier in record.person.identifiers} == {"H1", "E1"}
    assert record.person.demographics.name == ("TESTCASE", "ANNA")


def test_the_last_visit_is_where_to_find_her(store: Store) -> None:
    """A message without PV1 does not take the ward away."""
    tell(store, patient("H1"))
    with people_of(store) as people:
        people.told(people.identify(pid(patient("H1"))), pid(patient("H1")), pv1("WARD7^12"))
        people.commit()
    tell(store, patient("H1"))

    assert store.records()[0].person.visit.location == ("WARD7", "12")


def test_a_message_without_a_usable_number_is_refused(store: Store) -> None:
    """No PID, or only placeholders: nobody can be meant."""
    with people_of(store) as people:
        for segment in (None, pid(patient("UNKNOWN"))):
            with pytest.raises(ContentError) as refused:
                people.identify(segment)
            assert refused.value.reason == Reason.NO_PATIENT_IDENTIFIER


def test_a_contradicting_description_names_the_person_known(store: Store) -> None:
    """So that those who watch her can be told."""
    tell(store, patient("H1"))
    (record,) = store.records()

    with people_of(store) as people, pytest.raises(IdentityConflictError) as refused:
        people.identify(pid(patient("H1", born="19520930", sex="M")))

    assert refused.value.roots == (record.person.person_id,)
    assert "1952" not in str(refused.value)


def test_numbers_of_two_people_name_both(store: Store) -> None:
    """Either of them may be the one who is watched."""
    tell(store, patient("H1"), patient("H2", born="19520930", sex="M"))

    with people_of(store) as people, pytest.raises(IdentityConflictError) as refused:
        people.identify(pid(patient("H1", "H2")))

    assert sorted(refused.value.roots) == sorted(record.person.person_id for record in store.records())


@pytest.mark.parametrize(
    ("born", "sex", "joined"),
    [
        ("19700101", "F", True),
        ("", "", True),  # nobody has described that number yet
        ("19700101", "", False),
        ("19700101", "M", False),
        ("19700102", "F", False),
        ("", "F", False),
    ],
)
def test_numbers_sent_together_join_those_who_agree(
    store: Store, born: str, sex: str, *, joined: bool
) -> None:
    """Half a description is not enough to join two records for ever."""
    tell(store, patient("H1"), patient("E1@CITY", born=born, sex=sex))

    if joined:
        tell(store, patient("H1", "E1@CITY"))
    else:
        with pytest.raises(IdentityConflictError):
            tell(store, patient("H1", "E1@CITY"))

    assert len(store.records()) == (1 if joined else 2)


def test_identifying_alone_joins_nobody(store: Store) -> None:
    """A message of which nothing is kept changes nothing, however many numbers it names."""
    tell(store, patient("H1"), patient("E1@CITY"))
    with people_of(store) as people:
        people.identify(pid(patient("H1", "E1@CITY")))
        assert people.take_joined() == ()
        people.commit()

    assert len(store.records()) == 2


def test_joined_records_are_handed_over_once(store: Store) -> None:
    """Whoever decides must judge the whole of them, and only once."""
    tell(store, patient("H1"), patient("E1@CITY"))
    both = pid(patient("H1", "E1@CITY"))
    with people_of(store) as people:
        people.told(people.identify(both), both, None)
        (joined,) = people.take_joined()
        assert people.take_joined() == ()
        people.commit()

    assert len(joined.person.members) == 2


def test_a_merge_joins_once(store: Store) -> None:
    """The same merge again finds one person already."""
    tell(store, patient("H1"), patient("H2"))
    with people_of(store) as people:
        assert people.join(H1, H2, "ADT^A40", None) is not None
        assert people.join(H1, H2, "ADT^A40", None) is None
        assert people.join(H2, H1, "ADT^A40", None) is None
        people.commit()
    (record,) = store.records()

    assert [(each.value, each.retired) for each in record.person.identifiers] == [("H1", False), ("H2", True)]


def test_a_merge_of_unknown_numbers_is_remembered(store: Store) -> None:
    """The merge comes first, the results of either number later."""
    with people_of(store) as people:
        people.join(H1, H2, "ADT^A40", None)
        people.commit()
    tell(store, patient("H2"))

    assert len(store.records()) == 1


def test_a_survivor_without_a_description_takes_that_of_the_retired(store: Store) -> None:
    """And keeps its own where it has one."""
    tell(store, patient("H2", name="PLACEHOLDER^BERTA"))
    with people_of(store) as people:
        people.join(H1, H2, "ADT^A40", None)
        people.commit()
    assert store.records()[0].person.demographics.name == ("PLACEHOLDER", "BERTA")

    tell(store, patient("H3", name="SAMPLE^CLARA"))
    with people_of(store) as people:
        people.join(Identifier("STEVENS", "H3", "MR"), H1, "ADT^A40", None)
        people.commit()
    assert store.records()[0].person.demographics.name == ("SAMPLE", "CLARA")


def test_a_patient_may_be_named_twice_before_anything_is_kept(store: Store) -> None:
    """Two groups of one message about somebody new are one person."""
    with people_of(store) as people:
        first = people.identify(pid(patient("H1")))
        second = people.identify(pid(patient("H1")))

    assert first == second


def test_a_number_of_the_roster_has_the_default_authority(store: Store) -> None:
    """A clinic writes numbers as it reads them; the site knows whose they are."""
    with people_of(store) as people:
        people.named(Identifier("", "H1"))
        people.commit()

    (identifier,) = store.records()[0].person.identifiers
    assert identifier.authority == SITE.default_authority
