"""What a laboratory restates, corrects and takes back (OBX-11, HL7 table 0085)."""

from __future__ import annotations

import itertools

import pytest

from engine.model.alert import AlertReason
from tests.scenario.timeline import Scenario, alert
from tests.scenario.wire import obx

MILD = alert("a13-mild-rise", "review")
STOP = alert("a02-alt-ast-500", "critical")


def with_alt(value: str, status: str = "F") -> Scenario:
    """A treated patient whose ALT of order O1 was reported at eight."""
    day = Scenario()
    day.roster("H1", start="d-60")
    day.at("d0 08:00").oru(obx("alt", value, status=status), order="O1")
    return day


def restated(day: Scenario, value: str, status: str, *, when: str = "d0 10:00") -> None:
    """The same order again, collected at eight."""
    day.at(when).oru(obx("alt", value, status=status), order="O1", collected="d0 08:00")


@pytest.mark.parametrize("status", ["C", "A"])
def test_a_correction_upwards_escalates(status: str) -> None:
    """A corrected value that crosses the stopping limit is told as a correction."""
    day = with_alt("130")
    day.expect(MILD.started())
    restated(day, "530", status)

    day.expect(STOP.escalated(AlertReason.CORRECTED))
    assert day.values("alt") == ["530 U/L"]


@pytest.mark.parametrize("status", ["C", "A"])
def test_a_correction_below_the_limit_retracts(status: str) -> None:
    """An alert that rested on a wrong value is taken back, and the words say so."""
    day = with_alt("530")
    day.expect(STOP.started())
    restated(day, "30", status)

    day.expect(STOP.ended(AlertReason.CORRECTED))
    assert "Corrected by the laboratory" in day.events()[-1].message
    assert day.open_alerts() == []


def test_a_correction_downwards_within_the_alert_lowers_it() -> None:
    """Corrected from critical to mild: the alert goes on at the lower severity."""
    day = with_alt("530")
    day.expect(STOP.started())
    restated(day, "130", "C")

    day.expect(MILD.deescalated(AlertReason.CORRECTED))


def test_a_correction_that_changes_no_verdict_is_told() -> None:
    """Who acts on a number must know when the number was wrong."""
    day = with_alt("530")
    day.expect(STOP.started())
    restated(day, "520", "C")

    day.expect(STOP.updated(AlertReason.CORRECTED))


def test_a_correction_of_a_normal_value_starts_an_alert() -> None:
    """The value that should have raised an alert raises it when it becomes known."""
    day = with_alt("30")
    day.expect_silence()
    restated(day, "530", "C")

    day.expect(STOP.started())


@pytest.mark.parametrize("status", ["D", "W", "X"])
def test_a_withdrawn_result_ends_its_alert(status: str) -> None:
    """Deleted, wrong or impossible to obtain: the alert is withdrawn and no value is left."""
    day = with_alt("530")
    day.expect(STOP.started())
    restated(day, "", status)

    day.expect(STOP.ended(AlertReason.WITHDRAWN))
    (stored,) = day.results("alt")
    assert stored.withdrawn


@pytest.mark.parametrize("status", ["D", "W", "X"])
def test_after_a_withdrawal_the_result_before_it_speaks(status: str) -> None:
    """With the critical value gone, the mild rise of the day before is the newest finding."""
    day = Scenario()
    day.roster("H1", start="d-60")
    day.at("d-1 08:00").oru(alt="130")
    day.at("d0 08:00").oru(obx("alt", "530"), order="O1")
    day.expect(MILD.started(), STOP.escalated())
    restated(day, "", status)

    day.expect(MILD.deescalated(AlertReason.WITHDRAWN))


def test_a_withdrawal_of_a_value_that_only_might_be_too_high_is_one() -> None:
    """An alert that said "cannot exclude" is taken back as openly as a certain finding."""
    day = Scenario()
    day.roster("H1", start="d-60")
    day.at("d0 08:00").oru(obx("alt", ">480", kind="ST"), order="O1")
    day.expect(alert("a02-alt-ast-500", "urgent").started())
    restated(day, "", "D")

    day.expect(alert("a02-alt-ast-500", "urgent").ended(AlertReason.WITHDRAWN))


def test_a_deleted_result_can_be_replaced() -> None:
    """Wrong, then the right value under the same order: judged as any other."""
    day = with_alt("530")
    restated(day, "", "W")
    restated(day, "140", "F", when="d0 11:00")

    day.expect(STOP.started(), STOP.ended(AlertReason.WITHDRAWN), MILD.started())


def test_a_withdrawal_of_something_unknown_is_silent() -> None:
    """A cancelled test that never had a value concerns nobody."""
    day = Scenario()
    day.roster("H1", start="d-60")
    day.at("d0 08:00").oru(obx("alt", "", status="X"))

    day.expect_silence()
    assert day.outcome == "accepted/results"


def test_a_preliminary_value_pages_by_critical_rules_only() -> None:
    """A preliminary 530 pages at once; a preliminary mild rise waits for the final value."""
    day = with_alt("530", "P")
    day.expect(STOP.started())
    restated(day, "520", "F")
    day.expect_silence()

    mild = with_alt("130", "P")
    mild.expect_silence()
    restated(mild, "130", "F")
    mild.expect(MILD.started())


def test_from_preliminary_to_final_is_no_correction() -> None:
    """A final value that is normal resolves what the preliminary one had opened."""
    day = with_alt("530", "P")
    day.expect(STOP.started())
    restated(day, "30", "F")

    day.expect(STOP.ended(AlertReason.RESOLVED))


def test_a_status_of_final_without_the_value_promotes_the_preliminary_one() -> None:
    """Status U says that what was sent before is final now."""
    day = with_alt("530", "P")
    restated(day, "", "U")

    day.expect(STOP.started())
    (stored,) = day.results("alt")
    assert (stored.status, str(stored.quantity)) == ("F", "530 U/L")


def test_a_promotion_of_a_final_value_changes_nothing() -> None:
    """Status U after the final value has nothing to add."""
    day = with_alt("530")
    day.expect(STOP.started())
    restated(day, "", "U")

    day.expect_silence()
    assert day.outcome == "accepted/results"


def test_a_promotion_without_a_value_is_held() -> None:
    """A result that is final but was never received is missing: a human must look for it."""
    day = Scenario()
    day.roster("H1", start="d-60")
    day.at("d0 08:00").oru(obx("alt", "", status="U"))

    assert day.outcome == "quarantined/promotion-without-value"
    assert len(day.held()) == 1


def test_a_promotion_that_overtakes_the_last_preliminary_value_promotes_that_too() -> None:
    """Preliminary 30, preliminary 530, "final": the 530 is judged, whenever it comes."""
    versions = [("30", "P", "d0 09:00"), ("530", "P", "d0 10:00"), ("", "U", "d0 11:00")]
    for order in ((0, 1, 2), (0, 2, 1), (1, 2, 0)):
        day = Scenario()
        day.roster("H1", start="d-60")
        day.at("d0 12:00")
        for value, status, sent in (versions[number] for number in order):
            day.oru(obx("alt", value, status=status), order="O1", collected="d0 08:00", sent=sent)

        assert day.values("alt") == ["530 U/L"]
        assert day.open_rules() == {"a02-alt-ast-500": "critical"}


def test_a_held_promotion_is_taken_once_the_value_has_come() -> None:
    """Messages out of order: release the promotion after the preliminary value has arrived."""
    day = Scenario()
    day.roster("H1", start="d-60")
    day.at("d0 10:00").oru(obx("alt", "", status="U"), order="O1", collected="d0 08:00")
    day.oru(obx("alt", "130", status="P"), order="O1", collected="d0 08:00", sent="d0 09:00")
    day.expect_silence()
    day.released()

    day.expect(MILD.started())
    assert day.held() == []


@pytest.mark.parametrize("status", ["V", "B"])
def test_a_verification_or_comment_is_no_news(status: str) -> None:
    """The same value again, verified or with a comment, is not told again."""
    day = with_alt("530")
    day.expect(STOP.started())
    restated(day, "530", status)

    day.expect_silence()


@pytest.mark.parametrize("status", ["V", "B"])
def test_a_verification_brings_a_value_whose_first_sending_was_lost(status: str) -> None:
    """A result that reaches us only as verified is not hidden."""
    day = Scenario()
    day.roster("H1", start="d-60")
    day.at("d0 10:00").oru(obx("alt", "530", status=status))

    day.expect(STOP.started())


@pytest.mark.parametrize("status", ["I", "O", "N"])
def test_a_pending_test_has_no_value(status: str) -> None:
    """Specimen in the laboratory, order detail, not asked: nothing is stored, whatever OBX-5 holds."""
    day = Scenario()
    day.roster("H1", start="d-60")
    day.at("d0 08:00").oru(obx("alt", "530", status=status))

    day.expect_silence()
    assert day.outcome == "ignored/nothing-monitored"


def test_an_unverified_value_is_kept_and_not_judged() -> None:
    """Status R: stored for the record, silent until it is final."""
    day = with_alt("530", "R")
    day.expect_silence()
    assert day.values("alt") == ["530 U/L"]
    restated(day, "530", "F")

    day.expect(STOP.started())


def test_an_unknown_status_is_held() -> None:
    """A status that no table knows might mean anything."""
    day = with_alt("530", "Q")

    assert day.outcome == "quarantined/status-unknown"
    assert day.taken[-1].outcome.location == "OBX[1]-11"


def test_an_empty_status_is_final() -> None:
    """Senders of old versions leave OBX-11 empty."""
    day = with_alt("530", "")

    day.expect(STOP.started())


@pytest.mark.parametrize("status", ["F", "C", "P"])
def test_an_older_version_that_comes_late_replaces_nothing(status: str) -> None:
    """OBR-22 orders the versions of a result, not the order of arrival."""
    day = with_alt("30")
    day.at("d0 12:00").oru(obx("alt", "530", status=status), order="O1", reported="d0 07:00")

    day.expect_silence()
    assert day.values("alt") == ["30 U/L"]


def test_versions_in_any_order_end_at_the_newest() -> None:
    """Final, corrected, withdrawn and final again: every order of arrival leads to the last version."""
    versions = [
        ("530", "F", "d0 09:00"),
        ("30", "C", "d0 10:00"),
        ("", "W", "d0 11:00"),
        ("140", "F", "d0 12:00"),
    ]
    for order in itertools.permutations(versions):
        day = Scenario()
        day.roster("H1", start="d-60")
        day.at("d1 08:00")
        for value, status, reported in order:
            day.oru(obx("alt", value, status=status), order="O1", collected="d0 08:00", reported=reported)

        assert day.values("alt") == ["140 U/L"]
        assert day.open_rules() == {"a13-mild-rise": "review"}


def test_two_results_of_one_test_are_two_results() -> None:
    """Other orders are other results: nothing is overwritten."""
    day = with_alt("30")
    day.at("d1 08:00").oru(obx("alt", "31"), order="O2")

    assert day.values("alt") == ["30 U/L", "31 U/L"]


def test_results_of_one_panel_may_come_one_by_one() -> None:
    """ALT first, bilirubin an hour later under the same order: judged together, whichever comes first."""
    for first, second in itertools.permutations([obx("alt", "90"), obx("bilirubin", "40")]):
        day = Scenario()
        day.roster("H1", start="d-60")
        day.at("d0 08:00").oru(first, order="O1", collected="d0 07:00")
        day.at("d0 09:00").oru(second, order="O1", collected="d0 07:00")

        assert day.open_rules() == {"a07-bilirubin-2x-uln": "critical"}


def test_a_result_corrected_to_nothing_readable_is_withdrawn_and_noticed() -> None:
    """The number becomes "see comment": the alert ends and somebody is asked to look."""
    day = with_alt("530")
    day.expect(STOP.started())
    day.at("d0 10:00").oru(obx("alt", "see comment", kind="ST", status="C"), order="O1", collected="d0 08:00")

    day.expect(STOP.ended(AlertReason.CORRECTED), alert("q03-value-unreadable", "review").started())


def test_a_deletion_beside_a_value_deletes_the_other_line() -> None:
    """D and X touch one OBX of a unit only: the value of the same message stands, in either order."""
    for observations in itertools.permutations(
        [obx("alt", "140", status="C"), obx("alt", "530", status="W")]
    ):
        day = with_alt("530")
        day.expect(STOP.started())
        day.at("d0 10:00").oru(*observations, order="O1", collected="d0 08:00")

        day.expect(MILD.deescalated(AlertReason.CORRECTED))
        assert day.values("alt") == ["140 U/L"]


def test_a_preliminary_value_never_lowers_a_final_one() -> None:
    """A newer preliminary value may raise an alert; only a final one may end it."""
    day = with_alt("600")
    day.expect(STOP.started())
    day.at("d1 08:00").oru(obx("alt", "30", status="P"), order="O2")
    day.expect_silence()
    day.at("d1 12:00").oru(obx("alt", "30"), order="O2", collected="d1 08:00")

    day.expect(STOP.ended(AlertReason.RESOLVED))


@pytest.mark.parametrize("together", [True, False], ids=["in one batch", "one by one"])
@pytest.mark.parametrize(("first", "corrected", "alerts"), [("530", "30", 0), ("30", "530", 1)])
def test_corrections_of_somebody_who_is_treated_only_later(
    first: str, corrected: str, alerts: int, *, together: bool
) -> None:
    """Long before the therapy the newest version wins too, whenever the older one comes again."""
    day = Scenario()

    def at_eight(value: str, status: str, sent: str) -> bytes:
        return day.oru_text(obx("alt", value, status=status), order="O1", collected="d0 08:00", sent=sent)

    bodies = [
        at_eight(first, "F", "d0 09:00"),
        at_eight(corrected, "C", "d0 10:00"),
        at_eight(first, "F", "d0 09:00"),
        day.oru_text(alt="31", order="O2", collected="d-3 08:00"),
    ]
    for batch in [bodies] if together else [[body] for body in bodies]:
        day.at("d0 11:00").send_all(batch)
    day.roster("H1", start="d-1")

    assert sorted(day.values("alt")) == sorted([f"{corrected} U/L", "31 U/L"])
    assert len(day.open_alerts()) == alerts
