"""The grammar of conditions: closed, with one spelling for each thing."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.rulebook.conditions import FORMS, Condition, read_condition
from engine.rulebook.syntax import SLOTS, Unreadable
from tests.unit.rulebook.bad_files import ANALYTES

_WORDS = [
    *("alt", "ast", "wbc", "therapy", "symptom", "recorded", "problem", "fact", "weeks", "since", "is", "x"),
    *(
        "xULN",
        "/",
        "for",
        "results",
        "changed",
        "by",
        "in",
        "on",
        "reference",
        "5",
        "2.5",
        "U/L",
        "10*9/L",
        "%",
    ),
    *(choice for slot in SLOTS.values() for choice in slot.choices),
]


@pytest.mark.parametrize("form", FORMS, ids=lambda form: form.__name__)
def test_the_example_of_every_form_is_read_as_that_form(form: type[Condition]) -> None:
    """The grammar table shows an example of each form that can be copied into a rule."""
    condition = read_condition(form.EXAMPLE)

    assert isinstance(condition, form)
    assert form.EXAMPLE == condition.text
    assert [] == list(condition.faults(ANALYTES)) or not set(condition.analytes) <= set(ANALYTES)


_ANSWERS = ("accepted as written", "refused with a hint")


def _told(line: str) -> str:
    try:
        condition = read_condition(line)
    except Unreadable as error:
        return "refused with a hint" if error.message and error.hint else "refused without a reason"
    return "accepted as written" if condition.text == line else "changed"


@given(st.lists(st.sampled_from(_WORDS), min_size=1, max_size=9).map(" ".join))
def test_a_line_of_known_words_is_a_condition_or_refused_with_a_reason(line: str) -> None:
    """No combination of the grammar's words is misread: what is accepted reads back as it was written."""
    assert _told(line) in _ANSWERS


@given(st.text(max_size=40))
def test_any_text_is_answered(line: str) -> None:
    """Whatever stands where a condition should be is refused with a hint; it never breaks the check."""
    assert _told(line) in _ANSWERS


@pytest.mark.parametrize(
    "line",
    [
        "alt >= 500U/L",
        "alt>= 500 U/L",
        "alt >= 5x baseline",
        "alt >= 5 X baseline",
        "alt >= 5 x Baseline",
        "ALT >= 500 U/L",
        "alt >= 5e2 U/L",
        "alt >= 1_000 U/L",
        "alt >= -5 U/L",
        "alt >= .5 U/L",
        "alt >= 5. U/L",
        "alt >= \u0665 U/L",
        "alt = 500 U/L",
        "alt >= 500 U/L for 1.5 results",
        "alt >= 2 x previous for 2 results",
        "fact symptom is nausea",
        "weeks since Monday < 2",
        "alt changed by 30 % in 2 months",
    ],
)
def test_a_second_spelling_is_refused(line: str) -> None:
    """There is one way to write a condition, so a reviewer never wonders whether two differ."""
    with pytest.raises(Unreadable):
        read_condition(line)


def test_a_number_is_read_whole() -> None:
    """``alt >= 500`` is not 50 with the unit 0."""
    with pytest.raises(Unreadable, match="ends too early"):
        read_condition("alt >= 500")
