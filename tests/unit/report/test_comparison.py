"""The page of a comparison: however much differs, every kind of change is seen."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

from engine.compare import compare, side_of
from engine.model.finding import Severity
from engine.report import Sides, Titles, patient_names, render_comparison
from engine.report.comparison import MOST_CARDS, MOST_LISTED
from engine.spells import Spell, Spells
from engine.store import Store
from tests.scenario.timeline import knowledge
from tests.unit.outbound.events import START

TITLES = Titles("rules", "archive", "revision", "strictest")


def told(number: int, severity: Severity = Severity.REVIEW, hours: int = 0) -> Spell:
    """One alert that goes on, that of a patient of its own."""
    spells = Spells()
    person = replace(START.person, person_id=f"P{number}")
    at = START.decided_at + timedelta(hours=hours)
    spells.take(replace(START, alert_id=f"A{number:05}", severity=severity, person=person, decided_at=at))
    return spells.all()[0]


def page(a: Sequence[Spell], b: Sequence[Spell]) -> str:
    """The comparison of two sides with nothing on record, ten patient-years long."""
    store = Store.open("sqlite://")
    try:
        return render_comparison(
            Sides("archive", TITLES, TITLES),
            compare(side_of(a), side_of(b), 3652),
            (store, store),
            (knowledge(), knowledge()),
            patient_names((*a, *b), identify=False),
            identify=False,
        )
    finally:
        store.close()


def test_no_kind_of_change_crowds_out_another() -> None:
    """Thousands of alerts less in B: the few that come later there are drawn all the same."""
    a = [told(number) for number in range(3000)] + [told(4000), told(4001, Severity.INFO)]
    b = [told(4000, hours=50), told(4001, Severity.CRITICAL)]

    html = page(a, b)

    assert html.count("<article") == MOST_CARDS
    assert "later in B: 2 d</span>" in html
    assert '<span class="badge change">other severity</span>' in html
    assert f"{3002 - MOST_LISTED:,} differences are left out here" in html
    assert f"{MOST_CARDS} of them are drawn below" in html
    assert len(html) < 2_000_000


def test_sides_that_tell_the_same_are_said_to() -> None:
    """No difference is an answer too."""
    html = page([told(1)], [told(1)])

    assert "Both tell the same alerts." in html
    assert "There is none." in html


def test_rates_and_changes_stand_beside_the_counts() -> None:
    """Three alerts against one in ten patient-years: thirty per hundred against ten, two fewer."""
    html = page([told(number) for number in range(3)], [told(0)])

    row = html.split('<th scope="row">review</th>')[1].split("</tr>")[0]
    cells = [cell.partition("<")[0] for cell in row.split(">")[1:] if not cell.startswith("<")]
    assert [cell for cell in cells if cell] == ["3", "1", "-2", "30.0", "10.0"]
