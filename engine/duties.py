"""What the live engine does beside taking messages in and judging time.

It watches itself and who sends, settles a backlog, beats its heart, and tells how it is.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta

from engine.alongside import Alongside
from engine.decide import Knowledge
from engine.feeds import FeedOptions, Feeds
from engine.heartbeat import Heartbeat
from engine.monitor import Limits, Monitor
from engine.settings import Settings
from engine.store import Store
from engine.taken import IntakeOptions, Taken

_NO_SITE = "default"


def monitor_of(settings: Settings, knowledge: Knowledge, clock: Callable[[], datetime]) -> Monitor:
    """What tells how the engine is."""

    def site_of(sender: str) -> str:
        return _site(knowledge, sender)

    limits = Limits(settings.monitor.hung_seconds, settings.monitor.outbox_seconds)
    return Monitor(clock, site_of, knowledge.revision, settings.protocol, limits)


def feed_options(settings: Settings) -> FeedOptions:
    """How long senders, and what is to be sent, may be silent."""
    return FeedOptions(
        silent={name: timedelta(minutes=minutes) for name, minutes in settings.feeds.silent_minutes.items()},
        least=timedelta(minutes=settings.feeds.least_minutes),
        late=timedelta(seconds=settings.monitor.outbox_seconds),
    )


class Duties:
    """Used by the thread that takes messages in; what takes long has threads of its own."""

    def __init__(
        self,
        settings: Settings,
        store: Store,
        knowledge: Knowledge,
        options: IntakeOptions,
        clock: Callable[[], datetime],
        monitor: Monitor,
    ) -> None:
        self._monitor = monitor
        most = settings.flow.batch_max_messages
        twice, compared = settings.second_reader.every_messages, monitor.metrics.compared
        self._alongside = Alongside(store, knowledge, options, clock, most, twice, compared)

        def name_of(sender: str) -> str:
            site = _site(knowledge, sender)
            return sender if site == _NO_SITE else site

        self._feeds = Feeds(
            store,
            feed_options(settings),
            options.publishing,
            clock,
            revision=knowledge.revision,
            name_of=name_of,
            listening=lambda: monitor.good("inbound"),
            sending=lambda: monitor.good("outbound"),
        )
        every = timedelta(minutes=settings.heartbeat.every_minutes)
        self._heartbeat = Heartbeat(store, knowledge, options, every, clock, monitor.metrics.heartbeat)

    def note(self, bodies: Sequence[bytes], taken: Sequence[Taken]) -> None:
        """A batch of messages is durable."""
        self._alongside.took(bodies, taken)
        self._feeds.note(taken)
        self._monitor.took(taken)

    def settle(self, waiting: Callable[[], Mapping[str, int]]) -> bool:
        """Do what is due, and say whether anything is to be published.

        ``waiting`` tells how many messages each inbound queue holds; nothing where nobody knows.
        """
        return any([self._alongside.look(waiting), self._feeds.settle(), self._heartbeat.settle()])

    def close(self) -> None:
        """Keep what is known; the store is still open."""
        self._alongside.close()


def _site(knowledge: Knowledge, sender: str) -> str:
    application, _, facility = sender.partition("|")
    return knowledge.terminology.site(application, facility).name
