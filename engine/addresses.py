"""Addresses of brokers and databases: several hosts, and how well the way to them is protected."""

from __future__ import annotations

from urllib.parse import parse_qs, urlsplit, urlunsplit


def each_host(address: str) -> tuple[str, ...]:
    """``scheme://user:password@a:1,b:2/path`` as one address for each host, in the order given.

    Raises ValueError where the address cannot be taken apart; its text may quote the address, and with it
    a password.
    """
    parts = urlsplit(address)
    account, at, hosts = parts.netloc.rpartition("@")
    if "," not in hosts:
        return (address,)
    return tuple(
        urlunsplit(parts._replace(netloc=f"{account}{at}{host.strip()}")) for host in hosts.split(",")
    )


def is_local(host: str) -> bool:
    """Whether a host is this machine, by its name alone."""
    return host in ("", "localhost", "::1") or host.startswith(("127.", "/"))


def has_password(address: str) -> bool:
    """Whether an address holds a password; one that cannot be taken apart may."""
    try:
        return any(urlsplit(one).password is not None for one in each_host(address))
    except ValueError:
        return True


def weaknesses(amqp_url: str, store_url: str) -> list[str]:
    """What could be read or forged on the way to broker and database, and what to do about it.

    Both addresses are usable ones; passwords are not quoted.
    """
    found = []
    brokers = [urlsplit(one) for one in each_host(amqp_url)]
    if any(one.scheme == "amqp" and not is_local(one.hostname or "") for one in brokers):
        found.append("the broker is on another machine and amqp_url is without TLS: write amqps://")
    database = urlsplit(store_url)
    mode = parse_qs(database.query).get("sslmode", ["verify-full"])[-1]
    if database.scheme == "postgresql" and not is_local(database.hostname or "") and mode != "verify-full":
        found.append(
            f"the database is on another machine and sslmode={mode} does not prove which: write"
            " sslmode=verify-full and sslrootcert in store_url, or leave sslmode out"
        )
    return found
