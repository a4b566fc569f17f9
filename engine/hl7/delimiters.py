"""The separators that a message declares for itself, and the escapes that stand for them."""

from __future__ import annotations

from dataclasses import dataclass
from dataclasses import field as field_of_class
from functools import lru_cache

from engine.errors import ContentError
from engine.model.disposition import Reason

ABSENT = "\r"
"""Stands for a separator that MSH-2 does not declare: it cannot occur inside a segment."""

_ENCODING_CHARACTERS_AT_MOST = 8  # MSH-2 has 4, since 2.7 5; more is tolerated, a whole field is not
_LINE_COMMANDS = frozenset({"br", "sp", "ce"})
_SPACE_COMMANDS = frozenset({"sk"})
_SILENT_COMMANDS = frozenset({"in", "ti", "fi", "nf"})


@dataclass(frozen=True, slots=True)
class Delimiters:
    """Separators of one message (HL7 v2.9 2.4.4, MSH-1 and MSH-2) and the charset of its hexadecimal escapes.

    A separator that was not declared is :data:`ABSENT`, so that splitting at it never finds one.
    ``notation`` is all of them as one text.
    """

    field: str
    component: str
    repetition: str
    escape: str
    subcomponent: str
    truncation: str
    charset: str
    notation: str = field_of_class(init=False, default="", compare=False)

    def __post_init__(self) -> None:
        separators = (self.field, self.component, self.repetition, self.escape, self.subcomponent)
        object.__setattr__(self, "notation", "".join((*separators, self.truncation, self.charset)))

    def are_unused(self, text: str) -> bool:
        """Whether nothing in the text is escaped, repeated, a subcomponent or the delete indicator."""
        if '"' in text:
            return False
        for separator in (self.repetition, self.escape, self.subcomponent):
            if separator in text and separator != ABSENT:
                return False
        return True

    def unescape(self, leaf: str) -> str:
        """Replace the escape sequences of one leaf (HL7 v2.9 2.6.1 and 2.6.7) in linear time.

        Unknown, local (Z) and unbalanced sequences stay as they were sent. Highlighting is
        dropped; a formatting command that ends a line becomes one newline, whatever its argument.
        """
        first, *rest = leaf.split(self.escape)
        if not rest:
            return leaf
        pieces = [first]
        last = len(rest) - 1
        position = 0
        while position <= last:
            content = rest[position]
            meaning = self._meaning(content) if position < last else None
            if meaning is None:
                # Not a sequence: the next escape character may still open one ("C:\temp\F\").
                pieces.append(self.escape + content)
                position += 1
            else:
                pieces.append(meaning + rest[position + 1])
                position += 2
        return "".join(pieces)

    def _meaning(self, content: str) -> str | None:
        """What stands between two escape characters means, None where that is not known."""
        if len(content) == 1:
            return self._single(content)
        if content[:1] == "X":
            return self._hexadecimal(content[1:])
        if content[:1] == ".":
            return _formatting(content[1:])
        return None

    def _single(self, content: str) -> str | None:
        if content in "HN":
            return ""
        meaning = {
            "F": self.field,
            "S": self.component,
            "T": self.subcomponent,
            "R": self.repetition,
            "E": self.escape,
            "P": self.truncation,
        }.get(content)
        return None if meaning == ABSENT else meaning

    def _hexadecimal(self, digits: str) -> str | None:
        try:
            # fromhex skips spaces, which the standard does not know: they make the sequence unknown.
            text = None if " " in digits else bytes.fromhex(digits).decode(self.charset)
        except (ValueError, LookupError):
            return None
        # NUL is no character of any HL7 charset, and PostgreSQL cannot store it.
        return None if not text or "\0" in text else text


def _formatting(command: str) -> str | None:
    name = command[:2].lower()
    if name in _LINE_COMMANDS:
        return "\n"
    if name in _SPACE_COMMANDS:
        return " "
    return "" if name in _SILENT_COMMANDS else None


def is_field_separator(character: str) -> bool:
    """Whether a character can be MSH-1: a printable ASCII character that is no letter, digit or space."""
    return len(character) == 1 and "!" <= character <= "~" and not character.isalnum()


@lru_cache(maxsize=64)
def read_delimiters(field: str, encoding: str, charset: str) -> tuple[Delimiters, tuple[str, ...]]:
    r"""Read MSH-2, given MSH-1; returns the separators and warnings about how they were declared.

    Missing characters are absent. Two kinds of damage are undone, both made by programs that wrote
    MSH-2 as a string literal: ``^~&`` has lost its backslash, ``^~\\&`` has doubled it. A character
    that is declared for two purposes keeps the first. Raises ContentError when MSH-2 is empty or holds
    letters, digits or spaces: it is then some other field, and every value would be split wrongly.
    """
    if (
        not encoding
        or len(encoding) > _ENCODING_CHARACTERS_AT_MOST
        or any(
            character.isalnum() or not character.isprintable() or character == " " for character in encoding
        )
    ):
        raise ContentError(
            Reason.UNREADABLE, "MSH[1]-2", "no encoding characters; the sender must fill MSH-2, usually ^~\\&"
        )
    warnings = []
    characters = encoding
    if characters[2:4] == "\\\\":
        warnings.append("encoding_characters_repeated")
        characters = characters[:3] + characters[4:]
    elif len(characters) == 3 and characters[2] == "&":
        characters = characters[:2] + ABSENT + "&"
    if len(encoding) < 4:
        warnings.append("encoding_characters_short")
    elif len(characters) > 5:
        warnings.append("encoding_characters_extra")
    taken = {field}
    roles = []
    for character in characters[:5].ljust(5, ABSENT):
        if character in taken and character != ABSENT:
            if "encoding_characters_repeated" not in warnings:
                warnings.append("encoding_characters_repeated")
            roles.append(ABSENT)
        else:
            taken.add(character)
            roles.append(character)
    component, repetition, escape, subcomponent, truncation = roles
    delimiters = Delimiters(field, component, repetition, escape, subcomponent, truncation, charset)
    return delimiters, tuple(warnings)
