"""Messages for tests only: they belong to the day, but not to the demonstration."""

from __future__ import annotations

from tests.sample_day.day import Day
from tests.sample_day.laboratories import STEVENS
from tests.sample_day.people import PEOPLE
from tests.sample_day.wire import Event


def tell(day: Day) -> None:
    """The medical record number of Iris with another birth date and sex."""
    conflict = day.report(
        STEVENS,
        "iris",
        "identity-conflict",
        collected="03-12 15:20",
        liver={"alt": "31"},
        expect=(
            Event(
                PEOPLE["iris"].mrn,
                "q05",
                "identity-conflict",
                "start",
                "new",
                "urgent",
                "",
                "",
                "birth date and sex both differ from those on file: held back, and her team is told",
            ),
        ),
        shows="same identifier, other birth date and sex: quarantined, and Q05",
    )
    conflict.segments[0] = conflict.segments[0].replace("|19840512|F", "|19520930|M")
    conflict.outcome = ("quarantined", "identity-conflict")
