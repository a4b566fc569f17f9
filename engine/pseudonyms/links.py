"""Which identifiers are one person's, as far as an archive tells: their dates must move together."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from engine.hl7 import Message
from engine.identity import identifiers, retired_identifiers
from engine.model.person import Identifier
from engine.model.site import Site
from engine.pseudonyms.keyed import Pseudonyms

_SAFE_AGE = 89  # 45 CFR 164.514(b)(2)(i)(C): ages over 89 are one category of "90 or older"


class Links:
    """Made by reading an archive once, before it is written: merges, and identifiers sent together.

    Holds numbers out of the key, and no identifier.
    """

    def __init__(self, pseudonyms: Pseudonyms) -> None:
        self._pseudonyms = pseudonyms
        self._parents: dict[int, int] = {}
        self._years: Counter[int] = Counter()

    def take(self, message: Message, site: Site) -> None:
        """Note what one message says."""
        sent = message.time(site.time_zone)
        if sent is not None:
            self._years[sent.at.year] += 1
        together: Sequence[Identifier] = ()
        for segment in message.segments:
            if segment.name == "PID":
                together = identifiers(segment, site)
                self._join(together)
            elif segment.name == "MRG":
                self._join([*together, *retired_identifiers(segment, site)])

    def person(self, identifier: Identifier) -> int:
        """The number of the person with this identifier: the least of all that belong together."""
        return self._root(self._number(identifier))

    @property
    def earliest_birth_year(self) -> int:
        """Who was born before it is over 89 in the last year of the archive; 0 for an archive without times.

        A year with less than a hundredth of the messages is a clock that was wrong.
        """
        least = self._years.total() / 100
        return max((year for year, count in self._years.items() if count >= least), default=0) - _SAFE_AGE - 1

    def _number(self, identifier: Identifier) -> int:
        text = f"{identifier.authority}\x1f{identifier.value}"
        return self._pseudonyms.number("person", text) >> 160

    def _join(self, together: Sequence[Identifier]) -> None:
        roots = [self._root(self._number(identifier)) for identifier in together]
        least = min(roots, default=0)
        for root in roots:
            self._parents[root] = least

    def _root(self, number: int) -> int:
        parents = self._parents
        while (parent := parents.get(number, number)) != number:
            parents[number] = number = parents.get(parent, parent)
        return number
