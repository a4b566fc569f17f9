"""What is planted in a generated feed is found, and the page about it is the one that the program prints."""

from __future__ import annotations

import re
from datetime import timedelta
from functools import cache

from engine.generate import EXPECTED, Hospital, Kind, Recipe
from tests.cohort.judged import found
from tests.cohort.measure import Noise, measure_group
from tests.cohort.page import page
from tests.scenario.timeline import ROOT, knowledge

PAGE = ROOT / "docs" / "noise.md"
SMALL = Recipe.of(people=60, days=200, seed=11)


@cache
def small() -> Noise:
    """Sixty people over two hundred days."""
    return measure_group(range(1, SMALL.people + 1), SMALL, knowledge())


def shape(text: str) -> str:
    """The page without its figures, and without the rules that were told most."""
    text = re.sub(r"(?m)^\| [a-z]\d\d-.*\n", "", text)
    text = re.sub(r"(?s)- From the first message .*?## Told for nothing", "", text)
    return re.sub(r"\d+(\.\d+)?", "#", text)


def test_everything_that_a_message_shows_is_told_the_same_day() -> None:
    """No injury, no cytopenia, no spoiled value that was planted goes by in silence or waits for a day."""
    noise = small()

    assert noise.amiss == []
    assert noise.same_day == noise.shown
    assert noise.shown[Kind.LIVER_INJURY] >= 4
    assert noise.shown[Kind.GRAVE_INJURY] >= 3
    assert noise.shown[Kind.CYTOPENIA] >= 2
    assert noise.retracted == noise.shown[Kind.WRONG_RESULT] >= 1


def test_silence_would_be_noticed() -> None:
    """The measurement itself sees an engine that tells nothing."""
    hospital = Hospital(SMALL)
    list(hospital.messages())
    truths = list(hospital.truths())

    weighed = list(found(truths, []))

    assert len(weighed) == sum(small().shown.values())
    assert not any(each.same_day or each.told or each.early for each in weighed)


def test_a_person_does_not_depend_on_how_many_there_are() -> None:
    """A larger feed holds the smaller one; so figures of two rule sets can be compared."""
    few = [sent.body for sent in Hospital(SMALL, [3]).messages()]
    many = [sent.body for sent in Hospital(SMALL, range(1, 6)).messages()]

    assert few
    assert [body for body in many if b"G0000003^" in body] == few


def test_a_correction_and_its_wrong_result_are_one_story() -> None:
    """The truth names the correcting message, which comes after the wrong one."""
    hospital = Hospital(SMALL)
    at = {sent.control: sent.at for sent in hospital.messages()}
    wrong = [truth for truth in hospital.truths() if truth.kind is Kind.WRONG_RESULT]

    assert wrong
    for truth in wrong:
        corrected = at[truth.detail.split()[-1]]
        assert truth.until == corrected
        assert at[truth.control] + timedelta(hours=1) < corrected
        assert EXPECTED[truth.kind] == "urgent"


def test_the_page_is_what_the_measurement_prints() -> None:
    """Whoever repeats the measurement gets the committed page with other figures at most."""
    assert shape(PAGE.read_text("utf-8")) == shape(page(SMALL, small(), knowledge()))


def test_suppression_never_adds_alerts() -> None:
    """What is told is part of what fires."""
    noise = small()

    assert noise.told.total() <= noise.unsuppressed.total()
    assert noise.messages > 0
