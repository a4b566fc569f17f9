"""One invented person over time: what is really the matter, what the clinic does, what is measured.

Rates and shapes are our own choice, round numbers of the size that reports on thiopurines give. Nobody
reacts to alerts: what the clinic does follows from the values alone.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta

from engine.generate.happenings import QUIRKS, Draw, Happening, Ordered, Registered, Step
from engine.generate.laboratories import LABORATORIES, Laboratory
from engine.generate.names import Identity, identity
from engine.generate.physiology import MONITORED
from engine.generate.recipe import Recipe
from engine.generate.troubles import Trouble, cytopenia, injury, mild_rise
from engine.generate.truth import Kind, RosterRow, Truth

ULN_ALT = 40.0
_PHENOTYPES = {"normal": "Normal metabolizer", "intermediate": "Intermediate metabolizer"}
_DIAGNOSES = {"ibd": "K50.9", "rheumatoid-arthritis": "M05.9", "lupus": "M32.9", "dermatitis": "L20.9"}
_SYMPTOMS = ("nausea", "fatigue", "jaundice")


class Life:
    """A person by number; the same for the same recipe, whoever else is in the feed.

    :attr:`truths` holds what was planted; it is complete when :meth:`happenings` has been read to its end.
    """

    def __init__(self, number: int, recipe: Recipe) -> None:
        self._chance = chance = random.Random(f"{recipe.seed}/{number}")
        self._recipe = recipe
        self.who: Identity = identity(number)
        self.laboratory: Laboratory = chance.choice(LABORATORIES)
        self.truths: list[Truth] = []
        self._own = {
            name: measured.typical * chance.lognormvariate(0, measured.between)
            for name, measured in MONITORED.items()
        }
        self._treated = chance.random() * 100 < recipe.treated
        self.on_roster = self._treated and chance.random() < 0.4
        self._start = self._begins()
        self._dose = chance.choice((100, 125, 150, 175))
        self._diagnosis = chance.choices(tuple(_DIAGNOSES), (60, 20, 12, 8))[0]
        self._enzyme = self._planted_enzyme()
        self._stopped: int | None = None
        self._restarted: int | None = None
        self._restarts = 0
        self._missed: Truth | None = None
        self._stated = f"{self._own['alt']:.0f}" if chance.random() < 0.8 else ""
        self._troubles: list[Trouble] = []
        self._episodes: list[tuple[Trouble, Truth]] = []
        self.first_number = self.who.number
        self._plant()

    @property
    def watched_days(self) -> int:
        """For how many days of the feed the drug has been begun."""
        return max(self._recipe.days - max(self._start, 0), 0) if self._treated else 0

    def roster(self) -> Iterator[RosterRow]:
        """What the roster says of this person: those who took the drug before the feed begins."""
        if not self.on_roster:
            return
        number, start = self.who.number, self._time(self._start)
        yield RosterRow(number, start, "start", "azathioprine", str(self._dose))
        yield RosterRow(number, start, "fact", note=f"diagnosis={self._diagnosis}")
        if self._enzyme:
            yield RosterRow(number, start, "fact", note=f"tpmt={self._enzyme}")
        if self._stated:
            yield RosterRow(number, start, "fact", note=f"baseline.alt={self._stated} U/L")

    def happenings(self) -> Iterator[Happening]:
        """Everything that is told, in the order of time."""
        if not self._treated:
            yield from self._untreated()
            return
        day, step = self._start + 7, 0
        if self.on_roster:
            day, step = self._chance.randrange(28), 4
        else:
            yield from self._introduced()
        lost = self._chance.randrange(100, 600) + day if self._chance.random() < 0.04 else None
        merged = self._start + 20 if self.first_number != self.who.number else self._recipe.days
        while day < self._recipe.days:
            if merged <= day:
                yield self._merge(merged)
                merged = self._recipe.days
            away = lost is not None and lost <= day < lost + 150
            if away or self._chance.random() < 0.08:
                self._miss(day)
                day += self._chance.randrange(7, 21)
                continue
            told, wait = self._visit(day)
            yield from (each for each in told if each.at < self._time(self._recipe.days, 0))
            planned = day + (wait or self._planned(step, day))
            day = planned + self._chance.choice((0, 0, 0, 1, -1, 2))
            if day > planned:
                self._miss(planned)
            step += 1

    # --- what is planted ----------------------------------------------------------------------------

    def _begins(self) -> int:
        if self.on_roster:
            return -self._chance.randrange(60, 1500)
        return self._chance.randrange(14, max(15, int(self._recipe.days * 0.4)))

    def _planted_enzyme(self) -> str:
        """What is known of TPMT; empty where nobody has asked."""
        known = self._chance.random() < 0.85
        level = self._chance.choices(("normal", "intermediate", "deficient"), (890, 107, 3))[0]
        began = max(self._start, 0)
        if not self._treated or began >= self._recipe.days:
            return ""
        if not known:
            self._note(Kind.TPMT_NOT_KNOWN, 0).shown = self._time(began)
            return ""
        if level != "normal":
            truth = self._note(Kind.TPMT_LOW, 0)
            truth.shown, truth.detail = self._time(began), level
        return level

    def _plant(self) -> None:
        chance, began, days = self._chance, max(self._start, 0), self._recipe.days
        if chance.random() < 0.08:  # a fatty liver
            self._own["alt"] *= 2.2
            self._own["ast"] *= 1.6
            self._own["ggt"] *= 2
            if self._treated:
                self._note(Kind.RAISED_BEFORE, 0)
        if not self._treated:
            return
        if not self.on_roster and chance.random() < 0.06:
            self.first_number = f"T{self.who.number[1:]}"
        if chance.random() < 0.25:
            self._add(mild_rise(chance, began + chance.randrange(20, max(days, 21))))
        if chance.random() < 0.10:
            self._add(injury(chance, began + chance.randrange(10, 180)))
        if chance.random() < 0.08:
            self._add(cytopenia(chance, began + chance.randrange(14, 300)))

    def _add(self, trouble: Trouble) -> None:
        if trouble.begins >= self._recipe.days:
            return
        self._troubles.append(trouble)
        grave = (Kind.GRAVE_INJURY,) if trouble.kind is Kind.LIVER_INJURY else ()
        for kind in (trouble.kind, *grave):
            truth = self._note(kind, trouble.begins)
            truth.until = truth.began
            self._episodes.append((trouble, truth))

    def _note(self, kind: Kind, day: int) -> Truth:
        truth = Truth(kind, self.who.number, self._time(day, 0))
        self.truths.append(truth)
        return truth

    # --- what happens -------------------------------------------------------------------------------

    def _untreated(self) -> Iterator[Happening]:
        day = self._chance.randrange(200)
        while day < self._recipe.days:
            yield Draw(self._at_draw(day), self._values(day))
            day += self._chance.randrange(20, 300)

    def _introduced(self) -> Iterator[Happening]:
        """Registered, drawn and tested, then begun."""
        before = self._start - self._chance.randrange(3, 13)
        event = self._chance.choice(("A01", "A31"))
        yield Registered(self._time(before, 6), event, _DIAGNOSES[self._diagnosis])
        phenotype = _PHENOTYPES.get(self._enzyme, "Poor metabolizer") if self._enzyme else ""
        told: list[Happening] = [self._draw(before, phenotype)]
        if random.Random(f"{self._recipe.seed}/{self.who.number}/moved").random() < 0.3:
            told.append(Registered(self._time(self._start, 9), "A08"))
        # an order some hours after the visit
        told.append(Ordered(self._time(self._start, 14), Step.START, self._dose, self._of_enzyme()))
        yield from (each for each in told if each.at < self._time(self._recipe.days, 0))

    def _merge(self, day: int) -> Registered:
        truth = self._note(Kind.MERGE, day)
        truth.detail = self.first_number
        return Registered(self._time(day, 5), "A40", truths=(truth,))

    def _of_enzyme(self) -> tuple[Truth, ...]:
        return tuple(truth for truth in self.truths if truth.kind is Kind.TPMT_LOW)

    def _miss(self, day: int) -> None:
        """A planned test does not take place on its day."""
        if self._missed is None:
            self._missed = self._note(Kind.MISSED_TEST, day)

    def _planned(self, step: int, day: int) -> int:
        """Days to the next planned draw: as the default protocol asks, weekly at first, then monthly."""
        if self._stopped is not None:
            return 14
        if self._restarted is not None and day - self._restarted < 120:
            return 7 if day - self._restarted < 63 else 14
        return 7 if step < 4 else 28

    def _visit(self, day: int) -> tuple[list[Happening], int]:
        """One draw and what the clinic makes of it; days to the next one where it wants one sooner."""
        draw = self._draw(day)
        number = self._numbers(draw.values)
        told: list[Happening] = [draw]
        if self._missed is not None:
            self._missed.until = draw.at + timedelta(days=1)
            self._missed = None
        harmed = number["alt"] >= 5 * ULN_ALT or number["wbc"] < 2.5 or number["platelets"] < 50
        harmed = harmed or (number["alt"] >= 2 * ULN_ALT and number["bilirubin"] >= 34)
        if self._stopped is None and harmed:
            self._stopped = day + self._chance.randrange(0, 3)
            told.append(Ordered(self._time(self._stopped, 16), Step.STOP, self._dose))
            return told, 7
        if self._stopped is not None:
            told.extend(self._considered(day, number))
            return told, 7
        if number["alt"] > 2 * ULN_ALT or number["wbc"] < 3.5 or number["platelets"] < 100:
            return told, self._chance.randrange(6, 15)
        return told, 0

    def _considered(self, day: int, number: Mapping[str, float]) -> Iterator[Happening]:
        """A restart, where the clinic dares it; sometimes the injury comes again."""
        well = number["alt"] <= ULN_ALT and number["ast"] <= ULN_ALT and number["wbc"] >= 3.5
        waited = self._stopped is not None and day - self._stopped >= 14
        if not well or not waited or self._restarts or self._chance.random() > 0.5:
            return
        self._restarted, self._stopped = day + 1, None
        self._restarts += 1
        self._dose = self._chance.choice((50, 50, self._dose // 50 * 25, self._dose))
        self._troubles = [each for each in self._troubles if each.kind is Kind.MILD_RISE]
        self._episodes = [each for each in self._episodes if each[0].kind is Kind.MILD_RISE]
        if self._chance.random() < 0.26:
            self._add(injury(self._chance, day + 1 + self._chance.randrange(5, 40)))
        truth = self._note(Kind.RESTART, day + 1)
        truth.until = truth.began + timedelta(days=84)
        yield Ordered(self._time(day + 1, 10), Step.RESTART, self._dose, (truth,))

    def _draw(self, day: int, phenotype: str = "") -> Draw:
        at = self._at_draw(day)
        values = self._values(day)
        shown = tuple(self._shown(day, at, values))
        quirk = self._quirk(at) if not phenotype and self._well(day) else None
        return Draw(at, values, self._symptom(day), shown, quirk, phenotype)

    def _shown(self, day: int, at: datetime, values: Mapping[str, str]) -> Iterator[Truth]:
        """What this draw is the first to show; of the rest, how long it is seen."""
        number, assays = self._numbers(values), self.laboratory.assays
        uln = {name: float(values[name]) / assays[name].high for name in ("alt", "ast", "bilirubin")}
        raised = max(uln["alt"], uln["ast"]) > 1
        jaundiced = uln["bilirubin"] >= 2 and raised
        shows = {
            Kind.LIVER_INJURY: max(uln["alt"], uln["ast"]) >= 3 or jaundiced,
            Kind.GRAVE_INJURY: max(uln["alt"], uln["ast"]) >= 5 or jaundiced,
            Kind.CYTOPENIA: number["wbc"] < 3.0 or number["neutrophils"] < 1.0 or number["platelets"] < 75,
            Kind.MILD_RISE: raised,
        }
        # Nobody is on the drug before its start, and nothing is told of those who are not.
        taking = day >= self._start
        for trouble, truth in self._episodes:
            height = trouble.height(day, self._stopped)
            if height > 0.02:
                truth.until = at + timedelta(days=14)
            if truth.shown is None and taking and height > 0.1 and shows[truth.kind]:
                truth.shown = at
                yield truth
        for truth in self.truths:
            if truth.kind is Kind.RAISED_BEFORE and truth.shown is None and taking and raised:
                truth.shown = at
                yield truth

    def _well(self, day: int) -> bool:
        chronic = any(truth.kind is Kind.RAISED_BEFORE for truth in self.truths)
        return not chronic and all(
            trouble.height(day, self._stopped) == 0 for trouble in self._troubles if trouble.begins <= day
        )

    def _quirk(self, at: datetime) -> Truth | None:
        """Now and then the laboratory sends something wrong; told only of people who take the drug."""
        fate = self._chance.random()
        if fate > 0.016 or at < self._time(self._start) or self._stopped is not None:
            return None
        kind = Kind.WRONG_RESULT if fate < 0.005 else self._chance.choice(QUIRKS)
        truth = Truth(kind, self.who.number, at)
        self.truths.append(truth)
        return truth

    def _symptom(self, day: int) -> str:
        """What somebody records about symptoms at the visit, if anybody does."""
        ill = any(
            trouble.kind is Kind.LIVER_INJURY and trouble.height(day, self._stopped) > 0.3
            for trouble in self._troubles
        )
        fate = self._chance.random()
        if ill and fate < 0.4:
            return self._chance.choice(_SYMPTOMS)
        if fate > 0.97:
            return self._chance.choice(_SYMPTOMS[:2])
        return "none" if fate < 0.6 else ""

    def _values(self, day: int) -> dict[str, str]:
        found: dict[str, str] = {}
        for name, measured in MONITORED.items():
            value = self._own[name] * self._chance.lognormvariate(0, measured.within)
            for trouble in self._troubles:
                value *= 1 + (trouble.factors.get(name, 1) - 1) * trouble.height(day, self._stopped)
            assay = self.laboratory.assays[name]
            found[name] = f"{value * assay.scale:.{assay.decimals}f}"
        return found

    def _numbers(self, values: Mapping[str, str]) -> dict[str, float]:
        """The values as written, in the units of the physiology."""
        return {name: float(text) / self.laboratory.assays[name].scale for name, text in values.items()}

    def _at_draw(self, day: int) -> datetime:
        return self._time(day, 7) + timedelta(minutes=self._chance.randrange(180))

    def _time(self, day: int, hour: int = 8) -> datetime:
        return self._recipe.begin + timedelta(days=day, hours=hour)
