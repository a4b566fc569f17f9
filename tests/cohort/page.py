"""docs/noise.md: what the cohort was told."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from engine.decide import Knowledge
from engine.model.finding import Severity
from tests.cohort.measure import Noise
from tests.cohort.people import Matter

SEVERITIES = tuple(reversed(Severity))


class Recipe(NamedTuple):
    """What a measurement is made of."""

    people: int
    days: int
    seed: int


def page(recipe: Recipe, noise: Noise, knowledge: Knowledge) -> str:
    """The whole page."""
    return f"""\
# Noise

How often would the rules speak in a clinic? An invented cohort is run through the whole engine, from
messages and roster rows to alerts, and everything that somebody would be told is counted:

```console
$ python -m tests.cohort --people {recipe.people} --days {recipe.days} --seed {recipe.seed}
```

prints this page. The people, their values and their troubles are made up by `tests/cohort/people.py`, the
same for the same seed; rates and shapes are our own choice. The figures compare rules and protocols with
each other; they are no promise about a hospital.

## The cohort

{_table(("what", "how many"), _cohort(noise))}

## Told per patient and year

Without suppression every rule that fires is an alert at every draw and every entry about the therapy, and so
is every overdue test. With it, which is how the engine works, one alert speaks for all rules about one harm,
and an unchanged finding is not told again within the repeat interval of its rule; counted is every start,
escalation and update. "The well" are the people who never have any trouble: what they are told of is noise.

{_table(("severity", "every firing rule", "told", "told of the well"), _rates(noise))}

## Trouble that was seen

Seen: in somebody whose injury or cytopenia was meant to be, a draw showed it by ALT of 3 x ULN, bilirubin
of 2 x ULN, white cells below 3.0, neutrophils below 1.0 or platelets below 75. Alerted: told as urgent or
critical.

{_table(("trouble", "seen", "alerted"), _trouble(noise))}

From the draw that showed it to the alert: {_delay(noise)}.

## What was told most

{_table(("rule", "told per patient and year"), _rules(noise))}

{len(knowledge.rulebook.in_force)} rules were in force.
"""


def _table(headings: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [headings, ["---"] * len(headings), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _cohort(noise: Noise) -> list[Sequence[str]]:
    troubles: Mapping[Matter, int] = noise.troubles
    return [
        ("people", f"{noise.people}"),
        ("patient-years", f"{noise.years:.0f}"),
        ("draws", f"{noise.draws}"),
        ("draws that were missed", f"{noise.missed}"),
        ("restarts after a stop", f"{noise.restarts}"),
        *((f"courses of {matter.value}", f"{troubles.get(matter, 0)}") for matter in Matter),
    ]


def _rates(noise: Noise) -> list[Sequence[str]]:
    rows = [
        (
            severity.value,
            _rate(noise.unsuppressed[severity], noise.years),
            _rate(noise.told[severity], noise.years),
            _rate(noise.told_to_the_well[severity], noise.years_of_the_well),
        )
        for severity in SEVERITIES
    ]
    total = (
        "all",
        _rate(noise.unsuppressed.total(), noise.years),
        _rate(noise.told.total(), noise.years),
        _rate(noise.told_to_the_well.total(), noise.years_of_the_well),
    )
    return [*rows, total]


def _rate(count: int, years: float) -> str:
    return f"{count / years:.2f}" if years else "0.00"


def _trouble(noise: Noise) -> list[Sequence[str]]:
    return [
        (matter.value, f"{noise.seen[matter]}", f"{noise.alerted[matter]}")
        for matter in (Matter.INJURY, Matter.CYTOPENIA)
    ]


def _delay(noise: Noise) -> str:
    if not noise.delays:
        return "nothing to measure"
    same = sum(delay < 1 for delay in noise.delays)
    longest = max(noise.delays)
    return (
        f"the same day in {same} of {len(noise.delays)}, median {statistics.median(noise.delays):.0f} days, "
        f"longest {longest:.0f} days"
    )


def _rules(noise: Noise) -> list[Sequence[str]]:
    return [(rule, _rate(count, noise.years)) for rule, count in noise.rules.most_common(15)]
