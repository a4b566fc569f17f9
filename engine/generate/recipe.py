"""What a feed is made of: the options of ``azawatch generate``, and the words that repeat it."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import UTC, date, datetime, time

from engine.errors import ConfigError, Defect

BEGIN = date(2024, 1, 1)
_YEARS = range(1950, 2200)
SEED = 2026
_PEOPLE = 500
_DAYS = 730
_MESSAGES_PER_PERSON = 10
_MESSAGES_PER_DAY = 20_000
_TREATED_OF_MIXED = 3.0


@dataclass(frozen=True, slots=True)
class Recipe:
    """One feed: who, for how long, from which seed.

    ``messages`` makes it a mixed feed of so many result messages (for load); None makes it the lives of
    ``people`` over ``days``. ``treated`` is the share of people on a thiopurine, in per cent. The feed begins
    at midnight (UTC) of ``begin``.
    """

    people: int
    days: int
    seed: int
    treated: float
    begin: datetime
    messages: int | None = None

    @classmethod
    def of(
        cls,
        *,
        people: int | None = None,
        days: int | None = None,
        seed: int = SEED,
        messages: int | None = None,
        treated: float | None = None,
        begin: date = BEGIN,
    ) -> Recipe:
        """A recipe with what was not said filled in. Raises ConfigError with everything that is wrong."""
        if messages is None:
            people, days = people or _PEOPLE, days or _DAYS
            treated = 100.0 if treated is None else treated
        else:
            people = people or max(math.ceil(messages / _MESSAGES_PER_PERSON), 100)
            days = days or max(math.ceil(messages / _MESSAGES_PER_DAY), 1)
            treated = _TREATED_OF_MIXED if treated is None else treated
        defects = []
        if not 0 <= treated <= 100:
            defects.append(Defect("--treated", 0, f"{treated:g} % is no share", "write 0% to 100%"))
        if begin.year not in _YEARS:
            hint = f"write a day of {_YEARS[0]} to {_YEARS[-1]}"
            defects.append(Defect("--from", 0, f"{begin} is out of reach", hint))
        if defects:
            raise ConfigError(defects)
        return cls(people, days, seed, treated, datetime.combine(begin, time(), UTC), messages)

    @property
    def command(self) -> str:
        """What to type to get the same feed again, the folder left to say."""
        parts = ["azawatch generate FOLDER", f"--people {self.people}", f"--days {self.days}"]
        parts += [f"--seed {self.seed}", f"--treated {self.treated:g}%", f"--from {self.begin:%Y-%m-%d}"]
        if self.messages is not None:
            parts.append(f"--messages {self.messages}")
        return " ".join(parts)
