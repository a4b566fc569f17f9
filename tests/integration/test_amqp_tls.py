"""Mutual TLS with a real RabbitMQ: the right certificates work without a password, all others are refused."""

from __future__ import annotations

import shutil
import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

import pytest

from engine.errors import ConfigError, TransientError
from engine.transports.amqp import AmqpPublisher
from tests.integration.installation import wait_until
from tests.support.certificates import NEEDS_OPENSSL, authority, certificate
from tests.support.private_broker import PrivateBroker
from tests.support.transport_worlds import message, outcomes

pytestmark = [
    pytest.mark.broker,
    NEEDS_OPENSSL,
]

USER = "azawatch-engine"

_CONFIGURATION = """
listeners.ssl.1 = 127.0.0.1:{{tls_port}}
ssl_options.cacertfile = {folder}/hospital.pem
ssl_options.certfile = {folder}/broker.pem
ssl_options.keyfile = {folder}/broker.key
ssl_options.verify = verify_peer
ssl_options.fail_if_no_peer_cert = true
auth_mechanisms.1 = EXTERNAL
auth_mechanisms.2 = PLAIN
ssl_cert_login_from = common_name
"""


@dataclass(frozen=True, slots=True)
class Secured:
    """A broker with TLS, and the certificates of friends and strangers."""

    broker: PrivateBroker
    folder: Path

    def options(self, *, trusts: str = "hospital", presents: str = "") -> dict[str, str]:
        """The files of these certificates, as an amqps URL names them."""
        options = {"ca_certs": str(self.folder / f"{trusts}.pem")}
        if presents:
            options["certfile"] = str(self.folder / f"{presents}.pem")
            options["keyfile"] = str(self.folder / f"{presents}.key")
        return options

    def url_with(self, options: dict[str, str], host: str = "127.0.0.1") -> str:
        """An amqps URL without user, with these files."""
        return f"amqps://{host}:{self.broker.tls_port}/%2F?ssl_options={quote(repr(options))}"

    def url(self, *, host: str = "127.0.0.1", trusts: str = "hospital", presents: str = "") -> str:
        """An amqps URL without user, with these certificates."""
        return self.url_with(self.options(trusts=trusts, presents=presents), host)


@pytest.fixture(scope="module")
def secured(tmp_path_factory: pytest.TempPathFactory, broker: PrivateBroker) -> Iterator[Secured]:
    del broker  # where it cannot be had, this one cannot either, and says so in the same way
    folder = tmp_path_factory.mktemp("certificates")
    folder.chmod(0o755)
    authority(folder, "hospital")
    authority(folder, "stranger")
    certificate(folder, "broker", "hospital", "broker", "subjectAltName=IP:127.0.0.1")
    certificate(folder, "engine", "hospital", USER, "extendedKeyUsage=clientAuth")
    certificate(folder, "rogue", "stranger", USER, "extendedKeyUsage=clientAuth")
    certificate(folder, "expired", "hospital", USER, "extendedKeyUsage=clientAuth", days=-1)
    certificate(folder, "broker-of-old", "hospital", "broker", "subjectAltName=IP:127.0.0.1", days=-1)
    certificate(folder, "nobody", "hospital", "nobody", "extendedKeyUsage=clientAuth")
    node = PrivateBroker(
        configuration=_CONFIGURATION.format(folder=folder), plugins=["rabbitmq_auth_mechanism_ssl"]
    )
    with node:
        node.ctl("add_user", USER, "unused")
        node.ctl("clear_password", USER)
        node.ctl("set_permissions", USER, ".*", ".*", ".*")
        yield Secured(node, folder)


def test_the_certificate_is_the_account(secured: Secured) -> None:
    """The engine works with its certificate alone; there is no password to leak."""
    publisher = AmqpPublisher(secured.url(presents="engine"))
    publisher.open()

    receipts = publisher.publish([message("nowhere", b"1")])
    publisher.close()

    assert outcomes(receipts) == [("1", "returned")]


def test_a_broker_with_a_certificate_from_elsewhere_is_not_trusted(secured: Secured) -> None:
    """Results are not handed to somebody who only pretends to be the broker."""
    with pytest.raises(ConfigError, match="TLS: the certificate of the broker is not trusted"):
        AmqpPublisher(secured.url(trusts="stranger", presents="engine")).open()


def test_a_certificate_for_another_host_is_not_trusted(secured: Secured) -> None:
    """The certificate must name the host that the URL names."""
    with pytest.raises(ConfigError, match=r"(?i)hostname mismatch"):
        AmqpPublisher(secured.url(host="localhost", presents="engine")).open()


def test_an_account_that_does_not_exist_is_told(secured: Secured) -> None:
    """A certificate that the broker trusts but knows no account for is an error of configuration."""
    with pytest.raises(ConfigError, match="ACCESS_REFUSED"):
        AmqpPublisher(secured.url(presents="nobody")).open()


@pytest.mark.parametrize("presents", ["", "rogue", "expired"])
def test_the_text_names_the_certificate_when_the_broker_hangs_up(secured: Secured, presents: str) -> None:
    """The broker refuses without a word; what is left to think of is said by us."""
    with pytest.raises(TransientError, match="our client certificate refused"):
        AmqpPublisher(secured.url(presents=presents), open_timeout_seconds=2.0).open()


def test_plain_text_to_the_tls_port_gets_nowhere(secured: Secured) -> None:
    """A URL with amqp instead of amqps does not send the password in the clear and call it a day."""
    url = secured.broker.url.replace(f":{secured.broker.port}/", f":{secured.broker.tls_port}/")

    with pytest.raises(TransientError, match="a TLS port addressed without TLS"):
        AmqpPublisher(url, open_timeout_seconds=2.0).open()


def test_a_broker_whose_certificate_has_expired_is_not_trusted(secured: Secured) -> None:
    """Whoever finds an old key of the broker's in a backup does not get our results."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(secured.folder / "broker-of-old.pem", secured.folder / "broker-of-old.key")
    with socket.create_server(("127.0.0.1", 0)) as old:

        def answer() -> None:
            with suppress(OSError):
                context.wrap_socket(old.accept()[0], server_side=True)

        threading.Thread(target=answer, daemon=True).start()
        url = secured.url(presents="engine").replace(
            f":{secured.broker.tls_port}/", f":{old.getsockname()[1]}/"
        )
        with pytest.raises(ConfigError, match="certificate has expired"):
            AmqpPublisher(url).open()


def test_a_key_that_everybody_can_read_is_refused(secured: Secured) -> None:
    """The certificate is the account: its key is a secret like a password."""
    shutil.copy(secured.folder / "engine.pem", secured.folder / "open.pem")
    shutil.copy(secured.folder / "engine.key", secured.folder / "open.key")
    (secured.folder / "open.key").chmod(0o644)

    with pytest.raises(ConfigError, match="everybody on this machine can read this key"):
        AmqpPublisher(secured.url(presents="open")).open()


@pytest.mark.parametrize(
    ("option", "content", "told"),
    [
        ("ca_certs", None, r"broken\.pem: ca_certs of amqp_url cannot be read: No such file"),
        ("ca_certs", b"nonsense", r"broken\.pem: ca_certs of amqp_url holds no certificate"),
        ("certfile", None, r"broken\.pem: certfile of amqp_url cannot be read: No such file"),
        ("certfile", b"nonsense", r"broken\.pem: is no client certificate, or keyfile is not its key"),
        ("keyfile", None, r"broken\.pem: keyfile of amqp_url cannot be read: No such file"),
        ("keyfile", b"nonsense", r"engine\.pem: is no client certificate, or keyfile is not its key"),
    ],
)
def test_a_file_that_cannot_be_used_is_named(
    secured: Secured, tmp_path: Path, option: str, content: bytes | None, told: str
) -> None:
    """Whoever sets up certificates at night learns which of three files it is."""
    broken = tmp_path / "broken.pem"
    if content is not None:
        broken.write_bytes(content)
    options = secured.options(presents="engine") | {option: str(broken)}
    with pytest.raises(ConfigError, match=told):
        AmqpPublisher(secured.url_with(options))


def test_without_an_authority_the_text_says_so(secured: Secured) -> None:
    """A certificate of ours alone proves nothing about the broker."""
    options = secured.options(presents="engine")
    del options["ca_certs"]
    with pytest.raises(ConfigError, match="ssl_options name no ca_certs"):
        AmqpPublisher(secured.url_with(options))


def test_a_certificate_that_is_being_renewed_is_waited_for(secured: Secured, tmp_path: Path) -> None:
    """The new one is there and its key is not: the file is named, and all is well when the key comes."""
    mine = tmp_path / "mine.pem"
    shutil.copy(secured.folder / "engine.pem", mine)
    told: list[tuple[str, str]] = []
    options = secured.options(presents="engine") | {"certfile": str(mine)}
    publisher = AmqpPublisher(
        secured.url_with(options), on_state=lambda state, detail: told.append((state, detail))
    )
    publisher.open()
    shutil.copy(secured.folder / "nobody.pem", mine)
    secured.broker.ctl("close_all_connections", "renewed")
    wait_until(lambda: any("mine.pem" in detail for _, detail in told), "the file is named")
    shutil.copy(secured.folder / "engine.pem", mine)
    wait_until(lambda: told[-1][0] == "open", "connected again")

    publisher.close()
