"""Words for what is known of TPMT and NUDT15: the level, and the test that it follows from."""

from __future__ import annotations

from engine.model.record import Situation
from engine.rulebook.conditions.states import latest_fact

GENE_FIELDS = ("told",)


def gene_field(gene: str, field: str, situation: Situation) -> str:
    """``possibly deficient``; ``genotype *3A/*3C of 2026-01-31``; empty where nothing is on record."""
    fact = latest_fact(situation.facts.get(gene, ()))
    if fact is None:
        return ""
    if field:
        return fact.told or f"stated {fact.effective.at.date().isoformat()}"
    return fact.value.replace("-", " ")
