"""A segment that is a line of text until one of its fields is asked for."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence

from engine.errors import ContentError
from engine.hl7.delimiters import Delimiters
from engine.model.disposition import Reason

MAX_FIELDS = 1_000
"""Of a segment; the longest of the standard has 50."""
MAX_PARTS = 100_000
"""Repetitions, components or subcomponents of a field: reports are sent with a repetition for each line."""
MAX_NAME = 250
"""Characters of an identifier, number or code; the longest of the standard has 199."""

# Where names stand that things are found by, by segment and field: all components, or those told. An index of
# PostgreSQL has no room for a name of some thousand characters.
_NAMES: Mapping[str, Mapping[int, frozenset[int]]] = {
    "MSH": {3: frozenset(), 4: frozenset(), 10: frozenset()},
    "PID": {2: frozenset(), 3: frozenset(), 4: frozenset()},
    "MRG": {1: frozenset()},
    "ORC": {2: frozenset(), 3: frozenset()},
    "OBR": {2: frozenset(), 3: frozenset()},
    "OBX": {3: frozenset({1, 4}), 4: frozenset()},
}


class ReadSegment:
    """One segment as it was sent; fulfils :class:`engine.model.segments.Segment`."""

    # A message has many segments and few are touched: _repetitions is only made on first use.
    __slots__ = ("_delimiters", "_fields", "_repetitions", "_text", "name", "number")

    name: str
    number: int

    def __init__(self, name: str, number: int, text: str, delimiters: Delimiters) -> None:
        self.name = name
        self.number = number
        self._text = text
        self._delimiters = delimiters
        self._fields: list[str] | None = None

    def __repr__(self) -> str:
        return f"<segment {self.location()}>"  # never its content: representations end up in logs

    def append_lines(self, lines: Iterable[str]) -> None:
        """Add wrapped text, each line after a newline; only before any field was read."""
        self._text = "\n".join([self._text, *lines])

    def refuse_excess(self) -> None:
        """Raise ContentError(TOO_LARGE) for more fields, parts of one, or longer names than any sender means.

        Each part costs many times its bytes in memory once it is read.
        """
        if len(self._text) <= MAX_NAME:
            return
        if len(self._text) > MAX_FIELDS:
            self._refuse_many_parts()
        for number, counted in _NAMES.get(self.name, {}).items():
            field = self.raw(number)
            if len(field) > MAX_NAME and self._has_long_name(field, counted):
                detail = f"an identifier, number or code of more than {MAX_NAME} characters is not read"
                raise ContentError(Reason.TOO_LARGE, self.location(number), detail)

    def _has_long_name(self, field: str, counted: frozenset[int]) -> bool:
        delimiters = self._delimiters
        return any(
            len(leaf) > MAX_NAME
            for repetition in field.split(delimiters.repetition)
            for place, component in enumerate(repetition.split(delimiters.component), 1)
            if not counted or place in counted
            for leaf in component.split(delimiters.subcomponent)
        )

    def _refuse_many_parts(self) -> None:
        delimiters = self._delimiters
        if self._text.count(delimiters.field) > MAX_FIELDS:
            detail = f"more than {MAX_FIELDS} fields in a segment are not read"
            raise ContentError(Reason.TOO_LARGE, self.location(MAX_FIELDS + 1), detail)
        if len(self._text) <= MAX_PARTS:
            return
        for number in range(1, len(self._fields or self._split())):
            field = self.raw(number)
            for separator, parts in (
                (delimiters.repetition, "repetitions"),
                (delimiters.component, "components"),
                (delimiters.subcomponent, "subcomponents"),
            ):
                if field.count(separator) >= MAX_PARTS:
                    detail = f"more than {MAX_PARTS} {parts} in a field are not read"
                    raise ContentError(Reason.TOO_LARGE, self.location(number), detail)

    def _split(self) -> list[str]:
        self._fields = fields = self._text.split(self._delimiters.field)
        return fields

    def leaf(self, field: int, component: int = 1, repetition: int = 1, subcomponent: int = 1) -> str:
        """The leaf as sent, escapes and delete indicator included; empty when it is absent."""
        fields = self._fields or self._split()
        leaf = fields[field] if field < len(fields) else ""
        if not leaf:
            return ""
        delimiters = self._delimiters
        if delimiters.repetition in leaf:
            repetitions = self._repeated(field)
            leaf = repetitions[repetition - 1] if repetition <= len(repetitions) else ""
        elif repetition != 1:
            return ""
        if component == 1:
            leaf = leaf.partition(delimiters.component)[0]
        else:
            leaf = _part(leaf, delimiters.component, component)
        if subcomponent == 1:
            return leaf.partition(delimiters.subcomponent)[0]
        return _part(leaf, delimiters.subcomponent, subcomponent)

    def _repeated(self, field: int) -> list[str]:
        """The repetitions of a field, kept so that a loop over many of them stays linear."""
        if not hasattr(self, "_repetitions"):
            self._repetitions: dict[int, list[str]] = {}
        repetitions = self._repetitions.get(field)
        if repetitions is None:
            repetitions = self._repetitions[field] = self.raw(field).split(self._delimiters.repetition)
        return repetitions

    def text(self, field: int, component: int = 1, repetition: int = 1, subcomponent: int = 1) -> str:
        """The unescaped leaf; empty when it is absent or the delete indicator."""
        delimiters = self._delimiters
        if component == repetition == subcomponent == 1:
            # leaf() without its choices
            fields = self._fields or self._split()
            leaf = fields[field] if field < len(fields) else ""
            if delimiters.repetition in leaf:
                leaf = leaf.partition(delimiters.repetition)[0]
            if delimiters.component in leaf:
                leaf = leaf.partition(delimiters.component)[0]
            if delimiters.subcomponent in leaf:
                leaf = leaf.partition(delimiters.subcomponent)[0]
        else:
            leaf = self.leaf(field, component, repetition, subcomponent)
        return self._unescaped(leaf) if delimiters.escape in leaf or leaf == '""' else leaf

    def is_null(self, field: int) -> bool:
        """Whether the field is exactly the delete indicator (HL7 v2.9 2.6.1)."""
        return self.raw(field) == '""'

    def repetitions(self, field: int) -> int:
        """How often the field was sent; 0 when it is empty."""
        return len(self._repeated(field)) if self.raw(field) else 0

    def components(self, field: int, repetition: int = 1) -> tuple[str, ...]:
        """The unescaped first subcomponents of one repetition; empty when there is no such repetition."""
        subcomponent = self._delimiters.subcomponent
        return tuple(
            self._unescaped(leaf.partition(subcomponent)[0])
            for leaf in self._split_components(field, repetition)
        )

    def whole_components(self, field: int, repetition: int = 1) -> tuple[str, ...]:
        """As :meth:`components`, but with all subcomponents and the separators between them in the text."""
        return tuple(self._unescaped(leaf) for leaf in self._split_components(field, repetition))

    def _split_components(self, field: int, repetition: int) -> list[str]:
        repetitions = self._repeated(field)
        if repetition > len(repetitions) or not repetitions[repetition - 1]:
            return []
        return repetitions[repetition - 1].split(self._delimiters.component)

    def _unescaped(self, leaf: str) -> str:
        if leaf == '""':
            return ""
        delimiters = self._delimiters
        return delimiters.unescape(leaf) if delimiters.escape in leaf else leaf

    def raw(self, field: int) -> str:
        """The field as sent, separators and escapes included."""
        fields = self._fields or self._split()
        return fields[field] if field < len(fields) else ""

    def raws(self, fields: Sequence[int]) -> tuple[str, ...]:
        """Several fields as sent."""
        sent = self._fields or self._split()
        count = len(sent)
        return tuple([sent[field] if field < count else "" for field in fields])

    @property
    def notation(self) -> str:
        """The separators and the charset, as one text."""
        return self._delimiters.notation

    def with_leaves(
        self, places: Mapping[int, Sequence[tuple[int, int]]], change: Callable[[str], str]
    ) -> str:
        """The segment as text, with ``change`` applied to some of its leaves as sent.

        ``places`` has component and subcomponent by field; they hold in every repetition, where not empty.
        """
        fields = list(self._fields or self._split())
        for number, leaves in places.items():
            if number < len(fields) and fields[number]:
                separator = self._delimiters.repetition
                repetitions = fields[number].split(separator)
                fields[number] = separator.join(self._changed(one, leaves, change) for one in repetitions)
        return self._whole(fields)

    def _changed(
        self, repetition: str, leaves: Sequence[tuple[int, int]], change: Callable[[str], str]
    ) -> str:
        components = repetition.split(self._delimiters.component)
        for component, subcomponent in leaves:
            if component <= len(components):
                parts = components[component - 1].split(self._delimiters.subcomponent)
                if subcomponent <= len(parts) and parts[subcomponent - 1].strip():
                    parts[subcomponent - 1] = change(parts[subcomponent - 1])
                components[component - 1] = self._delimiters.subcomponent.join(parts)
        return self._delimiters.component.join(components)

    def _whole(self, fields: Sequence[str]) -> str:
        return self._delimiters.field.join(fields)

    def location(self, field: int | None = None) -> str:
        """``OBX[3]`` or ``OBX[3]-5``."""
        place = f"{self.name}[{self.number}]"
        return place if field is None else f"{place}-{field}"


class PlainSegment(ReadSegment):
    """A segment of a message in which nothing is escaped, repeated, deleted or has subcomponents."""

    __slots__ = ()

    def text(self, field: int, component: int = 1, repetition: int = 1, subcomponent: int = 1) -> str:
        """As for other segments: the component as it was sent."""
        # The engine's hottest lines.
        fields = self._fields
        if fields is None:
            fields = self._fields = self._text.split(self._delimiters.field)
        if component == 1 and repetition == 1 and subcomponent == 1 and field < len(fields):
            leaf = fields[field]
            separator = self._delimiters.component
            return leaf.partition(separator)[0] if separator in leaf else leaf
        return self.leaf(field, component, repetition, subcomponent)


def _part(text: str, separator: str, position: int) -> str:
    parts = text.split(separator, position)
    return parts[position - 1] if position <= len(parts) else ""


class HeaderSegment(ReadSegment):
    """MSH, FHS or BHS: field 1 is the field separator, field 2 the encoding characters, unsplit."""

    __slots__ = ()

    def _split(self) -> list[str]:
        separator = self._delimiters.field
        name, *fields = self._text.split(separator)
        self._fields = [name, separator, *fields]
        return self._fields

    def _whole(self, fields: Sequence[str]) -> str:
        return self._delimiters.field.join([fields[0], *fields[2:]])

    def leaf(self, field: int, component: int = 1, repetition: int = 1, subcomponent: int = 1) -> str:
        """As for other segments; the separators themselves are one leaf."""
        if field > 2:
            return super().leaf(field, component, repetition, subcomponent)
        return self.raw(field) if component == repetition == subcomponent == 1 else ""

    def text(self, field: int, component: int = 1, repetition: int = 1, subcomponent: int = 1) -> str:
        """As for other segments; the separators themselves are one leaf, without escapes."""
        if field > 2:
            return super().text(field, component, repetition, subcomponent)
        return self.leaf(field, component, repetition, subcomponent)

    def repetitions(self, field: int) -> int:
        """As for other segments; the separators themselves do not repeat."""
        return super().repetitions(field) if field > 2 else 1

    def components(self, field: int, repetition: int = 1) -> tuple[str, ...]:
        """As for other segments; the separators themselves are one component."""
        return super().components(field, repetition) if field > 2 else (self.raw(field),)

    def whole_components(self, field: int, repetition: int = 1) -> tuple[str, ...]:
        """As for other segments; the separators themselves are one component."""
        return super().whole_components(field, repetition) if field > 2 else (self.raw(field),)
