"""The feed of a hospital: the lives of many people, told by its systems in the order of time."""

from __future__ import annotations

import heapq
import random
from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from itertools import count

from engine.generate.happenings import Draw, Happening, Ordered
from engine.generate.laboratories import NORTH
from engine.generate.lives import Life
from engine.generate.oddities import oddities
from engine.generate.orders import Orders, registration
from engine.generate.papers import Papers
from engine.generate.recipe import Recipe
from engine.generate.reports import Reports
from engine.generate.truth import RosterRow, Sent, Truth

_BATCH_HOUR = 20  # UTC; one laboratory sends its day in a batch


class Hospital:
    """The lives of a recipe's people. :attr:`truths` is complete when all messages have been read."""

    def __init__(self, recipe: Recipe, numbers: Iterable[int] | None = None) -> None:
        """Everybody, or those with ``numbers`` (from 1): the same people, whoever else is there."""
        chosen = range(1, recipe.people + 1) if numbers is None else numbers
        self._people = [PersonFeed(number, recipe) for number in chosen]

    @property
    def lives(self) -> Iterator[Life]:
        """The people."""
        return (person.life for person in self._people)

    def roster(self) -> Iterator[RosterRow]:
        """What is known before the feed begins."""
        for person in self._people:
            yield from person.life.roster()

    def messages(self) -> Iterator[Sent]:
        """Every message in the order in which it is sent."""
        streams = [person.messages() for person in self._people]
        merged = heapq.merge(*streams, key=lambda sent: sent.at)
        yield from _in_batches(merged)

    def truths(self) -> Iterator[Truth]:
        """Everything planted, by the time at which it began."""
        planted = (truth for person in self._people for truth in person.truths)
        yield from sorted(planted, key=lambda truth: (truth.began, truth.patient, truth.kind))


class PersonFeed:
    """The messages about one person."""

    def __init__(self, number: int, recipe: Recipe) -> None:
        self.life = Life(number, recipe)
        chance = random.Random(f"{recipe.seed}/{number}/messages")
        self._chance = chance
        self._papers = Papers(self.life.who)
        self._papers.number = self.life.first_number
        self._reports = Reports(self.life.laboratory, self._papers, chance)
        self._orders = Orders(self._papers, chance)
        self._met: list[Truth] = []

    @property
    def truths(self) -> tuple[Truth, ...]:
        """What was planted, in life and in its messages; complete at the end."""
        return (*self.life.truths, *self._met)

    def messages(self) -> Iterator[Sent]:
        """In the order in which they are sent: a correction may follow what happens after it."""
        serial = count()
        waiting: list[tuple[datetime, int, Sent]] = []
        for happening in self.life.happenings():
            while waiting and waiting[0][0] <= happening.at:
                yield heapq.heappop(waiting)[2]
            for sent in self._written(happening):
                heapq.heappush(waiting, (sent.at, next(serial), sent))
        while waiting:
            yield heapq.heappop(waiting)[2]

    def _written(self, happening: Happening) -> Iterator[Sent]:
        if isinstance(happening, Ordered):
            yield self._orders.of(happening)
        elif isinstance(happening, Draw):
            for sent in self._reports.of(happening):
                yield sent
                for odd in oddities(sent, self.life.laboratory.sender, self._papers, self._chance):
                    self._met.extend(odd.truths)
                    yield odd
        else:
            yield registration(self._papers, happening)


def _in_batches(messages: Iterator[Sent]) -> Iterator[Sent]:
    """The same with the messages of one laboratory held back and sent as one batch each evening."""
    held: list[Sent] = []
    due: datetime | None = None
    for sent in messages:
        if due is not None and sent.at >= due:
            yield from _batch(held, due)
            held, due = [], None
        if sent.sender != NORTH.sender.application:
            yield sent
            continue
        if due is None:
            due = sent.at.replace(hour=_BATCH_HOUR, minute=0, second=0, microsecond=0)
            due += timedelta(days=due <= sent.at)
        held.append(sent)
    if due is not None:
        yield from _batch(held, due)


def _batch(held: list[Sent], due: datetime) -> Iterator[Sent]:
    when = f"{due:%Y%m%d%H%M%S}"
    names = f"{NORTH.sender.application}|{NORTH.sender.facility}|AZAWATCH|STEVENS|{when}"
    opening = f"BHS|^~\\&|{names}\r".encode()
    closing = f"BTS|{len(held)}\r".encode()
    for index, sent in enumerate(held):
        yield sent._replace(
            opening=opening if index == 0 else b"", closing=closing if index == len(held) - 1 else b""
        )
