"""The report of an archive: nothing is missing without being said, however much there is."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest

from engine.model.alert import AlertEvent, AlertReason, Phase
from engine.model.disposition import Disposition, Outcome, Reason
from engine.model.finding import Severity
from engine.report import Gathered, Titles, render_report
from engine.report.gathering import weeks_of
from engine.report.page import MOST_CARDS, MOST_LISTED
from engine.report.tables import duration, resolution
from engine.spells import Spell, Spells
from engine.store import InboxKey, Store
from engine.taken import Taken
from tests.scenario.timeline import knowledge
from tests.unit.outbound.events import PERSON, START

MONDAY = datetime(2026, 3, 9, tzinfo=UTC)
TITLES = Titles("azawatch replay", "archive", "revision", "strictest")


def event(phase: Phase, at: datetime, alert: str = "A", severity: Severity = Severity.CRITICAL) -> AlertEvent:
    """One event of one alert."""
    told = replace(START, phase=phase, reason=AlertReason.NEW, decided_at=at)
    return replace(told, alert_id=alert, severity=severity)


def spells(*events: AlertEvent) -> list[Spell]:
    """The alerts that these events tell of."""
    told = Spells()
    for each in events:
        told.take(each)
    return told.all()


def page(gathered: Gathered) -> str:
    """The report of what was gathered, with nothing on record."""
    store = Store.open("sqlite://")
    try:
        return render_report(TITLES, gathered, store, knowledge(), identify=False)
    finally:
        store.close()


def test_thousands_of_alerts_make_a_page_of_bounded_size() -> None:
    """The gravest are drawn and listed; how many are not is said, and where they can be had."""
    gathered = Gathered()
    for number in range(5000):
        severity = Severity.CRITICAL if number % 100 == 0 else Severity.REVIEW
        person = replace(PERSON, person_id=f"P{number}")
        told = event(Phase.START, MONDAY + timedelta(hours=number), f"A{number:05}", severity)
        gathered.tell(replace(told, person=person))

    html = page(gathered)

    assert len(html) < 3_000_000
    assert html.count("<article") == MOST_CARDS
    assert f"{5000 - MOST_LISTED:,} alerts are left out here" in html
    assert f"The first {MOST_CARDS} are drawn below" in html
    assert html.index('id="alert-50"') < html.index('class="badge review"', html.index('id="alert-50"'))
    assert "and 4,980 more" in html  # patients


def test_an_archive_without_anything_is_a_page_all_the_same() -> None:
    """No message, no alert: the page says so and does not break."""
    html = page(Gathered())

    assert "No alert was told." in html
    assert "Every code and unit was understood." in html


def test_what_came_in_is_counted_by_type_sender_charset_and_outcome() -> None:
    """Each table adds up to the messages; quarantined ones beyond those that are listed are counted."""
    gathered = Gathered()
    for number in range(250):
        outcome = Outcome(Disposition.QUARANTINED, Reason.CHARSET, "MSH[1]-18", "the bytes are not utf-8")
        gathered.take(Taken(InboxKey("", "", str(number)), f"file{number}.hl7#1", "", outcome))
    accepted = Outcome(Disposition.ACCEPTED, Reason.RESULTS)
    taken = Taken(InboxKey("LAB|<b>HOSPITAL", "1", "x"), "good.hl7#1", "ORU^R01", accepted)
    gathered.take(replace(taken, charset="iso8859-15", warnings=("charset_guessed",), at=MONDAY))

    html = page(gathered)

    assert gathered.charsets == Counter({"unreadable": 250, "iso8859-15": 1})
    for words in (
        "iso8859-15",
        "LAB|&lt;b&gt;HOSPITAL",
        "ORU^R01",
        "charset_guessed",
        "quarantined: charset",
    ):
        assert f">{words}</th>" in html
    assert "file199.hl7#1" in html
    assert "file200.hl7#1" not in html
    assert "and 50 more" in html
    assert "of 2026-03-09" in html


def test_weeks_begin_on_monday_and_empty_ones_are_there() -> None:
    """A week of peace between two alerts is seen as one; the gravest severity of an alert counts, once."""
    told = spells(
        event(Phase.START, MONDAY, "A", Severity.REVIEW),
        event(Phase.ESCALATE, MONDAY + timedelta(days=1), "A", Severity.CRITICAL),
        event(Phase.START, MONDAY - timedelta(seconds=1), "B", Severity.INFO),
        event(Phase.START, MONDAY + timedelta(days=14), "C", Severity.INFO),
    )

    assert weeks_of(told, 100) == {
        date(2026, 3, 2): Counter({Severity.INFO: 1}),
        date(2026, 3, 9): Counter({Severity.CRITICAL: 1}),
        date(2026, 3, 16): Counter(),
        date(2026, 3, 23): Counter({Severity.INFO: 1}),
    }
    assert list(weeks_of(told, 2)) == [date(2026, 3, 16), date(2026, 3, 23)]


@pytest.mark.parametrize("year", [1, 9999])
def test_weeks_of_the_ends_of_the_calendar_are_weeks(year: int) -> None:
    """An archive with a wrong clock is reported like any other."""
    told = spells(event(Phase.START, datetime(year, 1, 1, tzinfo=UTC)))

    assert sum(counts.total() for counts in weeks_of(told, 100).values()) == 1


def test_time_to_resolution_counts_open_alerts_and_those_that_ended() -> None:
    """Of each severity how many are still open, how long the others took, the median and the longest."""
    told = spells(
        event(Phase.START, MONDAY, "A"),
        event(Phase.END, MONDAY + timedelta(hours=3), "A"),
        event(Phase.START, MONDAY, "B"),
        event(Phase.END, MONDAY + timedelta(days=10), "B"),
        event(Phase.START, MONDAY, "C"),
    )

    (row,) = resolution(told).rows

    assert row == ("critical", 3, 1, 1, 0, 1, 0, "5 d", "10 d")


@pytest.mark.parametrize(
    ("lasted", "words"),
    [
        (timedelta(), "0 min"),
        (timedelta(minutes=59), "59 min"),
        (timedelta(hours=1), "1 h"),
        (timedelta(hours=47), "47 h"),
        (timedelta(days=2), "2 d"),
    ],
)
def test_lengths_of_time_are_told_in_what_reads_best(lasted: timedelta, words: str) -> None:
    """Nobody divides minutes by 1440 in a meeting."""
    assert duration(lasted) == words


def test_an_alert_that_comes_back_is_counted_again() -> None:
    """Two spells with one id: two alerts, the first of them ended."""
    first, second = spells(
        event(Phase.START, MONDAY),
        event(Phase.END, MONDAY + timedelta(days=1)),
        event(Phase.START, MONDAY + timedelta(days=5)),
    )

    assert (first.ended, second.ended) == (MONDAY + timedelta(days=1), None)
    assert (len(first.steps), len(second.steps)) == (2, 1)


def test_the_words_of_an_alert_are_those_of_its_gravest_event() -> None:
    """What a report shows of an alert that escalated is what was told when it was worst."""
    worse = replace(event(Phase.ESCALATE, MONDAY + timedelta(days=1)), rule="a02", message="worst")
    milder = replace(event(Phase.DEESCALATE, MONDAY + timedelta(days=2), severity=Severity.INFO), rule="c03")
    (spell,) = spells(event(Phase.START, MONDAY, severity=Severity.REVIEW), worse, milder)

    assert (spell.severity, spell.rule, spell.message) == (Severity.CRITICAL, "a02", "worst")
    assert spell.began == MONDAY
    assert [step.rule for step in spell.steps] == [START.rule, "a02", "c03"]
    assert spell.pages == 2
