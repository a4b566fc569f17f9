"""What the store keeps of messages that are read alone, because the process may end in one of them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress

import pytest

from engine.store import InboxKey, Store


@pytest.fixture
def store(url: str) -> Iterator[Store]:
    opened = Store.open(url)
    yield opened
    opened.close()


def begin(store: Store, digest: str = "one", counted: int = 0) -> int:
    """A message is about to be read alone; how often it was."""
    with store.transaction() as unit:
        return unit.begin_attempt(digest, counted)


def test_every_attempt_counts_for_its_own_message(store: Store) -> None:
    """Three times begun is three, whatever else was begun."""
    assert [begin(store) for _ in range(3)] == [1, 2, 3]
    assert begin(store, "another") == 1


def test_attempts_of_another_process_count_too(store: Store, url: str) -> None:
    """A message that ends one worker after the other is found by the attempts of all of them."""
    begin(store)
    other = Store.open(url)

    assert begin(other) == 2

    other.close()


def test_an_attempt_whose_commit_was_not_answered_counts_once(store: Store) -> None:
    """Begun again by the same process, it is the same attempt, committed or not."""
    begin(store)
    assert begin(store, counted=1) == 1
    with suppress(RuntimeError), store.transaction() as unit:
        assert unit.begin_attempt("one", 0) == 2
        raise RuntimeError("nothing of this is kept")

    assert begin(store, counted=2) == 2
    assert begin(store) == 3


def test_a_message_that_has_ended_nothing_is_forgotten(store: Store) -> None:
    """When it comes again, it begins at one."""
    begin(store)
    begin(store, "another")
    with store.transaction() as unit:
        unit.end_attempts("one")

    assert (begin(store), begin(store, "another")) == (1, 2)


def test_an_attempt_is_not_a_message_on_record(store: Store) -> None:
    """What was begun and not ended is taken in when it comes again, and no repeat."""
    begin(store)
    with store.transaction() as unit:
        assert unit.taken("one") is None
        assert not unit.seen(InboxKey("", "", "one"))
