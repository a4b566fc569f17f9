"""SIGKILL in the middle of the sample day: nothing lost, nothing told twice under another name."""

from __future__ import annotations

from collections import Counter
from contextlib import closing

import pytest

from tests.integration.comparison import COMPARED, accepted, rows_of, told
from tests.integration.installation import Installation, Played, day_files, play
from tests.support.private_broker import PrivateBroker

pytestmark = pytest.mark.broker

COUNT = len(day_files())
KILLED_AFTER = (30, 75, 120)
# Small batches, so that the engine is always in the middle of one.
SMALL_BATCHES = {"FLOW__BATCH_MAX_MESSAGES": "4", "FLOW__PREFETCH": "20"}


@pytest.fixture(scope="module")
def killed(broker: PrivateBroker, tmp_path_factory: pytest.TempPathFactory) -> Played:
    site = Installation(tmp_path_factory.mktemp("killed"), broker, SMALL_BATCHES)
    with closing(site):
        site.open()
        return play(site, KILLED_AFTER)


def test_the_engine_was_killed_in_the_middle(killed: Played) -> None:
    """The other tests of this module mean something: each kill hit a day half done."""
    for least, count in zip(KILLED_AFTER, killed.on_record_at_kills, strict=True):
        assert least <= count < COUNT - 10
    assert killed.integrity == "ok"


def test_every_alert_reaches_the_pager_exactly_once(killed: Played, undisturbed: Played) -> None:
    """After repeats are dropped by message_id, kills leave the same alerts, phases and sequence numbers."""
    assert accepted(killed.published) == accepted(undisturbed.published)
    assert accepted(killed.published) == Counter(
        (event.event_id, event.alert_id, event.phase.value) for event in killed.events
    )
    assert set(Counter((event.alert_id, event.sequence) for event in killed.events).values()) == {1}


def test_repeats_are_the_same_bytes(killed: Played) -> None:
    """What a kill makes the engine send again is the very message that was sent before it."""
    bodies: dict[str, set[bytes]] = {}
    for one in killed.published:
        bodies.setdefault(one.properties.message_id, set()).add(one.body)

    assert {len(copies) for copies in bodies.values()} == {1}


def test_alerts_say_the_same_as_in_an_undisturbed_day(killed: Played, undisturbed: Played) -> None:
    """Evidence, limits, sources and numbers do not depend on where the process died."""
    assert sorted(map(told, killed.events)) == sorted(map(told, undisturbed.events))


@pytest.mark.parametrize("table", COMPARED)
def test_the_record_is_that_of_an_undisturbed_day(table: str, killed: Played, undisturbed: Played) -> None:
    """People, results, therapy, open alerts and ledger are the same rows as without any kill."""
    expected = rows_of(undisturbed.store_file, table)

    assert expected
    assert rows_of(killed.store_file, table) == expected


def test_every_message_has_one_disposition(killed: Played) -> None:
    """The ledger accounts for each message of the day once, however often the broker delivered it."""
    lines = Counter((row["sender"], row["control_id"], row["digest"]) for row in killed.messages)

    assert set(lines.values()) == {1}
    # one message of the day was sent twice
    assert len(lines) == COUNT - 1
    assert sum(row["repeats"] for row in killed.messages) >= 1
    assert len({one.body for one in killed.quarantined}) == 2
