"""Hyper-parameter search that goes on where it stopped; the best found is what training uses."""

from __future__ import annotations

import json
from dataclasses import dataclass, fields, replace
from datetime import date
from pathlib import Path
from typing import Any, Final

import numpy as np

from feature_repo.home import Home
from feature_repo.whole_file import write_whole
from pipelines.datasets.training_set import read
from pipelines.errors import PipelineError
from pipelines.metrics.normalised_entropy import normalised_entropy
from pipelines.rankers import RANKERS
from pipelines.rankers.fit_bundle import RankerFamily, Ready, read_by
from pipelines.registry import mlflow_store
from pipelines.reporting.progress import advance
from serving.bundles.calibrator import probability
from serving.settings import Settings

SEED: Final = 7


@dataclass(frozen=True)
class Range:
    """Of one field of a family. log: tried evenly by order of magnitude; whole numbers where both ends are."""

    low: float
    high: float
    log: bool = False


DEEP: Final = {
    "rate": Range(5e-4, 8e-3, log=True), "decay": Range(0.01, 2.0, log=True), "dropout": Range(0.0, 0.4), "epochs": Range(4, 14),
    "width": Range(2, 16),
}  # fmt: skip
TREES: Final = {"depth": Range(3, 7), "leaves": Range(7, 63, log=True), "eta": Range(0.01, 0.1, log=True)}
LINES: Final = {"penalty": Range(0.1, 1_000.0, log=True)}


def space(family: RankerFamily) -> dict[str, Range]:
    """What may be tried of a family: those fields of it that have a range. Raises PipelineError for one that is made of others."""
    found = {name: r for name, r in {**DEEP, **TREES, **LINES}.items() if hasattr(family, name)}
    if not found:
        parts = ", ".join(part.name for part in _parts(family).values())
        raise PipelineError("ranker to tune", family.name, f"It takes what was found for its parts: tune {parts}.")
    return found


def _parts(family: RankerFamily) -> dict[str, RankerFamily]:
    """The families that a family is made of, by field."""
    held = {f.name: getattr(family, f.name) for f in fields(family)}  # type: ignore[arg-type]
    return {name: value for name, value in held.items() if hasattr(value, "learn")}


def best_path(home: Home, head: str, ranker: str) -> Path:
    return home.root / "tuning" / head / f"{ranker}.json"


def tuned(home: Home, head: str, family: RankerFamily) -> RankerFamily:
    """The family with the best parameters found for a head so far, also for those it is made of; as it is where none were searched."""
    parts = {name: tuned(home, head, part) for name, part in _parts(family).items()}
    family = replace(family, **parts) if parts else family  # type: ignore[type-var]
    path = best_path(home, head, family.name)
    if not path.exists():
        return family
    try:
        found: dict[str, Any] = json.loads(path.read_text())["parameters"]
        return replace(family, **found)  # type: ignore[type-var]
    except (ValueError, KeyError, TypeError) as error:
        raise PipelineError("tuned parameters", str(path), f"They cannot be used ({error}): search again, or remove the file.") from None


@dataclass(frozen=True)
class Found:
    """trials: finished in all; value: the best normalised entropy on the calibrate split; parameters: what gave it."""

    trials: int
    value: float
    parameters: dict[str, Any]
    path: Path


def tune(settings: Settings, head: str, day: date, ranker: str, trials: int) -> Found:
    """Trains on the train split, judges on the calibrate split, until `trials` are finished, those of earlier runs among them.

    Raises PipelineError for an unknown ranker.
    """
    import optuna

    if ranker not in RANKERS:
        raise PipelineError("ranker", ranker, f"Known: {', '.join(RANKERS)}.")
    family = RANKERS[ranker]
    ranges = space(family)
    dataset = read_by(family, read(settings.home, head, day))
    path = best_path(settings.home, head, ranker)
    path.parent.mkdir(parents=True, exist_ok=True)
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    storage = f"sqlite:///{path.parent / 'studies.db'}"
    name = f"{ranker} of {day}"
    ready, early, late = Ready.of(dataset), dataset.part("train"), dataset.part("calibrate")
    held = np.flatnonzero(late)

    def judged(trial: Any) -> float:
        chosen = {n: _suggest(trial, n, r) for n, r in ranges.items()}
        learned, encodings = ready.learn(replace(family, **chosen), early, late, int(dataset.label.sum()))  # type: ignore[type-var]
        margin = ready.logits(learned, encodings, held)[:, 0] - np.log(ready.rate)  # as sampled: the split is sampled too
        value = normalised_entropy(dataset.label[held], probability(margin))
        mlflow_store.log_trial(settings, head, f"{name} trial {trial.number}", chosen, {"normalised_entropy": value})
        return value

    study = optuna.create_study(study_name=name, storage=storage, load_if_exists=True)
    finished = _finished(study)
    while finished < trials:
        study.sampler = optuna.samplers.TPESampler(seed=SEED + len(study.trials))  # goes on as it would have gone on
        study.optimize(judged, n_trials=1)
        finished = _finished(study)
        advance("trials", finished, trials, f"best {study.best_value:.5f}")
    found = Found(finished, float(study.best_value), dict(study.best_params), path)
    write_whole(path, json.dumps({"parameters": found.parameters, "normalised_entropy": found.value, "day": str(day)}, indent=1) + "\n")
    return found


def _finished(study: Any) -> int:
    return sum(t.state.name == "COMPLETE" for t in study.trials)


def _suggest(trial: Any, name: str, r: Range) -> float | int:
    if isinstance(r.low, int) and isinstance(r.high, int):
        return int(trial.suggest_int(name, r.low, r.high, log=r.log))
    return float(trial.suggest_float(name, r.low, r.high, log=r.log))
