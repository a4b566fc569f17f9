"""Which receipt a message gets, for every order in which RabbitMQ may confirm, refuse and return."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pika
from hypothesis import given
from hypothesis import strategies as st

from engine.transports import OutboundMessage, Receipt
from engine.transports.amqp.failures import Refusal
from engine.transports.amqp.publisher import AmqpPublisher, _Job

URL = "amqp://user:password@localhost/%2F"


class Channel:
    """Takes messages and answers what it is told to, as the broker may."""

    def __init__(self, publisher: AmqpPublisher) -> None:
        self.sent: list[str] = []
        self.publisher = publisher
        publisher.channel_opened(self)

    def add_on_return_callback(self, callback: Any) -> None:
        self.on_return = callback

    def confirm_delivery(self, on_confirm: Any, callback: Any) -> None:
        self.on_confirm = on_confirm
        callback(None)

    def basic_publish(
        self, _exchange: str, _key: str, _body: bytes, properties: Any, *, mandatory: bool
    ) -> None:
        assert mandatory
        assert properties.delivery_mode == 2
        self.sent.append(properties.message_id)

    def confirm(self, tag: int, *, multiple: bool = False, ack: bool = True) -> None:
        """Answer one tag, or all up to it."""
        kind = pika.spec.Basic.Ack if ack else pika.spec.Basic.Nack
        self.on_confirm(SimpleNamespace(method=kind(tag, multiple)))

    def give_back(self, message_id: str) -> None:
        """Return a message as unroutable."""
        method = SimpleNamespace(exchange="x", reply_code=312, reply_text="NO_ROUTE")
        self.on_return(self, method, SimpleNamespace(message_id=message_id), b"")


def messages(count: int) -> list[OutboundMessage]:
    """Messages with the ids 1 to ``count``, which on a fresh channel are their tags too."""
    return [OutboundMessage("x", "key", b"", "text/plain", str(number + 1)) for number in range(count)]


def begin(count: int, window: int) -> tuple[AmqpPublisher, Channel, _Job]:
    """A publisher that has begun to send ``count`` messages."""
    publisher = AmqpPublisher(URL, window=window)
    channel = Channel(publisher)
    job = _Job(messages(count), window)
    publisher._begin(job)
    return publisher, channel, job


def receipts(job: _Job) -> list[Receipt]:
    """What the application gets."""
    return job.all_receipts("nothing")


@given(st.data())
def test_every_message_gets_the_outcome_that_the_broker_gave_it(data: st.DataObject) -> None:
    """Confirms out of order, several at once, refusals and returns in between: none is mixed up."""
    count = data.draw(st.integers(1, 25))
    window = data.draw(st.integers(1, 10))
    _, channel, job = begin(count, window)
    expected = ["lost"] * count
    returned: set[int] = set()
    while open_tags := [tag for tag in range(1, len(channel.sent) + 1) if expected[tag - 1] == "lost"]:
        assert len(open_tags) <= window
        tag = data.draw(st.sampled_from(open_tags))
        if data.draw(st.booleans()):
            channel.give_back(str(tag))
            returned.add(tag)
        multiple, ack = data.draw(st.booleans()), data.draw(st.booleans())
        channel.confirm(tag, multiple=multiple, ack=ack)
        for settled in [one for one in open_tags if one <= tag] if multiple else [tag]:
            expected[settled - 1] = (
                "nacked" if not ack else "returned" if settled in returned else "confirmed"
            )

    assert channel.sent == [str(number + 1) for number in range(count)]
    assert [str(receipt.outcome) for receipt in receipts(job)] == expected
    assert job.done.qsize() == 1


def test_a_lost_connection_leaves_what_was_in_flight_in_doubt_and_sends_the_rest() -> None:
    """Only what may have arrived is told as lost; what was not sent yet goes out on the next connection."""
    publisher, channel, job = begin(5, window=2)
    channel.confirm(1)

    publisher.channel_lost(None)
    again = Channel(publisher)
    again.confirm(2, multiple=True)

    assert channel.sent == ["1", "2", "3"]
    assert again.sent == ["4", "5"]
    assert [str(one.outcome) for one in receipts(job)] == [
        "confirmed",
        "lost",
        "lost",
        "confirmed",
        "confirmed",
    ]


def test_the_message_that_costs_the_channel_is_found_by_sending_one_at_a_time() -> None:
    """One message the broker will not have must not hold the others up for ever."""
    publisher, channel, job = begin(4, window=4)
    refusal = Refusal(404, "NOT_FOUND - no exchange 'x'")

    at_once = publisher.channel_lost(refusal)
    second = Channel(publisher)
    second.confirm(1)
    publisher.channel_lost(refusal)
    third = Channel(publisher)
    third.confirm(1)
    third.confirm(2)

    assert at_once
    assert (channel.sent, second.sent, third.sent) == (["1", "2", "3", "4"], ["1", "2"], ["3", "4"])
    assert [str(one.outcome) for one in receipts(job)] == ["confirmed", "returned", "confirmed", "confirmed"]
    assert receipts(job)[1].detail == "NOT_FOUND - no exchange 'x'"


def test_a_late_confirm_of_an_earlier_call_is_not_taken_for_this_one() -> None:
    """After a time-out the old answers may still come; the new call has tags of its own."""
    publisher, channel, job = begin(2, window=10)
    publisher._give_up(job)
    later = _Job(messages(2), 10)
    publisher._begin(later)

    channel.confirm(2, multiple=True)
    channel.confirm(4)

    assert [str(one.outcome) for one in receipts(job)] == ["lost", "lost"]
    assert [str(one.outcome) for one in receipts(later)] == ["lost", "confirmed"]


def test_bytes_in_flight_are_bounded_too() -> None:
    """Two hundred messages of 10 MB are not all put into memory at once."""
    publisher = AmqpPublisher(URL, window=200)
    channel = Channel(publisher)
    job = _Job([OutboundMessage("x", "key", b"0" * 10_000_000, "t", str(n)) for n in range(5)], 200)
    publisher._begin(job)

    before = list(channel.sent)
    channel.confirm(1)

    assert before == ["0", "1"]
    assert channel.sent == ["0", "1", "2"]


def test_what_amqp_cannot_carry_is_refused_without_stopping_the_rest() -> None:
    """A message id beyond 255 bytes is one receipt, not an exception in the engine."""

    class Strict(Channel):
        def basic_publish(self, *arguments: Any, mandatory: bool) -> None:
            pika.BasicProperties(message_id=arguments[3].message_id).encode()
            super().basic_publish(*arguments, mandatory=mandatory)

    publisher = AmqpPublisher(URL)
    channel = Strict(publisher)
    job = _Job([OutboundMessage("x", "key", b"", "t", "n" * 256), *messages(1)], 10)
    publisher._begin(job)
    channel.confirm(1)

    assert [str(one.outcome) for one in receipts(job)] == ["nacked", "confirmed"]
