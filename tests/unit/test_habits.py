"""What stops, falls or floods against its own history, and what does not."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta

import pytest

from engine.habits import Change, Kind, Subject, unusual

TODAY = date(2026, 3, 12)
ALT = Subject(Kind.CODE, "LIS", "1742-6 (alt)")
WBC = Subject(Kind.CODE, "LIS", "6690-2 (wbc)")
RULE = Subject(Kind.RULE, "", "a13-mild-rise")


def by_week(weeks: Sequence[int]) -> dict[date, int]:
    """Counts of the present week first, then of those before, all on the first day of the week."""
    days = {TODAY - timedelta(days=7 * (number + 1)): count for number, count in enumerate(weeks)}
    return {day: count for day, count in days.items() if count}


STEADY = [40] * 9


@pytest.mark.parametrize(
    ("weeks", "change"),
    [
        ([0, *[12] * 8], Change.STOPPED),
        ([0, *[9] * 8], None),
        ([0, 0, 0, *[12] * 6], None),
        ([0, 0, *[12] * 7], Change.STOPPED),
        ([8, *[40] * 8], Change.FELL),
        ([9, *[40] * 8], None),
        ([160, *[40] * 8], Change.FLOODS),
        ([159, *[40] * 8], None),
        ([19, *[1] * 8], None),
        ([20, *[1] * 8], Change.FLOODS),
        ([160, 100, *[40] * 7], None),
        ([0, *[12] * 3], None),
        ([0, *[12] * 4], Change.STOPPED),
        ([0, 500, *[12] * 7], Change.STOPPED),
        (STEADY, None),
        ([], None),
    ],
)
def test_each_limit_holds_exactly(weeks: list[int], change: Change | None) -> None:
    """At every limit that the documents name, and one beside it; an odd week in the history moves nothing."""
    found = unusual({ALT: by_week(weeks), WBC: by_week([1000] * 9)}, TODAY)

    assert [one.change for one in found] == ([] if change is None else [change])


def test_a_sender_that_sends_less_is_told_once_and_its_codes_are_not() -> None:
    """A laboratory on holiday is one thing to tell, not one for each test; nor are rules judged then."""
    half = {ALT: by_week([0, *[40] * 8]), WBC: by_week([4, *[40] * 8]), RULE: by_week([0, *[12] * 8])}

    assert [(one.subject.kind, one.change) for one in unusual(half, TODAY)] == [(Kind.SENDER, Change.FELL)]


def test_a_rule_that_has_gone_silent_is_found_while_the_feed_goes_on() -> None:
    """A threshold that nobody reaches any more, or a code that was renamed: the rule says nothing."""
    found = unusual({ALT: by_week(STEADY), RULE: by_week([0, *[12] * 8])}, TODAY)

    assert [(one.subject, one.count, one.usual) for one in found] == [(RULE, 0, 12)]
    assert found[0].last == TODAY - timedelta(days=14)


def test_a_renamed_code_is_seen_on_both_sides() -> None:
    """The old code stops; the new one has no history yet, and is nobody's flood."""
    renamed = Subject(Kind.CODE, "LIS", "NEW (alt)")
    found = unusual({ALT: by_week([0, *[40] * 8]), renamed: by_week([40]), WBC: by_week(STEADY)}, TODAY)

    assert [(one.subject, one.change) for one in found] == [(ALT, Change.STOPPED)]
