"""A rule in shadow is a rehearsal: what is sent is exactly what would be sent without it."""

from __future__ import annotations

import random

from hypothesis import given, settings
from hypothesis import strategies as st

from engine.model.alert import AlertEvent
from engine.store import OutboxRow
from tests.property.test_order import CHECKS, Step, days, happened
from tests.scenario.timeline import Scenario, knowledge, with_rules
from tests.support.outbox import unsent

RULES = sorted(rule.id for rule in knowledge().rulebook.in_force)


def sent(day: Scenario) -> list[OutboxRow]:
    """Everything that was put into the outbox, in order; nothing has been sent yet."""
    return unsent(day.store)


def told(day: Scenario, *, shadow: bool) -> list[AlertEvent]:
    """Every event of one side."""
    return [event for event in day.events() if event.shadow is shadow]


@settings(max_examples=25, deadline=None, suppress_health_check=CHECKS)
@given(
    steps=days(["H1", "H2"], merging=True), watched=st.sets(st.sampled_from(RULES), min_size=1, max_size=60)
)
def test_rules_in_shadow_change_nothing_of_what_is_sent(steps: list[Step], watched: set[str]) -> None:
    """Alerts, severity, labels, evidence: every byte that is sent is as without these rules."""
    rehearsing = happened(steps, random.Random(1), with_rules(knowledge(), watched=watched))
    without = happened(steps, random.Random(1), with_rules(knowledge(), without=watched))

    assert [row.body for row in sent(rehearsing)] == [row.body for row in sent(without)]
    assert told(rehearsing, shadow=False) == told(without, shadow=False)
    assert told(without, shadow=True) == []
    assert {event.rule for event in told(rehearsing, shadow=True)} <= watched
    assert {row.correlation_id for row in sent(rehearsing)}.isdisjoint(
        event.alert_id for event in told(rehearsing, shadow=True)
    )


@settings(max_examples=10, deadline=None, suppress_health_check=CHECKS)
@given(steps=days(["H1", "H2"], merging=True))
def test_with_every_rule_in_shadow_the_rehearsal_is_the_performance(steps: list[Step]) -> None:
    """All rules watched tell beside what they would have told in force, and nothing is sent."""
    rehearsing = happened(steps, random.Random(1), with_rules(knowledge(), watched=RULES))
    performing = happened(steps, random.Random(1), knowledge())

    def essence(day: Scenario, *, shadow: bool) -> list[tuple[str, ...]]:
        return sorted(
            (event.rule, event.phase, event.reason, event.severity, event.message, event.message_control_id)
            for event in told(day, shadow=shadow)
        )

    assert sent(rehearsing) == []
    assert essence(rehearsing, shadow=True) == essence(performing, shadow=False)
