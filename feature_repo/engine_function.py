"""Functions of the engines that Ibis has no word for."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any


def engine_function(name: str, takes: str, gives: str, aggregate: bool = False) -> Callable[[Any], Any]:
    """A function of one column that the engine has by this name, from one Ibis type to another."""
    import ibis

    kind: Any = ibis.udf.agg if aggregate else ibis.udf.scalar
    made: Callable[[Any], Any] = kind.builtin(lambda value: value, name=name, signature=((takes,), gives))
    return made
