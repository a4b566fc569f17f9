"""rules/README.md says what the engine does: it is generated or compared, so it cannot fall behind."""

from __future__ import annotations

import pytest

from engine.model.finding import UnknownCause
from engine.rulebook import grammar_table
from engine.rulebook.cases import CASE_KEYS
from engine.rulebook.message import PAST_FIELD, TRIGGER_FIELDS
from engine.rulebook.parse import COMBINERS, KEYS
from tests.unit.rulebook.bad_files import ROOT

_README = (ROOT / "rules" / "README.md").read_text("utf-8")


def test_the_grammar_table_is_current() -> None:
    """The table of forms is the one that the engine prints."""
    shown = _README.partition("-->\n")[2].partition("<!-- end of grammar")[0]

    assert grammar_table() == shown


@pytest.mark.parametrize("key", [*KEYS, *CASE_KEYS, *(cause.value for cause in UnknownCause)])
def test_every_key_has_its_row(key: str) -> None:
    """Whoever writes a rule or a case finds every key explained."""
    assert f"| `{key}` |" in _README


@pytest.mark.parametrize("combiner", COMBINERS)
def test_every_combiner_is_explained(combiner: str) -> None:
    """any, all, not and unless are explained."""
    assert f"- `{combiner}:`" in _README


@pytest.mark.parametrize("field", [*TRIGGER_FIELDS, PAST_FIELD])
def test_every_field_of_a_placeholder_is_explained(field: str) -> None:
    """Whoever writes a message finds every field of a placeholder."""
    assert f".{field}}}`" in _README
