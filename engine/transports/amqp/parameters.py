"""From an AMQP URL to pika's connection parameters, without letting a password out."""

from __future__ import annotations

import os
import socket
from urllib.parse import urlsplit

import pika

from engine.errors import ConfigError, Defect

# Between 5 and 20 seconds is what RabbitMQ advises; two missed ones end a dead connection.
HEARTBEAT_SECONDS = 10
SOCKET_TIMEOUT_SECONDS = 10.0
# TCP, TLS and AMQP together
STACK_TIMEOUT_SECONDS = 15.0
# An alarm may last; this only ends a block whose end we were never told.
BLOCKED_TIMEOUT_SECONDS = 300.0

_EXPECTED = "expected amqp://user:password@host:5672/vhost, or amqps://; special characters percent-encoded"


def where(url: str) -> str:
    """Host, port and virtual host of an AMQP URL, for texts that people read: no user, no password."""
    parameters = connection_parameters(url, "")
    return f"amqp broker {parameters.host}:{parameters.port}, virtual host {parameters.virtual_host}"


def connection_parameters(url: str, role: str) -> pika.URLParameters:
    """Parameters for a connection named after its ``role``; ConfigError for what is not an AMQP URL.

    A URL without user name on ``amqps`` with a client certificate authenticates by that certificate
    (SASL EXTERNAL). The text of the error never quotes the URL, it holds a password.
    """
    try:
        split = urlsplit(url)
        parameters = pika.URLParameters(url)
    # pika reports an unusable query argument with whatever exception its own parsing ends in
    except Exception:  # noqa: BLE001
        raise _not_usable() from None
    # an @ behind the host is the end of a password with a slash in it, and would be quoted as virtual host
    if split.scheme not in ("amqp", "amqps") or not split.hostname or "@" in split.path:
        raise _not_usable()
    parameters.heartbeat = HEARTBEAT_SECONDS
    parameters.socket_timeout = SOCKET_TIMEOUT_SECONDS
    parameters.stack_timeout = STACK_TIMEOUT_SECONDS
    parameters.blocked_connection_timeout = BLOCKED_TIMEOUT_SECONDS
    name = f"azawatch {role}".rstrip()
    parameters.client_properties = {"connection_name": f"{name} {socket.gethostname()} {os.getpid()}"}
    if split.username is None and parameters.ssl_options is not None:
        parameters.credentials = pika.credentials.ExternalCredentials()
    return parameters


def _not_usable() -> ConfigError:
    return ConfigError([Defect("AMQP URL", 0, "this is not a usable AMQP URL", _EXPECTED)])
