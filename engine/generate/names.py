"""Who the invented people are: numbers, names, birth dates; the same for the same number."""

from __future__ import annotations

from dataclasses import dataclass

AUTHORITY = "INVENTED"

_FAMILY = (
    *("TESTSSON", "DUMMY", "SAMPLE", "NOBODY", "EXAMPLE", "MUSTERMANN", "PRUEBA", "VOORBEELD", "TESTFALL"),
    *("EXEMPLE", "FICTION", "INVENTED", "TÄSTFALL", "NEMO", "PLACEHOLDER", "ESEMPIO", "FULANA"),
)
_GIVEN = (
    *("ALFA", "BRAVO", "CHARLIE", "DELTA", "ECHO", "FOXTROT", "GOLF", "HOTEL", "INDIA", "JULIETT", "KILO"),
    *("LIMA", "MIKE", "NOVEMBER", "OSCAR", "PAPA", "QUEBEC", "ROMEO", "SIERRA", "TANGO", "UNIFORM"),
    *("VICTOR", "WHISKEY", "XRAY", "YANKEE", "ZULU"),
)


@dataclass(frozen=True, slots=True)
class Identity:
    """What PID says about one person."""

    number: str
    family: str
    given: str
    born: str
    sex: str


def identity(number: int) -> Identity:
    """The person of a number, from 1. Names come round again; numbers do not."""
    return Identity(
        f"G{number:07}",
        _FAMILY[number % len(_FAMILY)],
        _GIVEN[number // 3 % len(_GIVEN)],
        f"{1935 + number * 7 % 70}{1 + number * 5 % 12:02}{1 + number * 11 % 28:02}",
        "FM"[number % 2],
    )
