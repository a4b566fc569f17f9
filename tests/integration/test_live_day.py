"""The sample hospital day through a real RabbitMQ and a real engine: what comes out, field by field."""

from __future__ import annotations

import json
import re
from collections import Counter
from functools import cached_property
from typing import Any

import pytest

from engine.hl7.validation import validate_message
from engine.outbound.event_json import event_to_dict
from tests.integration.installation import (
    ALERTS,
    DAY,
    MESSAGES,
    ROSTER,
    Installation,
    Played,
    Received,
    control_ids,
    day_files,
    rows,
)
from tests.sample_day.people import PEOPLE

pytestmark = pytest.mark.broker

EXPECTED = rows(DAY / "expected.csv")
OUTCOMES = rows(DAY / "outcomes.csv")
PRIORITIES = {"critical": "PH", "urgent": "PM", "review": "PL", "info": "PN"}
PHASES = {"start", "update", "escalate", "deescalate", "end"}


class Alert:
    """One alert message, split by hand: nothing of the engine's own reader is trusted here."""

    def __init__(self, received: Received) -> None:
        self.received = received
        self.text = received.body.decode("utf-8")
        self.segments = [line.split("|") for line in self.text.rstrip("\r").split("\r")]

    def named(self, name: str) -> list[list[str]]:
        """Segments with this name; field n of each is at index n."""
        found = [fields for fields in self.segments if fields[0] == name]
        return [["MSH", "|", *fields[1:]] if name == "MSH" else fields for fields in found]

    @cached_property
    def header(self) -> list[str]:
        return self.named("MSH")[0]

    @cached_property
    def order(self) -> list[str]:
        return self.named("OBR")[0]

    @cached_property
    def facets(self) -> dict[int, list[str]]:
        """OBX segments by the last part of OBX-4, padded so that every field can be asked for."""
        return {
            int(fields[4].rpartition(".")[2]): fields + [""] * (20 - len(fields))
            for fields in self.named("OBX")
        }

    @property
    def notes(self) -> list[str]:
        return [fields[3] for fields in self.named("NTE")]

    @property
    def alert_id(self) -> str:
        properties: Any = self.received.properties
        return str(properties.correlation_id)

    def summary(self) -> tuple[str, ...]:
        """Patient, rule, phase, severity, value and unit, as expected.csv tells them."""
        kind, value, unit = self.facets[2][2], self.facets[2][5], self.facets[2][6]
        return (
            self.named("PID")[0][3].split("^")[0],
            self.facets[8][5].split("-")[0],
            self.facets[3][5],
            {code: word for word, code in PRIORITIES.items()}[self.facets[6][5]],
            "" if kind == "CWE" else value.replace("^", ""),
            unit.split("^")[0],
        )


@pytest.fixture(scope="module")
def alerts(undisturbed: Played) -> list[Alert]:
    return [Alert(received) for received in undisturbed.published]


def test_every_alert_of_the_day_arrives_and_no_other(alerts: list[Alert]) -> None:
    """The pharmacist is told of exactly what the hand-derived table says, with the value it rests on."""
    expected = Counter(
        (row["patient"], row["rule"], row["phase"], row["severity"], *value_of(row)) for row in EXPECTED
    )
    assert Counter(alert.summary() for alert in alerts) == expected


def value_of(row: dict[str, str]) -> tuple[str, str]:
    """What of value and unit is sent: nothing of a result that was withdrawn or corrected away."""
    told = row["reason"] not in {"corrected", "withdrawn"}
    return (row["value"], row["unit"]) if told else ("", "")


def test_alerts_name_their_reason_and_the_message_that_caused_them(undisturbed: Played) -> None:
    """Each event on record says why it was told and which message made it so."""
    ids = control_ids(day_files()) | {ROSTER.name: ROSTER.name}
    expected = Counter(
        (row["patient"], row["rule"], row["family"], row["phase"], row["reason"], ids[row["message"]])
        for row in EXPECTED
    )
    found = [event_to_dict(event) for event in undisturbed.events]
    assert expected == Counter(
        (
            event["patient"]["id"],
            event["rule"].split("-")[0],
            *(event[key] for key in ("family", "phase", "reason", "message_control_id")),
        )
        for event in found
    )


def test_labels_say_what_the_stories_are_about(undisturbed: Played) -> None:
    """Grade and pattern, a raised severity, the risk of a restart: on the alerts that the table names."""
    ids = control_ids(day_files())
    found = {
        (event["message_control_id"], event["patient"]["id"], event["rule"].split("-")[0]): event["labels"]
        for event in map(event_to_dict, undisturbed.events)
    }
    stories = [row for row in EXPECTED if row["labels"]]

    assert stories
    for row in stories:
        labels = {label["rule"] for label in found[ids[row["message"]], row["patient"], row["rule"]]}
        assert labels >= set(row["labels"].split())


def test_data_quality_alerts_are_kept_apart_by_what_they_are_about(undisturbed: Played) -> None:
    """A missing unit of the platelets and an unreadable white count are two alerts, not one."""
    about = {
        (event.rule.split("-")[0], undisturbed.subjects[event.alert_id])
        for event in undisturbed.events
        if undisturbed.subjects[event.alert_id]
    }
    assert about >= {(row["rule"], row["subject"]) for row in EXPECTED if row["subject"]}


def test_each_event_is_published_once_under_its_own_id(alerts: list[Alert], undisturbed: Played) -> None:
    """One message per event of the record, and its id is the one receivers drop repeats by."""
    published = [(alert.header[10], alert.alert_id) for alert in alerts]

    assert sorted(published) == sorted((event.event_id, event.alert_id) for event in undisturbed.events)
    assert len({message_id for message_id, _ in published}) == len(published)


def test_properties_let_a_receiver_route_and_drop_repeats(alerts: list[Alert]) -> None:
    """Whoever pages decides by properties alone: persistent, typed, identified, with its routing key."""
    for alert in alerts:
        received, properties = alert.received, alert.received.properties
        _, rule, phase, severity, *_ = alert.summary()

        assert received.exchange == ALERTS
        assert received.routing_key == f"alert.{severity}.{phase}"
        assert properties.delivery_mode == 2
        assert properties.content_type == "application/hl7-v2+er7"
        assert properties.message_id == alert.header[10]
        assert received.headers["rule"].split("-")[0] == rule
        assert received.headers == {
            "rule": alert.facets[8][5].split("^")[0],
            "severity": severity,
            "phase": phase,
        }


def test_the_header_is_the_agreed_one(alerts: list[Alert]) -> None:
    """Receivers select by MSH: sender, type, id, processing id, version, charset and IHE profile."""
    for alert in alerts:
        header = alert.header
        assert header[2] == "^~\\&"
        assert header[3] == "AZAWATCH"
        assert re.fullmatch(r"\d{14}\.\d{3}\+0000", header[7])
        assert header[9] == "ORU^R40^ORU_R40"
        assert re.fullmatch(r"[A-Z2-7]{1,20}", header[10])
        assert (header[11], header[12], header[15], header[16]) == ("P", "2.6", "AL", "NE")
        assert header[18] == "UNICODE UTF-8"
        assert header[21] == "IHE_PCD_ACM_001^IHE PCD^1.3.6.1.4.1.19376.1.6.4.4^ISO"


def test_the_patient_is_named_as_the_laboratories_name_them(alerts: list[Alert], undisturbed: Played) -> None:
    """PID-3 leads with the medical record number; name, birth date and sex are those on file."""
    people = {patient.mrn: patient for patient in PEOPLE.values()}
    # of these nothing but a number was on file yet
    of_the_roster = {
        event.event_id for event in undisturbed.events if event.message_control_id == ROSTER.name
    }
    for alert in alerts:
        patient = people[alert.named("PID")[0][3].split("^")[0]]
        if alert.header[10] in of_the_roster:
            continue
        pid = alert.named("PID")[0]
        authority, kind = pid[3].split("~")[0].split("^")[3:5]

        assert (authority.split("&")[0], kind) == (patient.authority, "MR")
        assert pid[5].split("^")[:2] == [patient.surname, patient.given]
        assert pid[7] == patient.birth_date
        assert pid[8] == patient.sex


def test_the_order_names_the_alert_and_later_events_its_first(
    alerts: list[Alert], undisturbed: Played
) -> None:
    """OBR-3 is the alert id in the first message and the event's own afterwards, with OBR-29 leading back."""
    firsts = {event.event_id: event.sequence == 1 for event in undisturbed.events}
    assert set(firsts.values()) == {True, False}
    for alert in alerts:
        own = f"{alert.header[10]}^AZAWATCH"
        first = firsts[alert.header[10]]

        assert alert.order[3] == (f"{alert.alert_id}^AZAWATCH" if first else own)
        assert alert.order[29] == ("" if first else f"^{alert.alert_id}&AZAWATCH")
        assert alert.order[4] == "196616^MDC_EVT_ALARM^MDC"
        assert alert.order[7] == alert.header[7]
        assert alert.order[49] == "A"


def test_facets_come_complete_and_in_order(alerts: list[Alert]) -> None:
    """Event, source, phase, state, inactivation, priority, type, rule, accession: the order of IHE ACM."""
    attributes = {
        3: "68481^MDC_ATTR_EVENT_PHASE^MDC",
        4: "68482^MDC_ATTR_ALARM_STATE^MDC",
        5: "68483^MDC_ATTR_ALARM_INACTIVATION_STATE^MDC",
        6: "68484^MDC_ATTR_ALARM_PRIORITY^MDC",
        7: "68485^MDC_ATTR_ALERT_TYPE^MDC",
        8: "AZA-RULE^Rule and version^99AZA",
        9: "AZA-SRC^Source accession^99AZA",
    }
    for alert in alerts:
        _, _, phase, severity, *_ = alert.summary()
        observations = alert.named("OBX")
        count = len(observations)

        # only an alert that no order led to has no accession
        assert count in {8, 9}
        assert [fields[1] for fields in observations] == [str(n) for n in range(1, count + 1)]
        assert [fields[4] for fields in observations] == [f"1.1.1.1.{n}" for n in range(1, count + 1)]
        assert {n: alert.facets[n][3] for n in range(3, count + 1)} == {
            n: code for n, code in attributes.items() if n <= count
        }
        assert alert.facets[3][5] == phase in PHASES
        assert alert.facets[4][5] == ("inactive" if phase == "end" else "active")
        assert alert.facets[5][5] == "enabled"
        assert alert.facets[6][5] == PRIORITIES[severity]
        assert alert.facets[7][5] == ("SA" if severity == "info" else "SP")
        assert alert.facets[1][8].split("~")[1:] == [alert.facets[6][5], alert.facets[7][5]]


def test_the_source_facet_carries_the_result(alerts: list[Alert]) -> None:
    """Facet 2 has the laboratory's code, the value in its UCUM unit, and when the specimen was taken."""
    measured = [alert for alert in alerts if alert.summary()[4]]
    assert len(measured) == sum(1 for row in EXPECTED if value_of(row)[0])
    for alert in measured:
        facet = alert.facets[2]
        code, text, system = facet[3].split("^")

        assert facet[2] == ("SN" if facet[5].startswith(("<", ">")) else "NM")
        assert code
        assert text
        assert system == ("LN" if re.fullmatch(r"\d+-\d", code) else "L")
        assert facet[6].endswith("^^UCUM")
        assert facet[8] == alert.facets[1][8].split("~")[0]
        assert re.fullmatch(r"\d{12}(\d\d)?[+-]\d{4}", facet[14])
        # only alerts on accessions are about measured results
        assert alert.facets[9][5]


def test_a_retraction_takes_the_value_back(alerts: list[Alert], undisturbed: Played) -> None:
    """After a correction or withdrawal facet 1 says so and facet 2 stands without value, OBX-11 X."""
    ended = {
        event.event_id for event in undisturbed.events if event.reason.value in {"corrected", "withdrawn"}
    }
    assert len(ended) == 3
    for alert in alerts:
        if alert.header[10] in ended:
            assert alert.facets[1][5].startswith("RETRACTED")
            assert (alert.facets[2][5], alert.facets[2][11]) == ("", "X")
        else:
            assert {fields[11] for fields in alert.named("OBX")} == {"R"}


def test_notes_cite_the_source_and_say_what_this_is(alerts: list[Alert]) -> None:
    """Each alert carries its authority with it, and that it is no laboratory result."""
    for alert in alerts:
        numbers = [fields[1] for fields in alert.named("NTE")]
        last_observation = max(i for i, fields in enumerate(alert.segments) if fields[0] == "OBX")

        assert numbers == [str(n) for n in range(1, len(numbers) + 1)]
        assert [fields[0] for fields in alert.segments[last_observation + 1 :]] == ["NTE"] * len(numbers)
        assert {fields[2] for fields in alert.named("NTE")} == {"O"}
        assert any(re.fullmatch(r"Source: .+, .+", note) for note in alert.notes)
        assert alert.notes[-1] == "Automated decision support; not a laboratory result."


def test_every_alert_is_valid_hl7(alerts: list[Alert]) -> None:
    """hl7apy finds nothing to object to in any message of the day."""
    assert [problem for alert in alerts for problem in validate_message(alert.text)] == []


def test_held_messages_reach_the_quarantine_queue_untouched(undisturbed: Played) -> None:
    """Whoever works the quarantine has the very bytes, the reason, the place and MSH-10."""
    expected = [row for row in OUTCOMES if row["disposition"] == "quarantined"]
    ids = control_ids([MESSAGES / row["message"] for row in expected])
    bodies = {(MESSAGES / row["message"]).read_bytes().rstrip(b"\r\n"): row for row in expected}

    assert len(undisturbed.quarantined) == len(expected) > 1
    for received in undisturbed.quarantined:
        row = bodies[received.body]
        assert received.headers["x-reason"] == received.routing_key == row["reason"]
        assert received.headers["x-control-id"] == ids[row["message"]]
        assert received.headers["x-location"] == ("PID[1]-3" if ids[row["message"]] else "message")
        assert received.properties.delivery_mode == 2
        assert received.properties.content_type == "application/hl7-v2+er7"


def test_every_message_ends_as_the_table_says(undisturbed: Played) -> None:
    """Each of the day's messages has exactly one disposition, and it is the intended one."""
    assert undisturbed.dispositions == Counter((row["disposition"], row["reason"]) for row in OUTCOMES)


def test_a_stop_is_clean(undisturbed: Played) -> None:
    """SIGTERM finishes what is under way: exit 0 without being killed, nothing left in queue or outbox."""
    assert undisturbed.exit_code == 0
    assert (undisturbed.inbound_left, undisturbed.outbox_left) == (0, 0)
    assert undisturbed.log[-1]["event"] == "engine stopped"
    assert "error" not in {line["level"] for line in undisturbed.log}


def test_a_replay_of_the_archive_tells_what_was_told_live(undisturbed: Played) -> None:
    """What did the system know that day? The archive answers with the same alerts, except for the clock.

    What the silent rules say is left out: some tell when a test is due next, which depends on the day on
    which somebody began to watch.
    """
    told = undisturbed.folder / "replayed.jsonl"
    Installation(undisturbed.folder, None).run(  # type: ignore[arg-type]  # a replay needs no broker
        "replay", MESSAGES, "--roster", ROSTER, "--alerts", told, exits=1, url="amqp://nobody@localhost:1"
    )

    def comparable(events: list[dict[str, Any]]) -> list[str]:
        clock = {"decided_at": "", "not_fired": []}
        return sorted(json.dumps(event | clock, sort_keys=True) for event in events)

    replayed = [json.loads(line) for line in told.read_text("utf-8").splitlines()]
    assert comparable(replayed) == comparable([event_to_dict(event) for event in undisturbed.events])
