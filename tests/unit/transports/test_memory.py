"""What the in-memory twin can do beyond the contract: misbehave on demand, and be looked into."""

from __future__ import annotations

import pytest

from engine.errors import ConfigError, TransientError
from engine.transports import OutboundMessage
from engine.transports.memory import MemoryBroker, MemoryConsumer, MemoryPublisher


def message(number: int) -> OutboundMessage:
    """A message to the queue."""
    return OutboundMessage("", "queue", b"%d" % number, "text/plain", str(number))


@pytest.fixture
def broker() -> MemoryBroker:
    broker = MemoryBroker()
    broker.declare_queue("queue")
    return broker


def test_a_lost_confirm_is_in_doubt_but_the_message_is_there(broker: MemoryBroker) -> None:
    """The case that makes copies: taken by the broker, told as lost, sent again."""
    publisher = MemoryPublisher(broker)
    publisher.open()
    broker.lose_confirms(1)

    receipts = publisher.publish([message(1), message(2)])

    assert [str(receipt.outcome) for receipt in receipts] == ["lost", "confirmed"]
    assert [stored.message.message_id for stored in broker.peek("queue")] == ["1", "2"]


def test_a_stopped_broker_is_away_and_keeps_its_messages(broker: MemoryBroker) -> None:
    """Stop and start are a restart of a durable broker: opening fails, waiting helps, nothing is lost."""
    publisher = MemoryPublisher(broker, confirm_timeout_seconds=0.05)
    consumer = MemoryConsumer(broker, ["queue"])
    publisher.open()
    consumer.open()
    publisher.publish([message(1)])
    (delivery,) = consumer.next_batch(1, 1.0)

    broker.stop()
    lost = publisher.publish([message(2)])
    assert consumer.next_batch(1, 0.05) == []
    with pytest.raises(TransientError):
        MemoryConsumer(broker, ["queue"]).open()
    with pytest.raises(TransientError):
        MemoryPublisher(broker).open()
    broker.start()
    (again,) = consumer.next_batch(5, 1.0)

    assert [str(receipt.outcome) for receipt in lost] == ["lost"]
    assert (again.body, again.redelivered) == (delivery.body, True)


def test_a_queue_is_not_redeclared_with_other_properties(broker: MemoryBroker) -> None:
    """As on RabbitMQ, declaring again is no change with the same properties and an error with others."""
    broker.declare_queue("queue")
    with pytest.raises(ConfigError, match="other properties"):
        broker.declare_queue("queue", arguments={"x-queue-type": "classic"})
    broker.declare_exchange("exchange", "topic")
    with pytest.raises(ConfigError, match="another type"):
        broker.declare_exchange("exchange", "fanout")


def test_unacked_messages_can_be_counted(broker: MemoryBroker) -> None:
    """A test sees what is delivered and not acked, as an administrator does."""
    publisher, consumer = MemoryPublisher(broker), MemoryConsumer(broker, ["queue"], prefetch=2)
    publisher.open()
    consumer.open()

    publisher.publish([message(1), message(2), message(3)])

    assert (broker.unacked("queue"), broker.depth("queue")) == (2, 1)
    consumer.ack(consumer.next_batch(1, 1.0))
    assert (broker.unacked("queue"), broker.depth("queue")) == (2, 0)


def test_a_publisher_that_is_not_open_claims_nothing(broker: MemoryBroker) -> None:
    """What was never sent is never told as sent."""
    assert str(MemoryPublisher(broker).publish([message(1)])[0].outcome) == "lost"
    assert broker.depth("queue") == 0
