"""A small HTTP server for probes and scrapes; it reads nothing but the path."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from socket import AF_INET6, SHUT_RDWR, socket
from typing import Any
from urllib.parse import urlsplit

from engine.errors import ConfigError, Defect

_AT_ONCE = 8
_MOST = 32  # with those whose answer is still waited for, though nobody is told any more
_PATIENCE_SECONDS = 10.0


@dataclass(frozen=True, slots=True)
class Answer:
    """What a page says: status, content type, body."""

    status: HTTPStatus
    content_type: str
    body: bytes

    @classmethod
    def of(cls, told: Mapping[str, Any], *, good: bool) -> Answer:
        """JSON, with 200 or 503."""
        status = HTTPStatus.OK if good else HTTPStatus.SERVICE_UNAVAILABLE
        return cls(status, "application/json", json.dumps(told, indent=1).encode() + b"\n")


Page = Callable[[str], Answer]
"""A page gets the Accept header of who asks."""


class Server:
    """Serves ``pages`` by path at an address until it is closed; a page that fails says so with 500."""

    def __init__(self, address: str, pages: Mapping[str, Page]) -> None:
        """Listen. Raises ConfigError where the address cannot be used."""
        parts = urlsplit(f"//{address}")
        host, port = parts.hostname or "", parts.port or 0

        class Http(_Http):
            address_family = AF_INET6 if ":" in host else _Http.address_family

        try:
            self._http = Http((host, port), _handler(pages))
        except OSError as error:
            hint = "another program, or another worker, listens there; each needs a port of its own"
            text = f"monitor.address {address} cannot be used: {error.strerror}"
            raise ConfigError([Defect("settings", 0, text, hint)]) from None
        self._thread = threading.Thread(target=self._http.serve_forever, name="monitor", daemon=True)
        self._thread.start()
        shown = f"[{host}]" if ":" in host else host
        self.address = f"{shown}:{self._http.server_address[1]}"

    def close(self) -> None:
        """Listen no more; what is under way is left to end by itself."""
        self._http.shutdown()
        self._http.server_close()


class _Http(ThreadingHTTPServer):
    """Answers a bounded number of requests at a time; whoever has been at it for longest is hung up on.

    A probe takes milliseconds: who stays takes the place of others. Were newcomers turned away instead, a
    few clients that send a byte a second would keep every probe out, and the engine would be restarted.
    """

    daemon_threads = True
    request_queue_size = _AT_ONCE

    def __init__(self, address: tuple[str, int], handler: type[BaseHTTPRequestHandler]) -> None:
        self._lock = threading.Lock()
        self._under_way: list[socket] = []  # oldest first
        super().__init__(address, handler)

    def process_request(self, request: Any, client_address: Any) -> None:
        with self._lock:
            full = len(self._under_way) >= _MOST
            slow = self._under_way[: max(0, len(self._under_way) + 1 - _AT_ONCE)]
            if not full:
                self._under_way.append(request)
        for one in slow:
            with suppress(OSError):  # it has just ended by itself
                one.shutdown(SHUT_RDWR)
        if full:
            self.shutdown_request(request)
        else:
            super().process_request(request, client_address)

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        try:
            super().process_request_thread(request, client_address)
        finally:
            with self._lock:
                self._under_way.remove(request)

    def handle_error(self, request: socket | tuple[bytes, socket], client_address: Any) -> None:
        """A client that hangs up is nobody's business, and its traceback is not for the log."""


def _handler(pages: Mapping[str, Page]) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        timeout = _PATIENCE_SECONDS
        server_version = "azawatch"
        sys_version = ""

        def do_GET(self) -> None:
            try:
                page = pages.get(urlsplit(self.path).path)
            except ValueError:  # an address that is none
                page = None
            if page is None:
                answer = Answer.of({"pages": sorted(pages)}, good=False)
                answer = Answer(HTTPStatus.NOT_FOUND, answer.content_type, answer.body)
            else:
                try:
                    answer = page(self.headers.get("Accept", ""))
                except Exception as error:  # noqa: BLE001  who watches must hear of it, not be hung up on
                    told = {"error": type(error).__name__}
                    answer = Answer.of(told, good=False)
                    answer = Answer(HTTPStatus.INTERNAL_SERVER_ERROR, answer.content_type, answer.body)
            self.send_response(answer.status)
            self.send_header("Content-Type", answer.content_type)
            self.send_header("Content-Length", str(len(answer.body)))
            self.send_header("Cache-Control", "no-store")
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(answer.body)

        do_HEAD = do_GET  # noqa: N815  the name that the base class looks for

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  the name of the base class
            """Say nothing: probes come every few seconds."""

    return Handler
