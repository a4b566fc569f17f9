"""Lossless JSON for the frozen dataclasses of this package: what the store keeps of findings and alerts.

The shape follows the annotations: a dataclass becomes an object, a tuple an array, an enum its value, a
datetime its ISO 8601 text with offset, a Decimal its text, a timedelta its microseconds. A field that was
not written takes its default, and one that is not known is passed over, so that rows written by a
neighbouring release can be read.
"""

from __future__ import annotations

import json
import types
from collections.abc import Callable, Mapping
from dataclasses import MISSING, fields, is_dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from enum import Enum
from typing import Any, NamedTuple, TypeVar, Union, cast, get_args, get_origin, get_type_hints

from engine.model.alert import AlertEvent
from engine.model.finding import Finding

T = TypeVar("T")


class _Codec(NamedTuple):
    """How values of one type are turned into plain JSON values, and back."""

    encode: Callable[[Any], object]
    decode: Callable[[Any], object]


def finding_to_json(finding: Finding) -> str:
    """One line of JSON; equal findings give equal text."""
    return _to_json(finding)


def finding_from_json(text: str) -> Finding:
    """The finding that :func:`finding_to_json` wrote; raises ValueError for any other text."""
    return _from_json(Finding, text)


def event_to_json(event: AlertEvent) -> str:
    """One line of JSON; equal events give equal text."""
    return _to_json(event)


def event_from_json(text: str) -> AlertEvent:
    """The event that :func:`event_to_json` wrote; raises ValueError for any other text."""
    return _from_json(AlertEvent, text)


def _to_json(value: object) -> str:
    encoded = _codec(type(value)).encode(value)
    return json.dumps(encoded, ensure_ascii=False, separators=(",", ":"), allow_nan=False)


def _from_json(kind: type[T], text: str) -> T:
    try:
        value = _codec(kind).decode(json.loads(text))
    except (AttributeError, KeyError, TypeError, ArithmeticError) as error:
        raise ValueError(f"not a stored {kind.__name__}") from error
    return cast("T", value)


def _same(value: object) -> object:
    return value


_MICROSECOND = timedelta(microseconds=1)
_CODECS: dict[object, _Codec] = {
    str: _Codec(_same, _same),
    bool: _Codec(_same, _same),
    int: _Codec(_same, _same),
    Decimal: _Codec(str, Decimal),
    datetime: _Codec(datetime.isoformat, datetime.fromisoformat),
    date: _Codec(date.isoformat, date.fromisoformat),
    timedelta: _Codec(lambda value: value // _MICROSECOND, lambda value: value * _MICROSECOND),
}


def _codec(kind: object) -> _Codec:
    """The codec of a type, made once."""
    if kind not in _CODECS:
        _CODECS[kind] = _made(kind)
    return _CODECS[kind]


def _made(kind: object) -> _Codec:
    origin, arguments = get_origin(kind), get_args(kind)
    if origin in (Union, types.UnionType):
        return _optional(arguments)
    if origin is tuple:
        return _tuple(arguments)
    if isinstance(kind, type) and issubclass(kind, Enum):
        return _Codec(lambda member: member.value, kind)
    if isinstance(kind, type) and is_dataclass(kind):
        return _dataclass(kind)
    raise TypeError(f"{kind} has no stored form")


def _optional(arguments: tuple[object, ...]) -> _Codec:
    inner = [argument for argument in arguments if argument is not type(None)]
    if len(inner) != 1 or len(inner) == len(arguments):
        raise TypeError("only X | None has a stored form among unions")
    codec = _codec(inner[0])
    return _Codec(
        lambda value: None if value is None else codec.encode(value),
        lambda value: None if value is None else codec.decode(value),
    )


def _tuple(arguments: tuple[object, ...]) -> _Codec:
    if len(arguments) == 2 and arguments[1] is Ellipsis:
        item = _codec(arguments[0])
        return _Codec(
            lambda values: [item.encode(value) for value in values],
            lambda values: tuple(item.decode(value) for value in values),
        )
    items = [_codec(argument) for argument in arguments]
    return _Codec(
        lambda values: [item.encode(value) for item, value in zip(items, values, strict=True)],
        lambda values: tuple(item.decode(value) for item, value in zip(items, values, strict=True)),
    )


def _dataclass(kind: type) -> _Codec:
    hints = get_type_hints(kind)
    members = [(member.name, _codec(hints[member.name])) for member in fields(kind)]
    required = {
        member.name
        for member in fields(kind)
        if member.default is MISSING and member.default_factory is MISSING
    }

    def encode(value: object) -> object:
        return {name: codec.encode(getattr(value, name)) for name, codec in members}

    def decode(value: Mapping[str, object]) -> object:
        present = [(name, codec) for name, codec in members if name in value or name in required]
        return kind(**{name: codec.decode(value[name]) for name, codec in present})

    return _Codec(encode, decode)
