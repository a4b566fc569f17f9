"""The private broker starts quickly, as anybody, beside anything, and leaves nothing behind."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from time import monotonic, sleep

import pytest

from engine.transports.amqp import AmqpPublisher
from tests.support.private_broker import BrokerUnavailableError, PrivateBroker

pytestmark = pytest.mark.broker

ROOT = Path(__file__).parents[2]


def processes_of(folder: Path) -> list[str]:
    """The command lines of living processes that know of a broker's folder."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            told = (process / "environ").read_bytes() + (process / "cmdline").read_bytes()
            if str(folder).encode() in told:
                found.append((process / "cmdline").read_bytes().replace(b"\0", b" ").decode())
        except OSError:
            continue
    return found


def wait_until_gone(folder: Path, seconds: float = 30.0) -> None:
    """Wait until no process and no file of a broker is left."""
    deadline = monotonic() + seconds
    while (left := processes_of(folder)) or folder.exists():
        assert monotonic() < deadline, left or folder
        sleep(0.05)


def foreground(*program: str | Path) -> tuple[subprocess.Popen[str], str, Path]:
    """A broker run as a program: the process, its URL and its folder."""
    process = subprocess.Popen(
        program or (sys.executable, "-m", "tests.support.private_broker"),
        cwd=ROOT if not program else "/",
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    url = process.stdout.readline().strip()
    children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text(encoding="ascii").split()
    folder = Path(f"/proc/{children[0]}/cwd").readlink()
    return process, url, folder


def test_it_stops_without_a_trace(capsys: pytest.CaptureFixture[str]) -> None:
    """A developer's machine is as it was before the tests; how long the start took is shown."""
    with PrivateBroker() as broker:
        folder = broker.folder
        publisher = AmqpPublisher(broker.url)
        publisher.open()
        publisher.close()
        assert processes_of(folder)
        with capsys.disabled():
            sys.stdout.write(f"\nprivate RabbitMQ up after {broker.start_seconds:.1f} s\n")

    wait_until_gone(folder)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
def test_nothing_is_left_when_its_program_ends(number: signal.Signals) -> None:
    """Ctrl-C, and even a killed program, take node and epmd with them."""
    process, url, folder = foreground()
    assert url.startswith("amqp://guest:guest@127.0.0.1:")

    process.send_signal(number)
    process.wait(10.0)

    assert process.returncode == (0 if number is not signal.SIGKILL else -signal.SIGKILL)
    assert process.stdout is not None
    process.stdout.close()
    wait_until_gone(folder)


@pytest.fixture
def readable_by_all() -> Iterator[Path]:
    """A folder that anybody may read; those of pytest are for their owner."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o755)
        yield folder


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else")
@pytest.mark.skipif(shutil.which("setpriv") is None, reason="setpriv of util-linux is not installed")
def test_it_runs_without_privileges(readable_by_all: Path) -> None:
    """Nobody needs to be root, or the user rabbitmq, to try azawatch."""
    nobody = ("setpriv", "--reuid=65534", "--regid=65534", "--clear-groups")
    check = ("-c", "import sys; sys.exit(sys.version_info < (3, 11))")
    for interpreter in (sys.executable, "/usr/bin/python3"):
        tried = subprocess.run([*nobody, interpreter, *check], check=False, stderr=subprocess.DEVNULL)
        if not tried.returncode:
            break
    else:
        pytest.skip("no Python 3.11 that others than root can use")
    # The repository may lie where only its owner can look.
    program = readable_by_all / "private_broker.py"
    shutil.copy(ROOT / "tests/support/private_broker.py", program)
    process, url, folder = foreground(*nobody, interpreter, program)
    publisher = AmqpPublisher(url)
    publisher.open()
    publisher.close()

    process.terminate()

    assert process.wait(10.0) == 0
    assert process.stdout is not None
    process.stdout.close()
    wait_until_gone(folder)


def test_without_a_server_it_says_what_to_install() -> None:
    """The first words a newcomer without RabbitMQ reads are the command that helps."""
    done = subprocess.run(
        [sys.executable, "-c", _WITHOUT_SERVER], cwd=ROOT, capture_output=True, text=True, check=False
    )

    assert done.stderr == "rabbitmq-server is not installed: apt-get install rabbitmq-server\n"
    assert done.returncode == 2


_WITHOUT_SERVER = """
import os, sys
from tests.support import private_broker
private_broker.SCRIPT_FOLDERS = ()
os.environ["PATH"] = ""
sys.exit(private_broker.main())
"""


def test_a_node_that_does_not_start_shows_the_end_of_its_log() -> None:
    """What the node has to say about its configuration is not lost with its folder."""
    broker = PrivateBroker(configuration="no.such.setting = 1\n")

    with pytest.raises(BrokerUnavailableError, match=r"no\.such\.setting"):
        broker.start()

    with pytest.raises(BrokerUnavailableError, match="not started"):
        _ = broker.folder


def test_two_brokers_side_by_side_do_not_see_each_other(broker: PrivateBroker) -> None:
    """Two people, or two checkouts, may test on one machine at the same time."""
    with PrivateBroker() as other:
        other.ctl("add_vhost", "only-there")

        assert "only-there" in other.ctl("list_vhosts")
        assert "only-there" not in broker.ctl("list_vhosts")
