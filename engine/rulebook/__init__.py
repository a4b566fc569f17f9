"""Rules: read from YAML, checked, evaluated in three-valued logic, explained, and tested by their cases."""

from __future__ import annotations

from engine.rulebook.binding import bound, fault_of_fact
from engine.rulebook.catalogue import catalogue
from engine.rulebook.check import parse_rulebook
from engine.rulebook.conclude import Findings, conclude
from engine.rulebook.conditions import grammar_table
from engine.rulebook.evaluate import evaluate
from engine.rulebook.explain import describe, describe_trials, why_silent
from engine.rulebook.limits import has_limit
from engine.rulebook.rule import (
    AlertRule,
    Annotation,
    Invariant,
    Kind,
    Protocol,
    Rule,
    Rulebook,
    Source,
    Status,
)
from engine.rulebook.silent import Silence
from engine.rulebook.trials import CaseReport, run_cases

__all__ = [
    "AlertRule",
    "Annotation",
    "CaseReport",
    "Findings",
    "Invariant",
    "Kind",
    "Protocol",
    "Rule",
    "Rulebook",
    "Silence",
    "Source",
    "Status",
    "bound",
    "catalogue",
    "conclude",
    "describe",
    "describe_trials",
    "evaluate",
    "fault_of_fact",
    "grammar_table",
    "has_limit",
    "parse_rulebook",
    "run_cases",
    "why_silent",
]
