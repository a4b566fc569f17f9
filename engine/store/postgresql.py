"""PostgreSQL as the store needs it, through psycopg: short waits, and text that it can hold."""

from __future__ import annotations

import re
from collections.abc import Mapping
from difflib import get_close_matches
from typing import Any

from sqlalchemy import URL, Engine, create_engine, event

from engine.addresses import is_local

DRIVER = "postgresql+psycopg"

_SAFE = "verify-full"
_MODES = ("verify-full", "verify-ca", "require", "prefer", "allow", "disable")
_SECONDS = 5
# What the client library says of a connection that was not made; its own words hold names of hosts, files
# and accounts, so ours are told. The first that is found counts.
_TROUBLES = {
    r"certificate verify failed": (
        "TLS: the certificate of the server is not trusted, or has expired: sslrootcert in store_url must"
        " name the file of the authority that signed it"
    ),
    r"root certificate file|local issuer": (
        "TLS: the authority of the server is not known: sslrootcert in store_url must name the file of its"
        " certificate"
    ),
    r"does not match host name": (
        "TLS: the certificate of the server is for another host: store_url must name the host as it does"
    ),
    r"certificate.{0,3}expired": (
        "TLS: our client certificate has expired: renew the file that sslcert names"
    ),
    r"unknown ca": ("TLS: the server does not trust our client certificate: another authority has signed it"),
    r"private key file .*(access|permissions|owned)": "TLS: others can read the key file: chmod 600",
    r"certificate file|private key file": (
        "TLS: the client certificate or its key cannot be used: sslcert and sslkey in store_url"
    ),
    r"valid client certificate|certificate required": (
        "TLS: the server wants a client certificate: sslcert and sslkey in store_url"
    ),
    r"certificate authentication failed": (
        "TLS: our client certificate is that of another account: its common name must be the user of"
        " store_url"
    ),
    r"password authentication failed|no password supplied": "this account or password is wrong",
    r"database .* does not exist": "there is no such database",
    r"role .* (does not exist|is not permitted)": "this account is not there, or may not log in",
    r"server does not support SSL": "TLS: the server speaks none: switch it on there (ssl = on)",
    r"no pg_hba.conf entry|rejects connection": (
        "no line of the server's pg_hba.conf fits this host, account and database; a hostssl line wants TLS"
    ),
}
# The same of a server that may be back in a moment.
_ABSENCES = {
    r"Connection refused|on socket .* failed": "no server listens where store_url says",
    r"timeout expired|timed out": "the server does not answer in time",
    r"resolve host|translate host name|not known": "the host of store_url has no address",
    r"starting up|shutting down|in recovery": "the server is starting or stopping",
    r"terminating connection|closed the connection|connection is (lost|closed)": (
        "the server has closed the connection"
    ),
}
_DURABLE = """SELECT set_config('synchronous_commit', 'local', false)
    WHERE current_setting('synchronous_commit') = 'off'"""
_NUL, _SHOWN_NUL = "\0", "\N{SYMBOL FOR NULL}"


def protection(url: URL) -> dict[str, str]:
    """How the connection is protected unless the address says: another machine must prove who it is."""
    return {} if "sslmode" in url.query or is_local(url.host or "") else {"sslmode": _SAFE}


def fault_of(url: URL) -> tuple[str, str]:
    """What is wrong with the parameters of an address (``?sslmode=...``), and what to write; or nothing.

    A parameter is named where it resembles one that there is: it may be the half of a password.
    """
    from psycopg import pq  # noqa: PLC0415  only where PostgreSQL is the store

    known = [option.keyword.decode() for option in pq.Conninfo.get_defaults()]
    for number, (name, value) in enumerate(url.query.items(), 1):
        if name not in known:
            alike = get_close_matches(name, known, 1)
            if alike:
                return f'store_url has an unknown parameter "{name}"', f'write "{alike[0]}"'
            text = f"store_url has an unknown parameter, number {number} behind the ?"
            return text, "names as in PostgreSQL, Parameter Key Words; / ? @ # % in a password as %2F %3F ..."
        if name == "sslmode" and value not in _MODES:
            return "store_url has an unknown sslmode", f"write one of {', '.join(_MODES)}"
    return "", ""


def trouble(error: BaseException) -> str:
    """Why a connection was not made, and what to do; empty where that is not known."""
    return _first(_TROUBLES, error)


def absence(error: BaseException) -> str:
    """How the server is away; empty where that is not known."""
    return _first(_ABSENCES, error)


def _first(words_of: Mapping[str, str], error: BaseException) -> str:
    said = str(error)
    return next((words for pattern, words in words_of.items() if re.search(pattern, said)), "")


def engine_for(url: URL, *, read_only: bool = False) -> Engine:
    """An engine whose transactions wait some seconds for a lock and no longer; no connection is made yet."""
    options = [
        "-c lock_timeout=5s",
        "-c idle_in_transaction_session_timeout=60s",
        # Whoever has waited for a lock must see what was committed meanwhile, whatever the site's default.
        "-c default_transaction_isolation=read\\ committed",
    ]
    if read_only:
        options.append("-c default_transaction_read_only=on")
    engine = create_engine(
        url.set(drivername=DRIVER),
        connect_args={
            **protection(url),
            "connect_timeout": _SECONDS,
            "application_name": "azawatch",
            "options": " ".join(options),
        },
        hide_parameters=True,
        # A server that was restarted has closed every connection: they are found out before they are used.
        pool_pre_ping=True,
        pool_timeout=_SECONDS,
    )
    event.listen(engine, "connect", _prepare_connection)
    return engine


def _prepare_connection(connection: Any, _record: object) -> None:
    from psycopg.types.string import StrDumper  # noqa: PLC0415  only where PostgreSQL is the store

    class TextDumper(StrDumper):
        """PostgreSQL has no NUL in text; a message may."""

        def dump(self, text: str) -> Any:
            """The text, with a sign in the place of every NUL."""
            return super().dump(text.replace(_NUL, _SHOWN_NUL) if _NUL in text else text)

    connection.adapters.register_dumper(str, TextDumper)
    # A message is acknowledged because it is on disk; sites switch this off for databases that may lose some.
    connection.execute(_DURABLE)
    connection.commit()
