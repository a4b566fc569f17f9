"""What the intake answers and what it leaves in the store: outcomes, outbox, ledger lines, time."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from engine.errors import TransientError
from engine.intake import Intake
from engine.outbound import Format
from engine.outbox import Publishing
from engine.taken import Arrived, IntakeOptions
from tests.scenario.timeline import ANNA, Scenario, knowledge_of_scenarios
from tests.scenario.wire import message, obx, patient, prescription, stamp
from tests.support.outbox import unsent


def treated(options: IntakeOptions | None = None) -> Scenario:
    day = Scenario(options)
    day.roster("H1", start="d-60")
    day.at("d0 08:00")
    return day


def test_the_answer_counts_what_was_read_and_kept() -> None:
    """For the log and the metrics: observations, results, persons, events."""
    day = treated()
    taken = day.oru(alt="530", sodium="140")

    assert (taken.message_type, taken.observations, taken.results) == ("ORU^R01", 2, 1)
    assert taken.persons == (day.record().person.person_id,)
    assert [event.rule for event in taken.events] == ["a02-alt-ast-500"]
    assert (taken.key.sender, taken.key.control_id) == ("STEVLIS|STEVENS", "C0001")
    assert taken.source == "azawatch.inbound"


def test_an_alert_is_queued_with_what_routes_it() -> None:
    """Routing key by severity and phase, the alert's id as correlation, the event's as message id."""
    day = treated()
    (event,) = day.oru(alt="530").events
    (row,) = unsent(day.store)

    assert (row.exchange, row.routing_key) == ("azawatch.alerts", "alert.critical.start")
    assert (row.message_id, row.correlation_id) == (event.event_id, event.alert_id)
    assert dict(row.headers) == {"rule": event.rule, "severity": "critical", "phase": "start"}
    assert row.body.startswith(b"MSH|")


def test_every_format_is_queued_under_an_id_of_its_own() -> None:
    """Receivers drop copies by message id: two formats of one event are two messages."""
    publishing = Publishing(formats=(Format.HL7_R40, Format.EVENT_JSON))
    day = treated(IntakeOptions(publishing=publishing))
    day.oru(alt="530")
    rows = unsent(day.store)

    assert len(rows) == 2
    assert len({row.message_id for row in rows}) == 2
    assert {row.correlation_id for row in rows} == {day.open_alerts()[0].alert_id}


def test_without_formats_nothing_is_queued() -> None:
    """A replay decides and publishes nothing, not even what is held."""
    day = treated(IntakeOptions(publishing=Publishing(formats=())))
    day.oru(alt="530")
    day.oru(obx("alt", "1", status="Q"))

    assert day.store.outbox_depth() == 0
    assert len(day.open_alerts()) == 1


def test_a_held_message_is_queued_untouched_with_its_reason() -> None:
    """Whoever watches the quarantine queue gets the body as it came, and why and where."""
    day = treated()
    body = day.oru_text(obx("alt", "1", status="Q"), control="X9")
    day.send(body)
    (row,) = unsent(day.store)

    assert (row.exchange, row.routing_key, row.body) == ("azawatch.quarantine", "status-unknown", body)
    assert dict(row.headers) == {
        "x-reason": "status-unknown",
        "x-location": "OBX[1]-11",
        "x-control-id": "X9",
    }


def test_a_message_that_stays_held_is_not_queued_again() -> None:
    """A release that changes nothing sends nothing."""
    day = treated()
    day.oru(obx("alt", "1", status="Q"))
    day.released()

    assert day.store.outbox_depth() == 1


def test_every_message_leaves_exactly_one_line() -> None:
    """The statement of a day adds up: messages in, lines in the ledger, repeats counted."""
    day = treated()
    body = day.oru_text(alt="530")
    day.send_all([body, b"no message", day.oru_text(sodium="140"), body])
    day.registered(ANNA)

    assert day.store.disposition_counts() == [
        ("accepted", "demographics", 1),
        ("accepted", "results", 1),
        ("ignored", "nothing-monitored", 1),
        ("quarantined", "no-header", 1),
        ("duplicate", "seen-before", 1),
    ]


def test_a_message_can_be_found_by_its_patient() -> None:
    """The question "what came in about her" has an answer."""
    day = treated()
    day.oru(alt="530", control="A1")
    day.oru(of=patient("H2"), alt="30", control="A2")
    found = day.store.messages(person_ids=[day.record().person.person_id])

    assert [line["control_id"] for line in found] == ["A1"]


def test_nothing_of_a_batch_is_kept_when_the_disk_is_full() -> None:
    """Before the commit nothing is durable; the broker delivers the whole batch again."""
    day = treated()
    bodies = [day.oru_text(alt="530"), b"no message " * 20_000]
    with day.store._engine.begin() as connection:
        pages = connection.exec_driver_sql("PRAGMA page_count").scalar_one()
        connection.exec_driver_sql(f"PRAGMA max_page_count = {pages}")
    with pytest.raises(TransientError):
        day.send_all(bodies)

    assert (day.store.messages(), day.open_alerts(), day.store.outbox_depth()) == ([], [], 0)
    with day.store._engine.begin() as connection:
        connection.exec_driver_sql("PRAGMA max_page_count = 1000000")
    day.send_all(bodies)
    assert [each.current.rule_id for each in day.open_alerts()] == ["a02-alt-ast-500"]


def test_a_record_that_cannot_be_read_holds_its_own_messages_only(tmp_path: Path) -> None:
    """A damaged row of one patient does not stop the feed of all others, and the fault is handed on."""
    url = f"sqlite:///{tmp_path / 'day.db'}"
    before = Scenario(url=url)
    before.roster("H1", start="d-60")
    before.roster("H2", start="d-60")
    before.at("d0 07:00").oru(alt="30")
    with before.store._engine.begin() as connection:
        connection.exec_driver_sql("UPDATE results SET status = 'damaged'")
    before.store.close()
    day = Scenario(url=url)
    day.at("d0 08:00")
    bodies = [day.oru_text(alt="530", control="A1"), day.oru_text(of=patient("H2"), alt="530", control="A2")]
    hers, his = day.send_all(bodies)

    assert (str(hers.outcome.reason), type(hers.fault)) == ("internal-error", KeyError)
    assert hers.outcome.detail.startswith("KeyError while ")
    assert (str(his.outcome.reason), [event.rule for event in his.events]) == ("results", ["a02-alt-ast-500"])


def test_in_a_replay_the_messages_are_the_clock() -> None:
    """Decided at MSH-7; a message without a time is decided at that of the one before it."""
    day = Scenario()
    intake = Intake(day.store, knowledge_of_scenarios(), IntakeOptions())
    day.roster("H1", start="d-60")
    first = day.oru_text(alt="530", sent="d3 08:00")
    second = day.results_text([(ANNA, [])]).replace(stamp(day.now).encode(), b"")
    intake.take([Arrived(first, "file 1"), Arrived(second, "file 2")])

    assert {line["received_at"] for line in day.store.messages()} == {"2026-03-15T08:00:00.000000+00:00"}
    (event,) = day.events()
    assert event.decided_at == datetime(2026, 3, 15, 8, tzinfo=UTC)


def test_messages_after_the_end_of_a_replay_are_ignored_by_name() -> None:
    """A replay up to noon tells what was known at noon."""
    day = Scenario()
    day.roster("H1", start="d-60")
    options = replace(IntakeOptions(), until=datetime(2026, 3, 12, 12, tzinfo=UTC))
    intake = Intake(day.store, knowledge_of_scenarios(), options)
    bodies = [day.oru_text(alt="30", sent="d0 12:00"), day.oru_text(alt="530", sent="d0 12:01")]
    outcomes = [str(taken.outcome.reason) for taken in intake.take([Arrived(body, "") for body in bodies])]

    assert outcomes == ["results", "after-until"]


def test_an_order_in_words_is_counted_for_somebody_to_map() -> None:
    """Azathioprine under a code of the pharmacy's own is not guessed, and not lost."""
    day = treated()
    lines = [ANNA.segment(), *prescription("NW", "RX7")]
    text = message("RDE^O11", "C7", stamp(day.now), lines, sender="PHARM|STEVENS")
    day.send(text.replace(b"199310^azathioprine 25 MG Oral Tablet^RXNORM", b"AZA25^Azathioprine 25 mg^99PH"))
    (entry,) = day.store.mapping_ledger()

    assert day.outcome == "ignored/drug-unmapped"
    assert (entry["kind"], entry["code"], bool(entry["on_therapy"])) == ("drug-unmapped", "AZA25", True)


def test_a_message_beyond_the_limit_is_held() -> None:
    """A runaway sender cannot fill the memory, and the message is still there."""
    day = treated(IntakeOptions(max_message_bytes=200))
    day.oru(alt="530", ast="300", wbc="1.2")

    assert day.outcome == "quarantined/too-large"
