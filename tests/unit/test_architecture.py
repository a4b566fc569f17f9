"""What the tree promises and neither ruff, mypy nor import-linter can see."""

from __future__ import annotations

import ast
import re
import sys
import tomllib
from collections.abc import Iterator
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

from engine import log

ROOT = Path(__file__).parents[2]
ENGINE = sorted((ROOT / "engine").rglob("*.py"))
TESTS = sorted((ROOT / "tests").rglob("*.py"))
LOG_METHODS = {"debug", "info", "warning", "error", "write"}
EVENT = re.compile(r"[a-z][a-z ,'-]{0,79}")


def name_of(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def parsed(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"), filename=str(path))


def test_modules_fit_into_a_head() -> None:
    """A newcomer reads a module in one sitting: 400 lines in the engine, 600 in the tests."""
    limits = [(path, 400) for path in ENGINE] + [(path, 600) for path in TESTS]
    sizes = {path: len(path.read_text(encoding="utf-8").splitlines()) for path, _ in limits}

    assert {name_of(path): sizes[path] for path, limit in limits if sizes[path] > limit} == {}


def test_every_test_says_which_behaviour_it_guards() -> None:
    """When a test fails, its first sentence says what a user would miss."""
    silent = []
    for path in TESTS:
        for node in ast.walk(parsed(path)):
            if isinstance(node, ast.FunctionDef) and node.name.startswith("test_"):
                first = (ast.get_docstring(node) or "").split("\n\n")[0]
                if not first.endswith((".", "?")):
                    silent.append(f"{name_of(path)}:{node.lineno} {node.name}")

    assert silent == []


def log_calls(tree: ast.Module) -> Iterator[ast.Call]:
    """Calls that look like logging: ``log.logger().info(...)``, or ``write(...)`` with a text first."""
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call):
            continue
        called = node.func
        if isinstance(called, ast.Attribute) and called.attr in LOG_METHODS:
            if isinstance(called.value, ast.Call) and ast.unparse(called.value).endswith("logger()"):
                yield node
        elif isinstance(called, ast.Name) and called.id == "write" and node.keywords:
            yield node


def fixed_texts(node: ast.expr) -> list[str]:
    """The texts that an event argument can be; a text made at run time counts as one that is not allowed."""
    if isinstance(node, ast.IfExp):
        return fixed_texts(node.body) + fixed_texts(node.orelse)
    return [str(node.value)] if isinstance(node, ast.Constant) else ["NOT FIXED"]


@pytest.mark.parametrize("path", ENGINE, ids=name_of)
def test_no_log_call_loses_what_it_says(path: Path) -> None:
    """The allow-list drops unknown keys at run time; the engine's own calls must only use known ones."""
    known = log.TEXTS | log.NUMBERS | log.FLAGS | {"exc_info"}
    for call in log_calls(parsed(path)):
        place = f"{name_of(path)}:{call.lineno}"
        for text in fixed_texts(call.args[0]):
            assert EVENT.fullmatch(text), f"{place}: the event must be a fixed phrase of lower-case words"
        for keyword in call.keywords:
            assert keyword.arg is None or keyword.arg in known, f"{place}: log key {keyword.arg} is unknown"


def imported(path: Path) -> set[str]:
    """Top-level names of what a module imports from outside the project and the standard library."""
    found = set()
    for node in ast.walk(parsed(path)):
        if isinstance(node, ast.Import):
            found |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            found.add(node.module.split(".")[0])
    return found - set(sys.stdlib_module_names) - {"engine", "tests"}


def test_dependencies_are_what_the_engine_imports() -> None:
    """An installation brings all that the engine needs and nothing that it does not."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    declared = {re.split(r"[<>=!~\[; ]", line)[0].lower() for line in project["dependencies"]}
    distributions = packages_distributions()
    # the pytest plugin is loaded by pytest only, which brings itself
    modules = [path for path in ENGINE if path.name != "pytest_rules.py"]
    needed = {distributions[name][0].lower() for path in modules for name in imported(path)}

    # never imported by name: rich is typer's and ours at the terminal, tzdata is zoneinfo's where the
    # system has no time zones, hl7 may only be named by the tests that compare readers
    # loaded only where somebody asks for it, and told where it is absent
    optional = {re.split(r"[<>=!~\[; ]", line)[0] for line in project["optional-dependencies"]["suggest"]}

    assert declared - needed <= {"rich", "tzdata", "hl7"}
    assert needed - declared == optional
