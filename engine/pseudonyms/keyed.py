"""Words and numbers that only a key can trace back: HMAC-SHA256, the same for the same text and key."""

from __future__ import annotations

import hmac
import string
from collections.abc import Sequence
from math import prod

from engine.identity import is_placeholder

KEY_BYTES = 32
"""The least length of a key: as much chance as an HMAC-SHA256 can hold."""

WEEKS = 52
"""Dates move by 1 to so many weeks: into the past, because a result of the future is judged differently."""

_ROUNDS = 10
_LONGEST = 40  # characters; beyond, a token takes the place of the text
_MOST_REMEMBERED = 100_000
_ALPHABETS = (string.digits, string.ascii_uppercase, string.ascii_lowercase)
_PUNCTUATION = frozenset(" -./_:+")
_FAMILY = (
    *("ZAVO", "KYRE", "QUVA", "XILO", "VEZU", "JYKO", "WUZE", "ZYMA"),
    *("KOXE", "VYJO", "QEZA", "XURO", "JEVY", "WYZO", "ZUQA", "KIVU"),
)
_GIVEN = (
    *("ZUVI", "KEXO", "QYRA", "XAVU", "VOZY", "JUKE", "WEVO", "ZIXA"),
    *("KUZO", "VEXY", "QOVA", "XYKE", "JOZU", "WIVY", "ZEKO", "KAXU"),
)


class Pseudonyms:
    """What takes the place of identifiers, names and dates under one key.

    ``key`` has at least :data:`KEY_BYTES` bytes of chance; raises ValueError for a shorter one.
    """

    def __init__(self, key: bytes) -> None:
        if len(key) < KEY_BYTES:
            raise ValueError(f"a key of {len(key)} bytes, at least {KEY_BYTES} are needed")
        self._key = key
        self._identifiers: dict[str, str] = {}

    def number(self, purpose: str, text: str) -> int:
        """256 bits out of a text; another ``purpose`` gives others."""
        message = f"{purpose}\x1f{text}".encode(errors="surrogatepass")
        return int.from_bytes(hmac.digest(self._key, message, "sha256"), "big")

    def identifier(self, text: str) -> str:
        """Another identifier with the same form: digits stay digits, letters letters, punctuation stays.

        Different texts give different identifiers, and an equal text the same wherever it stands, so that
        order, visit and patient numbers go on belonging together. A text that stands where no id is known
        (``UNKNOWN``, zeros) stays; one that is long or has other characters becomes a token of 16 digits.
        """
        stripped = text.strip()
        if is_placeholder(stripped):
            return stripped if stripped.isascii() and len(stripped) <= _LONGEST else ""
        known = self._identifiers.get(stripped)
        if known is None:
            known = self._permuted(stripped)
            while is_placeholder(known):  # walking on keeps different texts apart
                known = self._permuted(known)
            if len(self._identifiers) >= _MOST_REMEMBERED:
                self._identifiers.clear()
            self._identifiers[stripped] = known
        return known

    def family(self, seed: str) -> str:
        """An invented family name, in capital letters."""
        number = self.number("family", seed)
        return _FAMILY[number % 16] + _FAMILY[number // 16 % 16][:2] + _GIVEN[number // 256 % 16][2:]

    def given(self, seed: str) -> str:
        """An invented given name that tells no sex."""
        number = self.number("given", seed)
        return _GIVEN[number % 16] + _GIVEN[number // 16 % 16][2:]

    def weeks(self, person: int | None) -> int:
        """By how many weeks the dates of a person move into the past; without a person those of everybody."""
        return 1 + self.number("weeks", "" if person is None else f"{person:x}") % WEEKS

    def _permuted(self, text: str) -> str:
        """A Feistel network over the digits and letters, as in format-preserving encryption (FF1)."""
        alphabets = [next((a for a in _ALPHABETS if character in a), "") for character in text]
        foreign = any(
            not alphabet and character not in _PUNCTUATION
            for alphabet, character in zip(alphabets, text, strict=True)
        )
        if foreign or len(text) > _LONGEST:
            return f"{self.number('token', text) >> 192:016X}"
        variable = [a for a in alphabets if a]
        figures = [a.index(c) for a, c in zip(alphabets, text, strict=True) if a]
        form = "".join("." if not a else a[0] for a in alphabets)
        mixed = iter(self._mixed(figures, variable, form))
        return "".join(
            a[next(mixed)] if a else character for a, character in zip(alphabets, text, strict=True)
        )

    def _mixed(self, figures: Sequence[int], alphabets: Sequence[str], form: str) -> list[int]:
        half = len(figures) // 2
        radices = [len(a) for a in alphabets]
        left, right = _joined(figures[:half], radices[:half]), _joined(figures[half:], radices[half:])
        left_size, right_size = prod(radices[:half]), prod(radices[half:])
        for turn in range(_ROUNDS):
            if turn % 2:
                left = (left + self.number("left", f"{form} {turn} {right}")) % left_size
            else:
                right = (right + self.number("right", f"{form} {turn} {left}")) % right_size
        return [*_apart(left, radices[:half]), *_apart(right, radices[half:])]


def _joined(figures: Sequence[int], radices: Sequence[int]) -> int:
    number = 0
    for figure, radix in zip(figures, radices, strict=True):
        number = number * radix + figure
    return number


def _apart(number: int, radices: Sequence[int]) -> list[int]:
    figures = []
    for radix in reversed(radices):
        number, figure = divmod(number, radix)
        figures.append(figure)
    return figures[::-1]
