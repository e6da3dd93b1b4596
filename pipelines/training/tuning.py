"""Hyper-parameter search that goes on where it stopped; the best found so far is what training uses."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import Any, Final

import numpy as np

from feature_repo.exclusive import exclusive
from feature_repo.home import Home
from feature_repo.whole_file import whole_file, write_whole
from pipelines.datasets.training_set import read
from pipelines.errors import PipelineError
from pipelines.metrics.normalised_entropy import normalised_entropy
from pipelines.rankers import RANKERS
from pipelines.rankers.fit_bundle import RankerFamily, Ready, read_by
from pipelines.rankers.set_by_size import in_use, matters
from pipelines.registry import mlflow_runs
from pipelines.reporting.progress import advance
from pipelines.training.logged_training import training_tags
from pipelines.training.tuned_family import best_path, parts_of, tuned
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


@dataclass(frozen=True)
class Space:
    """ranges: what is searched, by field of the family. idle: fields that have a range and change nothing here."""

    ranges: dict[str, Range]
    idle: tuple[str, ...]


def space(family: RankerFamily, positives: int) -> Space:
    """What may be tried of a family: those fields of it that have a range, and whose value a training with so many positives uses. Raises
    PipelineError for a family that is made of others, and for one of which nothing is left to try."""
    ranges = {name: r for name, r in {**DEEP, **TREES, **LINES}.items() if hasattr(family, name)}
    if not ranges:
        parts = ", ".join(part.name for part in parts_of(family).values())
        raise PipelineError("ranker to tune", family.name, f"It takes what was found for its parts: tune {parts}.")
    used = {name: r for name, r in ranges.items() if matters(family, name, r.low, r.high, positives)}
    if not used:
        fix = f"With {positives} positives before the test it uses a setting of its own, whatever its {', '.join(ranges)}: take more days."
        raise PipelineError("ranker to tune", family.name, fix)
    return Space(used, tuple(name for name in ranges if name not in used))


@dataclass(frozen=True)
class Found:
    """trials: finished in all; value: the best normalised entropy on the calibrate split; parameters: what gave it. idle: parameters that
    were not searched, since they change nothing with so many positives (of the rows before the test)."""

    trials: int
    value: float
    parameters: dict[str, float]
    path: Path
    idle: tuple[str, ...]
    positives: int

    def write(self, day: date) -> None:
        """Replaces the file that training reads."""
        kept = {
            "parameters": self.parameters, "normalised_entropy": self.value, "day": str(day), "trials": self.trials,
            "not_searched": list(self.idle), "positives": self.positives,
        }  # fmt: skip
        write_whole(self.path, json.dumps(kept, indent=1) + "\n")


def tune(settings: Settings, head: str, day: date, ranker: str, trials: int) -> Found:
    """Trains on the train split, judges on the calibrate split, until `trials` are finished, those of earlier runs among them; test rows
    are not looked at. The first trial is of what training would use without this search, so that the best so far, which is written after
    each trial, is never worse than that on these rows.

    Raises PipelineError for an unknown ranker, and for one of which nothing can be searched here.
    """
    import optuna

    if ranker not in RANKERS:
        raise PipelineError("ranker", ranker, f"Known: {', '.join(RANKERS)}.")
    family = RANKERS[ranker]
    dataset = read_by(family, read(settings.home, head, day))
    ready, early, late = Ready.of(dataset), dataset.part("train"), dataset.part("calibrate")
    held, positives = np.flatnonzero(late), int(dataset.label[early | late].sum())
    asked = space(family, positives)
    path = best_path(settings.home, head, ranker)
    name = f"{ranker} of {day}: {', '.join(asked.ranges)}"

    def judged(trial: Any) -> float:
        tried = replace(family, **{n: _suggest(trial, n, r) for n, r in asked.ranges.items()})  # type: ignore[type-var]
        used = in_use(tried, list(asked.ranges), positives)
        learned, encodings = ready.learn(tried, early, late, positives)
        margin = ready.logits(learned, encodings, held)[:, 0] - np.log(ready.rate)  # as sampled: the split is sampled too
        value = normalised_entropy(dataset.label[held], probability(margin))
        trial.set_user_attr("used", used)
        tags = training_tags(settings, day, ranker)
        mlflow_runs.log_trial(settings, head, name, trial.number, used, {"normalised_entropy": value}, tags)
        return value

    optuna.logging.set_verbosity(optuna.logging.ERROR)
    study = optuna.create_study(study_name=name, storage=_studies(settings.home, path.parent), load_if_exists=True)
    if not study.trials:
        now = tuned(settings.home, head, family).family
        used = in_use(now, list(asked.ranges), positives)
        study.enqueue_trial({n: min(max(used[n], r.low), r.high) for n, r in asked.ranges.items()})
    found = _best(study, path, asked, positives)
    while found is None or found.trials < trials:
        study.sampler = optuna.samplers.TPESampler(seed=SEED + len(study.trials))  # goes on as it would have gone on
        study.optimize(judged, n_trials=1)
        found = _best(study, path, asked, positives)
        if found is not None:
            found.write(day)
            advance("trials", found.trials, trials, f"best {found.value:.5f}")
    found.write(day)  # also where the trials were there already, and the death came before the file
    return found


def _best(study: Any, path: Path, asked: Space, positives: int) -> Found | None:
    """The best of the trials that are finished; None before the first."""
    finished = sum(t.state.name == "COMPLETE" for t in study.trials)
    if not finished:
        return None
    best = study.best_trial
    return Found(finished, float(best.value), dict(best.user_attrs["used"]), path, asked.idle, positives)


def _studies(home: Home, folder: Path) -> str:
    """The address of the searches' database, which is made aside where it is not there, and renamed into place whole."""
    import optuna

    path = folder / "studies.db"
    with exclusive(home, "tuning"):
        if not path.exists():
            with whole_file(path) as part:
                optuna.storages.RDBStorage(f"sqlite:///{part}").engine.dispose()
    return f"sqlite:///{path}"


def _suggest(trial: Any, name: str, r: Range) -> float | int:
    if isinstance(r.low, int) and isinstance(r.high, int):
        return int(trial.suggest_int(name, r.low, r.high, log=r.log))
    return float(trial.suggest_float(name, r.low, r.high, log=r.log))
