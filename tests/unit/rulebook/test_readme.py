"""rules/README.md says what the engine does: it is generated or compared, so it cannot fall behind."""

from __future__ import annotations

import pytest

from engine.model.finding import UnknownCause
from engine.rulebook import grammar_table
from engine.rulebook.annotations import MODIFIER_KEYS
from engine.rulebook.cases import ALERT_KEYS, ANNOTATION_KEYS
from engine.rulebook.course_words import COURSE_FIELDS
from engine.rulebook.frame import COMBINERS
from engine.rulebook.invariants import FORMS
from engine.rulebook.invariants import KEYS as INVARIANT_KEYS
from engine.rulebook.message import PAST_FIELD, TRIGGER_FIELDS
from engine.rulebook.parse import KEYS
from engine.rulebook.rule import FAMILIES, Kind
from tests.unit.rulebook.bad_files import ROOT

_README = (ROOT / "rules" / "README.md").read_text("utf-8")


def test_the_grammar_table_is_current() -> None:
    """The table of forms is the one that the engine prints."""
    shown = _README.partition("-->\n")[2].partition("<!-- end of grammar")[0]

    assert grammar_table() == shown


@pytest.mark.parametrize(
    "key",
    [
        *dict.fromkeys(
            (
                *KEYS,
                *MODIFIER_KEYS,
                *INVARIANT_KEYS,
                *(key for form in FORMS for key in form),
                *ALERT_KEYS,
                *ANNOTATION_KEYS,
                *(cause.value for cause in UnknownCause),
            )
        )
    ],
)
def test_every_key_has_its_row(key: str) -> None:
    """Whoever writes a rule or a case finds every key explained."""
    assert f"| `{key}` |" in _README


@pytest.mark.parametrize("word", [*(kind.value for kind in Kind), *FAMILIES])
def test_every_kind_and_family_is_named(word: str) -> None:
    """Whoever writes a rule finds the kinds and families that there are."""
    assert f"`{word}`" in _README


@pytest.mark.parametrize("combiner", COMBINERS)
def test_every_combiner_is_explained(combiner: str) -> None:
    """any, all, not and unless are explained."""
    assert f"- `{combiner}:`" in _README


@pytest.mark.parametrize("field", [*TRIGGER_FIELDS, PAST_FIELD, *COURSE_FIELDS])
def test_every_field_of_a_placeholder_is_explained(field: str) -> None:
    """Whoever writes a message finds every field of a placeholder."""
    assert f".{field}}}`" in _README
