"""Pseudonyms of numbers and names: same form, no two alike, untraceable without the key."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.identity import is_placeholder
from engine.pseudonyms import WEEKS, Pseudonyms
from tests.support.pseudonymising import KEY, OTHER_KEY

PSEUDONYMS = Pseudonyms(KEY)


def test_no_two_numbers_of_a_small_hospital_become_one() -> None:
    """A thousand three-digit numbers stay a thousand: results of two people would else be mixed."""
    numbers = [f"{number:03d}" for number in range(1, 999)]

    assert len({PSEUDONYMS.identifier(number) for number in numbers}) == len(numbers)


@given(st.from_regex(r"[A-Z]{0,3}[0-9]{1,12}([-/][a-z0-9]{1,4})?", fullmatch=True))
def test_a_number_keeps_its_form(number: str) -> None:
    """Receivers check lengths and prefixes of letters; a number that means nobody never comes out."""
    pseudonym = PSEUDONYMS.identifier(number)

    if is_placeholder(number):
        assert pseudonym == number
        return
    assert not is_placeholder(pseudonym)
    assert [kind(character) for character in pseudonym] == [kind(character) for character in number]


def kind(character: str) -> str:
    if character.isdigit():
        return "digit"
    if character.isalpha():
        return "capital letter" if character.isupper() else "small letter"
    return character


def test_the_key_decides() -> None:
    """Under one key always the same, under another something else."""
    other = Pseudonyms(OTHER_KEY)

    assert PSEUDONYMS.identifier("H0041707") == Pseudonyms(KEY).identifier("H0041707")
    assert PSEUDONYMS.identifier("H0041707") != other.identifier("H0041707")
    assert PSEUDONYMS.family("x") != other.family("x")
    assert {Pseudonyms(bytes([n] * 32)).weeks(1) for n in range(200)} <= set(range(1, WEEKS + 1))


@pytest.mark.parametrize("text", ["Ärztin Müller", "x" * 60, "a\u2028b", "名前12345"])
def test_a_text_that_is_no_number_becomes_a_token(text: str) -> None:
    """Nothing of it is left, not its length either."""
    token = PSEUDONYMS.identifier(text)

    assert len(token) == 16
    assert token.isalnum()


@pytest.mark.parametrize("text", ["UNKNOWN", "0000000", "9999999999"])
def test_a_number_that_means_nobody_goes_on_meaning_nobody(text: str) -> None:
    """Else all strangers would become one person."""
    assert PSEUDONYMS.identifier(text) == text


def test_a_short_key_is_refused() -> None:
    """What can be guessed is no key."""
    with pytest.raises(ValueError, match="at least 32"):
        Pseudonyms(b"secret")
