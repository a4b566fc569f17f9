"""What a message costs with many persons, long histories and many rules.

The persons are put into the tables of the schema directly: of each one what a real message about one
person left there.
"""

from __future__ import annotations

import sqlite3
import tempfile
from collections.abc import Iterable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

from engine.decide import Knowledge
from engine.generate import MixedFeed, Recipe
from engine.identity import person_id
from engine.model.person import Identifier
from tests.bench.common import (
    Effort,
    Servers,
    Spent,
    Stopwatch,
    cpu,
    in_turns,
    message,
    roster_of_own,
    spread,
    tell,
    tell_tally,
)
from tests.bench.knowledge import Asked, Bench, opened, overheard
from tests.support.graver import graver_copies

_TABLES = ("persons", "identifiers", "order_results", "messages", "message_persons", "record_changes")
_A_ROUND = 200


def main(effort: Effort, _: Servers) -> None:
    """Three comparisons."""
    with tempfile.TemporaryDirectory() as folder:
        _persons(effort, Path(folder))
        _results(effort, Path(folder))
        _rules(effort, Path(folder))


# --- persons -------------------------------------------------------------------------------------


def _persons(effort: Effort, folder: Path) -> None:
    few, many = effort.of(10_000, 100), effort.of(1_000_000, 1000)
    parties = {}
    benches = []
    for people in (few, many):
        file = folder / f"{people}.db"
        _populate(file, people)
        bench = opened(file, "")
        recipe = Recipe.of(messages=_A_ROUND * (effort.rounds + 1), people=people, treated=0)
        bodies = [sent.body for sent in MixedFeed(recipe).messages()]
        bench.take(bodies[:_A_ROUND])
        rounds = iter([bodies[first : first + _A_ROUND] for first in range(_A_ROUND, len(bodies), _A_ROUND)])
        parties[f"{people} persons"] = partial(_next, bench, rounds)
        benches.append(bench)
        tell(f"store of {people} persons: {file.stat().st_size / 1e6:.0f} MB")
    tally = in_turns(effort.rounds, parties)
    tell_tally(tally)
    ratios = tally.ratios(f"{many} persons", f"{few} persons", cpu)
    clock = tally.ratios(f"{few} persons", f"{many} persons", lambda each: each.items / each.seconds)
    tell(
        f"  {many} : {few} persons = {spread(ratios)} CPU a message, {spread(clock)} by the clock"
        "   target at most 1.25"
    )
    for bench in benches:
        bench.store.close()


def _next(bench: Bench, rounds: Iterable[Sequence[bytes]]) -> Spent:
    bodies = next(iter(rounds))
    watch = Stopwatch()
    bench.take(bodies)
    return watch.spent(len(bodies))


def _populate(file: Path, people: int) -> None:
    """Rows for so many persons, from those that one message about a person of the mixed feed left."""
    recipe = Recipe.of(messages=1, people=1, treated=0)
    bench = opened(file, "")
    bench.take([sent.body for sent in MixedFeed(recipe).messages()])
    bench.store.close()
    connection = sqlite3.connect(file)
    own = {name: connection.execute(f"SELECT * FROM {name}").fetchall() for name in _TABLES}  # noqa: S608
    ((model, _, _, _),) = own["persons"]
    numbers = {f"G{number:07}": number for number in range(2, people + 1)}
    ids = sorted((person_id(Identifier("INVENTED", value, "MR")), value) for value in numbers)
    for name, rows in own.items():
        marks = ",".join("?" * len(rows[0]))
        changed = (
            tuple(
                _other(part, name, place, model, person, value, numbers[value])
                for place, part in enumerate(row)
            )
            for person, value in ids
            for row in rows
        )
        connection.executemany(f"INSERT INTO {name} VALUES ({marks})", changed)  # noqa: S608
    connection.commit()
    connection.execute("ANALYZE")
    connection.close()


def _other(part: object, table: str, place: int, model: str, person: str, value: str, number: int) -> object:
    """A column of the model's row as it is of another person."""
    if part == model:
        return person
    if part == "G0000001":
        return value
    if table in ("messages", "message_persons") and place == 0:
        return number
    if table == "messages" and place in (2, 3):
        return f"{number:064x}"
    return part


# --- results and rules -----------------------------------------------------------------------------


def _results(effort: Effort, folder: Path) -> None:
    """Somebody on therapy with so many results; the next message is judged again and again."""
    sizes = (10, 100) if effort.quick else (10, 100, 1000, 5000)
    parties = {}
    for size in sizes:
        bench = opened(folder / f"results-{size}.db", "")
        bodies = [_draw(number) for number in range(size // 10)]
        bench.take(bodies)
        bench.store.close()
        bench = opened(folder / f"results-{size}.db", roster_of_own(1))
        with overheard() as asked:
            bench.take([_draw(size // 10)])
        bench.store.close()
        parties[f"{size} results"] = partial(_again, asked[0], 20)
    tally = in_turns(effort.rounds, parties)
    tell("a message about one person on therapy, decide only, by results known")
    tell_tally(tally)
    for size in sizes[1:]:
        ratios = tally.ratios(f"{size} results", f"{sizes[0]} results", cpu)
        tell(f"  {size} : {sizes[0]} results = {spread(ratios)}")


def _draw(number: int) -> bytes:
    """The same person, another order, every second day."""
    day = f"2025{1 + number // 28 % 12:02}{1 + number % 28:02}{8 + number // 336:02}"
    body = message(0).replace(b"P0|F0", b"P%d|F%d" % (number, number)).replace(b"|B0|", b"|B%d|" % number)
    return body.replace(b"2026010507", day.encode()).replace(b"2026010508", day.encode())


def _rules(effort: Effort, folder: Path) -> None:
    """The rules in force, the first of them, and copies with graver numbers on the same analytes."""
    bench = opened(folder / "rules.db", roster_of_own(1))
    with overheard() as asked:
        bench.take([_draw(1)])
    bench.store.close()
    book = bench.knowledge.rulebook
    shipped = tuple(book.in_force)
    few, many, many_of_all = "50 rules", "500: those and copies", f"500: all {len(shipped)} and copies"
    books = {
        "10 rules": shipped[:10],
        few: shipped[:50],
        many: graver_copies(shipped[:50], 500),
        f"{len(shipped)} rules (all)": shipped,
        many_of_all: graver_copies(shipped, 500),
    }
    parties = {}
    for name, rules in books.items():
        by_id = {**book.by_id, **{rule.id: rule for rule in rules}}
        known = replace(bench.knowledge, rulebook=replace(book, in_force=rules, by_id=by_id))
        parties[name] = partial(_again, asked[0], 20, known)
    tally = in_turns(effort.rounds, parties)
    tell("a message about one person on therapy, decide only, by rules")
    tell_tally(tally)
    for name in (many, many_of_all):
        tell(f"  {name} : {few} = {spread(tally.ratios(name, few, cpu))}   target at most 2")


def _again(asked: Asked, times: int, knowledge: Knowledge | None = None) -> Spent:
    watch = Stopwatch()
    for _ in range(times):
        asked.decide(knowledge)
    return watch.spent(times)
