"""The conformance vectors: our engine gives what they say, and says readably where one does not."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from engine.errors import ConfigError
from engine.rulebook import AlertRule
from engine.vectors import Suite, read_suites, run_suite
from tests.scenario.timeline import knowledge
from tests.vectors import generate

SUITES = read_suites(generate.VECTORS)


@pytest.mark.parametrize("suite", SUITES, ids=lambda suite: suite.name)
def test_every_vector_comes_out_as_it_says(suite: Suite) -> None:
    """From the bytes of a message to the alert: the same lines that the rules draw."""
    assert [] == [str(difference) for difference in run_suite(suite, knowledge())]


def test_the_vectors_of_the_rules_are_those_of_their_cases() -> None:
    """Whoever changes a rule or its cases writes the vectors anew: python -m tests.vectors.generate."""
    folder = generate.FROM_CASES
    committed = {
        path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()
    }

    assert {name: text.encode() for name, text in generate.vectors().items()} == committed


def test_every_clinical_rule_speaks_in_some_vector() -> None:
    """No active alert rule is without an example that another engine can run."""
    alerts = [alert for suite in SUITES for vector in suite.vectors for alert in vector.alerts]
    told = {alert.rule for alert in alerts}.union(*(alert.speaks_for for alert in alerts))
    in_force = {
        rule.id for rule in knowledge().rulebook.in_force if isinstance(rule, AlertRule) and not rule.problems
    }

    assert set() == in_force - told


def test_the_readme_names_every_suite() -> None:
    """Whoever opens the folder finds what each part of it is about."""
    readme = (generate.VECTORS / "README.md").read_text("utf-8")

    assert set() == {suite.name for suite in SUITES if f"| `{suite.name.partition('/')[0]}/" not in readme}


@pytest.fixture
def suite(tmp_path: Path) -> Path:
    """A copy of a suite, to be spoiled."""
    return shutil.copytree(generate.VECTORS / "corrections", tmp_path / "corrections")


def changed(suite: Path, **entries: Any) -> None:
    """Its first vector alone, with other entries."""
    file = suite / "vectors.json"
    content = json.loads(file.read_text("utf-8"))
    content["vectors"] = [content["vectors"][0] | entries]
    file.write_text(json.dumps(content), "utf-8")


def test_a_difference_is_shown_expected_beside_found(suite: Path) -> None:
    """Whoever runs the vectors sees at a glance what came out instead."""
    expected = {
        "rule": "a02-alt-ast-500",
        "severity": "urgent",
        "phase": "start",
        "values": {"alt": "512 U/L"},
    }
    changed(suite, alerts=[expected])
    (read,) = read_suites(suite.parent)

    (difference,) = run_suite(read, knowledge())

    assert str(difference).split("\n") == [
        "corrections/corrected-below: A corrected value below the limit ends the alert",
        "  alert 1",
        "    expected a02-alt-ast-500, urgent, start, alt=512 U/L",
        "    found    a02-alt-ast-500, critical, start, alt=512 U/L",
        "  alert 2",
        "    expected nothing",
        "    found    a02-alt-ast-500, critical, end",
    ]


@pytest.mark.parametrize(
    ("entries", "told"),
    [
        ({"steps": [{"message": "none.hl7"}]}, "corrected-below: no message none.hl7"),
        ({"steps": [{}]}, "corrected-below: a step says 0 things"),
        ({"protocol": "strictest"}, "corrected-below: names protocol and rules, or neither"),
        ({"rules": []}, "corrected-below: names protocol and rules, or neither"),
        (
            {"steps": [{"roster": {"at": "2026-03-01T00:00:00Z", "rows": [{"drugs": "x"}]}}]},
            'corrected-below: "drugs" is no column of a roster',
        ),
        ({"remark": "x"}, "vectors.0.remark: Extra inputs are not permitted"),
    ],
)
def test_a_broken_vector_is_refused_in_words(suite: Path, entries: dict[str, Any], told: str) -> None:
    """A pack of another laboratory with a slip in it does not pass for one that agrees."""
    changed(suite, **entries)

    with pytest.raises(ConfigError) as refused:
        read_suites(suite.parent)

    assert [told] == [defect.message for defect in refused.value.defects]


def test_another_format_is_refused(suite: Path) -> None:
    """A later format may mean something else by the same words."""
    file = suite / "vectors.json"
    file.write_text(file.read_text("utf-8").replace("lab-alert-vectors/1", "lab-alert-vectors/2"), "utf-8")

    with pytest.raises(ConfigError, match="lab-alert-vectors/1"):
        read_suites(suite.parent)


def test_a_folder_without_vectors_is_no_success(tmp_path: Path) -> None:
    """A mistyped folder does not report that nothing differs."""
    with pytest.raises(ConfigError, match="no conformance vectors"):
        read_suites(tmp_path)


def test_a_rule_that_is_not_there_is_told(suite: Path) -> None:
    """A vector of rules that this engine does not have cannot be run."""
    changed(suite, rules=["z99-unheard-of"])
    (read,) = read_suites(suite.parent)

    with pytest.raises(ConfigError, match="z99-unheard-of"):
        run_suite(read, knowledge())
