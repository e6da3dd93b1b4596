"""A family with the parameters that a search found for it, and which of them a training uses."""

from __future__ import annotations

import json
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

from feature_repo.home import Home
from pipelines.errors import PipelineError
from pipelines.rankers.fit_bundle import RankerFamily
from pipelines.rankers.set_by_size import in_use


@dataclass(frozen=True)
class TunedFamily:
    """family: with what was found; found: its own parameters, by field; parts: those families that it is made of, by field."""

    family: RankerFamily
    found: dict[str, float]
    parts: dict[str, TunedFamily]

    def used(self, positives: int) -> dict[str, float]:
        """What was found and a training with so many positives uses, by parameter; a part's stands below the part's name. What such a
        training sets otherwise, because the log is thin, is left out."""
        own = in_use(self.family, list(self.found), positives)
        out = {name: value for name, value in own.items() if value == self.found[name]}
        for part in self.parts.values():
            out |= {f"{part.family.name}.{name}": value for name, value in part.used(positives).items()}
        return out


def best_path(home: Home, head: str, ranker: str) -> Path:
    """Where a search keeps the best that it has found so far."""
    return home.root / "tuning" / head / f"{ranker}.json"


def parts_of(family: RankerFamily) -> dict[str, RankerFamily]:
    """The families that a family is made of, by field."""
    held = {f.name: getattr(family, f.name) for f in fields(family)}  # type: ignore[arg-type]
    return {name: value for name, value in held.items() if hasattr(value, "learn")}


def tuned(home: Home, head: str, family: RankerFamily) -> TunedFamily:
    """The family with the best parameters found for a head so far, also for those it is made of; as it is where none were searched.
    Raises PipelineError for a file of parameters that do not fit."""
    parts = {name: tuned(home, head, part) for name, part in parts_of(family).items()}
    if parts:
        family = replace(family, **{name: part.family for name, part in parts.items()})  # type: ignore[type-var]
    path = best_path(home, head, family.name)
    if not path.exists():
        return TunedFamily(family, {}, parts)
    try:
        found: dict[str, Any] = json.loads(path.read_text())["parameters"]
        return TunedFamily(replace(family, **found), dict(found), parts)  # type: ignore[type-var]
    except (ValueError, KeyError, TypeError) as error:
        raise PipelineError("tuned parameters", str(path), f"They cannot be used ({error}): search again, or remove the file.") from None
