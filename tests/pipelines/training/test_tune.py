"""A search goes on where it stopped, logs every trial, and training uses what it found."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from typer.testing import CliRunner

from feature_repo.partition_file import write_partition
from pipelines.__main__ import app
from pipelines.datasets import training_set
from pipelines.errors import PipelineError
from pipelines.rankers import RANKERS
from pipelines.rankers.deep_ensemble import DeepEnsemble
from pipelines.rankers.deep_family import DeepFamily
from pipelines.rankers.fit_bundle import Ready, read_by
from pipelines.rankers.logistic import Logistic
from pipelines.rankers.set_by_size import in_use, matters
from pipelines.rankers.xgboost import Xgboost
from pipelines.registry import mlflow_runs
from pipelines.training import tuning
from pipelines.training.candidate import load_candidate
from pipelines.training.fit import fit
from pipelines.training.tuned_family import parts_of, tuned
from serving.settings import Settings

DAY = date(2026, 1, 11)


@pytest.fixture
def settings(tmp_path: Path, thin: Any) -> Settings:
    """A state folder with one small dataset."""
    made = Settings(PLACARD_HOME=tmp_path)
    rows = thin.dataset.rows.assign(ts=thin.dataset.rows["ts"].dt.floor("us"))
    training_set.keep(made.home, DAY, replace(thin.dataset, rows=rows))
    return made


@pytest.fixture
def logged(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, float]]:
    """What MLflow is told of each trial."""
    told: list[dict[str, float]] = []
    monkeypatch.setattr(mlflow_runs, "log_trial", lambda _s, _h, _n, _t, parameters, *_: told.append(dict(parameters)))
    return told


def kept(settings: Settings, ranker: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(tuning.best_path(settings.home, "click", ranker).read_text())
    return found


@pytest.mark.deep
def test_a_search_goes_on_where_it_stopped(settings: Settings, logged: list[dict[str, float]]) -> None:
    first = tuning.tune(settings, "click", DAY, "logistic", 2)
    assert first.trials == len(logged) == 2
    again = tuning.tune(settings, "click", DAY, "logistic", 3)
    assert again.trials == len(logged) == 3, "two were there already"
    assert again.value <= first.value and again.parameters in logged
    assert logged[0] == {"penalty": Logistic().penalty}, "the first trial is of what training would use without a search"
    chosen = tuned(settings.home, "click", RANKERS["logistic"])
    assert isinstance(chosen.family, Logistic) and chosen.family.penalty == again.parameters["penalty"]


@pytest.mark.deep
def test_an_interrupted_search_contributes_what_it_found(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ctrl-C while the third trial trains: the better of two is what training uses, and the next search goes on from there."""
    trials = []

    def told(_s: Settings, _h: str, _n: str, _t: int, parameters: dict[str, float], metrics: dict[str, float], *_: object) -> None:
        if len(trials) == 2:
            raise KeyboardInterrupt
        trials.append((metrics["normalised_entropy"], parameters))

    monkeypatch.setattr(mlflow_runs, "log_trial", told)
    with pytest.raises(KeyboardInterrupt):
        tuning.tune(settings, "click", DAY, "logistic", 5)
    best = min(trials, key=lambda trial: trial[0])
    assert kept(settings, "logistic")["parameters"] == best[1] and kept(settings, "logistic")["trials"] == 2
    trials.clear()
    tuning.best_path(settings.home, "click", "logistic").unlink()  # the death came between a trial and its file
    assert tuning.tune(settings, "click", DAY, "logistic", 2).trials == 2
    assert kept(settings, "logistic")["parameters"] == best[1] and trials == []


@pytest.mark.deep
def test_the_test_rows_are_neither_counted_nor_looked_at(settings: Settings, logged: list[dict[str, float]]) -> None:
    dataset = training_set.read(settings.home, "click", DAY)
    before = tuning.tune(settings, "click", DAY, "logistic", 1)
    assert before.positives == int(dataset.label[~dataset.part("test")].sum()) < int(dataset.label.sum())
    rows = dataset.rows.assign(label=dataset.label ^ dataset.part("test"))
    write_partition(pa.Table.from_pandas(rows, preserve_index=False), training_set.folder(settings.home, "click", DAY) / training_set.ROWS)
    shutil.rmtree(tuning.best_path(settings.home, "click", "logistic").parent)
    assert tuning.tune(settings, "click", DAY, "logistic", 1) == before


THICK, THIN = 50_000, 200


@pytest.mark.parametrize(
    ("ranker", "positives", "searched", "idle"),
    [
        ("xgboost", THICK, {"depth", "eta"}, set()),
        ("xgboost_slim", THICK, {"depth"}, {"eta"}),
        ("lightgbm", THICK, {"leaves", "eta"}, set()),
        ("early_fusion", THICK, {"rate", "decay", "dropout", "epochs", "width"}, set()),
        ("early_fusion", THIN, {"rate", "decay", "dropout", "width"}, {"epochs"}),
        ("logistic", THIN, {"penalty"}, set()),
    ],
)
def test_what_changes_nothing_is_not_searched(ranker: str, positives: int, searched: set[str], idle: set[str]) -> None:
    found = tuning.space(RANKERS[ranker], positives)
    assert (set(found.ranges), set(found.idle)) == (searched, idle)


@pytest.mark.parametrize("ranker", ["xgboost", "xgboost_slim", "lightgbm"])
def test_where_nothing_is_left_to_search_the_search_is_refused(ranker: str) -> None:
    with pytest.raises(PipelineError, match="With 200 positives before the test it uses a setting of its own"):
        tuning.space(RANKERS[ranker], THIN)


@pytest.mark.deep
@pytest.mark.parametrize("ranker", ["logistic", "xgboost", "xgboost_slim", "lightgbm"])
def test_what_is_searched_changes_the_model_and_what_is_not_does_not(ranker: str, thin: Any, thick: Any) -> None:
    """On a thin log, and by the setting for thick ones: two ends of a range give two models exactly where the range is searched."""
    family = RANKERS[ranker]
    trees = hasattr(family, "rounds")  # the setting for thick logs grows none on thin ones
    family = replace(family, rounds=12) if trees else family  # type: ignore[type-var]

    def foretold(known: Any, positives: int, **changed: float) -> np.ndarray:
        dataset = read_by(family, known.dataset)
        ready = Ready.of(dataset)
        learned, encodings = ready.learn(replace(family, **changed), dataset.part("train"), None, positives)  # type: ignore[type-var]
        return ready.logits(learned, encodings, np.flatnonzero(dataset.part("calibrate"))[:200])

    every = {name: r for name, r in {**tuning.DEEP, **tuning.TREES, **tuning.LINES}.items() if hasattr(family, name)}
    for known, positives in ((thin, THIN), *([(thick, 2_000)] if trees else [])):
        for name, r in every.items():
            same = np.array_equal(*(foretold(known, positives, **{name: end}) for end in (r.low, r.high)))
            assert same != matters(family, name, r.low, r.high, positives), (name, positives)


@pytest.mark.deep
@pytest.mark.parametrize("positives", [THIN, THICK])
def test_a_network_trains_by_the_plan_that_the_search_knows(positives: int) -> None:
    family = replace(RANKERS["early_fusion"], epochs=9, decay=0.02)  # type: ignore[type-var]
    assert isinstance(family, DeepFamily)
    plan = family.plan(positives)
    assert in_use(family, ["epochs", "decay", "rate"], positives) == {"epochs": plan.epochs, "decay": plan.decay, "rate": plan.rate}
    assert (plan.epochs == 9) == (plan.decay == 0.02) == (positives == THICK)


def test_training_keeps_what_it_used_of_a_search(settings: Settings) -> None:
    """A thin log trains by a setting of its own: the depth that was found elsewhere is not claimed to be in use."""
    for name, parameters in (("logistic", {"penalty": 33.0}), ("xgboost_slim", {"depth": 3, "eta": 0.05})):
        path = tuning.best_path(settings.home, "click", name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps({"parameters": parameters}))
    assert fit(settings, "click", DAY, "logistic").manifest.tuned == {"penalty": 33.0}
    assert load_candidate(settings.home, "click", DAY, "logistic").manifest.tuned == {"penalty": 33.0}
    assert fit(settings, "click", DAY, "xgboost_slim").manifest.tuned == {}
    assert tuned(settings.home, "click", RANKERS["xgboost_slim"]).used(THICK) == {"depth": 3}, "its eta is its own"


def test_training_says_what_it_used(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tuning.best_path(settings.home, "click", "logistic")
    path.parent.mkdir(parents=True)
    path.write_text(json.dumps({"parameters": {"penalty": 33.0}}))
    monkeypatch.setenv("PLACARD_HOME", str(settings.home.root))
    words = ["train", "--partition", str(DAY), "--ranker", "logistic", "--step", "fit"]
    told = CliRunner().invoke(app, words)
    assert "as `placard tune` found: penalty = 33" in told.stdout
    assert json.loads(CliRunner().invoke(app, [*words, "--json"]).stdout)["tuned"] == {"penalty": 33.0}
    path.unlink()
    assert "placard tune" not in CliRunner().invoke(app, words).stdout


def test_a_family_of_several_takes_what_was_found_for_its_parts(tmp_path: Path) -> None:
    home = Settings(PLACARD_HOME=tmp_path).home
    for name, parameters in (("xgboost", {"depth": 7}), ("intermediate_fusion_dcn", {"width": 5})):
        path = tuning.best_path(home, "click", name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps({"parameters": parameters}))
    found = tuned(home, "click", RANKERS["deep_ensemble"])
    ensemble = found.family
    assert found.used(THICK) == {"xgboost.depth": 7, "intermediate_fusion_dcn.width": 5}
    assert found.used(THIN) == {"intermediate_fusion_dcn.width": 5}
    assert isinstance(ensemble, DeepEnsemble) and isinstance(ensemble.trees, Xgboost)
    assert (ensemble.trees.depth, ensemble.deep.width, ensemble.seeds) == (7, 5, DeepEnsemble().seeds)
    with pytest.raises(PipelineError, match=r"deep_ensemble.*tune intermediate_fusion_dcn, xgboost"):
        tuning.space(RANKERS["deep_ensemble"], THICK)


def test_every_other_family_has_something_to_tune() -> None:
    assert {name for name, family in RANKERS.items() if not parts_of(family)} == {*RANKERS} - {"deep_ensemble"}
    assert all(tuning.space(family, THICK).ranges for family in RANKERS.values() if not parts_of(family))


def test_where_nothing_was_searched_a_family_is_as_it_is(tmp_path: Path) -> None:
    found = tuned(Settings(PLACARD_HOME=tmp_path).home, "click", RANKERS["xgboost"])
    assert found.family is RANKERS["xgboost"] and found.used(THICK) == {}


@pytest.mark.parametrize("content", ["{", "[]", json.dumps({"parameters": {"wings": 2}})])
def test_parameters_that_do_not_fit_are_named(content: str, tmp_path: Path) -> None:
    home = Settings(PLACARD_HOME=tmp_path).home
    path = tuning.best_path(home, "click", "xgboost")
    path.parent.mkdir(parents=True)
    path.write_text(content)
    with pytest.raises(PipelineError, match="tuned parameters"):
        tuned(home, "click", RANKERS["xgboost"])


def test_an_unknown_ranker_is_bad_input(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PLACARD_HOME", str(tmp_path))
    result = CliRunner().invoke(app, ["tune", "--partition", "2026-01-11", "--ranker", "oracle"])
    assert result.exit_code == 2
