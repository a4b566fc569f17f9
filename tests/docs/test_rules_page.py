"""docs/rules.md tells of the rules as they are."""

from __future__ import annotations

from engine.rulebook import catalogue
from engine.rulebook.trials import cases_of
from tests.unit.rulebook.bad_files import ROOT
from tests.unit.rulebook.records import shipped, shipped_analytes, shipped_files


def test_the_page_of_rules_is_current() -> None:
    """Whoever changes a rule writes the page anew: azawatch rules list --format markdown > docs/rules.md."""
    book = shipped()
    cases = {rule.id: cases_of(rule, book, shipped_files(), shipped_analytes()) for rule in book.rules}

    assert (ROOT / "docs" / "rules.md").read_text("utf-8") == catalogue(book, cases)
