"""Which of its parameters a family uses as they stand: on thin logs, and in variants that set them otherwise, some change nothing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Protocol, runtime_checkable

from pipelines.rankers.fit_bundle import RankerFamily


@runtime_checkable
class SetBySize(Protocol):
    """A family that trains with other values than its fields' where positives are few, or where a variant overrides a field."""

    def in_use(self, positives: int) -> Mapping[str, float]:
        """The values that a training with so many positives uses, by field, of those fields that may be set otherwise."""
        ...


def in_use(family: RankerFamily, names: list[str], positives: int) -> dict[str, float]:
    """The values of some fields that a training with so many positives uses."""
    told = family.in_use(positives) if isinstance(family, SetBySize) else {}
    return {name: told.get(name, getattr(family, name)) for name in names}


def matters(family: RankerFamily, name: str, low: float, high: float, positives: int) -> bool:
    """Whether a training with so many positives tells a field's value `low` from `high`."""
    ends = (replace(family, **{name: end}) for end in (low, high))  # type: ignore[type-var]
    first, second = (in_use(end, [name], positives) for end in ends)
    return first != second
