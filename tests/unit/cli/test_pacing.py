"""When the messages of an archive are sent."""

from __future__ import annotations

from collections.abc import Iterator

from engine.cli.pacing import all_at_once, as_recorded, at_rate, when_due
from engine.transports.archive import ArchiveMessage


def sent_at(*times: str) -> list[ArchiveMessage]:
    """Messages with these MSH-7."""
    bodies = [rf"MSH|^~\&|LAB|H|||{time}||ORU^R01|C|P|2.5.1".encode() for time in times]
    return [ArchiveMessage(f"file#{number}", body) for number, body in enumerate(bodies, start=1)]


def due(timed: Iterator[tuple[float, ArchiveMessage]]) -> list[float]:
    return [seconds for seconds, _ in timed]


def test_as_recorded_keeps_the_spacing_of_the_feed() -> None:
    """A night of ten minutes gaps is sent with them, or so many times faster."""
    night = sent_at("20260312080000", "20260312081000", "20260312083000")

    assert due(as_recorded(night, 1)) == [0, 600, 1800]
    assert due(as_recorded(night, 60)) == [0, 10, 30]


def test_a_message_without_a_time_goes_with_the_one_before() -> None:
    """What has no readable time, or is out of order, holds nobody up."""
    odd = sent_at("", "20260312080000", "20260312081000", "garbage", "20260312080500", "20260312082000")

    assert due(as_recorded(odd, 1)) == [0, 0, 600, 600, 600, 1200]


def test_a_rate_spaces_messages_evenly() -> None:
    """Four a second are a quarter of a second apart."""
    assert due(at_rate(sent_at("", "", ""), 4)) == [0, 0.25, 0.5]


def test_each_message_waits_until_it_is_due() -> None:
    """A broker that takes its time does not push later messages back."""
    clock = [100.0]
    slept: list[float] = []

    def sleep(seconds: float) -> None:
        slept.append(seconds)
        clock[0] += seconds

    for _ in when_due(at_rate(sent_at("", "", ""), 1), lambda: clock[0], sleep):
        clock[0] += 0.25

    assert slept == [0, 0.75, 0.75]


def test_at_once_means_in_large_chunks() -> None:
    """Without a rate the broker is kept busy."""
    assert [len(chunk) for chunk in all_at_once(sent_at(*[""] * 450))] == [200, 200, 50]
