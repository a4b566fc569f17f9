"""Courses of harm: how an injury, a cytopenia or a mild rise grows and goes."""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import dataclass

from engine.generate.truth import Kind

_FOREVER = 10_000


@dataclass(frozen=True, slots=True)
class Trouble:
    """A course of something: at its height, ``rise`` days after the begin, ``factors`` multiply the values.

    It lasts until the drug is stopped and then halves every ``half_life`` days; a mild rise goes by itself.
    """

    kind: Kind
    begins: int
    rise: int
    half_life: float
    factors: Mapping[str, float]
    lasts: int = _FOREVER

    def height(self, day: int, stopped: int | None) -> float:
        """How much of it there is on a day, from 0 to 1."""
        over = min(self.begins + self.lasts, _FOREVER if stopped is None else max(stopped, self.begins))
        grown = min(max(min(day, over) - self.begins, 0) / self.rise, 1.0)
        return float(grown * 0.5 ** (max(day - over, 0) / self.half_life))


def mild_rise(chance: random.Random, begins: int) -> Trouble:
    """Transaminases up to some three times the person's own, for some weeks, whatever anybody does."""
    factor = chance.uniform(1.6, 3.5)
    factors = {"alt": factor, "ast": 1 + (factor - 1) * 0.6, "ggt": 1.3}
    return Trouble(Kind.MILD_RISE, begins, 10, 12, factors, lasts=chance.randrange(14, 45))


def injury(chance: random.Random, begins: int) -> Trouble:
    """Hepatocellular or cholestatic, within weeks, and worse until the drug is stopped."""
    height = chance.uniform(9, 40)
    cholestatic = chance.choice((False, True))
    bilirubin = chance.uniform(1, 9 if cholestatic else 4)
    factors = {
        "alt": height * (0.6 if cholestatic else 1),
        "ast": height * 0.7,
        "alp": 3.0 if cholestatic else 1.4,
        "ggt": 5.0 if cholestatic else 2.0,
        "bilirubin": bilirubin,
        "direct_bilirubin": bilirubin,
    }
    return Trouble(Kind.LIVER_INJURY, begins, chance.randrange(10, 30), 12, factors)


def cytopenia(chance: random.Random, begins: int) -> Trouble:
    """White cells above all, with large red cells."""
    depth = chance.uniform(0.25, 0.5)
    factors = {"wbc": depth, "neutrophils": depth * 0.8, "platelets": depth + 0.3, "mcv": 1.12}
    return Trouble(Kind.CYTOPENIA, begins, chance.randrange(14, 60), 8, factors)
