"""What leaves the hospital is judged like what stays: the same alerts, of the same people."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

from engine import app
from engine.hl7 import parse
from engine.identity import identifiers
from engine.model.alert import AlertEvent
from engine.model.person import Identifier
from engine.outbox import Publishing
from engine.replay import Roster, replay
from engine.settings import load
from engine.store import Store
from engine.therapy.roster import RosterRow
from engine.transports.archive import ArchiveMessage, read_archive
from tests.support.pseudonymising import Rewritten, knowledge, rewritten

DAY = Path(__file__).parents[1] / "sample_day"
# What waits for time is judged by the clock of the archive, and that is one for all patients.
WAITING = ("d04-", "f")


def messages() -> list[bytes]:
    return [message.body for message in read_archive([DAY / "messages"])]


def roster() -> tuple[RosterRow, ...]:
    return app.roster_rows((DAY / "roster.csv").read_text("utf-8"), "roster.csv", knowledge())


def told(bodies: Iterable[bytes], rows: Sequence[RosterRow]) -> list[AlertEvent]:
    """Every alert event of a replay."""
    store = Store.open("sqlite://")
    events: list[AlertEvent] = []
    options = replace(app.intake_options(load(Path("/dev/null")), None), publishing=Publishing(formats=()))

    archive = (ArchiveMessage(f"message#{n}", body) for n, body in enumerate(bodies))
    replay(
        archive, store, knowledge(), options, lambda _: None, events.append, Roster(tuple(rows), "roster.csv")
    )
    store.close()
    return events


Seen = tuple[Any, ...]


def seen(event: AlertEvent, patient: frozenset[str], moved: timedelta) -> Seen:
    """What a receiver acts on, with every time ``moved`` later."""
    evidence = tuple(
        (
            *(one.condition, one.truth, one.analyte, str(one.value), one.unit),
            *(one.threshold, one.fold, None if one.collected_at is None else one.collected_at + moved),
        )
        for one in event.evidence
    )
    return (
        patient,
        *(event.rule, event.severity, event.phase, event.reason, event.protocol, event.raised_from),
        *(event.title, tuple(label.rule_id for label in event.labels)),
        event.decided_at + moved,
        None if event.clinical_at is None else event.clinical_at + moved,
        evidence,
    )


def of_original(event: AlertEvent, result: Rewritten) -> Seen:
    """An alert of the original as it should come out."""
    name = result.pseudonyms.identifier
    return seen(event, frozenset(name(one.value) for one in event.person.identifiers), timedelta())


def of_pseudonym(event: AlertEvent, moved: timedelta) -> Seen:
    """An alert of what has left, with its times moved back."""
    return seen(event, frozenset(one.value for one in event.person.identifiers), moved)


def test_a_common_shift_gives_the_same_alerts_in_the_same_order() -> None:
    """The whole sample day: the same alerts of the same people, by the same values, weeks earlier."""
    result = rewritten(messages(), one_shift=True)
    original = told(messages(), roster())
    moved = timedelta(weeks=result.pseudonyms.weeks(None))
    pseudonymous = told((body for bodies in result.bodies for body in bodies), result.roster(roster()))

    assert len(original) > 50
    for before, after in zip(original, pseudonymous, strict=True):
        assert of_original(before, result) == of_pseudonym(after, moved)


def test_with_a_shift_for_each_patient_no_alert_is_lost_or_changed() -> None:
    """All alerts of the day are there; what comes on top waits for time, which is no longer one for all."""
    result = rewritten(messages())
    original = told(messages(), roster())
    weeks = {
        result.pseudonyms.identifier(event.person.identifiers[0].value): weeks_of(result, event)
        for event in original
    }
    pseudonymous = told((body for bodies in result.bodies for body in bodies), result.roster(roster()))
    expected = Counter(timeless(of_original(event, result)) for event in original)
    found = Counter(
        timeless(of_pseudonym(event, timedelta(weeks=weeks.get(event.person.identifiers[0].value, 0))))
        for event in pseudonymous
    )

    assert len(set(weeks.values())) > 10
    assert not expected - found
    assert all(rule.startswith(WAITING) for _, rule, *_ in found - expected)


def weeks_of(result: Rewritten, event: AlertEvent) -> int:
    one = event.person.identifiers[0]
    return result.pseudonyms.weeks(result.links.person(one))


def timeless(one: Seen) -> Seen:
    """Without the time of the decision, and the labels, of which one says that nothing is overdue."""
    return (*one[:8], *one[10:])


def test_each_patient_alone_is_judged_the_same_with_every_shift() -> None:
    """The messages of one patient, replayed alone, tell all that they told before, time included."""
    result = rewritten(messages())
    original: dict[int, list[bytes]] = defaultdict(list)
    pseudonymous: dict[int, list[bytes]] = defaultdict(list)
    for body, sent in zip(messages(), result.bodies, strict=True):
        people = {result.links.person(one) for one in first_identifiers(body)} if sent else set()
        if len(people) == 1:
            original[min(people)].append(body)
            pseudonymous[min(people)] += sent
    rows, new_rows = roster(), result.roster(roster())
    compared = 0
    for person, bodies in original.items():
        mine = [
            place
            for place, row in enumerate(rows)
            if result.links.person(Identifier(row.assigning_authority, row.patient_id)) == person
        ]
        before = told(bodies, [rows[place] for place in mine])
        after = told(pseudonymous[person], [new_rows[place] for place in mine])
        moved = timedelta(weeks=result.pseudonyms.weeks(person))
        assert [of_original(one, result) for one in before] == [of_pseudonym(one, moved) for one in after]
        compared += len(before)

    assert compared > 40


def first_identifiers(body: bytes) -> Iterator[Identifier]:
    message = parse(body)
    site = knowledge().terminology.site(message.sending_application, message.sending_facility)
    for segment in message.segments:
        if segment.name == "PID":
            yield from identifiers(segment, site)[:1]
