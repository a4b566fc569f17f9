"""What happens to a message before anybody looks at its results: repeats, modes, times, unusable ones."""

from __future__ import annotations

import pytest

from engine.errors import ConfigError, ContentError
from engine.model.disposition import Reason
from engine.store import InboxKey
from engine.taken import Arrived
from tests.scenario.timeline import ANNA, Scenario, alert
from tests.scenario.wire import Observation, Panel, message, obx, stamp

STOP = alert("a02-alt-ast-500", "critical")
MILD = alert("a13-mild-rise", "review")


def treated() -> Scenario:
    day = Scenario()
    day.roster("H1", start="d-60")
    day.at("d0 08:00")
    return day


# --- repeats -------------------------------------------------------------------------------------


def test_a_message_delivered_twice_counts_once() -> None:
    """Redelivery after a crash: nothing is stored or told again."""
    day = treated()
    body = day.oru_text(alt="530")
    day.send(body)
    day.expect(STOP.started())
    day.at("d0 09:00").send(body)

    day.expect_silence()
    assert day.outcome == "duplicate/seen-before"


def test_a_message_twice_in_one_batch_counts_once() -> None:
    """The broker may put both copies into one transaction."""
    day = treated()
    body = day.oru_text(alt="530")
    day.send_all([body, body])

    day.expect(STOP.started())
    assert day.outcome == "duplicate/seen-before"


def test_a_control_id_used_again_is_another_message() -> None:
    """Senders count from one after a restart: a result must not be lost for that."""
    day = treated()
    day.oru(alt="130", control="1", order="O1")
    day.expect(MILD.started())
    day.at("d0 09:00").oru(alt="530", control="1", order="O2")

    day.expect(STOP.escalated())


def test_the_same_results_in_a_new_message_are_not_told_again() -> None:
    """A resend under a new control id changes nothing."""
    day = treated()
    day.oru(alt="530", order="O1", collected="d0 07:00", reported="d0 07:30")
    day.expect(STOP.started())
    day.at("d0 09:00").oru(alt="530", order="O1", collected="d0 07:00", reported="d0 07:30")

    day.expect_silence()
    assert day.values("alt") == ["530 U/L"]


def test_a_held_message_that_comes_again_is_held_once() -> None:
    """One problem is one line in the quarantine."""
    day = treated()
    body = day.oru_text(obx("alt", "530", status="Q"))
    day.send(body)
    day.send(body)

    assert len(day.held()) == 1


# --- modes and types -----------------------------------------------------------------------------


@pytest.mark.parametrize("mode", ["A", "I", "R"])
def test_history_fills_the_record_and_pages_nobody(mode: str) -> None:
    """Archive, initial load, restore (MSH-11.2): stored, silent."""
    day = treated()
    day.oru(alt="530", processing=f"P^{mode}")

    assert day.outcome == "accepted/history"
    day.expect_silence()
    assert day.values("alt") == ["530 U/L"]


def test_after_history_the_next_live_result_is_judged_with_it() -> None:
    """What was loaded in silence speaks with the first live message."""
    day = treated()
    day.oru(alp="39", collected="d-7 08:00", processing="P^A")
    day.oru(alp="39")

    day.expect(alert("c04-alp-low-persistent", "review").started())


def test_current_mode_pages() -> None:
    """MSH-11.2 T is what an empty component means."""
    day = treated()
    day.oru(alt="530", processing="P^T")

    day.expect(STOP.started())


@pytest.mark.parametrize("processing", ["T", "D", "N", "V"])
def test_messages_that_are_not_production_are_ignored(processing: str) -> None:
    """Training and tests must never page, nor be mixed with patients."""
    day = treated()
    day.oru(alt="530", processing=processing)

    assert day.outcome == "ignored/not-production"
    assert day.record().results == ()


def test_our_own_messages_are_ignored() -> None:
    """An alert routed back to us by mistake does not become a result."""
    day = treated()
    panel = Panel([obx("alt", "530")], "O1", stamp(day.now), stamp(day.now))
    lines = [ANNA.segment(), *panel.segments()]
    day.send(message("ORU^R01", "C1", stamp(day.now), lines, sender="AZAWATCH|STEVENS"))

    assert day.outcome == "ignored/own-message"


def test_types_that_we_do_not_use_are_ignored_by_name() -> None:
    """Scheduling messages on the same queue are counted, not held."""
    day = treated()
    day.send(message("SIU^S12", "C1", stamp(day.now), [ANNA.segment()]))

    assert day.outcome == "ignored/type-not-used"


@pytest.mark.parametrize("kind", ["ORU", "oru^r01", "ORU^R01"])
def test_old_and_sloppy_message_types_are_results(kind: str) -> None:
    """ORU without a trigger, and lower case, are what old senders write."""
    day = treated()
    panel = Panel([obx("alt", "530")], "O1", stamp(day.now), stamp(day.now))
    day.send(message(kind, "C1", stamp(day.now), [ANNA.segment(), *panel.segments()], version="2.3"))

    day.expect(STOP.started())


# --- unusable messages ---------------------------------------------------------------------------


def test_bytes_that_are_no_message_are_held_untouched() -> None:
    """Nothing that arrived is thrown away."""
    day = treated()
    day.send(b"PID|1||H1\rOBX|1|NM|1742-6^ALT^LN||530|U/L\r")

    assert day.outcome == "quarantined/no-header"
    assert day.held()[0].body.startswith(b"PID|1||H1")


def test_a_result_without_a_patient_is_held() -> None:
    """An OBX before any PID is nobody's."""
    day = treated()
    panel = Panel([obx("alt", "530")], "O1", stamp(day.now), stamp(day.now))
    day.send(message("ORU^R01", "C1", stamp(day.now), panel.segments()))

    assert day.outcome == "quarantined/no-patient-identifier"


def test_a_result_without_an_order_is_held() -> None:
    """Without OBR there is neither order number nor collection time."""
    day = treated()
    lines = [ANNA.segment(), obx("alt", "530").segment(1)]
    day.send(message("ORU^R01", "C1", stamp(day.now), lines))

    assert day.outcome == "quarantined/observation-without-order"


def test_the_rest_of_a_batch_goes_on() -> None:
    """One unusable message does not stop its neighbours."""
    day = treated()
    day.send_all([b"\xff\xfe not HL7", day.oru_text(alt="530"), day.oru_text(obx("alt", "1", status="Q"))])

    day.expect(STOP.started())
    assert len(day.held()) == 2


def test_a_message_released_without_any_change_stays_held() -> None:
    """Release is no way around the check."""
    day = treated()
    day.oru(obx("alt", "530", status="Q"))
    day.at("d1 08:00").released()

    day.expect_silence()
    assert [row.state for row in day.store.quarantined()] == ["held"]


@pytest.mark.parametrize("before", [b"", b"FHS|^~\\&|L\rBHS|^~\\&|L\r"], ids=["headers", "batch-file"])
def test_a_batch_that_was_held_whole_is_taken_apart_when_it_is_released(before: bytes) -> None:
    """Each of its messages ends as if it had just come; the one that cannot be used is held alone."""
    day = treated()
    bodies = [
        day.oru_text(alt="530"),
        day.oru_text(obx("alt", "1", status="Q"), control="X9"),
        day.oru_text(wbc="7"),
    ]
    whole = before + b"".join(bodies)
    # As the engine takes in what has ended it three times before it could be taken apart.
    key, why = InboxKey("", "", "0" * 64), ContentError(Reason.CRASHES_THE_ENGINE, "", "ended three times")
    day.intake.take([Arrived(whole, "azawatch.inbound", read=(key, why))])
    (held,) = day.held()
    taken = day.operations.release(held, "mended")

    assert [one.outcome.disposition for one in taken] == ["accepted", "quarantined", "accepted"]
    assert day.open_rules() == {"a02-alt-ast-500": "critical"}
    assert day.values("wbc") == ["7 10*9/L"]
    assert [row.message["control_id"] for row in day.held()] == ["X9"]
    assert [(row.state, row.why) for row in day.store.quarantined() if row.id == held.id] == [
        ("released", "mended")
    ]


def test_a_discarded_message_is_closed_with_its_reason() -> None:
    """Who looks later finds why."""
    day = treated()
    day.oru(obx("alt", "530", status="Q"))
    assert day.discarded("laboratory resent it")

    (row,) = day.store.quarantined()
    assert (row.state, row.why) == ("discarded", "laboratory resent it")


def test_a_message_that_somebody_else_has_closed_meanwhile_stays_closed() -> None:
    """Two people look at one held message: whoever comes second changes nothing, and is told."""
    day = treated()
    day.oru(obx("alt", "530", status="Q"))
    (held,) = day.held()
    assert day.discarded("laboratory resent it")

    with pytest.raises(ConfigError, match="closed by somebody else meanwhile"):
        day.operations.release(held, "mended")
    assert not day.operations.discard(held, "not wanted")
    (row,) = day.store.quarantined()
    assert (row.state, row.why) == ("discarded", "laboratory resent it")


def test_what_was_discarded_meanwhile_is_not_taken_in() -> None:
    """Else the record has what the audit says that nobody used."""
    day = treated()
    body = day.oru_text(alt="530")
    key, why = InboxKey("", "", "0" * 64), ContentError(Reason.CRASHES_THE_ENGINE, "", "ended three times")
    day.intake.take([Arrived(body, "azawatch.inbound", read=(key, why))])
    (held,) = day.held()
    assert day.discarded("laboratory resent it")

    with pytest.raises(ConfigError, match="meanwhile"):
        day.operations.release(held, "mended")
    day.expect_silence()
    assert day.values("alt") == []


# --- times ---------------------------------------------------------------------------------------


def stamped(day: Scenario, panel: Panel, *, sent: str | None = None) -> str:
    """Send one ALT of 530; when it counts as collected, or how the message ended otherwise."""
    sent = stamp(day.now) if sent is None else sent
    day.send(message("ORU^R01", day.control(), sent, [ANNA.segment(), *panel.segments()]))
    if not day.results("alt"):
        return day.outcome
    return day.results("alt")[0].collected.at.strftime("%d %H:%M")


def test_the_collection_time_is_the_most_specific_that_was_sent() -> None:
    """OBX-14, else OBR-7, else SPM-17, else when the laboratory had it, else the time of the message."""
    own = obx("alt", "530", at="20260312010000+0000")
    plain = obx("alt", "530")
    times = {
        "collected": "20260312020000+0000",
        "specimen": "20260312030000+0000",
        "received": "20260312040000+0000",
        "reported": "20260312050000+0000",
    }
    found = [stamped(treated(), Panel([own], "O1", **times))]
    while times:
        found.append(stamped(treated(), Panel([plain], "O1", **times)))
        times.pop(next(iter(times)))
    found.append(stamped(treated(), Panel([plain], "O1")))

    assert found == ["12 01:00", "12 02:00", "12 03:00", "12 04:00", "12 05:00", "12 08:00"]


def test_an_unreadable_time_is_as_good_as_none() -> None:
    """A word in OBR-7 gives way to the time of the specimen."""
    panel = Panel([obx("alt", "530")], "O1", collected="today", specimen="20260312030000+0000")

    assert stamped(treated(), panel) == "12 03:00"


def test_without_any_time_a_message_is_held() -> None:
    """A result that cannot be put in order is not put anywhere."""
    assert stamped(treated(), Panel([obx("alt", "530")], "O1"), sent="") == "quarantined/time-unreadable"


def test_a_time_that_cannot_be_is_passed_over() -> None:
    """A wrong year holds back nothing, and does not outrank every result to come."""
    future = "20270312080000+0000"
    day = treated()
    panel = Panel([obx("alt", "530", at=future), obx("wbc", "5")], "O1", collected="20260312070000+0000")
    day.send(message("ORU^R01", day.control(), stamp(day.now), [ANNA.segment(), *panel.segments()]))

    assert day.outcome == "accepted/results"
    both = day.results("alt") + day.results("wbc")
    assert [result.collected.at.strftime("%d %H:%M") for result in both] == ["12 07:00"] * 2
    assert stamped(treated(), Panel([obx("alt", "530")], "O1", collected=future)) == "12 08:00"


def test_an_impossible_time_of_what_nobody_watches_holds_nothing() -> None:
    """A wrong year beside an unmapped code is no reason to hold the message."""
    day = treated()
    for sent, disposition in (("20260312080000+0000", "accepted/results"), ("", "ignored/nothing-monitored")):
        panel = Panel(
            [Observation("XL99^Liver thing^L", "7", "U/L")], "O1", "20270312080000+0000" if sent else ""
        )
        day.send(message("ORU^R01", day.control(), sent, [ANNA.segment(), *panel.segments()]))
        assert day.outcome == disposition

    assert day.open_rules() == {"q06-code-unmapped": "info"}


def test_a_clock_that_is_some_hours_ahead_is_no_reason_to_hold_a_result() -> None:
    """Skewed clocks and zones are everyday."""
    ahead = Panel([obx("alt", "530")], "O1", collected="20260313070000+0000")

    assert stamped(treated(), ahead) == "13 07:00"


def test_times_without_offset_are_in_the_zone_of_the_message() -> None:
    """MSH-7 carries the offset for every time of the message."""
    panel = Panel([obx("alt", "530")], "O1", collected="20260312080000")
    day = treated()
    stamped(day, panel, sent="20260312090000-0500")

    assert day.results("alt")[0].collected.at.isoformat() == "2026-03-12T08:00:00-05:00"


def test_a_result_without_an_order_number_is_kept_by_panel_and_time() -> None:
    """Old analysers number nothing: a repeat of the message is still one result."""
    day = treated()
    for reported in ("20260312050000+0000", "20260312060000+0000"):
        stamped(day, Panel([obx("alt", "530")], "", "20260312040000+0000", reported))
    stamped(day, Panel([obx("alt", "530")], "", "20260312070000+0000"))

    assert day.values("alt") == ["530 U/L", "530 U/L"]
