"""Progress of long fits. Whoever wants to show it enters `showing`; without that, nothing is shown and telling costs nothing."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Final, Protocol


class Advance(Protocol):
    def __call__(self, what: str, done: int, total: int, note: str) -> None: ...


TREES_BETWEEN: Final = 10
_advance: ContextVar[Advance | None] = ContextVar("advance", default=None)


def advance(what: str, done: int, total: int, note: str = "") -> None:
    """Tells that `done` of `total` steps of `what` are done."""
    tell = _advance.get()
    if tell is not None:
        tell(what, done, total, note)


def grown(forest: str, trees: int, most: int, loss: float | None) -> None:
    """Tells of every tenth tree, and of the last. loss: on the rows that say when to stop, where there are any."""
    if trees % TREES_BETWEEN == 0 or trees == most:
        advance(forest, trees, most, "" if loss is None else f"loss {loss:.5f}")


@contextmanager
def showing(tell: Advance | None) -> Iterator[None]:
    """Within, `tell` hears of every step."""
    token = _advance.set(tell)
    try:
        yield
    finally:
        _advance.reset(token)
