"""A feed on its way through workers that are killed: what the tests of CI and the soaks have in common."""

from __future__ import annotations

import random
import signal
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import create_engine, text

from engine.generate import Hospital, MixedFeed, Recipe, write_feed
from engine.transports import OutboundMessage, PublishOutcome
from engine.transports.amqp import AmqpPublisher
from engine.transports.archive import read_archive
from tests.integration.installation import (
    ALERTS_OUT,
    INBOUND,
    QUARANTINE,
    Installation,
    environment,
    wait_until,
)
from tests.support.outcome import Outcome, outcome_of
from tests.support.private_broker import PrivateBroker
from tests.support.starter import Death, Starter, Worker

_LOOKS = 3
_STILL = 30  # tenths of a second
_SETTLED_SECONDS = 1800.0
_HL7 = "application/hl7-v2+er7"
# So that a worker is always in the middle of something, and a batch is one of many.
SETTINGS = {"FLOW__BATCH_MAX_MESSAGES": "20", "FLOW__PREFETCH": "60", "FLOW__PUBLISH_WINDOW": "20"}


@dataclass(frozen=True, slots=True)
class Feed:
    """An invented hospital: its messages in their order, and its roster."""

    messages: Sequence[bytes]
    roster: Path


def invented(folder: Path, *, people: int, days: int, messages: int = 0) -> Feed:
    """The lives of some people on a thiopurine, with corrections, merges and broken messages, and amid
    them so many messages of a large laboratory, one patient in five on a thiopurine.
    """
    lives = _written(folder / "lives", Hospital, Recipe.of(people=people, days=days))
    if not messages:
        return lives
    crowd = _written(folder / "crowd", MixedFeed, Recipe.of(messages=messages, treated=20))
    # The same numbers are the same people in both: of those who have a life here, that is what counts.
    own = {line.split(",")[0] for line in lives.roster.read_text("utf-8").splitlines()}
    rows = [line for line in crowd.roster.read_text("utf-8").splitlines() if line.split(",")[0] not in own]
    roster = folder / "roster.csv"
    roster.write_text("\n".join([lives.roster.read_text("utf-8").rstrip(), *rows]) + "\n", "utf-8")
    chance = random.Random(people)
    places = sorted((chance.random(), 0, number) for number in range(len(lives.messages)))
    places += [((number + 0.5) / messages, 1, number) for number in range(messages)]
    both = (lives.messages, crowd.messages)
    return Feed([both[which][number] for _, which, number in sorted(places)], roster)


def _written(folder: Path, kind: type[Hospital | MixedFeed], recipe: Recipe) -> Feed:
    write_feed(kind(recipe), recipe, folder, "tests")
    return Feed([one.body for one in read_archive([folder / "messages"])], folder / "roster.csv")


@contextmanager
def starter(folder: Path) -> Iterator[Starter]:
    """Engines that are forked; see :mod:`tests.support.starter`."""
    with Starter(environment(SITE_KEY="k" * 40), folder) as one:
        yield one


class Ward:
    """One installation with a feed in its queue, and workers that come and go."""

    def __init__(self, site: Installation, starting: Starter, feed: Feed) -> None:
        self.site = site
        self._starter = starting
        self._feed = feed
        self._environment = site.environment(site.engine_url)
        self._sent: set[bytes] = set()
        self._last: Mapping[str, Any] = {}
        self._counting = create_engine(site.store_url.replace("postgresql:", "postgresql+psycopg:"))

    def apply(self) -> None:
        """Queues on the broker."""
        everything = self.site.environment(self.site.admin_url)
        worker = self._starter.start(everything, "topology", "apply")
        assert worker.wait() == 0, worker.log.read_text("utf-8")

    def prepare(self) -> None:
        """Queues on the broker, patients in the store."""
        self.apply()
        self.command("roster", "import", str(self._feed.roster))

    def command(self, *arguments: str, death: Death | None = None) -> None:
        """One command to its end, or to its death."""
        worker = self.start(*arguments, death=death)
        assert worker.wait() == (0 if death is None else -signal.SIGKILL), worker.log.read_text("utf-8")

    def send(self, messages: Iterable[bytes] | None = None) -> None:
        """Put messages into the inbound queue, all of the feed where none are said."""
        sent = self._feed.messages if messages is None else list(messages)
        self._sent.update(sent)
        told = [
            OutboundMessage("", INBOUND, body, _HL7, f"message-{number}") for number, body in enumerate(sent)
        ]
        publisher = AmqpPublisher(self.site.admin_url, confirm_timeout_seconds=60)
        publisher.open()
        with closing(publisher):
            receipts = publisher.publish(told)
        assert {receipt.outcome for receipt in receipts} <= {PublishOutcome.CONFIRMED}

    def start(self, *arguments: str, settings: Mapping[str, str] | None = None, **options: Any) -> Worker:
        """A worker, or another command; ``options`` are those of :meth:`Starter.start`."""
        self._last = {**options, "settings": settings, "death": None}
        own = {f"AZAWATCH_{name}": value for name, value in (settings or {}).items()}
        return self._starter.start(self._environment | own, *arguments, **options)

    def on_record(self) -> int:
        """How many messages the store has a line of; 0 before there is a store."""
        with self._counting.connect() as connection:
            return int(connection.execute(text("SELECT count(*) FROM messages")).scalar_one())

    def unsent(self) -> int:
        """Messages that are decided and not yet confirmed by the broker."""
        with self._counting.connect() as connection:
            statement = text("SELECT count(*) FROM outbox WHERE sent_at = ''")
            return int(connection.execute(statement).scalar_one())

    def wait_until_settled(self) -> None:
        """Until all that was sent is on record and published, or nothing has moved for a while."""
        seen, still = -1, 0
        deadline = time.monotonic() + _SETTLED_SECONDS
        while True:
            time.sleep(0.1)
            before, seen = seen, self.on_record()
            still = still + 1 if before == seen else 0
            # To ask the broker takes a connection: only while nothing moves.
            enough = 1 if seen >= len(self._sent) else _STILL
            if still >= enough and not self.unsent() and not self.site.depth(INBOUND):
                return
            assert time.monotonic() < deadline, f"{seen} messages on record, and not at the end"

    def settle(self, workers: Sequence[Worker]) -> None:
        """Let the workers take what is left, and stop them in order.

        The broker tells nobody what it is about to put back into the queue: while a message that was sent
        is not on record, another worker is started, a few times before it counts as lost.
        """
        for _ in range(_LOOKS):
            for worker in workers:
                worker.wait_until_ready()
            self.wait_until_settled()
            codes = [worker.terminate() for worker in workers]
            assert codes == [0] * len(workers), [one.log.read_text("utf-8")[-2000:] for one in workers]
            if self.on_record() >= len(self._sent) and not self.unsent():
                return
            workers = [self.start(**self._last)]

    def finish(self, workers: Sequence[Worker]) -> Outcome:
        """Settle, and see what has come of it all."""
        self.settle(workers)
        return self.outcome()

    def outcome(self) -> Outcome:
        """What is in the store and with the receivers; what was not acknowledged is still in the queue."""
        self._counting.dispose()
        published, quarantined = (
            [(str(one.properties.message_id), one.body) for one in self.site.take(queue)]
            for queue in (ALERTS_OUT, QUARANTINE)
        )
        return outcome_of(self.site.store_url, published, quarantined)


@contextmanager
def ward(
    folder: Path, broker: PrivateBroker, starting: Starter, feed: Feed, **settings: str
) -> Iterator[Ward]:
    """An installation of its own, removed at the end."""
    folder.mkdir(exist_ok=True)
    site = Installation(folder, broker, {**SETTINGS, **settings})
    with closing(site):
        site.open()
        yield Ward(site, starting, feed)


def clean_run(folder: Path, broker: PrivateBroker, starting: Starter, feed: Feed) -> Outcome:
    """The feed through one worker on a file, that nobody disturbs."""
    with ward(folder, broker, starting, feed) as one:
        one.prepare()
        one.send()
        return one.finish([one.start()])


def kill_at_random(
    one: Ward, count: int, chance: random.Random, *, messages: int, workers: int = 1, without: str = ""
) -> list[Worker]:
    """SIGKILL ``count`` workers, each at a random moment, and start another in its place; those that live.

    The moments are spread over the messages; one in six comes while the worker is still starting.
    """
    alive = [one.start(without=without) for _ in range(workers)]
    moments = sorted(chance.randrange(messages - 20 * workers) for _ in range(count))
    for moment in moments:
        if chance.random() > 1 / 6:
            wait_until(lambda least=moment: one.on_record() >= least, f"{moment} messages on record", 600)  # type: ignore[misc]
        time.sleep(chance.uniform(0, 0.15))
        place = chance.randrange(workers)
        assert not alive[place].ended(), alive[place].log.read_text("utf-8")[-3000:]
        alive[place].kill()
        alive[place] = one.start(without=without)
    return alive
