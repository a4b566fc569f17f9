"""The closed list of condition forms. A new form is a class here, in FORMS, with cases in tests."""

from __future__ import annotations

from functools import lru_cache

from engine.rulebook.conditions.at_start import AtStart
from engine.rulebook.conditions.base import ALONE, Analytes, Condition, Standing, Verdict, View
from engine.rulebook.conditions.baselines import BaselineKnown, BaselineMultiple
from engine.rulebook.conditions.clocks import Overdue
from engine.rulebook.conditions.co_medication import DoseBeforeDrug, DrugBeforeStart, DrugStarted
from engine.rulebook.conditions.courses import Begun, Break
from engine.rulebook.conditions.doses import DoseAgainstDose, DoseAgainstNumber, DoseRaised
from engine.rulebook.conditions.others import NothingFires, RuleFires
from engine.rulebook.conditions.presence import (
    MeasuredBefore,
    MeasuredSince,
    MeasuredWith,
    MeasuredWithin,
    Stated,
)
from engine.rulebook.conditions.series import Change, Range, TimeOfDay
from engine.rulebook.conditions.states import (
    NamedSymptom,
    OtherDrug,
    RecordedFact,
    Symptom,
    Therapy,
    Unusable,
    WeeksSince,
)
from engine.rulebook.conditions.stretches import Repeated, Was
from engine.rulebook.conditions.trends import Lasting, Stable, Trend
from engine.rulebook.conditions.values import Absolute, Multiple, Ratio
from engine.rulebook.syntax import match

FORMS: tuple[type[Condition], ...] = (
    Absolute,
    Multiple,
    Repeated,
    Lasting,
    Was,
    AtStart,
    BaselineMultiple,
    BaselineKnown,
    Ratio,
    Trend,
    Stable,
    Change,
    Range,
    TimeOfDay,
    Therapy,
    WeeksSince,
    Begun,
    Break,
    DoseAgainstNumber,
    DoseAgainstDose,
    DoseRaised,
    MeasuredSince,
    MeasuredBefore,
    MeasuredWithin,
    MeasuredWith,
    RecordedFact,
    Symptom,
    NamedSymptom,
    Stated,
    OtherDrug,
    DrugStarted,
    DrugBeforeStart,
    DoseBeforeDrug,
    Overdue,
    Unusable,
    RuleFires,
    NothingFires,
)

_FORM_OF = {pattern: form for form in FORMS for pattern in form.PATTERNS}


@lru_cache(maxsize=4096)  # what was told is explained by reading its lines again
def read_condition(line: str) -> Condition:
    """The condition that a line says; raises Unreadable with what could have stood there instead."""
    found = match(line, _FORM_OF)
    return _FORM_OF[found.pattern].build(line, found.words)


def grammar_table() -> str:
    """The table of forms in rules/README.md, one row a form."""
    rows = ["| form | meaning | example |", "|---|---|---|"]
    for form in FORMS:
        patterns = "<br>".join(f"`{pattern}`" for pattern in form.PATTERNS)
        rows.append(f"| {patterns} | {form.MEANING} | `{form.EXAMPLE}` |")
    return "\n".join(rows) + "\n"


__all__ = [
    "ALONE",
    "FORMS",
    "Analytes",
    "Condition",
    "Standing",
    "Verdict",
    "View",
    "grammar_table",
    "read_condition",
]
