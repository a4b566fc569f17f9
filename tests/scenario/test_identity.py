"""Whose result it is: numbers, merges, links, and messages that contradict what is known."""

from __future__ import annotations

import itertools

from engine.model.alert import AlertReason
from tests.scenario.timeline import ANNA, Scenario, alert
from tests.scenario.wire import Panel, Patient, obx, patient, stamp

STOP = alert("a02-alt-ast-500", "critical")
MILD = alert("a13-mild-rise", "review")
CONFLICT = alert("q05-identity-conflict", "urgent")
OTHER = patient("H1", born="19520930", sex="M", name="PLACEHOLDER^OTTO")


# --- merges --------------------------------------------------------------------------------------


def test_after_a_merge_both_numbers_reach_the_same_person() -> None:
    """Results go on coming under the retired number."""
    day = Scenario()
    day.roster("H1", start="d-60")
    day.at("d0 08:00").merged("H9", ANNA)
    day.at("d0 09:00").oru(of=patient("H9"), alt="130")
    day.expect(MILD.started())
    day.at("d0 10:00").oru(of=ANNA, alt="150")
    day.expect(MILD.updated())

    assert day.record("H9") == day.record("H1")
    assert day.values("alt") == ["130 U/L", "150 U/L"]


def test_a_merge_brings_results_to_the_therapy() -> None:
    """Admitted as unknown, found to be a patient of the clinic: the alert comes with the merge."""
    day = Scenario()
    day.roster("H1", start="d-60")
    day.at("d0 08:00").oru(of=patient("T7"), alt="530")
    day.expect_silence()
    day.at("d0 09:00").merged("T7", ANNA)

    day.expect(STOP.started())
    assert day.outcome == "accepted/merge"


def test_an_alert_of_the_retired_number_goes_on() -> None:
    """The merge of a patient with an open alert tells it again under the new number, and it goes on."""
    day = Scenario()
    day.roster("H1", start="d-60")
    day.at("d0 08:00").oru(alt="130")
    day.expect(MILD.started())
    day.at("d0 09:00").merged("H1", patient("H9"))
    day.expect(MILD.updated(AlertReason.CHANGED))
    day.at("d0 10:00").oru(of=patient("H9"), alt="530")
    day.expect(STOP.escalated())

    assert [event.sequence for event in day.events()] == [1, 2, 3]
    assert [each.value for each in day.events()[1].person.identifiers] == ["H9", "H1"]


def test_two_alerts_of_one_kind_become_one() -> None:
    """Both records had their alert: one goes on, the other ends as superseded."""
    day = Scenario()
    day.roster("H1", start="d-60")
    day.roster("H9", start="d-60")
    day.at("d0 08:00").oru(alt="530")
    day.at("d0 09:00").oru(of=patient("H9"), alt="520")
    day.expect(STOP.started(), STOP.started())
    day.at("d0 10:00").merged("H9", ANNA)

    day.expect(STOP.ended(AlertReason.SUPERSEDED))
    assert len(day.open_alerts()) == 1


def test_the_survivor_keeps_the_name_that_only_the_retired_record_had() -> None:
    """Nobody is paged about a patient without a name because the new number was never described."""
    day = Scenario()
    day.roster("H1", start="d-60")
    day.at("d0 08:00").oru(alt="30")
    day.at("d0 09:00").merged("H1", patient("H9"))
    day.at("d0 10:00").oru(of=Patient(("H9",), born="", sex="", name=""), alt="530")

    (event,) = day.events()
    assert event.person.demographics.name == ("TESTCASE", "ANNA")


def test_the_order_of_merge_results_and_therapy_does_not_matter() -> None:
    """Six orders of three messages: one open alert each time."""
    for order in itertools.permutations(range(3)):
        day = Scenario()
        day.at("d0 10:00")
        steps = (
            lambda day=day: day.merged("T7", ANNA),
            lambda day=day: day.oru(of=patient("T7"), alt="530", collected="d0 08:00"),
            lambda day=day: day.prescription("NW", start="d-30"),
        )
        for number in order:
            steps[number]()

        assert day.open_rules() == {"a02-alt-ast-500": "critical"}, order
        assert day.record("T7") == day.record("H1")


def test_a_chain_of_merges_in_one_batch_makes_one_person() -> None:
    """Merges that follow each other inside one transaction see each other."""
    day = Scenario()
    day.roster("H3", start="d-60")
    day.at("d0 08:00").registered(patient("H1", "E1@CITY"))
    day.send_all(
        [
            day.merge_text("H1", patient("H2")),
            day.merge_text("E1@CITY", patient("E3@CITY")),
            day.merge_text("H2", patient("H3")),
            day.oru_text(of=patient("E1@CITY"), alt="530"),
        ]
    )

    day.expect(STOP.started())
    assert len(day.store.records()) == 1


def test_a_merge_that_says_nothing_new_changes_nothing() -> None:
    """Registration systems repeat themselves, and some merge back."""
    day = Scenario()
    day.roster("H1", start="d-60")
    day.at("d0 08:00").oru(alt="530")
    day.merged("H9", ANNA)
    day.expect(STOP.started())
    day.at("d0 09:00").merged("H9", ANNA)
    day.at("d0 10:00").merged("H1", patient("H9"))

    day.expect_silence()
    assert day.outcome == "accepted/merge"


def test_a_merge_without_its_other_half_is_held() -> None:
    """A merge that cannot be read must not be lost: results would stay under a number nobody looks at."""
    day = Scenario()
    day.at("d0 08:00").registered(ANNA, "A40")

    assert day.outcome == "quarantined/merge-unpaired"


# --- numbers sent together -----------------------------------------------------------------------


def test_numbers_sent_together_link_two_records() -> None:
    """Birth date and sex agree: what came under either number is one record, judged at once."""
    day = Scenario()
    day.roster("H1", start="d-60")
    day.at("d0 07:00").registered(ANNA)
    day.at("d0 08:00").oru(of=patient("E1@CITY"), alt="530")
    day.expect_silence()
    day.at("d0 09:00").registered(patient("H1", "E1@CITY"))

    day.expect(STOP.started())
    assert day.record("H1").person.person_id == day.events()[0].person.person_id


def test_a_result_that_links_two_records_is_judged_with_both() -> None:
    """The linking message itself may bring nothing new: the alert does not wait for the next one."""
    day = Scenario()
    day.roster("H1", start="d-60")
    day.at("d0 07:00").registered(ANNA)
    day.at("d0 08:00").oru(of=patient("E1@CITY"), alt="530", order="O1")
    day.at("d0 09:00").oru(
        of=patient("H1", "E1@CITY"), alt="530", order="O1", reported="d0 07:00", collected="d0 08:00"
    )

    day.expect(STOP.started())


def test_a_number_of_the_roster_is_linked_before_anybody_has_described_it() -> None:
    """The roster knows the city number, the laboratory the hospital's: the first message with both links."""
    day = Scenario()
    day.import_roster("E1,CITY,start,2026-01-11,azathioprine,100,,\n")
    day.at("d0 08:00").oru(alt="530")
    day.expect_silence()
    day.at("d0 09:00").oru(of=patient("H1", "E1@CITY"), alt="520")

    day.expect(STOP.started())


def test_numbers_of_two_people_sent_together_are_held_and_told() -> None:
    """Whose therapy is it? Nothing is joined; those who watch either patient are told."""
    for together in (("E1@CITY", "E2@CITY"), ("E2@CITY", "E1@CITY")):
        day = Scenario()
        day.import_roster("E1,CITY,start,2026-01-11,azathioprine,100,,\n")
        day.at("d0 07:00").registered(patient("E1@CITY", born="19700101"))
        day.registered(patient("E2@CITY", born="19520930", sex="M"))
        day.at("d0 08:00").oru(of=patient(*together), alt="530")

        day.expect(CONFLICT.started())
        assert day.outcome == "quarantined/identity-conflict"
        assert len(day.store.records()) == 2


# --- descriptions that contradict ----------------------------------------------------------------


def test_a_message_about_somebody_else_under_a_known_number_is_held() -> None:
    """Birth date and sex both differ: the result is nobody's until a human has looked, and it is told."""
    day = Scenario()
    day.roster("H1", start="d-60")
    day.at("d0 07:00").oru(alt="30")
    day.at("d0 08:00").oru(of=OTHER, alt="530")

    assert day.outcome == "quarantined/identity-conflict"
    assert day.taken[-1].outcome.location == "PID[1]-7"
    day.expect(CONFLICT.started())
    assert day.values("alt") == ["30 U/L"]
    assert day.record().person.demographics.name == ("TESTCASE", "ANNA")


def test_a_conflict_about_somebody_without_the_drug_is_held_in_silence() -> None:
    """Nobody is paged for a patient whom nobody watches; the message is held all the same."""
    day = Scenario()
    day.at("d0 07:00").oru(alt="30")
    day.at("d0 08:00").oru(of=OTHER, alt="530")

    assert day.outcome == "quarantined/identity-conflict"
    day.expect_silence()


def test_one_difference_alone_is_a_typing_error() -> None:
    """Another birth date or another sex alone does not stop a result."""
    for described in (patient("H1", born="19700110"), patient("H1", sex="M")):
        day = Scenario()
        day.roster("H1", start="d-60")
        day.at("d0 07:00").oru(alt="30")
        day.at("d0 08:00").oru(of=described, alt="530")

        day.expect(STOP.started())


def test_discarding_a_conflict_takes_its_notice_back() -> None:
    """A human found out that it was somebody else: the notice about the patient ends."""
    day = Scenario()
    day.roster("H1", start="d-60")
    day.at("d0 07:00").oru(alt="30")
    day.at("d0 08:00").oru(of=OTHER, alt="530")
    day.expect(CONFLICT.started())

    assert day.at("d0 09:00").discarded()
    day.expect(CONFLICT.ended(AlertReason.WITHDRAWN))
    assert day.held() == []
    assert day.values("alt") == ["30 U/L"]


def test_releasing_a_conflict_after_the_registration_was_corrected_takes_the_result() -> None:
    """It was her after all: with the record put right, the held result is judged."""
    day = Scenario()
    day.roster("H1", start="d-60")
    day.at("d0 07:00").oru(alt="30")
    day.at("d0 08:00").oru(of=OTHER, alt="530")
    day.expect(CONFLICT.started())
    day.registered(patient("H1", born="19520930"))
    day.registered(patient("H1", born="19520930", sex="M"))
    day.at("d0 09:00").released()

    day.expect(CONFLICT.ended(AlertReason.WITHDRAWN), STOP.started())
    assert day.held() == []


def test_a_conflict_released_too_early_stays_held() -> None:
    """Nothing was put right: the message is still nobody's, and its notice still open."""
    day = Scenario()
    day.roster("H1", start="d-60")
    day.at("d0 07:00").oru(alt="30")
    day.at("d0 08:00").oru(of=OTHER, alt="530")
    day.at("d0 09:00").released()

    assert len(day.held()) == 1
    assert day.open_rules() == {"q05-identity-conflict": "urgent"}
    assert day.values("alt") == ["30 U/L"]


# --- whole messages ------------------------------------------------------------------------------


def test_a_message_is_taken_whole_or_not_at_all() -> None:
    """The second patient of a message has no number: nothing of the first is applied."""
    day = Scenario()
    day.roster("H1", start="d-60")
    day.at("d0 08:00")
    panel = Panel([obx("alt", "530")], "O1", stamp(day.now), stamp(day.now))
    day.send(day.results_text([(ANNA, [panel]), (patient("UNKNOWN"), [panel])]))

    assert day.outcome == "quarantined/no-patient-identifier"
    assert day.taken[-1].outcome.location == "PID[2]-3"
    day.expect_silence()
    assert day.record().results == ()


def test_several_patients_of_a_message_are_each_judged() -> None:
    """A batch laboratory reports a ward in one message."""
    day = Scenario()
    day.roster("H1", start="d-60")
    day.roster("H2", start="d-60")
    day.at("d0 08:00")
    panel = Panel([obx("alt", "530")], "O1", stamp(day.now), stamp(day.now))
    day.send(day.results_text([(ANNA, [panel]), (patient("H2"), [panel])]))

    day.expect(STOP.started(), STOP.started())
    assert len({event.person.person_id for event in day.events()}) == 2


def test_a_new_patient_may_stand_in_a_message_twice() -> None:
    """The first group has nothing of ours, the second has: both are the same new person."""
    day = Scenario()
    day.at("d0 08:00")
    groups = [
        (ANNA, [Panel([obx("sodium", "140")], "O1", stamp(day.now), stamp(day.now))]),
        (ANNA, [Panel([obx("alt", "530")], "O2", stamp(day.now), stamp(day.now))]),
    ]
    day.send(day.results_text(groups))

    assert day.outcome == "accepted/results"
    assert day.values("alt") == ["530 U/L"]


def test_a_merge_of_two_different_people_is_held() -> None:
    """A mistyped MRG must not bring a stranger's results to a patient: both are told to look."""
    day = Scenario()
    day.roster("H1", start="d-60")
    day.at("d0 08:00").oru(alt="30")
    stranger = patient("H9", born="19500101", sex="M")
    day.at("d0 09:00").oru(of=stranger, alt="600")
    day.at("d0 10:00").merged("H9", ANNA)

    assert day.outcome == "quarantined/identity-conflict"
    assert day.open_rules() == {"q05-identity-conflict": "urgent"}
    assert day.values("alt") == ["30 U/L"]
