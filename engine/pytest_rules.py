"""pytest plugin: every case of ``rules/**/*_test.yaml`` is a test, and so is the coverage of each rule.

Switched on with ``-p engine.pytest_rules``. It looks for ``rules``, ``mappings`` and
``docs/sources.md`` at the root of the test run.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from engine.errors import ConfigError, Defect
from engine.rulebook import Rule, Rulebook, parse_rulebook
from engine.rulebook.cases import Case
from engine.rulebook.check import CASES_SUFFIX
from engine.rulebook.conditions import Analytes
from engine.rulebook.trials import cases_of, coverage_gaps, run_case
from engine.terminology import parse_terminology

_KINDS = (".yaml", ".csv")
_BOOK = pytest.StashKey[tuple[Rulebook, Analytes, dict[str, str]]]()


class BrokenRules(Exception):  # noqa: N818 - shown to the person who runs the tests
    """What is wrong with a case or a rule, one defect a line."""

    def __init__(self, defects: tuple[Defect, ...]) -> None:
        super().__init__("\n".join(map(str, defects)))


def pytest_collect_file(parent: pytest.Collector, file_path: Path) -> pytest.Collector | None:
    """Collect the case files below ``rules``."""
    rules = parent.config.rootpath / "rules"
    if file_path.name.endswith(CASES_SUFFIX) and rules in file_path.parents:
        collector: pytest.Collector = CaseFile.from_parent(parent, path=file_path)
        return collector
    return None


class CaseFile(pytest.File):
    """One file of cases: an item for each case, and one for the coverage of the rule's conditions."""

    def collect(self) -> Iterator[pytest.Item]:
        """Yield the items; a defect in any rule file fails the collection of each."""
        try:
            book, analytes, files = _rulebook(self.config)
            rule = book.by_id[self.path.name.removesuffix(CASES_SUFFIX)]
            cases = cases_of(rule, book, files, analytes)
        except ConfigError as error:
            raise self.CollectError(str(error)) from error
        for case in cases:
            item = CaseItem.from_parent(self, name=case.name)
            item.subject(rule, case, analytes)
            yield item
        coverage = CoverageItem.from_parent(self, name="coverage of conditions")
        coverage.subject(rule, cases)
        yield coverage


class _RuleItem(pytest.Item):
    """An item that fails with defects instead of a traceback."""

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: str | None = None) -> str:
        """Show the defects."""
        del style
        if isinstance(excinfo.value, BrokenRules):
            return str(excinfo.value)
        return str(super().repr_failure(excinfo))

    def reportinfo(self) -> tuple[Path, int | None, str]:
        """Name the file and the case."""
        return self.path, None, f"{self.path.name}: {self.name}"


class CaseItem(_RuleItem):
    """One case."""

    def subject(self, rule: Rule, case: Case, analytes: Analytes) -> None:
        """Say which rule must hold to which case."""
        self.rule, self.case, self.analytes = rule, case, analytes

    def runtest(self) -> None:
        """Evaluate the rule on the situation of the case."""
        defects = run_case(self.rule, self.case, self.analytes)
        if defects:
            raise BrokenRules(defects)


class CoverageItem(_RuleItem):
    """The gate: each condition must have been seen with each truth that it can have."""

    def subject(self, rule: Rule, cases: tuple[Case, ...]) -> None:
        """Say which rule and which cases."""
        self.rule, self.cases = rule, cases

    def runtest(self) -> None:
        """Look for truths that no case gives."""
        gaps = coverage_gaps(self.rule, self.cases)
        if gaps:
            raise BrokenRules(gaps)


def _rulebook(config: pytest.Config) -> tuple[Rulebook, Analytes, dict[str, str]]:
    """Rules and analytes of the checkout, read once in a test run."""
    if _BOOK not in config.stash:
        root = config.rootpath
        analytes = parse_terminology(_read(root / "mappings", root / "mappings")).analytes
        files = _read(root / "rules", root)
        sources = (root / "docs" / "sources.md").read_text("utf-8")
        config.stash[_BOOK] = parse_rulebook(files, analytes, sources), analytes, files
    return config.stash[_BOOK]


def _read(folder: Path, base: Path) -> dict[str, str]:
    return {
        path.relative_to(base).as_posix(): path.read_text("utf-8")
        for path in sorted(folder.rglob("*"))
        if path.suffix in _KINDS
    }
