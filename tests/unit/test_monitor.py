"""Health of an engine whose loop hangs, whose store hangs, and what systemd is told."""

from __future__ import annotations

import json
import socket
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest

from engine import app
from engine.errors import ConfigError, TransientError
from engine.monitor import Limits, Monitor
from engine.monitor.systemd import ServiceManager
from engine.settings import load
from engine.store import Condition, Store


def ask(address: str, path: str, method: str = "GET") -> tuple[int, str]:
    request = urllib.request.Request(f"http://{address}{path}", method=method)
    try:
        with urllib.request.urlopen(request, timeout=20) as answer:  # noqa: S310
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


class Stuck(Store):
    """A store of which each question may wait, or fail, as a test says."""

    answer = threading.Event()
    away = False

    def condition(self) -> Condition:
        """As ``Store.condition``, after a while."""
        if self.away:
            raise TransientError("store: away")
        self.answer.wait(60)
        return super().condition()


def monitor(hung_seconds: float = 60.0) -> Monitor:
    return Monitor(app.now, lambda _sender: "default", "r1", "strictest", Limits(hung_seconds))


@contextmanager
def serving(one: Monitor, store: Store, address: str = "127.0.0.1:0") -> Iterator[str]:
    one.serve(address, store, dict)
    assert one._server is not None
    try:
        yield one._server.address
    finally:
        one.close()
        store.close()


def test_a_loop_that_hangs_is_not_alive_until_it_comes_round() -> None:
    """Whoever restarts processes hears of a hung loop; of anything outside that is away, they do not."""
    one = monitor(hung_seconds=0.5)
    with serving(one, Store.open("sqlite://"), "[::1]:0") as address:
        one.turned()
        assert ask(address, "/health/live")[0] == 200
        threading.Event().wait(0.6)
        status, body = ask(address, "/health/live")
        assert (status, json.loads(body)["live"]) == (503, False)
        one.turned()
        assert ask(address, "/health/live")[0] == 200
        assert ask(address, "/health/live", "HEAD") == (200, "")
        assert ask(address, "/health/ready")[0] == 503  # never connected to any broker
        assert ask(address, "/health")[0] == 404


def test_clients_that_never_finish_their_request_keep_no_probe_out() -> None:
    """More of them than are answered at once, a byte at a time: who probes the engine still hears of it."""
    one = monitor()
    with serving(one, Store.open("sqlite://")) as address, ExitStack() as held:
        for _ in range(12):
            slow = held.enter_context(socket.create_connection(address.split(":"), 20))  # type: ignore[arg-type]
            slow.sendall(b"G")
        assert [ask(address, "/health/live")[0] for _ in range(20)] == [200] * 20


@pytest.mark.parametrize(
    ("request_line", "answer"),
    [
        (b"GET http://[health/live HTTP/1.1", b"404"),
        (b"GET /../../etc/passwd HTTP/1.1", b"404"),
        (b"GET /health/live\0 HTTP/1.1", b"404"),
        (b"POST /health/live HTTP/1.1\r\nContent-Length: 99999999999", b"501"),
        (b"GET /health/live HTTP/1.1\r\nX: " + b"x" * 65_600, b"431"),
        (b"GET /" + b"x" * 65_600, b"414"),
        (b"GET /health/live HTTP/1.1" + b"\r\nX: 1" * 200, b"431"),
    ],
    ids=["bracket", "traversal", "nul", "post", "long-header", "long-line", "many-headers"],
)
def test_a_request_made_to_do_harm_is_answered_as_what_it_is(request_line: bytes, answer: bytes) -> None:
    """Each is refused by its number, without a traceback, and the next probe is served."""
    with serving(monitor(), Store.open("sqlite://")) as address:
        host, _, port = address.rpartition(":")
        with socket.create_connection((host, int(port)), 20) as client:
            client.sendall(request_line + b"\r\n\r\n")
            said = client.makefile("rb").readline()
        assert said.startswith(b"HTTP/1.0 " + answer)
        assert ask(address, "/health/live")[0] == 200


def test_a_store_that_does_not_answer_is_told_and_holds_one_thread(tmp_path: Path) -> None:
    """A database that hangs, or is away, makes the engine not ready; live and metrics go on answering."""
    store = Stuck.open(f"sqlite:///{tmp_path}/s.db")
    assert isinstance(store, Stuck)
    store.answer.clear()
    one = monitor()
    with serving(one, store) as address:
        waiting = threading.Thread(target=ask, args=(address, "/health/ready"))
        waiting.start()
        while not one._looking.locked():
            threading.Event().wait(0.01)
        assert json.loads(ask(address, "/health/ready")[1])["parts"]["store"]["state"] == "no answer"
        assert "azawatch_store_up 0.0" in ask(address, "/metrics")[1]
        store.answer.set()
        waiting.join(30)
        assert json.loads(ask(address, "/health/ready")[1])["parts"]["store"]["good"]
        store.away = True
        assert json.loads(ask(address, "/health/ready")[1])["parts"]["store"]["state"] == "away"
        text = ask(address, "/metrics")[1]
    assert "azawatch_store_up 0.0" in text
    assert "azawatch_outbox_messages" not in text


def test_an_address_in_use_is_refused_with_what_to_do() -> None:
    """A second worker with the port of the first does not start as if nobody watched it."""
    store = Store.open("sqlite://")
    with (
        serving(monitor(), store) as address,
        pytest.raises(ConfigError, match=r"cannot be used.*each needs a port of its own"),
    ):
        monitor().serve(address, store, dict)


@pytest.mark.parametrize("address", ["9464", "host", "http://host:1", "host:99999", "a:b@host:1", "host:1/x"])
def test_an_address_that_is_none_is_a_defect_of_the_settings(address: str, tmp_path: Path) -> None:
    """A typing error stops the start, with what to write."""
    file = tmp_path / "azawatch.toml"
    file.write_text(f'[monitor]\naddress = "{address}"\n')
    with pytest.raises(ConfigError, match=r"azawatch.toml:2: monitor.address: not an address"):
        load(file)


def test_systemd_hears_that_we_are_ready_and_alive(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """READY once, WATCHDOG no more often than three times in the time granted, nothing without a socket."""
    ServiceManager().tell("READY=1")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listening:
        listening.bind(str(tmp_path / "notify"))
        listening.settimeout(10)
        monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "notify"))
        monkeypatch.setenv("WATCHDOG_USEC", "300000000")
        one = monitor()
        one.started()
        one.turned()
        one.turned()
        one.close()
        said: list[Any] = [listening.recv(100) for _ in range(3)]
    assert said == [b"READY=1", b"WATCHDOG=1", b"STOPPING=1"]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("north", "AZAWATCH_FEEDS__SILENT_MINUTES: feeds.silent_minutes: not names with a number each"),
        ("north=soon", "AZAWATCH_FEEDS__SILENT_MINUTES: feeds.silent_minutes.north: .*valid integer"),
    ],
)
def test_minutes_that_are_none_are_a_defect_with_its_place(
    text: str, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever mistypes how long a laboratory may be silent is told where; a right one counts by its name."""
    monkeypatch.setenv("AZAWATCH_FEEDS__SILENT_MINUTES", "north=30, LIS|WEST=0")
    assert load().feeds.silent_minutes == {"north": 30, "LIS|WEST": 0}
    monkeypatch.setenv("AZAWATCH_FEEDS__SILENT_MINUTES", text)
    with pytest.raises(ConfigError, match=said):
        load()
