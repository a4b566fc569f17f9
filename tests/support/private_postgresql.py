"""A PostgreSQL server of our own: a free port, a private folder, nothing left behind.

It runs the installed server beside any other one: none of the files below ``/etc/postgresql`` or
``/var/lib/postgresql`` are touched. The server refuses to run as root, so root runs it as ``postgres``.
"""

from __future__ import annotations

import contextlib
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import psycopg

from tests.support.private_broker import KEEPER, free_ports

NOT_INSTALLED = "postgresql is not installed: apt-get install postgresql"

_OWNER = "administrator"
_START_SECONDS = 60.0


class PostgresqlUnavailableError(RuntimeError):
    """No private server can be had here; the text says why and what to do."""


class PrivatePostgresql:
    """A running server between ``with`` and its end, or between ``start()`` and ``stop()``.

    ``settings`` are added to the command line: ``{"fsync": "off"}``.
    """

    def __init__(self, settings: dict[str, str] | None = None) -> None:
        self._programs = _find_programs()
        self._settings = settings or {}
        self._folder: Path | None = None
        self._process: subprocess.Popen[bytes] | None = None
        self._databases = 0
        self.port = 0

    @property
    def folder(self) -> Path:
        """The private folder with data and log."""
        if self._folder is None:
            raise PostgresqlUnavailableError("the private server is not started")
        return self._folder

    def url(self, database: str = "postgres", user: str = _OWNER) -> str:
        """The store URL of a database."""
        return f"postgresql://{user}@127.0.0.1:{self.port}/{database}"

    def new_database(self) -> str:
        """The URL of a new, empty database."""
        self._databases += 1
        name = f"store_{self._databases}"
        self.execute(f"CREATE DATABASE {name}")
        return self.url(name)

    def execute(self, statement: str, database: str = "postgres") -> list[tuple[Any, ...]]:
        """Run one statement as the owner of everything; its rows, if it gives any."""
        with psycopg.connect(self.url(database), autocommit=True) as connection:
            found = connection.execute(statement.encode())
            return found.fetchall() if found.description else []

    def run_file(self, script: Path) -> None:
        """Run a script with psql, as its head says."""
        command = ["psql", "--quiet", "--set=ON_ERROR_STOP=1", f"--file={script}", self.url()]
        subprocess.run([str(self._programs / command[0]), *command[1:]], check=True, timeout=_START_SECONDS)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def start(self) -> None:
        """Start the server and wait until it takes connections; after ``kill9`` with the data it had."""
        if self._folder is None:
            self._prepare()
        settings = {"listen_addresses": "127.0.0.1", "unix_socket_directories": "", **self._settings}
        options = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
        self._process = self._run(
            str(self._programs / "postgres"),
            "-D",
            str(self.folder / "data"),
            "-p",
            str(self.port),
            *options,
        )
        deadline = time.monotonic() + _START_SECONDS
        while True:
            try:
                psycopg.connect(self.url(), connect_timeout=2).close()
                return
            except psycopg.OperationalError:
                if self._process.poll() is not None or time.monotonic() > deadline:
                    text = (self.folder / "log").read_text(encoding="utf-8", errors="replace")[-2000:]
                    self.stop()
                    message = f"the private PostgreSQL server did not start; what it said:\n{text}"
                    raise PostgresqlUnavailableError(message) from None
                time.sleep(0.05)

    def stop(self) -> None:
        """End the server at once and remove the folder; may be repeated."""
        self.kill9()
        if self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)
            self._folder = None

    def kill9(self) -> None:
        """Kill the server as a crash of the machine would; ``start`` brings it back with its data."""
        self._end(signal.SIGKILL)

    def restart(self) -> None:
        """Stop the server as an administrator in a hurry does, and start it again on the same port."""
        self.shut_down()
        self.start()

    def shut_down(self) -> None:
        """Stop the server as an administrator in a hurry does; ``start`` brings it back."""
        self._end(signal.SIGINT)

    def _prepare(self) -> None:
        folder = self._folder = Path(tempfile.mkdtemp(prefix="azawatch-postgresql-"))
        if self._user is not None:
            shutil.chown(folder, self._user, self._user)
        (self.port,) = free_ports(1)
        how = ("-U", _OWNER, "-A", "trust", "-E", "UTF8", "-N")
        made = subprocess.run(
            [str(self._programs / "initdb"), "-D", str(folder / "data"), *how],
            cwd=folder,
            capture_output=True,
            text=True,
            timeout=_START_SECONDS,
            check=False,
            user=self._user,
            group=self._user,
            extra_groups=self._groups,
        )
        if made.returncode:
            self.stop()
            raise PostgresqlUnavailableError(f"initdb failed:\n{made.stdout}{made.stderr}")

    @property
    def _user(self) -> str | None:
        return "postgres" if os.geteuid() == 0 else None

    @property
    def _groups(self) -> list[str] | None:
        return None if self._user is None else []

    def _run(self, *command: str) -> subprocess.Popen[bytes]:
        with (self.folder / "log").open("ab") as output:
            return subprocess.Popen(
                ["/bin/sh", "-c", KEEPER, str(self.folder), *command],
                cwd=self.folder,
                stdin=subprocess.PIPE,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                user=self._user,
                group=self._user,
                extra_groups=self._groups,
            )

    def _end(self, how: signal.Signals) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        for signal_sent in (how, signal.SIGKILL):
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal_sent)
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(timeout=30)
        if process.stdin is not None:
            process.stdin.close()


def _find_programs() -> Path:
    installed = sorted(
        Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: float(path.parts[-3])
    )
    found = installed[-1] if installed else shutil.which("initdb")
    if found is None:
        raise PostgresqlUnavailableError(NOT_INSTALLED)
    if os.geteuid() == 0:
        with contextlib.suppress(KeyError):
            pwd.getpwnam("postgres")
            return Path(found).resolve().parent
        raise PostgresqlUnavailableError("root cannot run PostgreSQL, and there is no user postgres")
    return Path(found).resolve().parent
