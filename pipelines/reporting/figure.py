"""One measured number, and the object of numbers that every bench, evaluate and report verb prints."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True)
class Figure:
    """One measured number. holds is None where there is no target."""

    name: str
    value: float | None
    unit: str
    target: str | None = None
    holds: bool | None = None


def report(name: str, setup: Mapping[str, Any], figures: list[Figure]) -> dict[str, Any]:
    """The one object that every bench, evaluate and report verb prints."""
    return {"name": name, "setup": dict(setup), "figures": [asdict(f) for f in figures]}
