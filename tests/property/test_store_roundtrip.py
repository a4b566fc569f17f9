"""What is put into the store comes out of it equal, whatever a hospital sends."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal

from hypothesis import given, settings
from hypothesis import strategies as st

from engine.model.alert import Alert
from engine.model.finding import Evidence, Finding, Severity, UnknownCause
from engine.model.moment import Moment, Precision
from engine.model.person import Demographics, Identifier, Person, Visit
from engine.model.quantity import Interval, Quantity, ReferenceRange, Truth
from engine.model.record import Record
from engine.model.result import Problem, Result, ResultStatus, Version
from engine.model.therapy import TherapyEvent, TherapyEventKind
from engine.store import Store

# Any text that UTF-8 knows: control characters, NUL, our own separators, other planes.
TEXTS = st.text(max_size=40) | st.sampled_from(
    ["", "\x1f", "\0", "a\x1fb;[", "[;]", "(1;2]\x1f", "𝄞", '"', "'"]
)
SHORT = st.text(max_size=5)
NUMBERS = st.decimals(allow_nan=False, allow_infinity=False, min_value=-(10**12), max_value=10**12) | (
    st.sampled_from([Decimal(text) for text in ("0", "-0", "5.0", "5.00", "1E+3", "1E-16", "0.1", "102.30")])
)
OFFSETS = st.integers(-14 * 60, 14 * 60).map(lambda minutes: timezone(timedelta(minutes=minutes)))
INSTANTS = st.datetimes(
    min_value=datetime(1, 1, 3),  # noqa: DTZ001  the zone is drawn apart
    max_value=datetime(9999, 12, 29),  # noqa: DTZ001
    timezones=OFFSETS | st.just(UTC),
)
MOMENTS = st.builds(Moment, INSTANTS, st.sampled_from(Precision), st.booleans(), st.booleans())
BOUNDS = st.none() | NUMBERS
INTERVALS = NUMBERS.map(Interval.exactly) | st.builds(Interval, BOUNDS, BOUNDS, st.booleans(), st.booleans())

RESULTS = st.builds(
    Result,
    person_id=st.just("person"),
    key=TEXTS,
    analyte=SHORT,
    code=TEXTS,
    code_text=TEXTS,
    sender=TEXTS,
    order=TEXTS,
    specimen=TEXTS,
    collected=MOMENTS,
    version=st.builds(Version, INSTANTS, INSTANTS, st.integers(0, 9), SHORT),
    status=st.sampled_from(ResultStatus),
    quantity=st.none() | st.builds(Quantity, INTERVALS, TEXTS),
    reference=st.none() | st.builds(ReferenceRange, BOUNDS, BOUNDS, TEXTS, st.booleans(), st.booleans()),
    sent=TEXTS,
    text=TEXTS,
    problem=st.none() | st.sampled_from(Problem),
    flags=st.lists(TEXTS, max_size=3).map(tuple),
    method=TEXTS,
    control_id=TEXTS,
    location=TEXTS,
    specimen_condition=TEXTS,
    spoiled=st.booleans(),
    derived_from=st.just(()),
)
EVENTS = st.builds(
    TherapyEvent,
    event_id=TEXTS,
    person_id=st.just("person"),
    kind=st.sampled_from(TherapyEventKind),
    effective=MOMENTS,
    drug=TEXTS,
    dose_mg_per_day=st.none() | NUMBERS,
    order=TEXTS,
    ends=st.none() | MOMENTS,
    indication=TEXTS,
    fact_name=TEXTS,
    fact_value=TEXTS,
    note=TEXTS,
    source=TEXTS,
    provisional=st.booleans(),
    version=TEXTS,
    control=TEXTS,
    reverts=TEXTS,
    parent=TEXTS,
    inpatient=st.booleans(),
)
EVIDENCE = st.builds(
    Evidence,
    condition=TEXTS,
    truth=st.sampled_from(Truth),
    value=TEXTS,
    collected_at=st.none() | INSTANTS,
    cause=st.none() | st.sampled_from(UnknownCause),
)
FINDINGS = st.builds(
    Finding,
    rule_id=TEXTS,
    rule_version=SHORT,
    family=SHORT,
    subject=SHORT,
    truth=st.sampled_from(Truth),
    severity=st.none() | st.sampled_from(Severity),
    title=TEXTS,
    message=TEXTS,
    action=TEXTS,
    sources=st.lists(TEXTS, max_size=2).map(tuple),
    evidence=st.lists(EVIDENCE, max_size=2).map(tuple),
    clinical_at=st.none() | INSTANTS,
    badness=st.lists(st.tuples(SHORT, SHORT), max_size=2).map(tuple),
    repeat_after=st.timedeltas(),
)
ALERTS = st.builds(
    Alert,
    alert_id=TEXTS,
    person_id=st.just("person"),
    family=TEXTS,
    subject=TEXTS,
    episode_id=TEXTS,
    open=st.booleans(),
    sequence=st.integers(0, 10**6),
    current=FINDINGS,
    published=FINDINGS,
    published_at=INSTANTS,
    started_at=INSTANTS,
    acknowledged_at=st.none() | INSTANTS,
    acknowledged_by=TEXTS,
)
PERSONS = st.builds(
    Person,
    person_id=st.just("person"),
    identifiers=st.lists(
        st.builds(Identifier, TEXTS, TEXTS, TEXTS), max_size=4, unique_by=lambda identifier: identifier.key
    ).map(tuple),
    demographics=st.builds(
        Demographics, st.lists(TEXTS, max_size=3).map(tuple), st.none() | st.dates(), TEXTS, st.booleans()
    ),
    visit=st.builds(Visit, TEXTS, st.lists(TEXTS, max_size=3).map(tuple), st.just(()), TEXTS),
    members=st.just(("person",)),
)
NOBODY = Person("person", (), members=("person",))


def stored(record: Record) -> Record:
    """The record as a process reads it that has never seen it before."""
    store = Store.open("sqlite://")
    with store.transaction() as unit:
        unit.put_person(record.person, record.person.identifiers, new=True)
        unit.put_record(record, results=record.results, therapy=record.therapy, alerts=record.alerts)
    # a second unit of work, and nothing remembered
    found = Store(store._engine).records(["person"])[0]
    store.close()
    return found


@given(st.lists(RESULTS, max_size=3, unique_by=lambda result: result.key))
@settings(deadline=None, max_examples=60)
def test_results_come_back_as_they_were(results: list[Result]) -> None:
    """Values to the last digit, limits, times with their precision and every odd character survive."""
    found = stored(Record(NOBODY, tuple(results))).results

    assert {result.key: result for result in found} == {result.key: result for result in results}
    for result in results:
        again = next(other for other in found if other.key == result.key)
        assert again.collected.at.utcoffset() == result.collected.at.utcoffset()
        if result.quantity is not None:
            assert again.quantity is not None
            assert str(again.quantity.interval.low) == str(result.quantity.interval.low)


@given(st.lists(EVENTS, max_size=3, unique_by=lambda event: event.event_id))
@settings(deadline=None, max_examples=40)
def test_therapy_comes_back_as_it_was(events: list[TherapyEvent]) -> None:
    """Doses, times and texts of therapy are the same after a restart."""
    found = stored(Record(NOBODY, therapy=tuple(events))).therapy

    assert {event.event_id: event for event in found} == {event.event_id: event for event in events}


@given(st.lists(ALERTS, max_size=2, unique_by=lambda alert: alert.alert_id))
@settings(deadline=None, max_examples=40)
def test_alerts_come_back_as_they_were(alerts: list[Alert]) -> None:
    """What was published, with its evidence, is known after a restart, so that nothing is told twice."""
    found = stored(Record(NOBODY, alerts=tuple(alerts))).alerts

    assert {alert.alert_id: alert for alert in found} == {alert.alert_id: alert for alert in alerts}


@given(PERSONS)
@settings(deadline=None, max_examples=40)
def test_people_come_back_as_they_were(person: Person) -> None:
    """Names, identifiers with leading zeros and odd characters, and where the patient lies."""
    found = stored(Record(person)).person

    assert set(found.identifiers) == set(person.identifiers)
    assert (found.demographics, found.visit, found.members) == (
        person.demographics,
        person.visit,
        person.members,
    )


@given(st.lists(st.builds(Identifier, TEXTS, TEXTS), min_size=1, max_size=5, unique_by=lambda i: i.key))
@settings(deadline=None, max_examples=40)
def test_an_identifier_finds_its_own_person_only(identifiers: list[Identifier]) -> None:
    """Two numbers that differ in one character, or in who assigned them, are two people."""
    store = Store.open("sqlite://")
    with store.transaction() as unit:
        for number, identifier in enumerate(identifiers):
            unit.put_person(
                Person(f"p{number}", (identifier,), members=(f"p{number}",)), [identifier], new=True
            )
    with store.transaction() as unit:
        unit.prefetch((), [identifier.key for identifier in identifiers])
        roots = [unit.roots_of([identifier]) for identifier in identifiers]
    store.close()

    assert roots == [(f"p{number}",) for number in range(len(identifiers))]
