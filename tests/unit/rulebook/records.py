"""Situations and rules for tests, written in the words of the rule files."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from textwrap import indent

from engine.model.codes import AnalyteDefinition
from engine.model.finding import Finding, Severity
from engine.model.record import Situation
from engine.rulebook import AlertRule, Rulebook, evaluate, parse_rulebook
from engine.rulebook.cases import read_cases
from engine.rulebook.conditions import Verdict, View, read_condition
from engine.terminology import parse_terminology
from tests.unit.rulebook.bad_files import ANALYTES, ROOT, sources_text

_RULE = """\
id: x01-example
title: Example
family: workup
severity: {severity}
status: {status}
version: "1"
rationale: An example.
sources:
  - document: HL7 Version 2.5.1
    section: 7.4.2.6 OBX-6 Units
{extra}
when:
{when}
message: {message}
action: Act.
"""


def situation(text: str = "") -> Situation:
    """The situation of a case, from its YAML without name and expectation."""
    case = f"rule: x01-example\ncases:\n  - name: one\n    expect: silent\n{indent(text, '    ')}\n"
    return read_cases(case, "x01-example_test.yaml", ANALYTES, Severity.REVIEW)[0].situation


def verdict(condition: str, text: str, *, preliminary: bool = False) -> Verdict:
    """One condition judged on the situation of a case."""
    return read_condition(condition).judge(View(situation(text), preliminary=preliminary))


def rule(
    when: str,
    *,
    severity: str = "critical",
    status: str = "draft",
    if_unknown: str = "if_unknown: silent",
    message: str = "Look.",
    extra: str = "",
) -> AlertRule:
    """A rule with these conditions, through the parser."""
    text = _RULE.format(
        severity=severity,
        status=status,
        extra=f"{if_unknown}\n{extra}".strip(),
        when=indent(when, "  "),
        message=message,
    )
    files = {"rules/azathioprine/x01-example.yaml": text, "rules/azathioprine/x01-example_test.yaml": ""}
    found = parse_rulebook(files, ANALYTES, sources_text()).by_id["x01-example"]
    assert isinstance(found, AlertRule)
    return found


def finding(a_rule: AlertRule, text: str) -> Finding:
    """The one finding of a clinical rule on the situation of a case."""
    (found,) = evaluate(a_rule, situation(text), ANALYTES)
    return found


@cache
def shipped_files() -> dict[str, str]:
    """Every YAML file of rules/, by path from the root of the checkout."""
    rules = ROOT / "rules"
    return {
        path.relative_to(ROOT).as_posix(): path.read_text("utf-8") for path in sorted(rules.rglob("*.yaml"))
    }


@cache
def shipped() -> Rulebook:
    """The rulebook that the product ships, with the default protocol in force."""
    return parse_rulebook(shipped_files(), shipped_analytes(), sources_text()).with_protocol("strictest")


def shipped_alerts() -> tuple[AlertRule, ...]:
    """The shipped rules that raise alerts."""
    return tuple(each for each in shipped().rules if isinstance(each, AlertRule))


@cache
def shipped_analytes() -> Mapping[str, AnalyteDefinition]:
    """The analytes of mappings/."""
    mappings = ROOT / "mappings"
    files = {
        path.relative_to(mappings).as_posix(): path.read_text("utf-8")
        for path in sorted(mappings.rglob("*"))
        if path.suffix in (".yaml", ".csv")
    }
    return parse_terminology(files).analytes
