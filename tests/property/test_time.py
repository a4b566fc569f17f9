"""What is overdue in the end does not depend on when anything came, nor on when anybody looked."""

from __future__ import annotations

import random
from collections.abc import Sequence

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.property.test_order import CHECKS, Step, batches, days, shuffled, state
from tests.scenario.timeline import Scenario
from tests.scenario.wire import Patient


@settings(max_examples=30, suppress_health_check=CHECKS)
@given(steps=days(["H1", "H2"], merging=False), seed=st.integers(0, 2**32))
def test_order_does_not_matter_after_the_last_sweep(steps: list[Step], seed: int) -> None:
    """Sweeps between messages, in time or late: what is overdue in the end is for record and clock to say."""
    chance = random.Random(seed)
    swept = [swept_until_the_end(order, chance) for order in (steps, shuffled(steps, chance))]

    assert state(swept[0]) == state(swept[1])


def swept_until_the_end(steps: Sequence[Step], chance: random.Random) -> Scenario:
    """These steps in the first hour of a day, with sweeps between some, and a last one a month later."""
    day = Scenario(every_rule=True)
    day.at("d-300").oru(alt="30", of=Patient(("H9",)))  # the engine has watched for long
    day.at("d14")
    for number, batch in enumerate(batches(steps, chance)):
        day.at(f"d14 00:{number:02}")
        if batch[0].roster:
            day.import_roster(batch[0].roster)
        else:
            day.send_all(step.body for step in batch)
        if chance.random() < 0.3:
            day.sweep()
    day.at("d44 12:00").sweep()
    assert [taken.fault for taken in day.taken if taken.fault] == []
    return day


@settings(max_examples=15, suppress_health_check=CHECKS)
@given(steps=days(["H1", "H2"], merging=True))
def test_a_sweep_taken_again_tells_nothing(steps: list[Step]) -> None:
    """After a crash behind the commit the next sweep finds everything told."""
    day = swept_until_the_end(steps, random.Random(1))
    before, told = state(day), day.events()
    day.at("d44 12:00").sweep()

    assert (state(day), day.events()) == (before, told)
