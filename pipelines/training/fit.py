"""Trains one ranker on a day's dataset, here or in the environment that has what the ranker needs."""

from __future__ import annotations

from datetime import date
from importlib.util import find_spec

from pipelines.datasets.teachable import refuse_unteachable
from pipelines.datasets.training_set import read
from pipelines.errors import PipelineError
from pipelines.operations.training_environment import hand_over
from pipelines.rankers import RANKERS
from pipelines.rankers.fit_bundle import RankerFamily, fit_bundle
from pipelines.training.candidate import candidate, load_candidate
from pipelines.training.logged_training import log_training
from pipelines.training.tuned_family import tuned
from serving.bundles import Bundle
from serving.settings import Settings


def fit(settings: Settings, head: str, day: date, ranker: str, quiet: bool = True) -> Bundle:
    """Trains one ranker on the day's dataset, in the training environment where it needs one, and logs the training to MLflow. quiet: shows
    no progress there.
    Raises PipelineError for an unknown ranker, Refused for a set that cannot teach and where there is no such environment."""
    if ranker not in RANKERS:
        raise PipelineError("ranker", ranker, f"Known: {', '.join(RANKERS)}.")
    dataset = read(settings.home, head, day)
    refuse_unteachable(dataset)
    if is_elsewhere(RANKERS[ranker]):
        fit_elsewhere(settings, head, day, ranker, quiet)
        return load_candidate(settings.home, head, day, ranker)
    chosen, positives = tuned(settings.home, head, RANKERS[ranker]), int(dataset.label[dataset.part("train", "calibrate")].sum())
    bundle = fit_bundle(chosen.family, dataset, candidate(settings.home, head, day, ranker), "0", chosen.used(positives))
    log_training(settings, day, bundle, chosen.family, dataset)
    return bundle


def is_elsewhere(family: RankerFamily) -> bool:
    """The family needs a module that this environment has not."""
    return bool(family.needs) and find_spec(family.needs) is None


def fit_elsewhere(settings: Settings, head: str, day: date, ranker: str, quiet: bool) -> None:
    """`placard train --step fit`, there."""
    argv = ("train", "--partition", str(day), "--head", head, "--ranker", ranker, "--step", "fit")
    hand_over(settings, *argv, *(["--json"] if quiet else []))
