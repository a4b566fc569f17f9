"""Values that nobody changes, without what it costs to have Python watch over that."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeVar, dataclass_transform

T = TypeVar("T")


@dataclass_transform(frozen_default=True, field_specifiers=(field,))
def frozen(*, order: bool = False) -> Callable[[type[T]], type[T]]:
    """A frozen dataclass with slots, for what is made for every message and observation.

    That nobody changes it is seen to by the type checker alone: ``dataclass(frozen=True)`` sets each field
    through a call, which was a tenth of the time of a feed. ``order``: compared field by field.
    """

    def made(cls: type[T]) -> type[T]:
        return dataclass(slots=True, unsafe_hash=True, order=order)(cls)

    return made
