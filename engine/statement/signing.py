"""Statements that nobody can change unnoticed: HMAC-SHA-256 under a key made of the site key."""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

ALGORITHM = "hmac-sha256"
LAST_LINE = "signature"

_PURPOSE = b"azawatch daily statement 1"
_OF_ALL = "all"


def signed(statement: Mapping[str, Any], site_key: bytes) -> dict[str, Any]:
    """The statement with its signature, which covers all of it."""
    return {**statement, LAST_LINE: _signature(_canonical(statement), site_key)}


def signed_together(statements: Iterable[Mapping[str, Any]], site_key: bytes) -> Iterator[dict[str, Any]]:
    """Each statement signed, and at the end one that says how many there were: none can be taken away."""
    digest, count = hashlib.sha256(), 0
    for statement in statements:
        one = signed(statement, site_key)
        digest.update(one[LAST_LINE].encode())
        count += 1
        yield one
    yield signed({"statement": _OF_ALL, "statements": count, "sha256": digest.hexdigest()}, site_key)


def faults(lines: Iterable[str], site_key: bytes) -> Iterator[tuple[int, str]]:
    """What is wrong with a file of signed statements: the number of the line, and what. Nothing: it is whole.

    Raises ValueError with the number of the line that is no statement.
    """
    digest, count, whole = hashlib.sha256(), 0, False
    number = 0
    for number, line in enumerate(lines, start=1):
        statement = _read(line, number)
        claimed = str(statement.pop(LAST_LINE))
        if not hmac.compare_digest(_bytes(claimed), _signature(_canonical(statement), site_key).encode()):
            yield number, "changed, or signed with another key"
        elif whole:
            yield number, "stands behind the end"
        elif statement["statement"] == _OF_ALL:
            whole = True
            if (statement["statements"], statement["sha256"]) != (count, digest.hexdigest()):
                yield number, "statements are missing, added or in another order"
        digest.update(_bytes(claimed))
        count += 1
    if not whole and count != 1:
        yield number, "the end is missing: the file was cut off"


def _read(line: str, number: int) -> dict[str, Any]:
    try:
        statement = json.loads(line, object_pairs_hook=_once)
    except (ValueError, RecursionError):
        raise ValueError(number) from None
    if not isinstance(statement, dict) or not {"statement", LAST_LINE} <= statement.keys():
        raise ValueError(number)
    return statement


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Refuses a name that is there twice: of two values a reader may take the other one."""
    read = dict(pairs)
    if len(read) != len(pairs):
        raise ValueError
    return read


def _canonical(statement: Mapping[str, Any]) -> bytes:
    """The same bytes for the same content, however it was written down."""
    return _bytes(json.dumps(statement, ensure_ascii=False, sort_keys=True, separators=(",", ":")))


def _bytes(text: str) -> bytes:
    """Half a surrogate pair, which somebody has written into a file, is one more change of it."""
    return text.encode("utf-8", "surrogatepass")


def _signature(body: bytes, site_key: bytes) -> str:
    key = hmac.new(site_key, _PURPOSE, "sha256").digest()
    return f"{ALGORITHM} {hmac.new(key, body, 'sha256').hexdigest()}"
