"""Telling systemd how we are (sd_notify): a datagram to the socket that it names, nothing without one."""

from __future__ import annotations

import os
import socket
import time
from contextlib import suppress

_SHARE = 3  # a sign of life is sent so many times within the time that systemd grants


class ServiceManager:
    """``READY=1`` and ``WATCHDOG=1``; a service manager that does not answer costs nothing."""

    def __init__(self) -> None:
        address = os.environ.get("NOTIFY_SOCKET", "")
        self._address = "\0" + address[1:] if address.startswith("@") else address
        granted = os.environ.get("WATCHDOG_USEC", "")
        self._every = int(granted) / 1_000_000 / _SHARE if granted.isdigit() else None
        self._last = 0.0

    def tell(self, text: str) -> None:
        """One state, as ``READY=1``."""
        if not self._address:
            return
        with suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as to:
            to.settimeout(1.0)
            to.sendto(text.encode(), self._address)

    def alive(self) -> None:
        """A sign of life, as often as systemd wants one."""
        now = time.monotonic()
        if self._every is not None and now - self._last >= self._every:
            self._last = now
            self.tell("WATCHDOG=1")
