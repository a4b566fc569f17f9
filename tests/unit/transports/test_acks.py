"""The acks of one channel, against a model of what RabbitMQ does with them."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from engine.transports.acks import AckLedger


class BrokerChannel:
    """What RabbitMQ keeps per channel; a wrong ack closes the channel (406)."""

    def __init__(self) -> None:
        self.unacked: set[int] = set()

    def ack(self, tag: int, *, multiple: bool) -> set[int]:
        """Take one ack; the tags that it settles."""
        assert tag in self.unacked, f"406 unknown delivery tag {tag}"
        settled = {one for one in self.unacked if one <= tag} if multiple else {tag}
        self.unacked -= settled
        return settled


@given(
    deliveries=st.lists(st.booleans(), max_size=30),
    acks=st.lists(st.lists(st.integers(min_value=-1, max_value=40), max_size=8), max_size=20),
)
def test_exactly_what_was_settled_is_acked_once(deliveries: list[bool], acks: list[list[int]]) -> None:
    """In any order, with repeats and with tags that were never delivered, nothing else is ever acked."""
    broker, ledger = BrokerChannel(), AckLedger()
    seen: set[int] = set()
    for tag, handed_over in enumerate(deliveries, start=1):
        if handed_over:  # else the client library rejected it by itself
            broker.unacked.add(tag)
            ledger.delivered(tag)
            seen.add(tag)
    wanted: set[int] = set()

    for tags in acks:
        for tag, multiple in ledger.settle(tags):
            broker.ack(tag, multiple=multiple)
        wanted |= seen & set(tags)

        assert broker.unacked == seen - wanted


@given(
    st.lists(
        st.one_of(st.just("deliver"), st.just("skip"), st.lists(st.integers(1, 30), max_size=6)), max_size=60
    )
)
def test_deliveries_and_acks_may_alternate(steps: list[str | list[int]]) -> None:
    """The ledger stays right while messages come in, are rejected by the library, and are acked."""
    broker, ledger = BrokerChannel(), AckLedger()
    seen: set[int] = set()
    wanted: set[int] = set()
    tag = 0
    for step in steps:
        if isinstance(step, list):
            for one, multiple in ledger.settle(step):
                broker.ack(one, multiple=multiple)
            wanted |= seen & set(step)
        else:
            tag += 1
            if step == "deliver":
                broker.unacked.add(tag)
                ledger.delivered(tag)
                seen.add(tag)

        assert broker.unacked == seen - wanted


def test_a_batch_in_order_is_one_ack() -> None:
    """The common case costs the broker one ack for a whole batch."""
    ledger = AckLedger()
    for tag in range(1, 101):
        ledger.delivered(tag)

    assert ledger.settle(range(1, 51)) == [(50, True)]
    assert ledger.settle(range(51, 101)) == [(100, True)]
