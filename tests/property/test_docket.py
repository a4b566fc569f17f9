"""Rules passed over for what several of them demand together have nothing to say, whatever was found."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from functools import cache

from hypothesis import given, settings
from hypothesis import strategies as st

from engine.model.quantity import Interval, Quantity
from engine.model.record import Situation
from engine.model.result import Result
from engine.rulebook import Annotation, conclude
from engine.rulebook.cases import Case
from engine.rulebook.conditions import View
from engine.rulebook.docket import docket_of
from engine.rulebook.evaluate import judgements, text_of
from engine.rulebook.limits import is_limited
from engine.rulebook.trials import cases_of, standing_of
from tests.support.graver import graver_copies
from tests.unit.rulebook.bad_files import ANALYTES
from tests.unit.rulebook.books import alert, book
from tests.unit.rulebook.records import shipped, shipped_analytes, shipped_files, situation

FACTORS = ("0.01", "0.3", "0.5", "0.99", "1.01", "1.5", "2", "3", "5", "10", "30")
RULES = graver_copies(shipped().in_force, 2 * len(shipped().in_force))


@cache
def cases() -> list[Case]:
    """Those beside the shipped rules in which something was measured."""
    found = [
        case
        for rule in shipped().in_force
        for case in cases_of(rule, shipped(), shipped_files(), shipped_analytes())
    ]
    return [case for case in found if case.situation.series and not is_limited(case.situation)]


def below(value: Decimal) -> Interval:
    """As a laboratory writes "<150"."""
    return Interval(None, value, high_open=True)


@st.composite
def changed(draw: st.DrawFn, result: Result) -> Result:
    """The same result, or another value, a censored one, one without a range or of a spoiled specimen."""
    if result.quantity is None or result.quantity.interval.point is None:
        return result
    value = result.quantity.interval.point * Decimal(draw(st.sampled_from(("1", *FACTORS))))
    interval = draw(
        st.sampled_from((Interval.exactly(value), below(value), Interval(value, None, low_open=True)))
    )
    spoiled = draw(st.sampled_from((False, False, True)))
    return replace(
        result,
        quantity=Quantity(interval, result.quantity.unit),
        reference=draw(st.sampled_from((result.reference, None))),
        spoiled=spoiled,
        specimen_condition="haemolysed" if spoiled else "",
    )


@settings(max_examples=150)
@given(st.data())
def test_no_rule_is_passed_over_that_speaks(data: st.DataObject) -> None:
    """Of 312 rules, half of them graver copies, in the situations of all their cases, changed."""
    case = data.draw(st.sampled_from(cases()))
    series = {
        analyte: tuple(data.draw(changed(result)) for result in results)
        for analyte, results in case.situation.series.items()
    }
    seen = replace(case.situation, series=series, provisional=series)
    passed = docket_of(RULES).passed_over(View(seen, preliminary=False))
    standing = standing_of(case)
    for rule in RULES:
        if rule.id in passed:
            judged = judgements(rule, seen, standing)
            if isinstance(rule, Annotation):
                assert not any(text_of(rule, each.tree.truth) is not None for each in judged), rule.id
            else:
                assert not any(each.severity is not None for each in judged), rule.id


def spoken(seen: Situation, *rules: dict[str, str]) -> set[str]:
    """Which of these rules say something."""
    return {finding.rule_id for finding in conclude(book(*rules).values(), seen, ANALYTES).speaking}


def with_results(seen: Situation, analyte: str, *results: Result) -> Situation:
    """The situation with these results of an analyte."""
    series = {**seen.series, analyte: results}
    return replace(seen, series=series, provisional=series)


def test_a_rule_that_keeps_a_doubt_to_itself_does_not_silence_a_graver_one() -> None:
    """Of 2 x ULN "<150" makes a doubt that is not told; of 5 x ULN 600 without a range makes one that is."""
    rules = [
        alert(
            name,
            f"all:\n  - alt >= {times} x ULN\n  - alt >= 1 U/L",
            "urgent",
            if_unknown="{reference: review}",
        )
        for name, times in (("x01-mild", 2), ("x02-grave", 5))
    ]
    seen = situation("ranges: {alt: 10-40}\nresults:\n  alt: {0d: 150 U/L}\ntherapy: {started: -60d}")
    (result,) = seen.series["alt"]
    censored = replace(result, key="a", quantity=Quantity(below(Decimal(150)), "U/L"))
    bare = replace(result, key="b", quantity=Quantity(Interval.exactly(Decimal(600)), "U/L"), reference=None)

    assert spoken(with_results(seen, "alt", censored, bare), *rules) == {"x02-grave"}


def test_nor_does_it_where_the_newer_specimen_was_spoiled() -> None:
    """An older "<150" leaves 100 U/L open, but not 500: a haemolysed 900 makes a doubt that is told."""
    rules = [
        alert(
            name, f"all:\n  - ast >= {limit} U/L\n  - alt >= 1 U/L", "urgent", if_unknown="{spoiled: review}"
        )
        for name, limit in (("x01-mild", 100), ("x02-grave", 500))
    ]
    seen = situation(
        "results:\n  ast: {-7d: 150 U/L, 0d: 900 U/L}\n  alt: {0d: 30 U/L}\ntherapy: {started: -60d}"
    )
    old, new = seen.series["ast"]
    old = replace(old, quantity=Quantity(below(Decimal(150)), "U/L"))
    new = replace(new, spoiled=True, specimen_condition="haemolysed")

    assert spoken(with_results(seen, "ast", old, new), *rules) == {"x02-grave"}


def test_a_rule_about_a_problem_says_why_it_is_silent_where_something_else_was_never_measured() -> None:
    """ALT came without a unit: that nobody knows the AST is why nothing was told, and stands in the event."""
    when = "all:\n  - problem unit-missing\n  - ast >= 100 U/L"
    rules = book(alert("x01-joined", when, "urgent", if_unknown="silent")).values()
    seen = situation("problems: [{kind: unit-missing, analyte: alt}]\ntherapy: {started: -60d}")

    (silent,) = conclude(rules, seen, ANALYTES).silences(lambda _: True)

    assert (silent.rule_id, silent.subject) == ("x01-joined", "alt")
