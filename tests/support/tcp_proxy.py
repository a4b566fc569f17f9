"""A TCP proxy on the loopback that can cut connections, or swallow what goes through them."""

from __future__ import annotations

import contextlib
import socket
import struct
import threading
from types import TracebackType
from typing import Self


class TcpProxy:
    """Forwards to ``port`` of this machine from its own ``port``, between ``with`` and its end."""

    def __init__(self, port: int) -> None:
        self._target = port
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._listener.getsockname()[1])
        self._pairs: list[tuple[socket.socket, socket.socket]] = []
        self._swallowing = threading.Event()
        self._forgotten: set[socket.socket] = set()
        self._threads: list[threading.Thread] = []

    def __enter__(self) -> Self:
        self._start(self._accept)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self.reset()
        for thread in self._threads:
            thread.join(5.0)

    def url(self, url: str) -> str:
        """An AMQP URL of the target, changed to go through the proxy."""
        return url.replace(f":{self._target}/", f":{self.port}/")

    def reset(self) -> None:
        """Cut every connection with a TCP reset."""
        pairs, self._pairs = self._pairs, []
        for pair in pairs:
            for one in pair:
                with contextlib.suppress(OSError):
                    one.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                    one.shutdown(socket.SHUT_RDWR)
                one.close()

    def swallow(self, on: bool) -> None:
        """Let everything vanish without a trace, as a firewall that forgot a connection does; or stop it."""
        (self._swallowing.set if on else self._swallowing.clear)()

    def forget(self) -> None:
        """Let what goes through the connections of now vanish for good; new ones are sound."""
        self._forgotten.update(one for pair in self._pairs for one in pair)

    def _accept(self) -> None:
        while True:
            try:
                inner, _ = self._listener.accept()
            except OSError:
                return
            outer = socket.create_connection(("127.0.0.1", self._target))
            self._pairs.append((inner, outer))
            self._start(self._forward, inner, outer)
            self._start(self._forward, outer, inner)

    def _forward(self, source: socket.socket, target: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                if not self._swallowing.is_set() and source not in self._forgotten:
                    target.sendall(data)
        for one in (source, target):
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)

    def _start(self, work: object, *arguments: socket.socket) -> None:
        assert callable(work)
        thread = threading.Thread(target=work, args=arguments, daemon=True)
        thread.start()
        self._threads.append(thread)
