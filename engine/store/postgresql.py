"""PostgreSQL as the store needs it, through psycopg: short waits, and text that it can hold."""

from __future__ import annotations

from typing import Any

from sqlalchemy import URL, Engine, create_engine, event

DRIVER = "postgresql+psycopg"

_SECONDS = 5
_NUL, _SHOWN_NUL = "\0", "\N{SYMBOL FOR NULL}"


def engine_for(url: URL, *, read_only: bool = False) -> Engine:
    """An engine whose transactions wait some seconds for a lock and no longer; no connection is made yet."""
    options = ["-c lock_timeout=5s", "-c idle_in_transaction_session_timeout=60s"]
    if read_only:
        options.append("-c default_transaction_read_only=on")
    engine = create_engine(
        url.set(drivername=DRIVER),
        connect_args={
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
