"""Rules in shadow: alerts of their own, kept beside and never sent."""

from __future__ import annotations

from tests.scenario.timeline import Scenario, alert, knowledge_of_scenarios, with_rules

A01 = "a01-alt-ast-5x-baseline"
A02 = "a02-alt-ast-500"


def watching(*rules: str) -> Scenario:
    """A patient on azathioprine, in a hospital that only watches these rules."""
    day = Scenario(known=with_rules(knowledge_of_scenarios(), watched=rules))
    day.roster("H1", start="d-60")
    return day


def test_an_alert_in_shadow_lives_beside_and_is_never_sent() -> None:
    """It starts, gets worse and ends like any alert; the outbox and those who listen hear nothing."""
    day = watching(A02)
    for when, value in (("d0", "600"), ("d1", "700"), ("d2", "30")):
        day.at(f"{when} 08:00").oru(alt=value, ast="30")
    day.expect_silence()

    assert [(A02, "start"), (A02, "update"), (A02, "end")] == [(e.rule, e.phase) for e in day.events()]
    assert all(event.shadow for event in day.events())
    assert 0 == day.store.outbox_depth()
    assert [True] == [each.shadow for each in day.store.alerts(only_open=False)]


def test_a_rule_in_shadow_does_not_silence_a_published_one_of_its_family() -> None:
    """In force, a01 would speak for both; while it is tried out, a02 goes on being told, and alone."""
    day = watching(A01)
    day.at("d-70").oru(alt="30")
    day.at("d0 08:00").oru(alt="600", ast="30")

    day.expect(alert(A02, "critical").started())
    (published,) = [event for event in day.events() if not event.shadow]
    (rehearsed,) = [event for event in day.events() if event.shadow]
    assert (A01, ()) == (rehearsed.rule, rehearsed.superseded)
    assert published.alert_id != rehearsed.alert_id
    assert A01 not in published.superseded
    assert A01 not in {silent.rule for silent in published.not_fired}


def test_a_rule_that_leaves_the_shadow_begins_an_alert_of_its_own() -> None:
    """The rehearsal ends where it was, and whoever is to be told is told from the start."""
    day = watching(A02)
    day.at("d0 08:00").oru(alt="600", ast="30")
    day.expect_silence()

    day.restarted(knowledge_of_scenarios())
    day.at("d1 08:00").oru(alt="610", ast="30")

    day.expect(alert(A02, "critical").started())
    assert ["start", "end"] == [event.phase for event in day.events() if event.shadow]
    assert [False] == [each.shadow for each in day.open_alerts()]


def test_a_published_rule_put_in_shadow_ends_its_alert() -> None:
    """What was told is taken back where it was told, and goes on unseen."""
    day = Scenario()
    day.roster("H1", start="d-60")
    day.at("d0 08:00").oru(alt="600", ast="30")
    day.expect(alert(A02, "critical").started())

    day.restarted(with_rules(knowledge_of_scenarios(), watched=[A02]))
    day.at("d1 08:00").oru(alt="610", ast="30")

    day.expect(alert(A02, "critical").ended())
    assert [True] == [each.shadow for each in day.open_alerts()]
