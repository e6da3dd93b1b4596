"""How far a long fit has come, for whoever looks: nobody does until `showing` is entered."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Protocol


class Advance(Protocol):
    def __call__(self, what: str, done: int, total: int, note: str) -> None: ...


_advance: ContextVar[Advance | None] = ContextVar("advance", default=None)


def advance(what: str, done: int, total: int, note: str = "") -> None:
    """Tells that `done` of `total` steps of `what` are done."""
    tell = _advance.get()
    if tell is not None:
        tell(what, done, total, note)


@contextmanager
def showing(tell: Advance | None) -> Iterator[None]:
    """Within, `tell` hears of every step."""
    token = _advance.set(tell)
    try:
        yield
    finally:
        _advance.reset(token)
