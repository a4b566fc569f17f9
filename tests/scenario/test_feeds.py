"""A sender that falls silent, an alert that does not get out: told once, and told when it is over."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from engine.feeds import FeedOptions, Feeds
from engine.model.alert import ALERT_NOT_OUT, FEED_SILENT
from engine.model.disposition import Disposition, Outcome, Reason
from engine.outbound import Format
from engine.outbox import Publishing
from engine.silence import hours_like, silences, usual
from engine.store import Feed, InboxKey, OutboxRow, Store
from engine.taken import Taken
from tests.support.outbox import hand_over

NOON = datetime(2026, 3, 11, 12, 0, tzinfo=UTC)  # a Wednesday
STEP = timedelta(minutes=4)
TAKEN = Outcome(Disposition.ACCEPTED, Reason.RESULTS)
ADMISSION = Outcome(Disposition.ACCEPTED, Reason.DEMOGRAPHICS)
AGAIN = Outcome(Disposition.DUPLICATE, Reason.SEEN_BEFORE)


class Ward:
    """A store with a feed that is looked at every few minutes, and what the pagers hear."""

    def __init__(self, url: str, **options: object) -> None:
        self.store = Store.open(url)
        self.now = NOON
        self.listening = self.sending = True
        self.start(**options)

    def start(self, **options: object) -> None:
        """A new process on the same store."""
        self.feeds = Feeds(
            self.store,
            FeedOptions(**options),  # type: ignore[arg-type]
            Publishing(formats=(Format.EVENT_JSON,)),
            lambda: self.now,
            revision="r1",
            name_of=lambda sender: sender.partition("|")[0].lower(),
            listening=lambda: self.listening,
            sending=lambda: self.sending,
        )

    def hear(self, sender: str = "NORTH|", outcome: Outcome = TAKEN, kind: str = "ORU^R01") -> None:
        self.feeds.note([Taken(InboxKey(sender, "1", "x"), "queue", kind, outcome)])

    def wait(self, span: timedelta) -> None:
        """Let time pass, with a look every few minutes."""
        end = self.now + span
        while self.now < end:
            self.now = min(self.now + STEP, end)
            self.feeds.settle()

    def told(self) -> list[tuple[str, str, str]]:
        """Rule, routing key and message of what the relay gets, which is then out."""
        rows = []
        with self.store.handover(100) as handover:
            rows = [row for row in handover.rows if row.exchange == "azawatch.alerts"]
            handover.done([row.id for row in rows], {}, self.now)
        return [(row.headers["rule"], row.routing_key, json.loads(row.body)["message"]) for row in rows]


@pytest.fixture
def ward(url: str) -> Iterator[Ward]:
    """Of both kinds of database: a laboratory that may be silent for half an hour."""
    one = Ward(url, silent={"north": timedelta(minutes=30), "closed": timedelta()})
    yield one
    one.store.close()


def test_a_silent_sender_is_told_once_and_again_when_it_sends(ward: Ward) -> None:
    """Half an hour without a result pages once, whatever else comes; the next result ends it."""
    ward.hear()
    ward.wait(timedelta(minutes=28))
    assert ward.told() == []
    ward.hear(kind="ADT^A08", outcome=ADMISSION)
    ward.hear(outcome=AGAIN)
    ward.hear("SOUTH|")
    ward.wait(timedelta(hours=3))
    (told,) = ward.told()
    assert told[:2] == (FEED_SILENT, "alert.urgent.start")
    assert told[2].startswith("Nothing for 32 minutes, the last one came at 2026-03-11 12:00 UTC")
    ward.hear()
    ward.wait(STEP)
    (told,) = ward.told()
    assert told[:2] == (FEED_SILENT, "alert.urgent.end")
    ward.wait(timedelta(hours=1))
    assert [key for _, key, _ in ward.told()] == ["alert.urgent.start"]


def test_a_sender_that_was_never_heard_is_silent_too(ward: Ward) -> None:
    """Whoever is in the settings is expected; one with 0 minutes is not, and taking it out ends the alert."""
    ward.wait(timedelta(minutes=40))
    assert [message for _, _, message in ward.told()] == [
        "Nothing for 32 minutes, it was never heard; the settings allow 30 minutes."
    ]
    ward.start(silent={})
    ward.wait(STEP)
    assert [(key, message) for _, key, message in ward.told()] == [
        ("alert.urgent.end", "north is not watched any more.")
    ]


def test_time_in_which_the_engine_was_deaf_is_nobodys_silence(ward: Ward) -> None:
    """After an outage of ours everybody is given their time; a short restart gives nobody more."""
    ward.hear()
    ward.wait(timedelta(minutes=20))
    ward.listening = False
    ward.wait(timedelta(hours=5))
    ward.listening = True
    ward.wait(timedelta(minutes=28))
    assert ward.told() == []
    ward.start(silent={"north": timedelta(minutes=30)})
    ward.wait(timedelta(minutes=8))
    assert [key for _, key, _ in ward.told()] == ["alert.urgent.start"]


def test_what_is_usual_is_learnt_by_the_hour_of_the_week(url: str) -> None:
    """What was quiet at this hour for two weeks may be so again; a sender that is new is let be."""
    ward = Ward(url, least=timedelta(minutes=60))
    with ward.store.technical() as technical:
        for name in ("north", "new"):
            technical.put_feed(Feed(name, NOON, NOON))
        for week in (1, 2):
            then = NOON - timedelta(weeks=week)
            technical.put_silences("north", [(then, timedelta(minutes=50)), (then, timedelta(minutes=5))])
            technical.put_silences(
                "north", [(then + timedelta(hours=each), timedelta(hours=9)) for each in (-2, 1)]
            )
    ward.wait(timedelta(minutes=59))
    # one o'clock, and one hour later: beside the nine hours
    assert ward.told() == []
    ward.wait(timedelta(minutes=55))
    assert ward.told() == []
    with ward.store.technical() as technical:
        for week in (1, 2):
            for hours in (3, 4, 5):
                then = NOON - timedelta(weeks=week) + timedelta(hours=hours)
                technical.put_silences("north", [(then, timedelta(minutes=50))])
    ward.wait(timedelta(hours=3))
    (told,) = ward.told()
    assert "at this hour of the week it was never more than 50 minutes" in told[2]
    ward.store.close()


def test_the_hours_of_a_silence_and_what_follows_from_them() -> None:
    """Each hour remembers how long it had been quiet by its end; two weeks are the least to go by."""
    begin = NOON + timedelta(minutes=50)
    quiet = dict(silences(begin, begin + timedelta(minutes=80)))
    hour = timedelta(hours=1)
    assert quiet == {NOON: hour / 6, NOON + hour: hour / 6 + hour, NOON + 2 * hour: timedelta(minutes=80)}
    assert len(silences(NOON - timedelta(days=400), NOON)) == 4 * 7 * 24 + 1
    like = hours_like(NOON + timedelta(minutes=3))
    assert len(like) == 12
    one_week = {NOON - timedelta(weeks=1): hour}
    assert usual(NOON, one_week, timedelta()) is None
    assert usual(NOON, one_week | {NOON - timedelta(weeks=3): 2 * hour}, timedelta()) == 4 * hour
    assert usual(NOON, one_week | {NOON - timedelta(weeks=2): hour}, 3 * hour) == 3 * hour


def test_what_was_alarmed_on_teaches_nothing(url: str) -> None:
    """A morning on which the laboratory was down does not make next week's silence usual."""
    ward = Ward(url, silent={"north": timedelta(minutes=30)})
    ward.hear()
    ward.wait(timedelta(minutes=20))
    ward.hear()
    ward.wait(timedelta(hours=2))
    ward.hear()
    ward.wait(STEP)
    with ward.store.technical() as technical:
        like = hours_like(NOON + timedelta(weeks=1, hours=1))
        learnt = technical.silences(like)["north"]
    assert max(learnt.values()) == timedelta(minutes=16)  # since the first look
    ward.store.close()


def test_an_alert_that_does_not_get_out_is_told_where_the_broker_takes_others(url: str) -> None:
    """One message without a route is an alert of its own; with the broker away there is nobody to tell."""
    ward = Ward(url, late=timedelta(minutes=5))
    with ward.store.transaction() as unit:
        unit.put_outbox([OutboxRow("m1", "elsewhere", "k", "x/y", "c1", {}, b"")], ward.now)
    ward.sending = False
    ward.wait(timedelta(minutes=40))
    assert ward.told() == []
    ward.sending = True
    ward.wait(2 * STEP)
    assert ward.told() == []  # a broker that is back is given time
    ward.wait(3 * STEP)
    (told,) = ward.told()
    assert told[:2] == (ALERT_NOT_OUT, "alert.critical.start")
    assert ward.store.condition().technical == {ALERT_NOT_OUT: 1}
    hand_over(ward.store, ward.now, confirmed=["m1"])
    ward.wait(STEP)
    assert [key for _, key, _ in ward.told()] == ["alert.critical.end"]
    ward.store.close()


def test_a_sender_of_the_settings_is_heard_among_too_many(ward: Ward) -> None:
    """Two hundred wards that each call themselves a sender must not make the laboratory a silent one."""
    for number in range(300):
        ward.hear(f"A{number}|")
    ward.wait(STEP)
    for _ in range(10):
        ward.hear()
        ward.wait(STEP)

    assert ward.told() == []
    ward.wait(timedelta(minutes=31))
    assert [key for _, key, _ in ward.told()] == ["alert.urgent.start"]


def test_a_field_that_anybody_can_fill_does_not_fill_the_store(url: str) -> None:
    """Of a thousand invented senders two hundred are remembered, and forgotten when they stay away."""
    ward = Ward(url)
    for number in range(1000):
        ward.hear(f"S{number}|")
    ward.wait(STEP)
    with ward.store.technical() as technical:
        assert len(technical.feeds()) == 200
    ward.now += timedelta(days=61)
    ward.hear("NORTH|")
    ward.wait(STEP)
    ward.hear("NORTH|")
    ward.wait(STEP)
    with ward.store.technical() as technical:
        assert set(technical.feeds()) == {"north"}
    ward.store.close()
