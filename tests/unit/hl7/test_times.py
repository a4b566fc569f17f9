"""HL7 times: precision, zones, daylight saving, and what is refused."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from zoneinfo import ZoneInfo

import pytest

from engine.hl7 import TimeUnreadableError, moment_of, parse, read_moment
from engine.hl7.times import offset_of
from engine.model.moment import Precision
from engine.model.segments import Segment

LONDON = ZoneInfo("Europe/London")
BERLIN = ZoneInfo("Europe/Berlin")
PLUS_TWO = timezone(timedelta(hours=2))


@pytest.mark.parametrize(
    ("text", "instant", "precision"),
    [
        ("2026", "2026-01-01T00:00:00+00:00", Precision.YEAR),
        ("202607", "2026-07-01T00:00:00+01:00", Precision.MONTH),
        ("20260105", "2026-01-05T00:00:00+00:00", Precision.DAY),
        ("2026010508", "2026-01-05T08:00:00+00:00", Precision.HOUR),
        ("202601050830", "2026-01-05T08:30:00+00:00", Precision.MINUTE),
        ("20260105083015", "2026-01-05T08:30:15+00:00", Precision.SECOND),
        ("20260105083015.1234", "2026-01-05T08:30:15.123400+00:00", Precision.SECOND),
        ("20260105083015.123456789", "2026-01-05T08:30:15.123456+00:00", Precision.SECOND),
        (" 20260105083015 ", "2026-01-05T08:30:15+00:00", Precision.SECOND),
        ("2026010508301507", "2026-01-05T08:30:15+00:00", Precision.SECOND),
        ("20260105083015123", "2026-01-05T08:30:15+00:00", Precision.SECOND),
        ("20260105000000", "2026-01-05T00:00:00+00:00", Precision.SECOND),
        ("2026-01-05", "2026-01-05T00:00:00+00:00", Precision.DAY),
        ("2026/01/05 08:30", "2026-01-05T08:30:00+00:00", Precision.MINUTE),
        ("2026-01-05T08:30:15.5", "2026-01-05T08:30:15.500000+00:00", Precision.SECOND),
        ("20200229", "2020-02-29T00:00:00+00:00", Precision.DAY),
    ],
)
def test_a_time_without_an_offset_is_local(text: str, instant: str, precision: Precision) -> None:
    """The sender's zone is assumed, and the precision that was sent is kept."""
    moment = read_moment(text, LONDON)
    assert (instant, precision, True, False) == (
        moment.isoformat(),
        moment.precision,
        moment.zone_assumed,
        moment.ambiguous,
    )


@pytest.mark.parametrize(
    ("text", "instant"),
    [
        ("20260105083015-0500", "2026-01-05T08:30:15-05:00"),
        ("20260105083015.25+0530", "2026-01-05T08:30:15.250000+05:30"),
        ("202601050830+0000", "2026-01-05T08:30:00+00:00"),
        ("202601050830-0000", "2026-01-05T08:30:00+00:00"),
        ("20260105-0500", "2026-01-05T00:00:00-05:00"),
        ("20260105083015Z", "2026-01-05T08:30:15+00:00"),
        ("20260105083015+02:00", "2026-01-05T08:30:15+02:00"),
        ("2026-01-05T08:30:15+02:00", "2026-01-05T08:30:15+02:00"),
        ("2026-01-05 08:30Z", "2026-01-05T08:30:00+00:00"),
        ("2026010508301507+0200", "2026-01-05T08:30:15+02:00"),
        ("20260105083015+1400", "2026-01-05T08:30:15+14:00"),
    ],
)
def test_an_offset_that_was_sent_holds(text: str, instant: str) -> None:
    """Neither the header nor the site changes what the time itself says."""
    moment = read_moment(text, LONDON, PLUS_TWO)
    assert (instant, False) == (moment.isoformat(), moment.zone_assumed)


def test_the_offset_of_the_header_is_the_default() -> None:
    """MSH-7 with an offset sets the zone of every time in the message (S:MSH-7)."""
    moment = read_moment("20260105083015", LONDON, PLUS_TWO)
    assert ("2026-01-05T08:30:15+02:00", False) == (moment.isoformat(), moment.zone_assumed)


def test_a_local_time_that_occurs_twice_is_the_first_and_marked() -> None:
    """Half past two in the night of the change back is an hour uncertain, and it is said so."""
    moment = read_moment("20261025023000", BERLIN)
    assert ("2026-10-25T02:30:00+02:00", True) == (moment.isoformat(), moment.ambiguous)
    assert not read_moment("20261025023000+0100", BERLIN).ambiguous
    assert not read_moment("20261025030000", BERLIN).ambiguous
    assert not read_moment("20261025", BERLIN).ambiguous


def test_a_local_time_that_does_not_exist_moves_forward() -> None:
    """A clock that was not put forward showed half past two when it was half past three."""
    moment = read_moment("20260329023000", BERLIN)
    assert ("2026-03-29T03:30:00+02:00", False) == (moment.isoformat(), moment.ambiguous)


def test_differences_are_real_durations() -> None:
    """Between two local noons over a change of the clocks lie 25 hours, not 24."""
    before, after = read_moment("20261024120000", BERLIN), read_moment("20261025120000", BERLIN)
    assert timedelta(hours=25) == after.at - before.at


@pytest.mark.parametrize(
    "text",
    [
        "", " ", "1", "20", "202", "20261", "2026010", "202601050", "20260105083", "2026010508301",
        "202601050830151", "202601050830151234567890", "20261301", "20260230", "20260100", "2026010524",
        "202601050860", "20260105083060", "00000000", "0000", "20260105083015.", "20260105083015.1234567890",
        "20260105083015+1500", "20260105083015+0160", "20260105083015+01", "20260105083015 +0100", "+0100",
        "05/01/2026", "01/05/2026 08:30", "2026-01-05T08", "2026-01/05", "2026-1-5", "20260105T083015",
        "20260105 0830",
        "\uff12\uff10\uff12\uff16",
        "2026\u0660\u0661", "yesterday", "20260105083015\n",
    ],
)  # fmt: skip
def test_what_is_no_time_is_refused_without_telling_it(text: str) -> None:
    """A time that is not certain is not guessed, and a birth date never gets into an error text."""
    with pytest.raises(TimeUnreadableError) as caught:
        read_moment(text, BERLIN)
    assert isinstance(caught.value, ValueError)
    assert not any(character.isdigit() for character in str(caught.value).replace("HL7", ""))


def test_the_end_of_the_calendar_is_a_date() -> None:
    """Pharmacies write 99991231 for an order without an end."""
    assert 9999 == read_moment("99991231", LONDON).at.year
    assert 9999 == read_moment("99991231235959-0500", LONDON).at.year  # UTC is in the year 10000


def test_a_start_that_nobody_knows_is_a_time() -> None:
    """Systems write 00010101 for a day that they do not know; London was behind UTC then."""
    assert 1 == read_moment("00010101", LONDON).at.year
    assert 1 == read_moment("00010101000000+1400", LONDON).at.year


def field(value: str) -> Segment:
    return parse(f"MSH|^~\\&|L|N|||1||ORU^R01|1|P|2.3\rOBR|1||||||{value}".encode()).segments[1]


@pytest.mark.parametrize(
    ("value", "instant", "precision"),
    [
        ("202601050830^D", "2026-01-05T00:00:00+00:00", Precision.DAY),
        ("20260105083015^L", "2026-01-01T00:00:00+00:00", Precision.MONTH),
        ("20260105083015^Y", "2026-01-01T00:00:00+00:00", Precision.YEAR),
        ("20260105083015.5^H", "2026-01-05T08:00:00+00:00", Precision.HOUR),
        ("20260105083015.5^M", "2026-01-05T08:30:00+00:00", Precision.MINUTE),
        ("20260105083015.5^S", "2026-01-05T08:30:15.500000+00:00", Precision.SECOND),
        ("20260105^S", "2026-01-05T00:00:00+00:00", Precision.DAY),
        ("20260105083015^?", "2026-01-05T08:30:15+00:00", Precision.SECOND),
        ("20260105^20260106", "2026-01-05T00:00:00+00:00", Precision.DAY),
    ],
)
def test_the_precision_letter_of_old_versions(value: str, instant: str, precision: Precision) -> None:
    """Before 2.5 a sender may say that the digits after the day are made up."""
    moment = moment_of(field(value), 7, LONDON)
    assert moment is not None
    assert (instant, precision) == (moment.isoformat(), moment.precision)


def test_a_component_of_a_range_and_an_empty_field() -> None:
    """The end of a DR is its second component; an empty field is no time."""
    end = moment_of(field("20260105^20260106"), 7, LONDON, component=2)
    assert end is not None
    assert datetime(2026, 1, 6, tzinfo=timezone.utc) == end.at  # noqa: UP017 (an offset, as in the code)
    assert [None, None] == [moment_of(field(value), 7, LONDON) for value in ("", '""')]
    with pytest.raises(TimeUnreadableError):
        moment_of(field("soon"), 7, LONDON)


@pytest.mark.parametrize(
    ("text", "hours"), [("20260105083015-0500", -5), ("2026+0200", 2), ("2026-01-05T08:30:15+02:00", 2)]
)
def test_the_offset_alone(text: str, hours: int) -> None:
    """The offset of MSH-7 is read for the other times of the message."""
    assert timezone(timedelta(hours=hours)) == offset_of(text)


@pytest.mark.parametrize("text", ["", "20260105", "20260105+9900", "soon"])
def test_no_offset(text: str) -> None:
    """Where MSH-7 has none, the site's zone holds."""
    assert offset_of(text) is None
