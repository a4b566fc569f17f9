"""Addresses that name several hosts: one cluster, one account, one set of options."""

from __future__ import annotations

from urllib.parse import urlsplit, urlunsplit


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
