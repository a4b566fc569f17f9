"""From an AMQP URL to pika's connection parameters, without letting a password out."""

from __future__ import annotations

import ast
import os
import socket
import ssl
import stat
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pika

from engine.addresses import each_host
from engine.errors import ConfigError, Defect

# Between 5 and 20 seconds is what RabbitMQ advises; ?heartbeat= in the URL wins.
HEARTBEAT_SECONDS = 10
SOCKET_TIMEOUT_SECONDS = 10.0
# TCP, TLS and AMQP together
STACK_TIMEOUT_SECONDS = 15.0
# Where there is another node to turn to, a silent one is given up sooner.
SOCKET_TIMEOUT_OF_SEVERAL_SECONDS = 3.0
STACK_TIMEOUT_OF_SEVERAL_SECONDS = 5.0
# An alarm may last; this only ends a block whose end we were never told.
BLOCKED_TIMEOUT_SECONDS = 300.0

_EXPECTED = (
    "expected amqp://user:password@host:5672/vhost, or amqps://, the nodes of a cluster as "
    "host:5672,host:5672; special characters percent-encoded"
)


def where(nodes: Sequence[pika.URLParameters]) -> str:
    """Hosts, ports and virtual host, for texts that people read: no user, no password."""
    hosts = ", ".join(f"{node.host}:{node.port}" for node in nodes)
    return f"amqp broker {hosts}, virtual host {nodes[0].virtual_host}"


def connection_parameters(url: str, role: str) -> tuple[pika.URLParameters, ...]:
    """Parameters for a connection to each host of an AMQP URL, named after its ``role``.

    A URL without user name on ``amqps`` with a client certificate authenticates by that certificate
    (SASL EXTERNAL). Raises ConfigError for what is not an AMQP URL; its text never quotes the URL, which
    holds a password.
    """
    try:
        addresses = each_host(url)
    except ValueError:
        raise _not_usable() from None
    several = len(addresses) > 1
    return tuple(_parameters(address, role, several=several) for address in addresses)


def _parameters(url: str, role: str, *, several: bool) -> pika.URLParameters:
    try:
        split = urlsplit(url)
        parameters = pika.URLParameters(url)
    # pika reports an unusable query argument with whatever exception its own parsing ends in
    except Exception:  # noqa: BLE001
        raise _unusable_file(url) or _not_usable() from None
    # an @ behind the host is the end of a password with a slash in it, and would be quoted as virtual host
    if split.scheme not in ("amqp", "amqps") or not split.hostname or "@" in split.path:
        raise _not_usable()
    _check_key(split.query)
    if parameters.heartbeat is None:
        parameters.heartbeat = HEARTBEAT_SECONDS
    parameters.socket_timeout = SOCKET_TIMEOUT_OF_SEVERAL_SECONDS if several else SOCKET_TIMEOUT_SECONDS
    parameters.stack_timeout = STACK_TIMEOUT_OF_SEVERAL_SECONDS if several else STACK_TIMEOUT_SECONDS
    parameters.blocked_connection_timeout = BLOCKED_TIMEOUT_SECONDS
    name = f"azawatch {role}".rstrip()
    parameters.client_properties = {"connection_name": f"{name} {socket.gethostname()} {os.getpid()}"}
    if split.username is None and parameters.ssl_options is not None:
        parameters.credentials = pika.credentials.ExternalCredentials()
    return parameters


def _unusable_file(url: str) -> ConfigError | None:
    """Which of the files for TLS cannot be used, and why; None where that is not what is wrong."""
    try:
        told = ast.literal_eval(parse_qs(urlsplit(url).query)["ssl_options"][-1])
        named = {name: str(told[name]) for name in ("ca_certs", "certfile", "keyfile") if told.get(name)}
    except (ValueError, SyntaxError, LookupError, TypeError, AttributeError):
        return None
    for name, file in named.items():
        try:
            Path(file).open("rb").close()
        except (OSError, ValueError) as error:
            why = (error.strerror if isinstance(error, OSError) else None) or "no name of a file"
            return ConfigError([Defect(file, 0, f"{name} of amqp_url cannot be read: {why}")])
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    if "ca_certs" not in named:
        hint = "ca_certs must name the file of the authority that signed the broker's"
        return ConfigError([Defect("amqp_url", 0, "ssl_options name no ca_certs", hint)])
    try:
        context.load_verify_locations(named["ca_certs"])
    except ssl.SSLError:
        hint = "the certificate of the authority, as PEM"
        return ConfigError([Defect(named["ca_certs"], 0, "ca_certs of amqp_url holds no certificate", hint)])
    try:
        context.load_cert_chain(named.get("certfile", os.devnull), named.get("keyfile"), lambda: "")
    except ssl.SSLError:
        file = named.get("certfile", "amqp_url")
        hint = "both as PEM, the key without a password"
        return ConfigError([Defect(file, 0, "is no client certificate, or keyfile is not its key", hint)])
    return None


def _check_key(query: str) -> None:
    """Refuse a private key that everybody on this machine can read; pika has read the options already."""
    for told in parse_qs(query).get("ssl_options", ()):
        file = Path(ast.literal_eval(told).get("keyfile") or os.devnull)
        if file.is_file() and file.stat().st_mode & stat.S_IROTH:
            hint = "only its owner and group may be able to read it: chmod 640"
            raise ConfigError([Defect(str(file), 0, "everybody on this machine can read this key", hint)])


def _not_usable() -> ConfigError:
    return ConfigError([Defect("AMQP URL", 0, "this is not a usable AMQP URL", _EXPECTED)])
