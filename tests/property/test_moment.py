"""Time is moved within the calendar, however near to its ends and however far."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

from hypothesis import given
from hypothesis import strategies as st

from engine.model.moment import Moment, Precision, in_zone, later

OFFSETS = st.integers(-24 * 60 + 1, 24 * 60 - 1).map(lambda minutes: timezone(timedelta(minutes=minutes)))
ENDS = st.one_of(
    st.datetimes(),
    st.datetimes(max_value=datetime(1, 1, 3)),  # noqa: DTZ001  the offset is put on below
    st.datetimes(min_value=datetime(9999, 12, 29)),  # noqa: DTZ001
)
INSTANTS = st.builds(lambda at, zone: at.replace(tzinfo=zone), ENDS, OFFSETS)
FIRST, LAST = datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)


@given(at=INSTANTS, by=st.timedeltas())
def test_a_moved_instant_is_exact_or_an_end_of_the_calendar(at: datetime, by: timedelta) -> None:
    """Exact where UTC has such an instant, for that is how it is stored; else the end on that side."""
    room_before, room_after = FIRST - at, LAST - at
    moved = later(at, by)

    if by < room_before:
        assert moved == FIRST
    elif by > room_after:
        assert moved == LAST
    elif moved not in (FIRST, LAST):  # as exact as the calendar of its own offset allows
        assert moved - at == by
    assert FIRST <= moved.astimezone(UTC) <= LAST


@given(at=INSTANTS, one=st.timedeltas(), other=st.timedeltas())
def test_further_is_never_earlier(at: datetime, one: timedelta, other: timedelta) -> None:
    """The order of two lengths is the order of where they lead."""
    shorter, longer = sorted((one, other))

    assert later(at, shorter) <= later(at, longer)


@given(at=INSTANTS, precision=st.sampled_from(Precision))
def test_every_moment_has_a_last_instant(at: datetime, precision: Precision) -> None:
    """Also a date that is the last of all."""
    assert Moment(at, precision).latest >= at


@given(at=INSTANTS, seen=OFFSETS)
def test_every_stored_instant_can_be_shown_in_every_zone(at: datetime, seen: timezone) -> None:
    """In UTC where the calendar of the zone is over."""
    stored = later(at, timedelta()).astimezone(UTC)

    assert in_zone(stored, seen) == stored
