"""One writer at a time, in the order of asking: alerts must not wait for an intake that never rests."""

from __future__ import annotations

import threading
from datetime import UTC, datetime
from pathlib import Path
from time import sleep

import pytest

from engine.errors import TransientError
from engine.store import Store
from engine.store.turns import Turns

_ROUNDS = 5
_AT = datetime(2026, 1, 5, tzinfo=UTC)


def test_a_writer_that_never_rests_lets_everybody_in_after_its_transaction(tmp_path: Path) -> None:
    """In a backlog the relay gets the file after the batch under way, not when it happens to look."""
    store = Store.open(f"sqlite:///{tmp_path}/azawatch.db")
    order: list[str] = []

    def publish() -> None:
        store.mark_sent([1], _AT)
        order.append("alerts")

    for _ in range(_ROUNDS):
        relay = threading.Thread(target=publish)
        with store.transaction():
            relay.start()
            sleep(0.2)  # by then it waits
        with store.transaction():
            order.append("messages")
        relay.join()
    store.close()
    first = order[::2]
    assert first.count("alerts") > first.count("messages")  # all of them, but on a very busy machine


def test_who_has_waited_too_long_is_told_and_keeps_nobody_out() -> None:
    """A writer that hangs is a store that is away: tried again, and no turn is kept for who has gone."""
    turns = Turns(patience=0.01)
    with turns.turn(), pytest.raises(TransientError, match=r"another thread has been writing for 0\.01 s"):
        turns.turn().__enter__()
    with turns.turn():
        pass


def test_a_turn_ends_with_an_error_too() -> None:
    """A transaction that fails must not keep everybody else from writing for good."""
    turns = Turns(patience=0.01)
    with pytest.raises(ZeroDivisionError), turns.turn():
        raise ZeroDivisionError
    with turns.turn():
        pass
