"""The closed list of clinical facts that can be recorded about a person, and the values each may have.

A fact that no rule and no roster agree on the spelling of would silence a rule, so both are held to this.
Stated baselines (``baseline.alt=31 U/L``) and other drugs (``allopurinol`` is ``active`` or ``stopped``)
are facts too, with names of their own.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal

BASELINE_PREFIX = "baseline."
PROTOCOL = "protocol"
LIMIT_PREFIX = "limit."
"""Facts whose values the rules folder decides: ``protocol=s2`` binds a person to a protocol,
``limit.a02-alt-ast-500.alt=800 U/L until 2027-01-31 because ...`` changes one number of one rule for them."""
TAKEN = "active"
NO_LONGER_TAKEN = "stopped"

# The drugs that matter beside azathioprine and mercaptopurine. Prednisone is a prodrug of prednisolone and
# goes by its name.
OTHER_DRUGS = ("allopurinol", "febuxostat", "prednisolone", "budesonide", "methotrexate", "mycophenolate")

# From the worst on. "possibly-deficient" is a band that laboratories report, "indeterminate" a result that
# settles nothing: measured, and still not known.
METABOLISER_LEVELS = ("deficient", "possibly-deficient", "intermediate", "normal", "indeterminate")
GENES = ("tpmt", "nudt15")
_YES_OR_NO = ("yes", "no")

FACT_VALUES: Mapping[str, tuple[str, ...]] = {
    "tpmt": METABOLISER_LEVELS,
    "nudt15": METABOLISER_LEVELS,
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
    "obesity": _YES_OR_NO,
    "haemolysis": _YES_OR_NO,
    # both explain a number that would otherwise speak of the liver: INR, bilirubin
    "anticoagulant": _YES_OR_NO,
    "gilbert": _YES_OR_NO,
    "transfusion": _YES_OR_NO,
    "remission": _YES_OR_NO,
    "thiopurine-intolerance": _YES_OR_NO,
    "other-hepatotoxic-drug": _YES_OR_NO,
    "hepatitis-serology": ("negative", "positive", "pending"),
    # somebody has weighed benefit against risk and written it down
    "restart-decision": ("documented", "withdrawn"),
    # allopurinol is given on purpose, with a reduced dose of the thiopurine
    "allopurinol-cotherapy": ("intended", "not-intended"),
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


@dataclass(frozen=True, slots=True)
class QuantityFact:
    """A fact that is a number: its unit, and the bounds beyond which it is a typing error."""

    unit: str
    low: Decimal
    high: Decimal


FACT_QUANTITIES: Mapping[str, QuantityFact] = {"weight": QuantityFact("kg", Decimal(2), Decimal(400))}


@dataclass(frozen=True, slots=True)
class GeneLevel:
    """What one result says of a gene: its level, by which kind of test, and in the words of the result."""

    gene: str
    level: str
    kind: str
    words: str


# Several of these can hold on one day; of every other fact the newer statement replaces the older.
MANY_AT_ONCE = frozenset({"symptom", "diagnosis"})
