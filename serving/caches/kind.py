"""What one kind of cached value is called, and how it becomes bytes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

T = TypeVar("T")


@dataclass(frozen=True)
class Kind(Generic[T]):
    """form: says what the bytes look like; values of another form are not found. encode: never to no bytes at all, since these say that
    there is no value. decode: raises ValueError or MsgspecError for bytes that are none of its own."""

    name: str
    form: str
    encode: Callable[[T], bytes]
    decode: Callable[[bytes], T]
