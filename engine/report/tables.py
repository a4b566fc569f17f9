"""The tables of a report: what came in, which rules and patients spoke most, how long alerts were open."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from statistics import median
from typing import Any

from engine.model.codes import AnalyteDefinition
from engine.model.finding import Severity
from engine.report.gathering import Gathered, Weeks
from engine.spells import Spell

SEVERITIES = tuple(sorted(Severity, key=lambda severity: -severity.rank))
MOST_ROWS = 20
MOST_LEDGER_ROWS = 50
MOST_CODES = 12
_DAY = timedelta(days=1)
_LASTED = (_DAY, 7 * _DAY, 28 * _DAY)
_LEDGER = (
    ("Codes that nobody has mapped", frozenset({"unmapped"})),
    ("Units that nobody has mapped", frozenset({"unit-unknown", "unit-missing"})),
    ("Drugs that nobody has mapped", frozenset({"drug-unmapped"})),
)
_OTHER = "Other observations that could not be used"

Cell = str | int | Decimal


@dataclass(frozen=True, slots=True)
class Table:
    """Rows of cells, numbers for counts; ``left_out`` is how many rows more there are.

    Below the headings in ``right`` words stand at the right, as numbers do.
    """

    caption: str
    headings: Sequence[str]
    rows: Sequence[Sequence[Cell]]
    left_out: int = 0
    note: str = ""
    right: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Share:
    """One rule or patient with its alerts; ``width`` is the length of its bar in per cent of the longest."""

    name: str
    spells: Sequence[Spell]
    pages: int
    width: float


def shares(spells: Sequence[Spell], names: Mapping[str, str] | None = None) -> list[Share]:
    """Alerts by rule, or by the name of the patient: those with the most pages first, every one of them."""
    found: dict[str, list[Spell]] = defaultdict(list)
    for spell in spells:
        found[spell.rule if names is None else names[spell.patient]].append(spell)
    counted = sorted(((sum(s.pages for s in those), name) for name, those in found.items()), key=_most_first)
    longest = max((pages for pages, _ in counted), default=0) or 1
    return [Share(name, found[name], pages, 100 * pages / longest) for pages, name in counted]


def _most_first(counted: tuple[int, str]) -> tuple[int, int, str]:
    """Numbered patients of equal counts stand in the order of their numbers."""
    pages, name = counted
    return -pages, len(name), name


def came_in(gathered: Gathered) -> Iterator[Table]:
    """How messages ended, their types, senders, character sets, and what was odd about them."""
    outcomes = Counter(
        {f"{disposition}: {reason}": count for (disposition, reason), count in gathered.outcomes.items()}
    )
    yield _tally("How messages ended", "disposition and reason", outcomes)
    yield _tally("Message types", "type", gathered.types)
    yield _tally("Senders", "sender", gathered.senders)
    yield _tally("Character sets", "read as", gathered.charsets)
    if gathered.warnings:
        yield _tally("What was odd about messages", "warning", gathered.warnings)


def _tally(caption: str, heading: str, counts: Counter[str]) -> Table:
    return Table(
        caption, (heading, "messages"), counts.most_common(MOST_ROWS), max(len(counts) - MOST_ROWS, 0)
    )


def quarantined(gathered: Gathered) -> Iterator[Table]:
    """The first messages that are held, with reason and place; nothing where none is."""
    if gathered.held:
        rows = [
            (taken.source, taken.outcome.reason.value, taken.outcome.location, taken.outcome.detail)
            for taken in gathered.held
        ]
        held = sum(count for (kind, _), count in gathered.outcomes.items() if kind == "quarantined")
        headings = ("file and number", "reason", "place", "what is wrong")
        yield Table("Quarantined messages", headings, rows, held - len(rows))


def codes(
    counts: Sequence[tuple[str, str, int]], analytes: Mapping[str, AnalyteDefinition]
) -> Iterator[Table]:
    """Each analyte with its codes, the commonest first, and how many results are kept of it."""
    found: dict[str, list[tuple[int, str]]] = defaultdict(list)
    for analyte, code, count in counts:
        found[analyte].append((count, code))
    rows = []
    for analyte, known in found.items():
        known.sort(key=lambda each: (-each[0], each[1]))
        words = ", ".join(f"{code} ({count:,})" for count, code in known[:MOST_CODES])
        more = f", and {len(known) - MOST_CODES} more" if len(known) > MOST_CODES else ""
        title = analytes[analyte].title if analyte in analytes else analyte
        rows.append((title, words + more, sum(count for count, _ in known)))
    if rows:
        yield Table("Codes that were understood", ("analyte", "codes, and results of each", "results"), rows)


def unmapped(ledger: Sequence[Mapping[str, Any]]) -> Iterator[Table]:
    """What was not understood, by kind; within it in the order of the ledger: patients on therapy first."""
    named = frozenset(kind for _, kinds in _LEDGER for kind in kinds)
    others = frozenset(row["kind"] for row in ledger) - named
    for caption, kinds in (*_LEDGER, (_OTHER, others)):
        those = [row for row in ledger if row["kind"] in kinds]
        if those:
            columns = ("sender", "code", "text", "unit", "kind", "count", "on_therapy")
            yield Table(
                caption,
                ("sender", "code", "text", "unit", "what", "observations", "on therapy"),
                [[row[column] for column in columns] for row in those[:MOST_LEDGER_ROWS]],
                max(len(those) - MOST_LEDGER_ROWS, 0),
                f"{len(those):,} kinds, {sum(row['count'] for row in those):,} observations",
            )


def by_week(weeks: Weeks) -> Table:
    """The numbers of the picture of weeks."""
    rows: list[Sequence[Cell]] = [
        (monday.isoformat(), *(counts[severity] for severity in SEVERITIES))
        for monday, counts in weeks.items()
        if counts
    ]
    headings = ("week of", *(severity.value for severity in SEVERITIES))
    return Table("Alerts begun each week", headings, rows, note="weeks without any are left out")


def resolution(spells: Sequence[Spell]) -> Table:
    """How long alerts were open, a row for each severity that was told."""
    rows: list[Sequence[Cell]] = []
    for severity in SEVERITIES:
        those = [spell for spell in spells if spell.severity is severity]
        lasted = sorted(spell.ended - spell.began for spell in those if spell.ended is not None)
        within = [sum(each < longest for each in lasted) for longest in _LASTED]
        if those:
            rows.append(
                (
                    severity.value,
                    len(those),
                    len(those) - len(lasted),
                    within[0],
                    within[1] - within[0],
                    within[2] - within[1],
                    len(lasted) - within[2],
                    duration(_median(lasted)) if lasted else "",
                    duration(lasted[-1]) if lasted else "",
                )
            )
    return Table(
        "Time to resolution",
        (
            "gravest severity",
            "alerts",
            "still open",
            "under a day",
            "1 to 7 days",
            "1 to 4 weeks",
            "longer",
            "median",
            "longest",
        ),
        rows,
        note="how long alerts were open; median and longest of those that ended",
        right=frozenset({"median", "longest"}),
    )


def _median(lasted: Sequence[timedelta]) -> timedelta:
    return timedelta(seconds=median(each.total_seconds() for each in lasted))


def duration(lasted: timedelta) -> str:
    """Minutes, hours or days, whichever reads best."""
    hours = lasted / timedelta(hours=1)
    if hours < 1:
        return f"{lasted // timedelta(minutes=1)} min"
    return f"{hours:.0f} h" if hours < 48 else f"{lasted / _DAY:.0f} d"
