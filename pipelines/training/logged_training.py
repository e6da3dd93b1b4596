"""What MLflow is told of a training: with what, on which rows, and by which code a candidate was made."""

from __future__ import annotations

import hashlib
from dataclasses import asdict, fields
from datetime import date
from importlib.metadata import version
from typing import Any, Final

from feature_repo.home import Home
from pipelines.datasets.dataset import Dataset
from pipelines.datasets.training_set import MATRIX, ROWS, folder
from pipelines.rankers.fit_bundle import RankerFamily
from pipelines.rankers.set_by_size import in_use
from pipelines.registry.commit import commit
from pipelines.registry.content import content_of
from pipelines.registry.mlflow_runs import LearnedRows, TrainedCandidate, log_candidate
from pipelines.registry.mlflow_store import where_reached
from pipelines.training.candidate import candidate
from pipelines.training.tuned_family import parts_of
from serving.bundles import Bundle
from serving.settings import Settings

NO_PARAMETERS: Final = ("name", "needs")
"""Fields that every family has and that change nothing in what is learned."""
DIGITS: Final = 16
"""Of a training set's digest: enough to tell any two apart, and MLflow takes 36 at most."""


def log_training(settings: Settings, day: date, bundle: Bundle, family: RankerFamily, dataset: Dataset) -> None:
    """Logs a candidate's training as a run. family, dataset: as it was trained. MLflow out of reach is a warning."""
    manifest = bundle.manifest
    with where_reached(settings, f"The training of {manifest.ranker} of {day}"):
        log_candidate(
            settings,
            TrainedCandidate(
                manifest.head, content_of(candidate(settings.home, manifest.head, day, manifest.ranker)), f"{manifest.ranker} of {day}",
                {**asdict(manifest), **parameters(family, manifest.positives)}, training_tags(settings, day, manifest.ranker),
                learned_rows(settings.home, dataset, day, manifest.columns),
            ),
        )  # fmt: skip


def training_tags(settings: Settings, day: date, ranker: str) -> dict[str, str]:
    """seed: of the platform; a family's own is a parameter. commit: absent where the code lies in no checkout."""
    known = {"ranker": ranker, "day": str(day), "seed": str(settings.seed), "release": version("placard"), "commit": commit()}
    return {name: value for name, value in known.items() if value}


def parameters(family: RankerFamily, positives: int) -> dict[str, Any]:
    """A family's parameters as a training with so many positives uses them, by field; a part's stands below the part's name."""
    parts = parts_of(family)
    own = [f.name for f in fields(family) if f.name not in (*NO_PARAMETERS, *parts)]  # type: ignore[arg-type]
    used: dict[str, Any] = dict(in_use(family, own, positives))
    out: dict[str, Any] = {}
    for name, value in used.items():
        out |= {f"{name}.{key}": each for key, each in value.items()} if isinstance(value, dict) else {name: value}
    for name, part in parts.items():
        out |= {f"{name}.{key}": value for key, value in parameters(part, positives).items()}
    return out


def learned_rows(home: Home, dataset: Dataset, day: date, columns: tuple[str, ...]) -> LearnedRows:
    """The training set as a candidate with these columns read it."""
    place, digest = folder(home, dataset.head, day), hashlib.sha256()
    for name in (ROWS, MATRIX):
        with (place / name).open("rb") as file:
            digest.update(hashlib.file_digest(file, "sha256").digest())
    counts = dataset.rows["split"].value_counts().to_dict()
    profile = {"rows": len(dataset.rows), "positives": int(dataset.label.sum()), **{str(name): int(n) for name, n in counts.items()}}
    return LearnedRows(f"{dataset.head} of {day}", digest.hexdigest()[:DIGITS], str(place.relative_to(home.root)), columns, profile)
