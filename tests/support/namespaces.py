"""A network of our own on one machine, which can be cut in two: Linux network namespaces and two bridges.

Needs root and ``ip`` (iproute2). Nothing of it has a name or a file: the kernel removes it with its last
process, and every process of it ends when the Python process does, SIGKILL included. The network of the
machine is not touched.
"""

from __future__ import annotations

import ctypes
import os
import shutil
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

_OWN = "/proc/thread-self/ns/net"
_CLONE_NEWNET = 0x40000000
_SUBNET = "192.0.2"  # RFC 5737: nobody's


class NamespacesUnavailableError(RuntimeError):
    """No network namespaces can be had here; the text says why and what to do."""


@dataclass(slots=True)
class Namespace:
    """A network stack; whatever is started, or connected, between ``with entered()`` and its end is in it."""

    keeper: subprocess.Popen[bytes]
    address: str = ""
    port: str = ""
    """Its end of the cable in the bridges' namespace."""

    @contextmanager
    def entered(self) -> Iterator[None]:
        """This thread is in the namespace; so are the processes and threads that it starts, for ever."""
        before = os.open(_OWN, os.O_RDONLY)
        try:
            _enter(Path(f"/proc/{self.keeper.pid}/ns/net"))
            try:
                yield
            finally:
                _set_namespace(before)
        finally:
            os.close(before)

    def run(self, *command: str) -> None:
        """Run a command in the namespace to its end."""
        with self.entered():
            done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            raise NamespacesUnavailableError(f"{' '.join(command)}: {done.stderr.strip()}")


class Network:
    """Members that reach each other at their addresses, until some are ``cut`` off and until ``heal``.

    A cut is silent, as that of a switch that has died: packets vanish, connections stay half open.
    Raises NamespacesUnavailableError when entered without root or iproute2.
    """

    def __init__(self) -> None:
        if os.geteuid() != 0:
            raise NamespacesUnavailableError("network namespaces need root")
        if shutil.which("ip") is None or shutil.which("unshare") is None:
            raise NamespacesUnavailableError("ip is not installed: apt-get install iproute2")
        self._stack = ExitStack()
        self._members: list[Namespace] = []
        self._bridges = Namespace(_keeper(self._stack))

    def __enter__(self) -> Self:
        try:
            for name in ("one", "other"):
                self._bridges.run("ip", "link", "add", name, "type", "bridge")
                self._bridges.run("ip", "link", "set", name, "up")
        except BaseException:
            self._stack.close()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.close()

    def join(self) -> Namespace:
        """A new member."""
        number = len(self._members) + 1
        member = Namespace(_keeper(self._stack), f"{_SUBNET}.{number}", f"member{number}")
        peer = ("type", "veth", "peer", "name", "eth0", "netns", str(member.keeper.pid))
        self._bridges.run("ip", "link", "add", member.port, *peer)
        self._bridges.run("ip", "link", "set", member.port, "master", "one", "up")
        member.run("ip", "address", "add", f"{member.address}/24", "dev", "eth0")
        member.run("ip", "link", "set", "lo", "up")
        member.run("ip", "link", "set", "eth0", "up")
        self._members.append(member)
        return member

    def cut(self, *members: Namespace) -> None:
        """These reach each other, and the rest reach each other."""
        for member in members:
            self._bridges.run("ip", "link", "set", member.port, "master", "other")

    def heal(self) -> None:
        """Everybody reaches everybody again."""
        for member in self._members:
            self._bridges.run("ip", "link", "set", member.port, "master", "one")


def _keeper(stack: ExitStack) -> subprocess.Popen[bytes]:
    """A process in a namespace of its own that does nothing, and ends when we do."""
    keeper = subprocess.Popen(["unshare", "--net", "/bin/sh", "-c", "read -r _"], stdin=subprocess.PIPE)

    def end() -> None:
        keeper.kill()
        keeper.wait()
        assert keeper.stdin is not None
        keeper.stdin.close()

    stack.callback(end)
    ours = Path(_OWN).readlink()
    deadline = time.monotonic() + 10.0
    while Path(f"/proc/{keeper.pid}/ns/net").readlink() == ours:
        if keeper.poll() is not None or time.monotonic() > deadline:
            raise NamespacesUnavailableError("this machine does not let us make network namespaces")
        time.sleep(0.01)
    return keeper


def _enter(namespace: Path) -> None:
    file = os.open(namespace, os.O_RDONLY)
    try:
        _set_namespace(file)
    finally:
        os.close(file)


def _set_namespace(file: int) -> None:
    library = ctypes.CDLL(None, use_errno=True)
    if library.setns(file, _CLONE_NEWNET):
        number = ctypes.get_errno()
        raise NamespacesUnavailableError(f"setns in thread {threading.get_ident()}: {os.strerror(number)}")
