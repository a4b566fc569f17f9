"""Dead-man's switch: a sender of results that is silent, and an alert that does not get out, are alerts.

Silence looks like health to a ward. Whoever sends results is remembered, and how quiet they were in each hour
of the last weeks; longer than is usual at this hour of the week, or than the settings say, is told. Time in
which the engine itself did not listen is nobody's silence, and what was alarmed on teaches nothing. Any
worker may look: they do it one after the other, on what all of them have heard.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from engine import log
from engine.alarms import Alarms, Words
from engine.errors import TransientError
from engine.model.alert import ALERT_NOT_OUT, FEED_SILENT, Phase
from engine.model.disposition import Disposition, Reason
from engine.model.finding import Severity
from engine.model.purpose import Purpose, purpose_of
from engine.outbox import Publishing
from engine.silence import WEEKS, hours_like, silences, usual
from engine.store import Feed, Store, Technical, TechnicalAlert
from engine.taken import Taken

_LOOK_EVERY = timedelta(seconds=20)
_INTERRUPTION = timedelta(minutes=5)  # a restart or a reconnect that is shorter has not made us deaf
_FORGET_AFTER = timedelta(days=60)
_REMIND_EVERY = timedelta(minutes=10)
_LATE_LOOKS = 3  # a broker that is back is given time for what has waited
_MOST = 200  # senders: a field that anybody can fill must not fill the store
_OUTBOX = "outbox"
_NOT_OUT = "An alert does not get out"
_LISTENING_SINCE = "listening_since"
_LISTENED_AT = "listened_at"
_NOT_OF_THE_FEED = frozenset({Reason.OWN_MESSAGE, Reason.NOT_PRODUCTION})

SiteOf = Callable[[str], str]


@dataclass(frozen=True, slots=True)
class FeedOptions:
    """``silent``: by name of the sender how long it may be so, zero for ever.

    ``least``: shorter is never unusual, zero learns nothing. ``late``: how long a message may wait.
    """

    silent: Mapping[str, timedelta] = field(default_factory=dict)
    least: timedelta = timedelta(hours=1)
    late: timedelta = timedelta(minutes=5)


class Feeds:
    """Hears who sends, and tells who does not; used by the thread that takes messages in.

    ``name_of`` gives the name of a sender. ``listening`` and ``sending``: whether the connections stand.
    """

    def __init__(
        self,
        store: Store,
        options: FeedOptions,
        publishing: Publishing,
        clock: Callable[[], datetime],
        *,
        revision: str,
        name_of: SiteOf,
        listening: Callable[[], bool],
        sending: Callable[[], bool],
    ) -> None:
        self._store = store
        self.options = options
        self.publishing = publishing
        self._clock = clock
        self.revision = revision
        self._name_of = name_of
        self._listening = listening
        self._sending = sending
        self._heard: dict[str, tuple[datetime, datetime]] = {}
        self._looked_at = clock()
        self._reminded_at: datetime | None = None
        self._crowded = False
        self._late_looks = 0

    def note(self, taken: Sequence[Taken]) -> None:
        """Messages came."""
        now = self._clock()
        for one in taken:
            if one.key.sender.strip("|") and _is_news(one):
                name = self._name_of(one.key.sender)
                self._heard[name] = (self._heard.get(name, (now, now))[0], now)

    def settle(self) -> bool:
        """Look, if it is time, and say whether anything is to be published."""
        now = self._clock()
        if timedelta() <= now - self._looked_at < _LOOK_EVERY:
            return False
        self._looked_at = now
        try:
            with self._store.technical() as technical:
                look = _Look(self, technical, now)
                stuck = self._late_looks >= _LATE_LOOKS
                told = look.at_the_outbox(stuck=stuck)
                listened = self._listening()
                if listened:
                    told = look.at_the_feeds(self._heard) or told
        except TransientError as error:
            log.logger().warning("look at the feeds put off", exc_info=error)
            return False
        if listened:
            self._heard = {}
        self._late_looks = self._late_looks + 1 if look.late_since and self._sending() else 0
        self._remind(look.late_since, now)
        if look.crowded and not self._crowded:
            log.logger().warning("too many senders to watch", count=_MOST)
        self._crowded = look.crowded
        for name, phase in look.told:
            ended = phase is Phase.END
            write = log.logger().info if ended else log.logger().error
            write("sender is heard again" if ended else "sender is silent", sender=name)
        return told

    def _remind(self, late_since: datetime | None, now: datetime) -> None:
        """Say in the log what cannot be said by the broker."""
        if late_since is None:
            self._reminded_at = None
        elif self._reminded_at is None or not timedelta() <= now - self._reminded_at < _REMIND_EVERY:
            self._reminded_at = now
            log.logger().error("alert is not out", detail=f"waiting since {late_since.isoformat()}")


class _Look:
    """One look, in one transaction."""

    def __init__(self, feeds: Feeds, technical: Technical, now: datetime) -> None:
        self._feeds = feeds
        self._technical = technical
        self._alarms = Alarms(technical, feeds.publishing, feeds.revision, now)
        self._now = now
        self.late_since: datetime | None = None
        self.told: list[tuple[str, Phase]] = []
        self.crowded = False

    # --- the outbox ----------------------------------------------------------------------------

    def at_the_outbox(self, *, stuck: bool) -> bool:
        """``stuck``: it was late before, and the connection stood all the time."""
        oldest = self._technical.oldest_unsent()
        late = oldest is not None and self._now - oldest > self._feeds.options.late
        self.late_since = oldest if late else None
        alert = self._technical.alerts(ALERT_NOT_OUT).get(_OUTBOX)
        if late and oldest is not None and alert is None and stuck:
            text = f"A message has waited for the broker since {_minute(oldest)}, and the connection stands."
            action = "See the runbook: an alert cannot be delivered; tell the ward by other means"
            self._alarms.start(ALERT_NOT_OUT, _OUTBOX, Words(Severity.CRITICAL, _NOT_OUT, text, action))
            return True
        if not late and alert is not None:
            self._alarms.end(alert, Words(Severity.CRITICAL, _NOT_OUT, "Every alert is out."))
            return True
        return False

    # --- who sends -----------------------------------------------------------------------------

    def at_the_feeds(self, heard: Mapping[str, tuple[datetime, datetime]]) -> bool:
        since = self._listening_since()
        feeds = self._technical.feeds()
        alerts = self._technical.alerts(FEED_SILENT)
        for name, (first, last) in heard.items():
            feed = feeds.get(name)
            if feed is None:
                if len(feeds) >= _MOST and name not in self._feeds.options.silent:
                    self.crowded = True
                    continue
                feeds[name] = Feed(name, first, last)
            else:
                begin = max(feed.last_at, since)
                if name not in alerts and first >= begin:
                    self._technical.put_silences(name, silences(begin, first))
                feeds[name] = replace(feed, last_at=max(last, feed.last_at))
            self._technical.put_feed(feeds[name])
        learnt = self._technical.silences(hours_like(self._now))
        changed = False
        for name in sorted(feeds.keys() | alerts.keys() | self._feeds.options.silent.keys()):
            feed = feeds.get(name)
            if feed is not None and self._now - feed.last_at > _FORGET_AFTER:
                self._technical.forget_feed(name)
                feed = None
            allowed, why = _allowed(name, self._feeds.options, learnt.get(name, {}), self._now)
            changed = self._judge(name, feed, allowed, why, alerts, since) or changed
        self._technical.forget_silences(self._now - timedelta(weeks=WEEKS + 1))
        return changed

    def _judge(
        self,
        name: str,
        feed: Feed | None,
        allowed: timedelta | None,
        why: str,
        alerts: dict[str, TechnicalAlert],
        since: datetime,
    ) -> bool:
        alert = alerts.get(name)
        title = f"No results come from {name}"
        if alert is not None:
            if feed is not None and feed.last_at > alert.started_at:
                text = f"{name} was heard again at {_minute(feed.last_at)}."
            elif allowed is None and (feed is None or why):
                text = f"{name} is not watched any more."
            else:
                return False
            self._alarms.end(alerts.pop(name), Words(Severity.URGENT, title, text))
            self.told.append((name, Phase.END))
            return True
        quiet_since = since if feed is None else max(feed.last_at, since)
        if allowed is None or self._now - quiet_since < allowed:
            return False
        minutes = int((self._now - quiet_since).total_seconds() // 60)
        last = "it was never heard" if feed is None else f"the last one came at {_minute(feed.last_at)}"
        action = "Ask the laboratory and the interface engine; results that do not come are not judged"
        text = f"Nothing for {minutes} minutes, {last}; {why}."
        alerts[name] = self._alarms.start(FEED_SILENT, name, Words(Severity.URGENT, title, text, action))
        self.told.append((name, Phase.START))
        return True

    def _listening_since(self) -> datetime:
        """Since when some worker has listened without a longer interruption."""
        told = self._technical.instants(_LISTENING_SINCE, _LISTENED_AT)
        listened_at = told.get(_LISTENED_AT)
        unbroken = listened_at is not None and timedelta() <= self._now - listened_at < _INTERRUPTION
        since = told.get(_LISTENING_SINCE, self._now) if unbroken else self._now
        self._technical.note({_LISTENING_SINCE: since, _LISTENED_AT: self._now})
        return since


@dataclass(frozen=True, slots=True)
class KnownFeed:
    """A sender that was heard or that the settings name, and how long it may be silent now.

    ``allowed`` is None where it is not watched; ``why`` says where that is from, nothing where it has no
    habit yet.
    """

    name: str
    last_at: datetime | None
    allowed: timedelta | None
    why: str


def known_feeds(technical: Technical, options: FeedOptions, now: datetime) -> list[KnownFeed]:
    """Every sender, by its name."""
    feeds, learnt = technical.feeds(), technical.silences(hours_like(now))
    return [
        KnownFeed(
            name,
            feeds[name].last_at if name in feeds else None,
            *_allowed(name, options, learnt.get(name, {}), now),
        )
        for name in sorted(feeds.keys() | options.silent.keys())
    ]


def _allowed(
    name: str, options: FeedOptions, learnt: Mapping[datetime, timedelta], now: datetime
) -> tuple[timedelta | None, str]:
    """How long this sender may be silent now, and where that is from; None: as long as it likes."""
    stated = options.silent.get(name)
    if stated is not None:
        return stated or None, f"the settings allow {int(stated.total_seconds() // 60)} minutes"
    found = usual(now, learnt, options.least) if options.least else None
    if found is None:
        return None, ""
    longest = max(learnt.values())
    return found, f"at this hour of the week it was never more than {_minutes(longest)} minutes"


def _is_news(one: Taken) -> bool:
    """Whether it is a new message with results, whatever became of it."""
    kind, _, trigger = one.message_type.partition("^")
    if one.outcome.disposition is Disposition.DUPLICATE or one.outcome.reason in _NOT_OF_THE_FEED:
        return False
    return purpose_of(kind, trigger) is Purpose.RESULTS


def _minute(at: datetime) -> str:
    return f"{at:%Y-%m-%d %H:%M} UTC"


def _minutes(span: timedelta) -> int:
    return -int(-span.total_seconds() // 60)
