"""The report of a replay as one self-contained HTML file: no script, no network, on screen and on paper."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass

from jinja2 import Environment, PackageLoader, StrictUndefined, Template

from engine.decide import Knowledge
from engine.report import tables
from engine.report.bars import draw_weeks
from engine.report.gathering import Gathered, weeks_of
from engine.report.names import patient_names
from engine.report.picture import Drawn, pictures, record_of
from engine.spells import Spell
from engine.store import Store

MOST_CARDS = 300
MOST_LISTED = 1000
MOST_WEEKS = 261
_MOST_LINKS = 6


@dataclass(frozen=True, slots=True)
class Titles:
    """What the report is called and made of."""

    title: str
    archive: str
    revision: str
    protocol: str


@dataclass(frozen=True, slots=True)
class Card:
    """One alert with whom it is about and its pictures; ``number`` is its place in the report."""

    number: int
    patient: str
    spell: Spell
    pictures: tuple[Drawn, ...] = ()

    @property
    def lasted(self) -> str:
        """How long the alert was open, in words."""
        if self.spell.ended is None:
            return "still open"
        return f"open for {tables.duration(self.spell.ended - self.spell.began)}"


def render_report(
    titles: Titles,
    gathered: Gathered,
    store: Store,
    knowledge: Knowledge,
    *,
    identify: bool,
) -> str:
    """The HTML of a report on what a replay has left in ``store``.

    Patients are numbered in the order of their first alert unless ``identify`` asks for their identifiers.
    However many alerts there are, at most :data:`MOST_CARDS` are drawn and :data:`MOST_LISTED` listed, the
    gravest; the page says how many it leaves out.
    """
    analytes = knowledge.terminology.analytes
    spells = gathered.spells.all()
    names = patient_names(spells, identify=identify)
    graver_first = sorted(spells, key=lambda each: (-each.severity.rank, each.began, each.alert_id))
    listed = [
        Card(
            number,
            names[spell.patient],
            spell,
            pictures([("", spell)], record_of(spell, store), analytes, f"chart-{number}")
            if number <= MOST_CARDS
            else (),
        )
        for number, spell in enumerate(graver_first[:MOST_LISTED], start=1)
    ]
    weeks = weeks_of(spells, MOST_WEEKS)
    return template("report.html.j2").render(
        titles=titles,
        gathered=gathered,
        spells=spells,
        listed=listed,
        cards=listed[:MOST_CARDS],
        links=_links(listed[:MOST_CARDS]),
        weeks_picture=draw_weeks(weeks, "weeks") if weeks else "",
        weeks_table=tables.by_week(weeks),
        before_weeks=len(spells) - sum(counts.total() for counts in weeks.values()),
        rules=tables.shares(spells),
        titled=titles_of(knowledge),
        patients=tables.shares(spells, names),
        resolution=tables.resolution(spells),
        came_in=list(tables.came_in(gathered)),
        understood=[*tables.quarantined(gathered), *tables.codes(store.code_counts(), analytes)],
        unmapped=list(tables.unmapped(store.mapping_ledger())),
        identify=identify,
    )


def template(name: str) -> Template:
    """A template of this package; what it is given is escaped, and what it is not given is an error."""
    environment = Environment(
        loader=PackageLoader("engine.report", "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.globals |= {"severities": tables.SEVERITIES, "most_rows": tables.MOST_ROWS}
    return environment.get_template(name)


def titles_of(*known: Knowledge) -> Callable[[str, str], str]:
    """The title of a rule, or what is given for it where nobody knows the rule."""

    def titled(rule: str, otherwise: str) -> str:
        found = (each.rulebook.by_id[rule].title for each in known if rule in each.rulebook.by_id)
        return next(found, otherwise)

    return titled


def _links(cards: list[Card]) -> dict[str, list[int]]:
    """The numbers of the first alerts of each patient that are drawn."""
    found: dict[str, list[int]] = defaultdict(list)
    for card in cards:
        if len(found[card.patient]) < _MOST_LINKS:
            found[card.patient].append(card.number)
    return dict(found)
