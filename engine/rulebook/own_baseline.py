"""Alerts that only the patient's own baseline raises: told as such, so that a site sees the price of it."""

from __future__ import annotations

from engine.model.finding import Finding, Label
from engine.rulebook.message import cut_fold
from engine.rulebook.rule import BASELINE_SWITCH, Rule


def asks_for_baseline(rule: Rule) -> bool:
    """Whether another mode of baselines may change what the rule says."""
    return any(condition.multiple_of == "baseline" for condition in rule.conditions)


def label_against(literal: Finding, floor: Finding) -> Label | None:
    """What to say of a finding that is lower or absent where a baseline below the ULN counts as the ULN."""
    if literal.severity is None or (floor.severity and floor.severity.rank >= literal.severity.rank):
        return None
    spoken = (e.condition for e in literal.evidence if e.reference_kind == "baseline" and e.fold)
    condition = next(spoken, "")
    fold = next((cut_fold(e.fold) for e in floor.evidence if e.condition == condition), "")
    of_limit = f": {fold} x ULN" if fold else ""
    return Label(BASELINE_SWITCH, f"only against the patient's own baseline{of_limit}")
