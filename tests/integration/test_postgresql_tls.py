"""A PostgreSQL store over TLS with client certificates: the right ones work, all others are refused."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from engine.errors import ConfigError
from engine.store import Store
from tests.integration.installation import ROSTER
from tests.integration.terminal import Terminal
from tests.support.certificates import NEEDS_OPENSSL, authority, certificate
from tests.support.private_postgresql import PrivatePostgresql

pytestmark = [
    pytest.mark.postgresql,
    NEEDS_OPENSSL,
]

ENGINE = "azawatch"
# As deploy/postgresql/roles.sql says: certificates for the accounts, TLS for everybody else.
RULES = """
host    all administrator 127.0.0.1/32 trust
hostssl all azawatch      127.0.0.1/32 cert
"""


@dataclass(frozen=True, slots=True)
class Secured:
    """A server with TLS, and the certificates of friends and strangers."""

    server: PrivatePostgresql
    folder: Path
    database: str

    def url(
        self,
        *,
        host: str = "127.0.0.1",
        trusts: str = "hospital",
        presents: str = "",
        mode: str = "verify-full",
    ) -> str:
        """The store URL of the engine's account, with these certificates."""
        options = [f"sslmode={mode}", f"sslrootcert={self.folder}/{trusts}.pem"]
        if presents:
            options += [f"sslcert={self.folder}/{presents}.pem", f"sslkey={self.folder}/{presents}.key"]
        return f"postgresql://{ENGINE}@{host}:{self.server.port}/{self.database}?{'&'.join(options)}"


@pytest.fixture(scope="module")
def secured(postgresql: PrivatePostgresql) -> Iterator[Secured]:
    del postgresql  # where it cannot be had, this one cannot either, and says so in the same way
    # Not below pytest's folder, which it closes to others: the server runs as another user.
    with tempfile.TemporaryDirectory(prefix="azawatch-certificates-") as folder:
        Path(folder).chmod(0o755)
        with _server(Path(folder)) as secured:
            yield secured


@contextmanager
def _server(folder: Path) -> Iterator[Secured]:
    authority(folder, "hospital")
    authority(folder, "stranger")
    certificate(folder, "server", "hospital", "server", "subjectAltName=IP:127.0.0.1")
    client = "extendedKeyUsage=clientAuth"
    certificate(folder, "engine", "hospital", ENGINE, client)
    certificate(folder, "rogue", "stranger", ENGINE, client)
    certificate(folder, "expired", "hospital", ENGINE, client, days=-1)
    certificate(folder, "nobody", "hospital", "nobody", client)
    (folder / "hba.conf").write_text(RULES, "ascii")
    for file in (*folder.glob("*.pem"), folder / "hba.conf"):
        file.chmod(0o644)
    if os.geteuid() == 0:
        shutil.chown(folder / "server.key", "postgres")
    settings = {"ssl": "on", "fsync": "off", "hba_file": f"{folder}/hba.conf"}
    files = {"ssl_ca_file": "hospital.pem", "ssl_cert_file": "server.pem", "ssl_key_file": "server.key"}
    settings |= {name: f"{folder}/{file}" for name, file in files.items()}
    with PrivatePostgresql(settings) as server:
        server.execute(f"CREATE ROLE {ENGINE} LOGIN")
        server.execute(f"CREATE DATABASE {ENGINE} OWNER {ENGINE}")
        yield Secured(server, folder, ENGINE)


def refused(url: str) -> str:
    """Why a store is not opened."""
    with pytest.raises(ConfigError) as caught:
        Store.open(url)
    return str(caught.value)


def test_the_certificate_is_the_account(secured: Secured) -> None:
    """The engine works with its certificate alone, and the way is encrypted."""
    with closing(Store.open(secured.url(presents="engine"))) as store:
        assert store.outbox_depth() == 0
        encrypted = "SELECT bool_and(ssl) FROM pg_stat_ssl JOIN pg_stat_activity USING (pid)"
        assert secured.server.execute(f"{encrypted} WHERE usename = '{ENGINE}'") == [(True,)]


def test_a_server_with_a_certificate_from_elsewhere_is_not_trusted(secured: Secured) -> None:
    """Patient data are not handed to somebody who only pretends to be the database."""
    said = refused(secured.url(trusts="stranger", presents="engine"))
    assert "the certificate of the server is not trusted" in said
    assert "the authority of the server is not known" in refused(secured.url(trusts="nowhere"))


def test_a_certificate_for_another_host_is_not_trusted(secured: Secured) -> None:
    """The certificate must name the host that the URL names."""
    said = refused(secured.url(host="localhost", presents="engine"))
    assert "for another host: store_url must name the host" in said


def test_a_server_whose_certificate_has_expired_is_not_trusted(secured: Secured) -> None:
    """Whoever finds an old key of the server in a backup gets nothing."""
    folder, server = secured.folder, secured.server
    certificate(folder, "old", "hospital", "server", "subjectAltName=IP:127.0.0.1", days=-1)
    (folder / "old.pem").chmod(0o644)
    if os.geteuid() == 0:
        shutil.chown(folder / "old.key", "postgres")
    with PrivatePostgresql(
        {"ssl": "on", "ssl_cert_file": f"{folder}/old.pem", "ssl_key_file": f"{folder}/old.key"}
    ) as old:
        url = secured.url(presents="engine").replace(f":{server.port}/", f":{old.port}/")
        assert "is not trusted, or has expired" in refused(url)


@pytest.mark.parametrize(
    ("presents", "told"),
    [
        ("", "wants a client certificate: sslcert and sslkey"),
        ("rogue", "does not trust our client certificate"),
        ("expired", "our client certificate has expired"),
        ("nobody", "our client certificate is that of another account"),
    ],
)
def test_other_clients_are_refused_and_told_why(secured: Secured, presents: str, told: str) -> None:
    """None, one of another authority, one of yesterday, one of another account: each is told apart."""
    assert told in refused(secured.url(presents=presents))


def test_without_tls_nobody_gets_in(secured: Secured) -> None:
    """The server has no line for accounts that come in the clear."""
    said = refused(secured.url(mode="disable"))
    assert "no line of the server's pg_hba.conf fits" in said


def test_a_key_that_others_can_read_is_refused(secured: Secured) -> None:
    """The certificate is the account: its key is a secret like a password."""
    shutil.copy(secured.folder / "engine.pem", secured.folder / "open.pem")
    shutil.copy(secured.folder / "engine.key", secured.folder / "open.key")
    (secured.folder / "open.key").chmod(0o644)

    assert "others can read the key file: chmod 600" in refused(secured.url(presents="open"))


def test_another_machine_must_prove_who_it_is(secured: Secured, terminal: Terminal) -> None:
    """An address that says nothing of TLS is good for a database on this machine only."""
    address = secured.server.new_database().replace("@127.0.0.1:", "@0.0.0.0:")
    terminal.set(STORE_URL=address, SITE_KEY="k" * 40)
    assert "sslrootcert in store_url must name the file" in terminal.type("alerts", "list", exits=2).err

    terminal.set(STORE_URL=f"{address}?sslmode=require")
    assert terminal.type("roster", "import", ROSTER).code == 0
