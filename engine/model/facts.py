"""The closed list of clinical facts that can be recorded about a person, and the values each may have.

A fact that no rule and no roster agree on the spelling of would silence a rule, so both are held to this.
Stated baselines (``baseline.alt=31 U/L``) and other drugs (``allopurinol`` is ``active`` or ``stopped``)
are facts too, with names of their own.
"""

from __future__ import annotations

from collections.abc import Mapping

BASELINE_PREFIX = "baseline."
TAKEN = "active"
NO_LONGER_TAKEN = "stopped"

_METABOLISER = ("deficient", "intermediate", "normal")
_YES_OR_NO = ("yes", "no")

FACT_VALUES: Mapping[str, tuple[str, ...]] = {
    "tpmt": _METABOLISER,
    "nudt15": _METABOLISER,
    # "none" says that somebody asked: without it the absence of symptoms is unknown, not known
    "symptom": (
        "none",
        "nausea",
        "vomiting",
        "fatigue",
        "severe-fatigue",
        "right-upper-quadrant-pain",
        "abdominal-pain",
        "jaundice",
        "pruritus",
        "dark-urine",
        "anorexia",
        "fever",
        "rash",
        "arthralgia",
        "myalgia",
        "malaise",
        "influenza-like",
        "sore-throat",
        "mouth-ulcers",
        "infection",
        "bruising",
        "bleeding",
        "breathlessness",
        "diarrhoea",
        "other",
    ),
    "cirrhosis": _YES_OR_NO,
    "decompensation": _YES_OR_NO,
    "chronic-liver-disease": _YES_OR_NO,
    "pregnancy": _YES_OR_NO,
    "malignancy": _YES_OR_NO,
    "alcohol": _YES_OR_NO,
    "corticosteroid": _YES_OR_NO,
    "workup": ("complete", "incomplete"),
    "diagnosis": (
        "aih",
        "ibd",
        "behcet",
        "rheumatoid-arthritis",
        "lupus",
        "vasculitis",
        "dermatitis",
        "myasthenia-gravis",
        "transplant",
        "leukaemia",
        "other",
    ),
}

# Several of these can hold on one day; of every other fact the newer statement replaces the older.
MANY_AT_ONCE = frozenset({"symptom", "diagnosis"})
