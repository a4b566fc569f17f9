"""Queues and exchanges on a real RabbitMQ: applied, verified, imported, closed to the wrong account."""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pika
import pytest

from engine.errors import ConfigError
from engine.transports import OutboundMessage
from engine.transports.amqp import AmqpConsumer, AmqpPublisher
from engine.transports.amqp.admin import Admin
from engine.transports.amqp.failures import Refusal
from engine.transports.topology import Topology, apply, describe, verify
from tests.support.private_broker import PrivateBroker
from tests.support.transport_worlds import RabbitWorld, States, message, outcomes

pytestmark = pytest.mark.broker

DEFINITIONS = Path(__file__).parents[2] / "deploy" / "rabbitmq" / "definitions.json"
VIRTUAL_HOST = "azawatch"
INBOUND = "azawatch.inbound"


def own_topology() -> Topology:
    """The topology under names that no other test uses."""
    prefix = f"site{secrets.token_hex(4)}"
    return Topology.named(
        inbound=(f"{prefix}.oru", f"{prefix}.adt"),
        ack=f"{prefix}.ack",
        alerts_exchange=f"{prefix}.alerts",
        alerts_queue=f"{prefix}.alerts.out",
        quarantine=f"{prefix}.quarantine",
        feed_exchange=f"{prefix}.feed",
        acks_exchange=f"{prefix}.acks",
    )


def test_what_is_missing_is_listed_until_it_is_applied(broker: PrivateBroker) -> None:
    """On a fresh broker one look tells all that is missing; one command makes it; again changes nothing."""
    topology = own_topology()

    with pytest.raises(ConfigError) as caught:
        verify(broker.url, topology)
    first, second = apply(broker.url, topology), apply(broker.url, topology)

    text = str(caught.value)
    required = [one.name for one in topology.exchanges if one.required]
    required += [one.name for one in topology.queues if one.required]
    assert len(required) == len(caught.value.defects) == 5
    assert all(f" {name} is missing (type: azawatch topology apply)" in text for name in required)
    assert "guest:guest" not in text
    assert (first, second, verify(broker.url, topology)) == ((), (), ())


def test_messages_run_through_the_applied_topology(broker: PrivateBroker) -> None:
    """Feed to inbound, alert to the pager's queue, quarantine and acknowledgment each to theirs."""
    topology = own_topology()
    apply(broker.url, topology)
    world = RabbitWorld(broker)
    publisher = world.publisher()
    exchanges = [exchange.name for exchange in topology.exchanges]

    receipts = publisher.publish([message("alert.critical.start", name.encode(), name) for name in exchanges])
    world.close()

    assert outcomes(receipts) == [(name, "confirmed") for name in exchanges]
    assert {binding.queue: binding.exchange for binding in topology.bindings} == {
        binding.queue: world.take(binding.queue).message_id for binding in topology.bindings
    }


def test_a_queue_with_other_properties_is_kept_and_told(broker: PrivateBroker) -> None:
    """A site's own durable queue is used as it is; what differs from ours is said, not changed."""
    topology = own_topology()
    world = RabbitWorld(broker)
    world.queue(topology.queues[0].name, x_max_length=5)

    (note,) = apply(broker.url, topology)

    assert note.startswith(
        f"queue {topology.queues[0].name} has other properties than ours and is kept as it is"
    )
    assert verify(broker.url, topology) == (note,)


@pytest.mark.parametrize("kind", ["direct", "fanout", "headers"])
def test_an_exchange_that_leads_elsewhere_is_told(broker: PrivateBroker, kind: str) -> None:
    """An alerts exchange of another kind gives other queues other alerts: ``doctor`` says so."""
    topology = own_topology()
    apply(broker.url, topology)
    name = topology.exchanges[0].name
    connection = pika.BlockingConnection(pika.URLParameters(broker.url))
    channel = connection.channel()
    channel.exchange_delete(name)
    channel.exchange_declare(name, kind, durable=True)
    (note,) = verify(broker.url, topology)
    channel.exchange_delete(name)
    connection.close()

    assert f"exchange {name} has other properties than ours" in note


def test_a_delivery_limit_that_loses_innocent_messages_is_told(broker: PrivateBroker) -> None:
    """One that is low, or that has no dead-letter exchange behind it, is named with what it does."""
    topology = own_topology()
    queue = topology.queues[0]
    with Admin(broker.url) as admin:
        admin.declare_queue(queue.name, {**queue.arguments, "x-delivery-limit": 3})
        unsafe = {name: value for name, value in queue.arguments.items() if "dead-letter" not in name}
        admin.declare_queue(topology.queues[1].name, unsafe)
    apply(broker.url, topology)

    notes = verify(broker.url, topology)
    assert len(notes) == 2
    assert all("loses innocent ones" in note for note in notes)


def test_a_queue_that_would_lose_messages_is_refused(broker: PrivateBroker) -> None:
    """A queue that does not survive a restart is an error, for apply and for the engine."""
    topology = own_topology()
    RabbitWorld(broker).declare_queue(topology.queues[0].name, {}, durable=False)

    with pytest.raises(ConfigError, match="delete it first, or give ours another name"):
        apply(broker.url, topology)
    with pytest.raises(ConfigError, match=f"{topology.queues[0].name} is not durable"):
        verify(broker.url, topology)


def test_a_publisher_asks_for_its_exchanges(broker: PrivateBroker) -> None:
    """The engine does not begin to take messages in while it could not tell anybody."""
    topology = own_topology()

    with pytest.raises(ConfigError, match=f"exchange {topology.exchanges[0].name} is missing"):
        AmqpPublisher(broker.url, exchanges=[topology.exchanges[0].name]).open()


def test_the_description_names_everything() -> None:
    """``azawatch topology show`` leaves nothing out that is declared."""
    topology = Topology.named()
    text = describe(topology)

    assert all(exchange.name in text for exchange in topology.exchanges)
    assert all(queue.name in text for queue in topology.queues)
    assert "azawatch.alerts          -> azawatch.alerts.out  (alert.#)" in text
    assert "x-delivery-limit = 1000" in text


def test_the_definitions_file_is_the_topology() -> None:
    """The file that administrators import and the command that declares make the same thing."""
    definitions = json.loads(DEFINITIONS.read_text(encoding="utf-8"))
    topology = Topology.named()

    assert [(one["name"], one["type"], one["durable"]) for one in definitions["exchanges"]] == [
        (one.name, one.kind, True) for one in topology.exchanges
    ]
    assert [(one["name"], one["arguments"], one["durable"]) for one in definitions["queues"]] == [
        (one.name, one.arguments, True) for one in topology.queues
    ]
    assert [(one["source"], one["destination"], one["routing_key"]) for one in definitions["bindings"]] == [
        (one.exchange, one.queue, one.routing_key) for one in topology.bindings
    ]


def test_the_definitions_file_holds_no_password() -> None:
    """Nobody runs a broker with a password that can be read on the internet."""
    definitions = json.loads(DEFINITIONS.read_text(encoding="utf-8"))

    assert {user["password_hash"] for user in definitions["users"]} == {""}
    assert not any("password" in user for user in definitions["users"])


@dataclass(frozen=True, slots=True)
class Accounts:
    """The imported accounts, each with a password of this session."""

    broker: PrivateBroker
    password: str

    def url(self, user: str) -> str:
        """The AMQP URL of an account."""
        return self.broker.url_of(user, self.password, VIRTUAL_HOST)

    @property
    def administrator(self) -> str:
        """The AMQP URL of an account that may do everything."""
        return self.broker.url_of("guest", "guest", VIRTUAL_HOST)


@pytest.fixture(scope="module")
def accounts(broker: PrivateBroker) -> Iterator[Accounts]:
    broker.ctl("import_definitions", str(DEFINITIONS))
    password = secrets.token_hex(8)
    for user in ("azawatch-engine", "azawatch-feed", "azawatch-pager"):
        broker.ctl("change_password", user, password)
    broker.ctl("set_permissions", "-p", VIRTUAL_HOST, "guest", ".*", ".*", ".*")
    yield Accounts(broker, password)
    broker.ctl("delete_vhost", VIRTUAL_HOST)


def test_the_imported_file_is_what_the_engine_needs(accounts: Accounts) -> None:
    """After the import there is nothing left to apply, and the engine's own account sees all it needs."""
    topology = Topology.named()

    assert apply(accounts.administrator, topology) == ()
    assert verify(accounts.administrator, topology) == ()
    assert verify(accounts.url("azawatch-engine"), topology) == ()


def test_without_a_password_nobody_gets_in(broker: PrivateBroker, accounts: Accounts) -> None:
    """An imported account is closed until its password is set."""
    broker.ctl("clear_password", "azawatch-pager")
    with pytest.raises(ConfigError, match="does not accept this user name and password"):
        AmqpPublisher(broker.url_of("azawatch-pager", "", VIRTUAL_HOST)).open()
    broker.ctl("change_password", "azawatch-pager", accounts.password)


def test_every_account_can_do_its_job(accounts: Accounts) -> None:
    """From the feed through the engine to the pager and back, with least privilege all the way."""
    feed = AmqpPublisher(accounts.url("azawatch-feed"), exchanges=["azawatch.feed"])
    engine_in = AmqpConsumer(accounts.url("azawatch-engine"), [INBOUND, "azawatch.ack"])
    engine_out = AmqpPublisher(
        accounts.url("azawatch-engine"), exchanges=["azawatch.alerts", "azawatch.quarantine"]
    )
    pager_in = AmqpConsumer(accounts.url("azawatch-pager"), ["azawatch.alerts.out"])
    pager_out = AmqpPublisher(accounts.url("azawatch-pager"))
    links: list[Any] = [feed, engine_in, engine_out, pager_in, pager_out]
    for link in links:
        link.open()

    results = [feed.publish([message("any key", b"result", "azawatch.feed")])]
    taken = engine_in.next_batch(10, 10.0)
    engine_in.ack(taken)
    results.append(engine_out.publish([message("alert.critical.start", b"alert", "azawatch.alerts")]))
    results.append(engine_out.publish([message("", b"unusable", "azawatch.quarantine")]))
    paged = pager_in.next_batch(10, 10.0)
    pager_in.ack(paged)
    results.append(pager_out.publish([message("", b"seen", "azawatch.acks")]))
    acknowledged = engine_in.next_batch(10, 10.0)
    engine_in.ack(acknowledged)
    for link in links:
        link.close()

    assert [str(receipts[0].outcome) for receipts in results] == ["confirmed"] * 4
    assert [(d.queue, d.body) for d in taken + paged + acknowledged] == [
        (INBOUND, b"result"),
        ("azawatch.alerts.out", b"alert"),
        ("azawatch.ack", b"seen"),
    ]


@pytest.mark.parametrize("user", ["azawatch-engine", "azawatch-feed", "azawatch-pager"])
def test_no_account_can_change_the_topology(accounts: Accounts, user: str) -> None:
    """An account that got into the wrong hands cannot declare, bind or divert anything."""
    with Admin(accounts.url(user)) as admin:
        attempts: tuple[Callable[[], None], ...] = (
            lambda: admin.declare_queue("stolen", {}),
            lambda: admin.declare_exchange("stolen", "fanout"),
            lambda: admin.bind("azawatch.alerts", "azawatch.quarantine", "#"),
            lambda: admin.bind("azawatch.feed", INBOUND, "#"),
        )
        for attempt in attempts:
            with pytest.raises(Refusal) as caught:
                attempt()
            assert caught.value.code == 403


@pytest.mark.parametrize(
    ("user", "exchange", "key"),
    [
        ("azawatch-engine", "", INBOUND),
        ("azawatch-engine", "azawatch.feed", ""),
        ("azawatch-feed", "azawatch.alerts", "alert.critical.start"),
        ("azawatch-feed", "", "azawatch.alerts.out"),
        ("azawatch-pager", "azawatch.feed", ""),
        ("azawatch-pager", "azawatch.quarantine", ""),
    ],
)
def test_no_account_can_publish_elsewhere(accounts: Accounts, user: str, exchange: str, key: str) -> None:
    """A forged alert or result is refused, and the refusal is a receipt, not a crash."""
    publisher = AmqpPublisher(accounts.url(user))
    publisher.open()

    (receipt,) = publisher.publish([OutboundMessage(exchange, key, b"forged", "text/plain", "1")])
    publisher.close()

    assert receipt.outcome == "nacked"
    assert "ACCESS_REFUSED" in receipt.detail


@pytest.mark.parametrize(
    ("user", "queue"),
    [("azawatch-engine", "azawatch.alerts.out"), ("azawatch-feed", INBOUND), ("azawatch-pager", INBOUND)],
)
def test_no_account_can_read_elsewhere(accounts: Accounts, user: str, queue: str) -> None:
    """Results are read by the engine alone, and the text says what is refused."""
    states = States()

    with pytest.raises(ConfigError, match="ACCESS_REFUSED"):
        AmqpConsumer(accounts.url(user), [queue], on_state=states).open()

    assert states.names == ["connecting", "refused", "closed"]
