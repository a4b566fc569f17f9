"""The measurement of noise can be repeated, and its page is the one that it prints."""

from __future__ import annotations

import re
from functools import cache

from tests.cohort.measure import Noise, measure
from tests.cohort.page import Recipe, page
from tests.cohort.people import DAYS, Person, cohort
from tests.scenario.timeline import ROOT, knowledge

PAGE = ROOT / "docs" / "noise.md"
SMALL = Recipe(people=3, days=120, seed=2026)


@cache
def small() -> Noise:
    """A few people over some months."""
    return measure(cohort(SMALL.people, SMALL.seed, SMALL.days), knowledge(), SMALL.days)


def shape(text: str) -> str:
    """The page without its figures, and without the rules that were told most."""
    text = re.sub(r"(?m)^\| [a-z]\d\d-.*\n", "", text)
    text = re.sub(r"From the draw that showed it to the alert: .*", "", text)
    return re.sub(r"\d+(\.\d+)?", "#", text)


def test_a_cohort_is_the_same_for_the_same_seed() -> None:
    """Figures of two rule sets can be compared, for the people behind them are the same."""
    once, again = (list(cohort(5, 2026)) for _ in range(2))
    other: list[Person] = list(cohort(5, 2027))

    assert once == again
    assert once != other


def test_a_person_does_not_depend_on_how_many_there_are() -> None:
    """A larger cohort holds the smaller one."""
    assert list(cohort(3, 2026)) == list(cohort(6, 2026))[:3]


def test_the_page_is_what_the_measurement_prints() -> None:
    """Whoever repeats the measurement gets the committed page with other figures at most."""
    assert shape(PAGE.read_text("utf-8")) == shape(page(SMALL, small(), knowledge()))


def test_the_page_is_of_the_whole_cohort() -> None:
    """The committed figures are those of five hundred people over two years."""
    (people, days) = re.findall(r"--people (\d+) --days (\d+)", PAGE.read_text("utf-8"))[0]

    assert (500, DAYS) == (int(people), int(days))


def test_suppression_never_adds_alerts() -> None:
    """What is told is part of what fires."""
    noise = small()

    assert noise.told.total() <= noise.unsuppressed.total()
    assert noise.draws > 0
