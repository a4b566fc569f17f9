"""The mixed feed: the messages of a large laboratory day by day, for load.

Twenty observations each, half of them monitored; few people on therapy, and few messages that tell of
harm. Nothing is kept of a person but what follows from its number, so a million messages need no more
memory than a thousand.
"""

from __future__ import annotations

import random
from bisect import bisect
from collections.abc import Iterator
from datetime import datetime, timedelta
from functools import partial
from itertools import accumulate, count
from typing import NamedTuple

from engine.generate.laboratories import LABORATORIES, SPECIMENS, Assay, Laboratory
from engine.generate.names import identity
from engine.generate.physiology import ALL
from engine.generate.recipe import Recipe
from engine.generate.segments import PROVIDER, encode, header, pid, stamp
from engine.generate.truth import Kind, RosterRow, Sent, Truth

# Share of the day's messages that are sent in each hour.
_HOURS = (1, 1, 1, 1, 1, 2, 4, 6, 9, 12, 12, 11, 9, 8, 7, 5, 3, 2, 2, 1, 1, 1, 1, 1)
_UNTIL = tuple(accumulate(_HOURS))
# Share of the messages of people on therapy; the next one of the same person tells of the end.
_TROUBLED = 0.022
# By chance alone a third result in a row is often lower, and a falling ALP is told.
_STEADY = frozenset({"alp"})
_TAKEN_BEFORE = timedelta(days=400)
_ORDERS = (
    ("liver", ("alt", "ast", "alp", "ggt", "bilirubin", "albumin")),
    ("blood", ("wbc", "neutrophils", "platelets", "haemoglobin", "haematocrit", "erythrocytes")),
    (
        "chemistry",
        ("sodium", "potassium", "chloride", "bicarbonate", "urea", "glucose", "calcium", "protein"),
    ),
)


class _Line(NamedTuple):
    """One OBX without its value: what stands before and behind it, and how its number comes about."""

    before: str
    behind: str
    typical: float
    own: float
    noise: float
    place: int
    form: str
    low: float
    high: float


class MixedFeed:
    """The messages of a recipe with ``messages``, in the order of their time."""

    def __init__(self, recipe: Recipe) -> None:
        if recipe.messages is None:
            raise ValueError("the recipe names no number of messages")
        self._recipe = recipe
        self._count = recipe.messages
        self._planted: list[Truth] = []
        self._written = [(laboratory, _orders(laboratory)) for laboratory in LABORATORIES]

    def roster(self) -> Iterator[RosterRow]:
        """Who takes azathioprine: all of them long before the feed begins."""
        for number in range(1, self._recipe.people + 1):
            if self._treated(number):
                start = self._recipe.begin - _TAKEN_BEFORE - timedelta(days=number % 300)
                row = partial(RosterRow, identity(number).number, effective=start)
                yield row(event="start", drug="azathioprine", dose=str(50 + 25 * (number % 5)))
                yield row(event="fact", note="tpmt=normal")

    def messages(self) -> Iterator[Sent]:
        """Every message with what was planted in it."""
        chance = random.Random(self._recipe.seed)
        people = self._recipe.people
        per_day = self._count / self._recipe.days
        for index in range(self._count):
            day, part = divmod(index / per_day, 1)
            sent = self._recipe.begin + timedelta(days=day, seconds=_second_of_day(part))
            number = 1 + int(chance.random() * people)
            troubled = self._treated(number) and chance.random() < _TROUBLED
            yield self._message(chance, index, number, sent, troubled=troubled)

    def truths(self) -> Iterator[Truth]:
        """Everything planted; complete when all messages have been read."""
        yield from self._planted

    def _treated(self, number: int) -> bool:
        return number * 6151 % 10_000 < self._recipe.treated * 100

    def _message(
        self, chance: random.Random, index: int, number: int, sent: datetime, *, troubled: bool
    ) -> Sent:
        laboratory, orders = self._written[number % len(self._written)]
        sender = laboratory.sender
        who = identity(number)
        control = f"{laboratory.letter}{index + 1:09}"
        drawn = sent - timedelta(minutes=70 + number % 40)
        collected, reported = stamp(drawn, sender), stamp(sent, sender)
        parts = [header(sender, "ORU^R01", "ORU_R01", control, reported), pid(who, sender)]
        parts.append(f"PV1|1|O|CLINIC^{number % 40:02}^^INVENTED||||{PROVIDER}")
        own = number * 2_654_435_761
        rise = chance.uniform(13, 30) if troubled else 1.0
        draw = chance.random
        for opening, closing, lines in orders:
            parts.append(opening % (control, control, collected, reported))
            for line in lines:
                personal = line.own * ((own >> line.place & 15) / 15 - 0.5)
                level = line.typical * (1 + personal + line.noise * (draw() - 0.5))
                if rise != 1.0 and line.place < 2:
                    level *= rise
                flag = "H" if level > line.high else "L" if level < line.low else ""
                parts.append(f"{line.before}{line.form % level}{line.behind}{flag}|||F")
            if closing:
                parts.append(closing + collected)
        body = encode("\r".join(parts) + "\r", sender)
        if not troubled:
            return Sent(sent, body, control, sender.application)
        truth = Truth(Kind.LIVER_INJURY, who.number, began=drawn, shown=sent, control=control)
        self._planted.append(truth)
        return Sent(sent, body, control, sender.application, (truth,))


def _second_of_day(part: float) -> float:
    """When so much of the day's messages has been sent."""
    sought = part * _UNTIL[-1]
    hour = bisect(_UNTIL, sought)
    return 3600 * (hour + 1 - (_UNTIL[hour] - sought) / _HOURS[hour])


def _orders(laboratory: Laboratory) -> list[tuple[str, str, list[_Line]]]:
    """What stands around the values: OBR to be filled in, SPM up to its time, and the OBX lines."""
    written = []
    places = count()
    for index, (panel, names) in enumerate(_ORDERS, 1):
        specimen = SPECIMENS[panel]
        sender = laboratory.sender
        source = "" if sender.structured else specimen
        opening = (
            f"OBR|{index}|P%s-{index}|%s-{index}^{sender.application}|{laboratory.panels[panel]}|||%s"
            f"||||||||{source}|{PROVIDER}||||||%s|||F"
        )
        closing = f"SPM|1|||{specimen}^^HL70487|||||||||||||" if sender.structured else ""
        lines = [_line(laboratory.assays[name], set_id, next(places)) for set_id, name in enumerate(names, 1)]
        written.append((opening, closing, lines))
    return written


def _line(assay: Assay, set_id: int, place: int) -> _Line:
    measured = ALL[assay.name]
    spread = min(2 * measured.between, 0.4)
    return _Line(
        f"OBX|{set_id}|NM|{assay.identifier}||",
        f"|{assay.unit}|{assay.reference}|",
        measured.typical * assay.scale,
        spread,
        0 if assay.name in _STEADY else spread / 2,
        place,
        f"%.{assay.decimals}f",
        assay.low,
        assay.high,
    )
