"""What conditions say of courses and doses, be they past, present or still to come."""

from __future__ import annotations

import pytest

from engine.model.finding import UnknownCause
from engine.model.quantity import Truth
from engine.rulebook.conditions import read_condition
from engine.rulebook.syntax import Unreadable
from tests.unit.rulebook.records import verdict

T, F, U = Truth.TRUE, Truth.FALSE, UnknownCause.FACT


def _courses(*courses: str, facts: str = "") -> str:
    listed = "\n".join(f"    - {{{course}}}" for course in courses)
    return f"therapy:\n  courses:\n{listed}\n{facts}"


FIRST = "started: -200d, stopped: -30d, doses: {-200d: 100, -100d: 150}"
RESTARTED = _courses(FIRST, "started: -10d, doses: {-10d: 50}")
AHEAD = _courses(FIRST, "started: 2d, doses: {2d: 50}")
OVER = _courses(FIRST, "started: -10d, stopped: -1d, doses: {-10d: 150}")
FIRST_COURSE = _courses("started: -10d, doses: {-10d: 150}")
UNKNOWN_NOW = _courses(FIRST, "started: -10d")
UNKNOWN_BEFORE = _courses(
    "started: -200d, stopped: -30d, doses: {-200d: 100, -100d: unknown}", "started: -10d, doses: {-10d: 50}"
)
MERCAPTOPURINE = _courses(FIRST, "drug: mercaptopurine, started: -10d, doses: {-10d: 50}")
BEFORE_MERCAPTOPURINE = _courses(
    "drug: mercaptopurine, started: -200d, stopped: -30d, doses: {-200d: 50}",
    "started: -10d, doses: {-10d: 50}",
)
MERCAPTOPURINE_TWICE = _courses(
    "drug: mercaptopurine, started: -200d, stopped: -30d, doses: {-200d: 75}",
    "drug: mercaptopurine, started: -10d, doses: {-10d: 75, -5d: 50}",
)
BESIDE = _courses(
    FIRST, "drug: mercaptopurine, started: -20d, doses: {-20d: 50}", "started: -10d, doses: {-10d: 50}"
)


def _rising(*doses: str) -> str:
    return _courses(FIRST, f"started: -20d, doses: {{{', '.join(doses)}}}")


def _on(facts: str, *courses: str) -> str:
    told = courses or ("started: -90d, doses: {-90d: 150, -20d: 50}",)
    return _courses(*told, facts=f"facts: {facts}")


_ALLOPURINOL = "{allopurinol: {-20d: active}}"


def _mercaptopurine(before: int, since_allopurinol: int) -> str:
    return f"drug: mercaptopurine, started: -90d, doses: {{-90d: {before}, -20d: {since_allopurinol}}}"


def _reduced_on(day: int, dose: str = "50") -> str:
    return f"started: -90d, doses: {{-90d: 150, {day}d: {dose}, -5d: 50}}"


_OVER_WITHOUT_DOSE = "started: -90d, stopped: -25d"
_AGAIN = "started: -22d, doses: {-22d: 50}"


def _mercaptopurine_since(day: int) -> str:
    return f"drug: mercaptopurine, started: {day}d, doses: {{{day}d: 25}}"


@pytest.mark.parametrize(
    ("condition", "record", "expected"),
    [
        # the beginning
        ("start within 30 d", FIRST_COURSE, T),
        ("start within 10 d", FIRST_COURSE, F),  # it is midday, and the course began at midnight
        ("start within 11 d", FIRST_COURSE, T),
        ("start within 30 d", _courses("started: 400d"), T),
        ("start within 30 d", RESTARTED, F),
        ("start within 30 d", OVER, F),
        ("start within 30 d", _courses("started: -10d, stopped: 5d"), T),
        ("restart within 30 d", RESTARTED, T),
        ("restart within 9 d", RESTARTED, F),
        ("restart within 30 d", AHEAD, T),
        ("restart within 30 d", FIRST_COURSE, F),
        ("restart within 30 d", OVER, F),
        # doses in numbers
        ("dose >= 50 mg/day", RESTARTED, T),
        ("dose > 50 mg/day", RESTARTED, F),
        ("dose > 50 mg/day", AHEAD, F),
        ("dose >= 50 mg/day", AHEAD, T),
        ("dose > 50 mg/day", OVER, F),
        ("dose > 50 mg/day", UNKNOWN_NOW, U),
        ("dose > 50 mg/day", MERCAPTOPURINE, U),
        ("dose > 50 mg/day", BESIDE, U),
        ("dose >= 75 mg/day", _rising("-20d: 50", "7d: 75"), T),
        ("first dose > 50 mg/day", _rising("-20d: 50", "7d: 75"), F),
        ("first dose > 50 mg/day", _rising("-20d: 75", "-7d: 50"), T),
        ("first dose > 50 mg/day", UNKNOWN_NOW, U),
        ("dose >= 2 mg/kg/day", _on("{weight: 75 kg}", "started: -9d, doses: {-9d: 150}"), T),
        ("dose >= 2 mg/kg/day", _on("{weight: 75.1 kg}", "started: -9d, doses: {-9d: 150}"), F),
        ("dose > 2/3 mg/kg/day", _on("{weight: 75 kg}", "started: -9d, doses: {-9d: 50}"), F),
        ("dose >= 2/3 mg/kg/day", _on("{weight: 75 kg}", "started: -9d, doses: {-9d: 50}"), T),
        (
            "dose >= 2 mg/kg/day",
            _on("{weight: {-90d: 60 kg, -5d: 80 kg}}", "started: -9d, doses: {-9d: 150}"),
            F,
        ),
        ("dose >= 2 mg/kg/day", FIRST_COURSE, U),
        ("dose >= 2 mg/kg/day", _on("{weight: 80 lb}", "started: -9d, doses: {-9d: 150}"), U),
        ("dose >= 2 mg/kg/day", _on("{weight: heavy kg}", "started: -9d, doses: {-9d: 150}"), U),
        # doses against those before the stop
        ("dose < 1 x dose before stop", RESTARTED, T),
        ("dose >= 1 x dose before stop", _courses(FIRST, "started: -10d, doses: {-10d: 150}"), T),
        ("dose >= 1 x dose before stop", _courses(FIRST, "started: -10d, doses: {-10d: 149}"), F),
        ("first dose > 1/3 x dose before stop", RESTARTED, F),
        ("first dose >= 1/3 x dose before stop", RESTARTED, T),
        ("first dose > 1/3 x dose before stop", _courses(FIRST, "started: 2d, doses: {2d: 50.1}"), T),
        ("first dose >= 0.333333333333 x dose before stop", RESTARTED, T),
        ("dose > 1/3 x dose before stop", FIRST_COURSE, F),
        ("dose > 1/3 x dose before stop", OVER, F),
        ("dose > 1/3 x dose before stop", UNKNOWN_NOW, U),
        ("dose > 1/3 x dose before stop", UNKNOWN_BEFORE, U),
        ("dose > 1/3 x dose before stop", MERCAPTOPURINE, U),
        ("dose > 1/3 x dose before stop", BEFORE_MERCAPTOPURINE, U),
        ("first dose >= 1 x dose before stop", MERCAPTOPURINE_TWICE, T),
        ("dose >= 1 x dose before stop", MERCAPTOPURINE_TWICE, F),
        ("dose raised since restart", MERCAPTOPURINE_TWICE, F),
        ("first dose > 50 mg/day", MERCAPTOPURINE_TWICE, U),
        ("dose > 1/3 x dose before stop", "therapy: {restarted: -20d}", U),
        # steps up
        ("dose raised since restart", _rising("-20d: 50", "-18d: 75"), T),
        ("dose raised since restart", _rising("-20d: 75", "-18d: 50"), F),
        ("dose raised since restart", _courses("started: -20d, doses: {-20d: 50, -18d: 75}"), F),
        ("dose raised since restart", _rising("-20d: 50", "-18d: unknown"), U),
        ("dose raised since restart", _rising("-20d: 50", "-18d: 75", "-16d: unknown"), T),
        ("dose raised since restart", UNKNOWN_NOW, U),
        ("dose raised within 2 d of restart", _rising("-20d: 50", "-18d: 75"), F),
        ("dose raised within 2 d of restart", _rising("-20d: 50", "-19d: 75"), T),
        ("dose raised within 2 d of restart", _courses(FIRST, "started: 2d, doses: {2d: 50, 3d: 75}"), T),
        (
            "dose raised within 2 d of restart",
            _courses(FIRST, "started: -9d, stopped: -1d, doses: {-9d: 50, -8d: 75}"),
            F,
        ),
        ("highest dose within 14 d of restart", _rising("-20d: 50", "-7d: 100"), T),
        ("highest dose within 14 d of restart", _rising("-20d: 50", "-6d: 100"), F),
        ("highest dose within 14 d of restart", _rising("-20d: 50", "-18d: 75", "-4d: 100"), F),
        ("highest dose within 14 d of restart", _rising("-20d: 50"), F),
        ("highest dose within 14 d of restart", _rising("-20d: 50", "-18d: 75", "-4d: unknown"), U),
        # the break
        ("break < 14 d", _courses("started: -200d, stopped: -30d", "started: -17d"), T),
        ("break < 14 d", _courses("started: -200d, stopped: -30d", "started: -16d"), F),
        ("break >= 14 d", _courses("started: -200d, stopped: -30d", "started: -16d"), T),
        ("break >= 14 d", _courses("started: -200d, held: -30d, stopped: -16d", "started: -16d"), T),
        (
            "break >= 14 d",
            _courses("started: -200d, held: -90d, released: -80d, stopped: -16d", "started: -16d"),
            F,
        ),
        ("break < 14 d", FIRST_COURSE, F),
        ("break < 14 d", "therapy: {restarted: -20d}", U),
        # the time since the stop
        ("weeks since stop <= 4", "therapy: {started: -90d, stopped: -27d}", T),
        ("weeks since stop <= 4", "therapy: {started: -90d, stopped: -29d}", F),
        ("weeks since stop <= 4", RESTARTED, F),
        ("weeks since stop <= 5", RESTARTED, T),
        ("weeks since stop <= 4", FIRST_COURSE, F),
        ("weeks since stop <= 4", _courses("started: -90d, stopped: 3d"), F),
        # other drugs
        ("on allopurinol", _on("{allopurinol: active}"), T),
        ("on allopurinol", _on("{allopurinol: {-20d: active, -5d: stopped}}"), F),
        ("allopurinol started within 30 d", _on("{allopurinol: {-20d: active}}"), T),
        ("allopurinol started within 30 d", _on("{allopurinol: {-40d: active}}"), F),
        ("allopurinol started within 30 d", _on("{allopurinol: {-40d: active, -20d: active}}"), F),
        (
            "allopurinol started within 30 d",
            _on("{allopurinol: {-60d: active, -40d: stopped, -20d: active}}"),
            T,
        ),
        ("allopurinol started within 30 d", _on("{allopurinol: {-20d: active, -5d: stopped}}"), F),
        ("allopurinol started within 30 d", FIRST_COURSE, U),
        ("fact allopurinol stated", FIRST_COURSE, F),
        ("fact allopurinol stated", _on("{allopurinol: {-20d: active, -5d: stopped}}"), T),
        ("dose > 1/3 x dose before allopurinol", _on("{allopurinol: {-20d: active}}"), F),
        ("dose >= 1/3 x dose before allopurinol", _on("{allopurinol: {-20d: active}}"), T),
        ("dose > 1/3 x dose before allopurinol", _on("{allopurinol: {-10d: active}}"), F),
        ("dose >= 1/3 x dose before allopurinol", _on("{allopurinol: {-10d: active}}"), T),
        ("dose > 1/3 x dose before allopurinol", _on(_ALLOPURINOL, _reduced_on(-47)), F),
        ("dose > 1/3 x dose before allopurinol", _on(_ALLOPURINOL, _reduced_on(-48)), T),
        ("dose > 1/3 x dose before allopurinol", _on(_ALLOPURINOL, _reduced_on(-49)), T),
        ("dose > 1/3 x dose before allopurinol", _on(_ALLOPURINOL, _reduced_on(-47, "unknown")), U),
        ("dose > 1/3 x dose before allopurinol", _on(_ALLOPURINOL, _OVER_WITHOUT_DOSE, _AGAIN), T),
        ("dose > 1/3 x dose before allopurinol", _on("{allopurinol: {-20d: stopped}}"), F),
        ("dose > 1/3 x dose before allopurinol", _on("{allopurinol: {-100d: active}}"), U),
        ("dose > 1/3 x dose before allopurinol", _on("{allopurinol: {-20d: active}}", "started: -90d"), U),
        ("dose > 1/3 x dose before allopurinol", FIRST_COURSE, U),
        ("dose > 1/3 x dose before allopurinol", _on(_ALLOPURINOL, _mercaptopurine(75, 25)), F),
        ("dose > 1/3 x dose before allopurinol", _on(_ALLOPURINOL, _mercaptopurine(75, 26)), T),
        (
            "dose > 1/3 x dose before allopurinol",
            _on(_ALLOPURINOL, "started: -90d, stopped: -20d, doses: {-90d: 150}", _mercaptopurine_since(-20)),
            U,
        ),
        ("febuxostat started less than 14 d before start", _on("{febuxostat: {-103d: active}}"), T),
        ("febuxostat started less than 14 d before start", _on("{febuxostat: {-105d: active}}"), F),
        ("febuxostat started less than 14 d before start", _on("{febuxostat: {-80d: active}}"), F),
        (
            "febuxostat started less than 14 d before start",
            _on("{febuxostat: {-90d: active, -80d: stopped}}"),
            T,
        ),
        ("febuxostat started less than 14 d before start", FIRST_COURSE, U),
    ],
)
def test_a_condition_on_a_course(condition: str, record: str, expected: Truth | UnknownCause) -> None:
    """True, false, or UNKNOWN because something about the therapy is not on record."""
    found = verdict(condition, record)

    assert (found.evidence.cause if found.truth is Truth.UNKNOWN else found.truth) is expected


@pytest.mark.parametrize("share", ["2/6", "1/0", "/3", "1/", "1/3.5", "1/-3"])
def test_a_share_has_one_spelling(share: str) -> None:
    """Fractions are of whole numbers in lowest terms."""
    with pytest.raises(Unreadable):
        read_condition(f"dose > {share} x dose before stop")


def test_a_dose_that_is_not_comparable_says_why() -> None:
    """Nobody takes 50 mg of mercaptopurine for 50 mg of azathioprine."""
    found = verdict("dose < 1 x dose before stop", MERCAPTOPURINE)

    note = "dose before the stop: a dose of azathioprine is not comparable with one of mercaptopurine"
    assert found.evidence.note == note
