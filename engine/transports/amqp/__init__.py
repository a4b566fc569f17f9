"""RabbitMQ: a consumer and a publisher on pika, each with a connection and an I/O thread of its own.

Two connections, because in a memory or disk alarm the broker stops reading from a connection that
publishes: on a shared one the acks, and with them the whole feed, would stop too. I/O threads, because
heartbeats must go out while a batch is worked on.
"""

from __future__ import annotations

import logging

from engine.transports.amqp.consumer import AmqpConsumer
from engine.transports.amqp.publisher import AmqpPublisher
from engine.transports.amqp.tolerance import tolerate_headers

__all__ = ["AmqpConsumer", "AmqpPublisher"]

# pika logs every failed attempt at length on its own; ours is reported once, through on_state.
logging.getLogger("pika").addHandler(logging.NullHandler())
logging.getLogger("pika").propagate = False

tolerate_headers()
