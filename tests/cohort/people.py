"""An invented cohort: people on azathioprine over years, with what is really the matter with them.

Everything follows from the seed. The rates and shapes are our own choice, round numbers of the size that
reports on thiopurines give; they are there to weigh rules against each other, not to describe a hospital.
Nobody in it reacts to the engine: what a clinic does follows from the values alone.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from enum import StrEnum

BEGIN = datetime(2024, 1, 1, tzinfo=UTC)
DAYS = 730

# Typical value, spread between people, variation from draw to draw (as logarithmic standard deviations),
# decimals, unit, and the laboratory's range.
ANALYTES: Mapping[str, tuple[float, float, float, int, str, str]] = {
    "alt": (22, 0.28, 0.18, 0, "U/L", "10-40"),
    "ast": (22, 0.20, 0.12, 0, "U/L", "10-40"),
    "alp": (75, 0.20, 0.06, 0, "U/L", "42-141"),
    "ggt": (24, 0.35, 0.12, 0, "U/L", "8-60"),
    "bilirubin": (8, 0.30, 0.20, 0, "umol/L", "3-17"),
    "direct_bilirubin": (2.4, 0.30, 0.20, 1, "umol/L", "0-5"),
    "albumin": (42, 0.05, 0.03, 0, "g/L", "35-50"),
    "wbc": (6.5, 0.20, 0.11, 1, "10*9/L", "4.0-11.0"),
    "neutrophils": (3.8, 0.24, 0.16, 1, "10*9/L", "1.8-7.5"),
    "platelets": (260, 0.18, 0.08, 0, "10*9/L", "150-400"),
    "haemoglobin": (138, 0.07, 0.03, 0, "g/L", "115-165"),
    "mcv": (91, 0.04, 0.01, 0, "fL", "80-100"),
    "creatinine": (72, 0.18, 0.06, 0, "umol/L", "50-110"),
}
ULN_ALT = 40


class Matter(StrEnum):
    """What is really the matter."""

    MILD_RISE = "mild rise"
    INJURY = "liver injury"
    CYTOPENIA = "cytopenia"


@dataclass(frozen=True, slots=True)
class Trouble:
    """A course of something: ``factors`` multiply the analytes at its height, ``rise`` days after it began.

    It lasts until the drug is stopped and then halves every ``half_life`` days; a mild rise goes by itself.
    """

    matter: Matter
    begins: int
    rise: int
    half_life: float
    factors: Mapping[str, float]
    lasts: int = DAYS

    def height(self, day: int, stopped: int | None) -> float:
        """How much of it there is on a day, from 0 to 1."""
        over = min(self.begins + self.lasts, DAYS if stopped is None else max(stopped, self.begins))
        grown = min(max(min(day, over) - self.begins, 0) / self.rise, 1.0)
        return float(grown * 0.5 ** (max(day - over, 0) / self.half_life))


@dataclass(frozen=True, slots=True)
class Happening:
    """Something that reaches the engine: roster rows, then values of one draw (none: only the rows)."""

    at: datetime
    rows: tuple[tuple[str, str, str, str], ...] = ()  # event, drug, dose, note
    values: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Seen:
    """Trouble that a draw has shown: the first day on which a value was beyond the limit of harm."""

    matter: Matter
    since: datetime
    until: datetime


@dataclass(frozen=True, slots=True)
class Person:
    """One person of the cohort."""

    number: int
    happenings: tuple[Happening, ...]
    troubles: tuple[Matter, ...]
    seen: tuple[Seen, ...]
    restarts: int
    missed: int


def cohort(size: int, seed: int, days: int = DAYS) -> Iterator[Person]:
    """So many people, each the same whatever the size."""
    for number in range(1, size + 1):
        yield _Life(number, random.Random(f"{seed}/{number}"), days).lived()


class _Life:
    """Lives one person day by day."""

    def __init__(self, number: int, chance: random.Random, days: int) -> None:
        self.number, self.chance, self.days = number, chance, days
        self.own = {
            name: typical * chance.lognormvariate(0, spread)
            for name, (typical, spread, *_) in ANALYTES.items()
        }
        if chance.random() < 0.08:  # a fatty liver: raised before the first dose
            self.own["alt"] *= 2.2
            self.own["ast"] *= 1.6
            self.own["ggt"] *= 2
        self.dose = chance.choice((100, 125, 150, 175))
        self.taking = True
        self.stopped: int | None = None
        self.restarts = self.missed = 0
        self.restarted: int | None = None
        self.happenings: list[Happening] = []
        self.seen: dict[int, tuple[Matter, int, int]] = {}
        self.troubles = list(self._troubles())
        self.ever = list(self.troubles)

    def _troubles(self) -> Iterator[Trouble]:
        chance = self.chance
        if chance.random() < 0.25:
            factor = chance.uniform(1.6, 3.5)
            yield self._rise(chance.randrange(20, self.days), factor)
        if chance.random() < 0.05:
            yield self._injury(chance.randrange(10, 240))
        if chance.random() < 0.05:
            depth = chance.uniform(0.25, 0.5)
            factors = {"wbc": depth, "neutrophils": depth * 0.8, "platelets": depth + 0.3, "mcv": 1.12}
            begins = chance.randrange(14, 400)
            yield Trouble(Matter.CYTOPENIA, begins, chance.randrange(14, 60), 8, factors)

    def _rise(self, begins: int, factor: float) -> Trouble:
        factors = {"alt": factor, "ast": 1 + (factor - 1) * 0.6, "ggt": 1.3}
        return Trouble(Matter.MILD_RISE, begins, 10, 12, factors, lasts=self.chance.randrange(14, 45))

    def _injury(self, begins: int) -> Trouble:
        height = self.chance.uniform(9, 40)
        cholestatic = self.chance.choice((False, True))
        factors = {
            "alt": height * (0.6 if cholestatic else 1),
            "ast": height * 0.7,
            "alp": 3.0 if cholestatic else 1.4,
            "ggt": 5.0 if cholestatic else 2.0,
            "bilirubin": (bilirubin := self.chance.uniform(1, 9 if cholestatic else 4)),
            "direct_bilirubin": bilirubin,
        }
        return Trouble(Matter.INJURY, begins, self.chance.randrange(10, 30), 12, factors)

    def lived(self) -> Person:
        """From the draw before the first dose to the last."""
        self._begin()
        day, step = 7, 0
        lost = self.chance.randrange(100, 600) if self.chance.random() < 0.04 else None
        while day < self.days:
            away = lost is not None and lost <= day < lost + 150
            if away or self.chance.random() < 0.08:
                self.missed += 1
                day += self.chance.randrange(7, 21)
                continue
            wait = self._draw(day)
            day += max(wait or self._planned(step, day), 1) + self.chance.choice((0, 0, 0, 1, -1, 2))
            step += 1
        return Person(
            self.number,
            tuple(sorted(self.happenings, key=lambda each: each.at)),
            tuple(trouble.matter for trouble in self.ever if trouble.begins < self.days),
            tuple(Seen(matter, _time(first), _time(last + 14)) for matter, first, last in self.seen.values()),
            self.restarts,
            self.missed,
        )

    def _begin(self) -> None:
        self.happenings.append(Happening(_time(-self.chance.randrange(3, 21)), values=self._values(-10)))
        rows = [
            ("start", "azathioprine", str(self.dose), ""),
            ("fact", "", "", f"diagnosis={self._diagnosis()}"),
        ]
        if self.chance.random() < 0.85:
            rows.append(("fact", "", "", f"tpmt={self._metaboliser()}"))
        self.happenings.append(Happening(_time(0), tuple(rows)))

    def _diagnosis(self) -> str:
        known = ("ibd", "aih", "rheumatoid-arthritis", "lupus", "dermatitis")
        return self.chance.choices(known, (55, 15, 15, 10, 5))[0]

    def _metaboliser(self) -> str:
        return self.chance.choices(("normal", "intermediate", "deficient"), (890, 107, 3))[0]

    def _planned(self, step: int, day: int) -> int:
        """Days to the next planned draw: as the default protocol asks, weekly at first, then monthly."""
        if not self.taking:
            return 14
        if self.restarted is not None and day - self.restarted < 84:
            return 7 if day - self.restarted < 28 else 14
        return 7 if step < 4 else 28

    def _draw(self, day: int) -> int:
        """One draw and what the clinic makes of it; days to the next one where it wants one sooner."""
        values = self._values(day)
        rows = self._told(day)
        self.happenings.append(Happening(_time(day), rows, values))
        number = {name: float(text) for name, text in values.items()}
        self._look(day, number)
        harmed = number["alt"] >= 5 * ULN_ALT or number["wbc"] < 2.5 or number["platelets"] < 50
        harmed = harmed or (number["alt"] >= 2 * ULN_ALT and number["bilirubin"] >= 34)
        if self.taking and harmed:
            self._stop(day + self.chance.randrange(0, 3))
            return 7
        if not self.taking:
            self._consider_restart(day, number)
            return 7
        if number["alt"] > 2 * ULN_ALT or number["wbc"] < 3.5 or number["platelets"] < 100:
            return self.chance.randrange(6, 15)
        return 0

    def _told(self, day: int) -> tuple[tuple[str, str, str, str], ...]:
        """What somebody records about symptoms at the visit, if anybody does."""
        ill = any(
            trouble.matter is Matter.INJURY and trouble.height(day, self.stopped) > 0.3
            for trouble in self.troubles
        )
        chance = self.chance.random()
        if ill and chance < 0.4:
            return (("fact", "", "", f"symptom={self.chance.choice(('nausea', 'fatigue', 'jaundice'))}"),)
        if chance > 0.97:
            return (("fact", "", "", f"symptom={self.chance.choice(('nausea', 'fatigue', 'other'))}"),)
        return (("fact", "", "", "symptom=none"),) if chance < 0.6 else ()

    def _stop(self, day: int) -> None:
        self.taking, self.stopped = False, day
        self.happenings.append(Happening(_time(day, 15), (("stop", "azathioprine", "", ""),)))

    def _consider_restart(self, day: int, number: Mapping[str, float]) -> None:
        assert self.stopped is not None
        well = number["alt"] <= ULN_ALT and number["ast"] <= ULN_ALT and number["wbc"] >= 3.5
        if not well or day - self.stopped < 14 or self.restarts or self.chance.random() > 0.5:
            return
        self.taking, self.restarted = True, day + 1
        self.restarts += 1
        self.dose = self.chance.choice((50, 50, self.dose // 2, self.dose))
        self.happenings.append(Happening(_time(day + 1), (("restart", "azathioprine", str(self.dose), ""),)))
        self.troubles = [each for each in self.troubles if each.matter is Matter.MILD_RISE]
        self.stopped = None
        if self.chance.random() < 0.26:
            self.troubles.append(self._injury(day + self.chance.randrange(5, 40)))
            self.ever.append(self.troubles[-1])

    def _values(self, day: int) -> dict[str, str]:
        found: dict[str, str] = {}
        for name, (_, _, variation, decimals, *_) in ANALYTES.items():
            value = self.own[name] * self.chance.lognormvariate(0, variation)
            for trouble in self.troubles:
                value *= 1 + (trouble.factors.get(name, 1) - 1) * trouble.height(day, self.stopped)
            found[name] = f"{value:.{decimals}f}"
        return found

    def _look(self, day: int, number: Mapping[str, float]) -> None:
        """Note trouble whose harm a draw shows."""
        shown = {
            Matter.INJURY: number["alt"] >= 3 * ULN_ALT or number["bilirubin"] >= 34,
            Matter.CYTOPENIA: number["wbc"] < 3.0 or number["neutrophils"] < 1.0 or number["platelets"] < 75,
        }
        for place, trouble in enumerate(self.troubles):
            if shown.get(trouble.matter) and trouble.height(day, self.stopped) > 0.1:
                key = 1000 * self.restarts + place
                first = self.seen[key][1] if key in self.seen else day
                self.seen[key] = (trouble.matter, first, day)


def _time(day: int, hour: int = 8) -> datetime:
    return BEGIN + timedelta(days=day, hours=hour)
