"""A RabbitMQ node of our own: free ports, private folder, nothing left behind.

For tests, for the bench, and for ``make run`` on a machine without a broker. It runs the installed
``rabbitmq-server`` as whoever calls, root or not, beside any other node: own node name, own epmd, own
Erlang cookie, and none of the files below ``/etc/rabbitmq`` or ``/var/lib/rabbitmq``.
In the foreground: ``python -m tests.support.private_broker``.
"""

from __future__ import annotations

import contextlib
import os
import re
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from types import FrameType, TracebackType
from typing import Self

NOT_INSTALLED = "rabbitmq-server is not installed: apt-get install rabbitmq-server"

# Debian's /usr/sbin/rabbitmq-server is a wrapper that becomes the user rabbitmq and works in
# /var/lib/rabbitmq only; the script it wraps has no such limits.
SCRIPT_FOLDERS = (
    "/usr/lib/rabbitmq/bin",
    "/opt/rabbitmq/sbin",
    "/opt/homebrew/opt/rabbitmq/sbin",
    "/usr/local/opt/rabbitmq/sbin",
)

KEEPER = """
exec 3<&0
trap : TERM INT HUP
"$@" </dev/null 3<&- &
child=$!
(trap '' TERM INT HUP; read -r _ <&3; kill -9 $child; rm -rf "$0"; kill -9 0) &
while kill -0 $child 2>/dev/null; do wait $child; code=$?; done
exit $code
"""
"""A shell script that runs "$@" and ends it, and every process of its group, as soon as standard input is
closed, which the kernel does for us however the Python process ends, SIGKILL included. $0 is the folder to
remove then.
"""


class BrokerUnavailableError(RuntimeError):
    """No private broker can be had here; the text says why and what to do."""


@dataclass(frozen=True, slots=True)
class Membership:
    """What the nodes of a cluster agree on; a broker without one is alone, on the loopback address.

    ``node`` is its full name, ``advanced`` the text of advanced.config.
    """

    address: str
    node: str
    cookie: str
    epmd_port: int
    advanced: str


class PrivateBroker:
    """A running node between ``with`` and its end, or between ``start()`` and ``stop()``.

    ``url`` is an AMQP URL of a user with all rights. ``start_seconds`` is how long the last start took.
    ``configuration`` is added to rabbitmq.conf, with ``{tls_port}`` for one more free port, kept in
    ``tls_port``; ``plugins`` are switched on.
    """

    def __init__(
        self,
        *,
        configuration: str = "",
        plugins: Sequence[str] = (),
        membership: Membership | None = None,
        start_timeout_seconds: float = 60.0,
    ) -> None:
        self._scripts = _find_scripts()
        self._configuration = configuration
        self._plugins = tuple(plugins)
        self._membership = membership
        self._address = "127.0.0.1" if membership is None else membership.address
        self._start_timeout_seconds = start_timeout_seconds
        self._folder: Path | None = None
        self._environment: dict[str, str] = {}
        self._processes: dict[str, subprocess.Popen[bytes]] = {}
        self.port = 0
        self.tls_port = 0
        self.node = ""
        self.start_seconds = 0.0

    @property
    def url(self) -> str:
        """AMQP URL, user guest, virtual host ``/``."""
        return self.url_of("guest", "guest")

    def url_of(self, user: str, password: str, virtual_host: str = "%2F") -> str:
        """AMQP URL for another user or virtual host (percent-encoded)."""
        return f"amqp://{user}:{password}@{self._address}:{self.port}/{virtual_host}"

    @property
    def folder(self) -> Path:
        """The private folder with configuration, data and logs."""
        if self._folder is None:
            raise BrokerUnavailableError("the private broker is not started")
        return self._folder

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def start(self) -> None:
        """Start the node and wait until it takes connections; after ``kill9`` with the data it had.

        Raises BrokerUnavailableError with the node's own complaints when it does not come up.
        """
        started = time.monotonic()
        fresh = self._folder is None
        # Another process may take a port between our finding it free and the node's opening it.
        for attempts_left in (2, 1, 0):
            if fresh:
                self._prepare()
            try:
                self._launch()
            except BrokerUnavailableError as error:
                if fresh:
                    self.stop()
                if not (fresh and attempts_left and "eaddrinuse" in str(error)):
                    raise
            except BaseException:
                self.stop()
                raise
            else:
                break
        self.start_seconds = time.monotonic() - started

    def stop(self) -> None:
        """End the node and its epmd at once and remove the folder; may be repeated."""
        for name in list(self._processes):
            self._end(name, signal.SIGKILL)
        if self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)
            self._folder = None

    def kill9(self) -> None:
        """Kill the node as a crash of the machine would; ``start`` brings it back with its data.

        A quorum queue that was declared less than a second before does not come back in working order:
        RabbitMQ writes its messages at once, but its name later.
        """
        self._end("node", signal.SIGKILL)
        # Until what is killed has ended its last write, its port and its name are taken.
        deadline = time.monotonic() + self._start_timeout_seconds
        while self._listens() and time.monotonic() < deadline:
            time.sleep(0.01)

    def shut_down(self) -> None:
        """Stop the node in an orderly way; ``start`` brings it back with its data."""
        self._end("node", signal.SIGTERM)

    def restart(self) -> None:
        """Stop the node in an orderly way and start it again with its data, on the same port."""
        self.shut_down()
        self.start()

    def ctl(self, *arguments: str) -> str:
        """Run ``rabbitmqctl`` on this node and return what it prints; its own text when it fails."""
        done = subprocess.run(
            [str(self._scripts / "rabbitmqctl"), "--quiet", "--node", self.node, *arguments],
            env=self._environment,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        if done.returncode:
            raise BrokerUnavailableError(
                f"rabbitmqctl {' '.join(arguments)}: {done.stdout.strip()} {done.stderr.strip()}"
            )
        return done.stdout

    def evaluate(self, expression: str) -> str:
        """Evaluate an Erlang expression in the node and return its value as Erlang prints it.

        In milliseconds; ``rabbitmqctl`` starts a node of its own for every call.
        """
        done = subprocess.run(
            [_find_of_erlang("erl_call"), "-n", self.node, "-e"],
            env=self._environment,
            input=f"{expression}.\n",
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        if done.returncode or not done.stdout.startswith("{ok, "):
            said = f"{done.stdout.strip()} {done.stderr.strip()}"
            raise BrokerUnavailableError(f"erl_call {expression}: {said}")
        return done.stdout.removeprefix("{ok, ").removesuffix("}")

    def complaints(self, count: int = 15) -> str:
        """The first errors that the node logged or printed; the end of its log where there are none."""
        text = "\n".join(
            path.read_text(encoding="utf-8", errors="replace") for path in sorted(self.folder.glob("log/*.*"))
        )
        errors = list(dict.fromkeys(re.findall(r"\[error\] <[^>]*>\s+(.*\S)", text)))
        return "\n".join(errors[:count] or text.split("\n")[-count:])

    def _prepare(self) -> None:
        """Create the private folder with its configuration and choose node name and ports."""
        folder = self._folder = Path(tempfile.mkdtemp(prefix="azawatch-broker-"))
        for name in ("data", "log", "home", "etc"):
            (folder / name).mkdir()
        self.port, self.tls_port, distribution_port, epmd_port = free_ports(4)
        self.node = f"azawatch-{secrets.token_hex(4)}@localhost"
        cluster: dict[str, str] = {}
        advanced = "[].\n"
        if (member := self._membership) is not None:
            self.node, epmd_port, advanced = member.node, member.epmd_port, member.advanced
            cluster = {"RABBITMQ_USE_LONGNAME": "true"}
            cookie = folder / "home" / ".erlang.cookie"
            cookie.write_text(member.cookie, encoding="ascii")
            cookie.chmod(0o400)
        configuration = folder / "etc" / "rabbitmq.conf"
        configuration.write_text(
            f"listeners.tcp.local = {self._address}:{self.port}\n"
            # a laptop's nearly full disk is no reason to block publishers in a test
            "disk_free_limit.absolute = 50MB\n"
            + self._configuration.replace("{tls_port}", str(self.tls_port)),
            encoding="utf-8",
        )
        (folder / "etc" / "enabled_plugins").write_text(f"[{','.join(self._plugins)}].\n", encoding="utf-8")
        (folder / "etc" / "rabbitmq-env.conf").touch()
        (folder / "etc" / "advanced.config").write_text(advanced, encoding="utf-8")
        inherited = {
            name: value for name, value in os.environ.items() if not name.startswith(("RABBITMQ_", "ERL_"))
        }
        self._environment = (
            inherited
            | cluster
            | {
                "HOME": str(folder / "home"),  # the Erlang cookie lives there
                "ERL_EPMD_PORT": str(epmd_port),
                "ERL_EPMD_ADDRESS": self._address,
                "RABBITMQ_NODENAME": self.node,
                "RABBITMQ_DIST_PORT": str(distribution_port),
                "RABBITMQ_CONF_ENV_FILE": str(folder / "etc" / "rabbitmq-env.conf"),
                "RABBITMQ_CONFIG_FILE": str(configuration),
                "RABBITMQ_ADVANCED_CONFIG_FILE": str(folder / "etc" / "advanced.config"),
                "RABBITMQ_ENABLED_PLUGINS_FILE": str(folder / "etc" / "enabled_plugins"),
                "RABBITMQ_MNESIA_BASE": str(folder / "data"),
                "RABBITMQ_LOG_BASE": str(folder / "log"),
                "RABBITMQ_PID_FILE": str(folder / "node.pid"),
                # the server script then becomes the node instead of waiting for it
                "detached": "yes",
            }
        )

    def _launch(self) -> None:
        if "epmd" not in self._processes:
            # Our own, in the foreground: one that the node starts would outlive it as a daemon.
            epmd_port = self._environment["ERL_EPMD_PORT"]
            self._run("epmd", _find_of_erlang("epmd"), "-port", epmd_port, "-address", self._address)
        self._run("node", str(self._scripts / "rabbitmq-server"))
        deadline = time.monotonic() + self._start_timeout_seconds
        while not self._answers():
            code = self._processes["node"].poll()
            if code is not None or time.monotonic() > deadline:
                reason = "did not start in time" if code is None else f"ended with exit code {code}"
                text = f"the private rabbitmq-server {reason}; what it said:\n{self.complaints()}"
                self._end("node", signal.SIGKILL)
                raise BrokerUnavailableError(text)
            time.sleep(0.05)

    def _answers(self) -> bool:
        """Whether the node takes AMQP connections: it sends connection.start after the protocol header."""
        try:
            with socket.create_connection((self._address, self.port), timeout=2.0) as connection:
                connection.sendall(b"AMQP\x00\x00\x09\x01")
                return connection.recv(1) == b"\x01"
        except OSError:
            return False

    def _listens(self) -> bool:
        """Whether a process holds the node's port."""
        try:
            socket.create_connection((self._address, self.port), timeout=2.0).close()
        except TimeoutError:
            return True
        except OSError:
            return False
        return True

    def _run(self, name: str, *command: str) -> None:
        with (self.folder / "log" / f"{name}.output").open("ab") as output:
            self._processes[name] = subprocess.Popen(
                ["/bin/sh", "-c", KEEPER, str(self.folder), *command],
                env=self._environment,
                cwd=self.folder,
                stdin=subprocess.PIPE,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,  # Ctrl-C is for us: we end the node, in order
            )

    def _end(self, name: str, how: signal.Signals) -> None:
        process = self._processes.pop(name, None)
        if process is None:
            return
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, how)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(timeout=30)
        # whatever is left of the group: the keeper's watcher, or a node that did not stop when told
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        if process.stdin is not None:
            process.stdin.close()


def _find_scripts() -> Path:
    for folder in SCRIPT_FOLDERS:
        if (Path(folder) / "rabbitmq-server").exists():
            return Path(folder)
    found = shutil.which("rabbitmq-server")
    if found is None:
        raise BrokerUnavailableError(NOT_INSTALLED)
    return Path(found).resolve().parent


def _find_of_erlang(program: str) -> str:
    found = shutil.which(program)
    if found is None:
        bundled = sorted(Path("/usr/lib/erlang").glob(f"erts-*/bin/{program}"))
        if not bundled:
            raise BrokerUnavailableError(f"{program} of Erlang is not installed: apt-get install erlang-base")
        found = str(bundled[-1])
    return found


def free_ports(count: int) -> list[int]:
    """So many ports of the loopback address that nobody listens on just now."""
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [int(one.getsockname()[1]) for one in sockets]


def main() -> int:
    """Run a node in the foreground until SIGINT or SIGTERM; prints its URL first. Exit 2: cannot."""
    ended = threading.Event()

    def end(_number: int, _frame: FrameType | None) -> None:
        ended.set()

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, end)
    try:
        with PrivateBroker() as broker:
            print(broker.url, flush=True)  # noqa: T201 -- what this program is for
            ended.wait()
    except BrokerUnavailableError as error:
        print(error, file=sys.stderr)  # noqa: T201
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
