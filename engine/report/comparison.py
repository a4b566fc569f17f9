"""What another set of rules would change, as one self-contained HTML file in the form of the report."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from decimal import Decimal

from engine.compare import Change, Comparison, Difference
from engine.decide import Knowledge
from engine.report.page import Titles, template, titles_of
from engine.report.picture import Drawn, pictures, record_of
from engine.report.silence import Silence, silence
from engine.report.tables import SEVERITIES, Cell, Table
from engine.spells import Spell
from engine.store import Store

MOST_CARDS = 200
MOST_LISTED = 1000
_DAY = timedelta(days=1)
_SHIFTS = (
    ("more than 30 days", 30 * _DAY),
    ("8 to 30 days", 8 * _DAY),
    ("2 to 7 days", 2 * _DAY),
    ("1 day", _DAY),
    ("less than a day", timedelta()),
)


@dataclass(frozen=True, slots=True)
class Sides:
    """What the two sides of a comparison are made of, and the archive that both were given."""

    archive: str
    a: Titles
    b: Titles


@dataclass(frozen=True, slots=True)
class Told:
    """One side of an alert that differs: A or B, and the alert or why that side was silent."""

    side: str
    spell: Spell | None
    silence: Silence = field(default_factory=Silence)


@dataclass(frozen=True, slots=True)
class Card:
    """One alert that differs as both sides tell it, with pictures; ``number`` is its place in the report."""

    number: int
    patient: str
    difference: Difference
    sides: tuple[Told, Told]
    drawn: bool = False
    pictures: tuple[Drawn, ...] = ()

    @property
    def change(self) -> Change:
        """The kind of change that it stands under."""
        return self.difference.changes[0]

    @property
    def spell(self) -> Spell:
        """The alert as the side tells it that tells it graver; A's where both are alike."""
        return max((told.spell for told in self.sides if told.spell), key=lambda spell: spell.severity.rank)


@dataclass(frozen=True, slots=True)
class _Left:
    """What one side of the comparison has left."""

    side: str
    store: Store
    knowledge: Knowledge


def render_comparison(
    sides: Sides,
    comparison: Comparison,
    stores: tuple[Store, Store],
    knowledge: tuple[Knowledge, Knowledge],
    names: Mapping[str, str],
    *,
    identify: bool,
) -> str:
    """The HTML of a comparison; ``stores`` hold what each side has left, and ``names`` calls the patients.

    At most :data:`MOST_CARDS` differences are drawn and :data:`MOST_LISTED` listed, of every kind of change
    the gravest; the page says how many it leaves out.
    """
    order = {change: place for place, change in enumerate(Change)}
    found = [_listed(names[each.patient], each) for each in comparison.differences]
    found.sort(
        key=lambda card: (
            order[card.change],
            -card.spell.severity.rank,
            card.spell.began,
            card.spell.alert_id,
        )
    )
    left = tuple(_Left(*each) for each in zip("AB", stores, knowledge, strict=True))
    kept = _share(found, MOST_LISTED)
    places = {id(card) for card in _share(kept, MOST_CARDS)}
    listed = [
        replace(_drawn(card, left, number) if id(card) in places else card, number=number)
        for number, card in enumerate(kept, start=1)
    ]
    return template("comparison.html.j2").render(
        sides=sides,
        comparison=comparison,
        changes=[(change, _count(comparison, change)) for change in Change],
        by_severity=_by_severity(comparison),
        by_rule=_by_rule(comparison),
        longest=max((*comparison.a.pages.values(), *comparison.b.pages.values()), default=0) or 1,
        titled=titles_of(*reversed(knowledge)),
        shifts=_shifts(comparison.differences),
        listed=listed,
        cards=[card for card in listed if card.drawn],
        identify=identify,
    )


def _listed(patient: str, difference: Difference) -> Card:
    return Card(0, patient, difference, (Told("A", difference.a), Told("B", difference.b)))


def _share(cards: Sequence[Card], most: int) -> list[Card]:
    """At most so many in their order, the first of each kind: no kind of change crowds out another."""
    seen: Counter[Change] = Counter()
    ranked = []
    for place, card in enumerate(cards):
        ranked.append((seen[card.change], place))
        seen[card.change] += 1
    return [cards[place] for place in sorted(place for _, place in sorted(ranked)[:most])]


def _drawn(card: Card, left: Sequence[_Left], number: int) -> Card:
    """Both sides' limits, drawn on the record of the side that told of it, B's where both did."""
    a, b = (
        told if told.spell else replace(told, silence=_silence(card.spell, each))
        for told, each in zip(card.sides, left, strict=True)
    )
    sides = (a, b)
    speaking = [(told.side, told.spell) for told in sides if told.spell is not None]
    unheard = [(told.side, limit) for told in sides for limit in told.silence.limits]
    told_by = next(each for each in left if each.side == speaking[-1][0])
    record = record_of(card.spell, told_by.store)
    analytes = told_by.knowledge.terminology.analytes
    drawn = pictures(speaking, record, analytes, f"chart-{number}", unheard)
    return replace(card, sides=sides, drawn=True, pictures=drawn)


def _silence(spell: Spell, silent: _Left) -> Silence:
    return silence(spell, record_of(spell, silent.store), silent.knowledge)


def _count(comparison: Comparison, change: Change) -> int:
    return sum(change in each.changes for each in comparison.differences)


def _by_severity(comparison: Comparison) -> Table:
    """Alerts of both sides by their gravest severity, in numbers and per 100 patient-years."""
    counts = [Counter(spell.severity for spell in side.spells) for side in (comparison.a, comparison.b)]
    found = [(s.value, counts[0][s], counts[1][s]) for s in SEVERITIES]
    found.append(("all alerts", counts[0].total(), counts[1].total()))
    found.append(("all pages", comparison.a.pages.total(), comparison.b.pages.total()))
    rows = [
        (name, a, b, f"{b - a:+}" if a != b else "", _rate(comparison, a), _rate(comparison, b))
        for name, a, b in found
        if a or b
    ]
    headings = ("gravest severity", "A", "B", "change", "A per 100 patient-years", "B per 100 patient-years")
    return Table("Alerts", headings, rows, right=frozenset({"change"}))


def _rate(comparison: Comparison, count: int) -> Decimal | str:
    rate = comparison.rate(count)
    return Decimal(rate) if rate else ""


@dataclass(frozen=True, slots=True)
class RuleTotals:
    """What one rule told on both sides, and per 100 patient-years on therapy."""

    rule: str
    alerts: tuple[int, int]
    pages: tuple[int, int]
    rates: tuple[Decimal | str, Decimal | str]

    @property
    def change(self) -> str:
        """How many pages more B tells, with its sign; empty where none."""
        more = self.pages[1] - self.pages[0]
        return f"{more:+}" if more else ""


def _by_rule(comparison: Comparison) -> list[RuleTotals]:
    a, b = comparison.a, comparison.b
    return [
        RuleTotals(
            rule,
            (a.alerts[rule], b.alerts[rule]),
            (a.pages[rule], b.pages[rule]),
            (_rate(comparison, a.pages[rule]), _rate(comparison, b.pages[rule])),
        )
        for rule in comparison.rules
    ]


def _shifts(differences: Sequence[Difference]) -> Table | None:
    """How many alerts B tells how much earlier or later, by severity of B; None where all come at once."""
    moved = [(each.earlier, each.b) for each in differences if each.earlier and each.b is not None]
    if not moved:
        return None
    rows: list[Sequence[Cell]] = []
    remaining = moved
    for words, at_least in _SHIFTS:
        those = [each for each in remaining if abs(each[0]) >= at_least]
        remaining = [each for each in remaining if abs(each[0]) < at_least]
        earlier = sum(by > timedelta() for by, _ in those)
        grave = sum(spell.severity.rank >= SEVERITIES[1].rank for by, spell in those if by > timedelta())
        rows.append((words, earlier, grave, len(those) - earlier))
    headings = ("by", "earlier in B", "of these critical or urgent", "later in B")
    return Table("How much earlier or later", headings, rows)
