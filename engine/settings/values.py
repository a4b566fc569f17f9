"""Single values as people write them; what is wrong raises ValueError, which pydantic collects."""

from __future__ import annotations

from urllib.parse import urlsplit


def not_a_flag(value: object) -> object:
    """Python takes true for 1."""
    if isinstance(value, bool):
        raise ValueError("a number is needed, not true or false")  # noqa: TRY004  pydantic collects ValueError
    return value


def split(value: object) -> object:
    """Environment variables write a list as ``a, b``; the file writes it as a list."""
    if isinstance(value, str):
        return tuple(part.strip() for part in value.split(",") if part.strip())
    return value


def pairs(value: object) -> object:
    """Environment variables write a table as ``north=30, LIS|WEST=0``. Raises ValueError."""
    if not isinstance(value, str):
        return value
    split_up = [part.strip().rpartition("=") for part in value.split(",") if part.strip()]
    if not all(name.strip() for name, _, _ in split_up):
        raise ValueError("not names with a number each: write north=30, LIS|WEST=0")
    return {name.strip(): number.strip() for name, _, number in split_up}


def listening(value: str) -> str:
    """An address to listen at, or nothing. Raises ValueError."""
    try:
        parts = urlsplit(f"//{value}")
        named = parts.hostname and "@" not in value and parts.netloc == value
        usable = not value or (named and parts.port is not None)
    except ValueError:
        usable = False
    if not usable:
        raise ValueError("not an address to listen at: write 127.0.0.1:9464 or [::1]:9464, or nothing")
    return value
