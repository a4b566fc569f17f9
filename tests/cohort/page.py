"""docs/noise.md: what a generated cohort was told, and whether what was planted was found."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence

from engine.decide import Knowledge
from engine.generate import EXPECTED, Kind, Recipe
from engine.model.finding import Severity
from tests.cohort.measure import Noise

SEVERITIES = tuple(reversed(Severity))
_WORDS: Mapping[Kind, str] = {
    Kind.LIVER_INJURY: "liver injury: ALT or AST of 3 x ULN, or raised beside bilirubin of 2 x ULN",
    Kind.GRAVE_INJURY: "the same, grave: ALT or AST of 5 x ULN, or raised beside bilirubin of 2 x ULN",
    Kind.CYTOPENIA: "cytopenia: white cells below 3.0, neutrophils below 1.0 or platelets below 75",
    Kind.MILD_RISE: "mild rise: ALT or AST above ULN for some weeks",
    Kind.RAISED_BEFORE: "ALT or AST above ULN before the first dose and ever after",
    Kind.TPMT_LOW: "TPMT intermediate or deficient",
    Kind.WRONG_RESULT: "a wrong ALT, corrected or withdrawn later",
    Kind.UNIT_MISSING: "a result without its unit",
    Kind.UNIT_UNKNOWN: "a unit that nobody knows",
    Kind.UNREADABLE: "a value that is no number",
    Kind.IMPLAUSIBLE: "a value that cannot be",
    Kind.HAEMOLYSED: "AST of a haemolysed specimen, with a notice that it is to be repeated",
}


def page(recipe: Recipe, noise: Noise, knowledge: Knowledge) -> str:
    """The whole page."""
    return f"""\
# Noise and ground truth

How often would the rules speak in a clinic, and do they miss anything? An invented feed, with a record of
what was planted in it, is run through the whole engine, from messages and roster to alerts, and everything
that somebody would be told is counted:

```console
$ python -m tests.cohort --people {recipe.people} --days {recipe.days} --seed {recipe.seed}
```

prints this page. The feed is that of `azawatch generate FOLDER` with the same options, which writes it as
files together with `truth.jsonl`. People, values and troubles follow from the seed; rates and shapes are our
own choice. The figures compare rules and protocols with each other; they are no promise about a hospital.

## The feed

{_table(("what", "how many"), _feed(noise))}

## What was planted and shown

Shown: a message shows it while the person is on the drug or within reach of it. Told: an alert stood that
speaks of it, at the severity asked or above. The same day: within a day of the first message that shows it.

{_table(("planted", "at least", "shown", "told", "the same day"), _planted(noise))}

- From the first message that shows a liver injury, a grave one or a cytopenia to the alert: {_delay(noise)}.
- From its true onset, which nobody can see: {_spread(noise.delays_from_onset)}.
- Shown by no message, and so never told: {_unseen(noise)}.
- Wrong results taken back within a day of the correction: {noise.retracted} of \
{noise.shown[Kind.WRONG_RESULT]}.
- Broken messages: {noise.planted[Kind.BROKEN]}; no other message may meet the quarantine.
- Not as it was planted: {_amiss(noise)}.

## Told for nothing

Told at review or above, and belonging to nothing that was planted: no trouble of that kind was going on, no
test was late, nothing had been sent wrong. Per patient and year:

{_table(("severity", "told for nothing"), _for_nothing(noise))}

{_table(("rule", "told for nothing per patient and year"), _rules(noise.rules_for_nothing, noise, 8))}

Most of it is what people without trouble have: a value a little outside its range by chance, and then a
repeat within a week that the rules ask for and the invented clinic does not order.

## Told per patient and year

Without suppression every rule that fires is an alert at every message and every entry about the therapy, and
so is every overdue test. With it, which is how the engine works, one alert speaks for all rules about one
harm, and an unchanged finding is not told again within the repeat interval of its rule; counted is every
start, escalation and update. "The well" are the people who never have any trouble of liver or blood.

{_table(("severity", "every firing rule", "told", "told of the well"), _rates(noise))}

## What was told most

{_table(("rule", "told per patient and year"), _rules(noise.rules, noise, 15))}

{len(knowledge.rulebook.in_force)} rules were in force.
"""


def _table(headings: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [headings, ["---"] * len(headings), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _feed(noise: Noise) -> list[Sequence[str]]:
    rows = [
        ("people", f"{noise.people}"),
        ("patient-years on the drug or after it", f"{noise.years:.0f}"),
        ("messages", f"{noise.messages}"),
    ]
    words = {
        Kind.LIVER_INJURY: "liver injuries",
        Kind.CYTOPENIA: "cytopenias",
        Kind.MILD_RISE: "mild rises",
        Kind.RESTART: "restarts after a stop",
        Kind.MISSED_TEST: "tests missed or late",
        Kind.MERGE: "numbers merged",
        Kind.RESENT: "messages sent twice",
    }
    return [*rows, *((text, f"{noise.planted[kind]}") for kind, text in words.items())]


def _planted(noise: Noise) -> list[Sequence[str]]:
    return [
        (
            text,
            EXPECTED[kind],
            *(f"{counted[kind]}" for counted in (noise.shown, noise.alerted, noise.same_day)),
        )
        for kind, text in _WORDS.items()
    ]


def _rate(count: int, years: float) -> str:
    return f"{count / years:.2f}" if years else "0.00"


def _for_nothing(noise: Noise) -> list[Sequence[str]]:
    rows: list[Sequence[str]] = [
        (severity.value, _rate(noise.for_nothing[severity], noise.years))
        for severity in SEVERITIES
        if severity is not Severity.INFO
    ]
    return [*rows, ("all", _rate(noise.for_nothing.total(), noise.years))]


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


def _delay(noise: Noise) -> str:
    if not noise.delays:
        return "nothing to measure"
    same = sum(delay < 1 for delay in noise.delays)
    return f"the same day in {same} of {len(noise.delays)}, {_spread(noise.delays)}"


def _spread(days: Sequence[float]) -> str:
    if not days:
        return "nothing to measure"
    return f"median {statistics.median(days):.0f} days, longest {max(days):.0f} days"


def _unseen(noise: Noise) -> str:
    kinds = (Kind.LIVER_INJURY, Kind.CYTOPENIA)
    unseen = (f"{noise.planted[kind] - noise.shown[kind]} of {kind.value}" for kind in kinds)
    return f"{', '.join(unseen)} (they came at the end of the feed or were cut short by a stop)"


def _amiss(noise: Noise) -> str:
    return "; ".join(noise.amiss) if noise.amiss else "nothing"


def _rules(counted: Mapping[str, int], noise: Noise, most: int) -> list[Sequence[str]]:
    ordered = sorted(counted.items(), key=lambda item: (-item[1], item[0]))[:most]
    return [(rule, _rate(count, noise.years)) for rule, count in ordered]
