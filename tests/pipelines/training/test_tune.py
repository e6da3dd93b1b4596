"""A search goes on where it stopped, logs every trial, and training uses what it found."""

from __future__ import annotations

import json
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
from pipelines.rankers.xgboost import Xgboost
from pipelines.registry import mlflow_store
from pipelines.training import tuning
from serving.settings import Settings

DAY = date(2026, 1, 11)


@pytest.fixture
def settings(tmp_path: Path, thin: Any) -> Settings:
    """A state folder with one small dataset."""
    made = Settings(PLACARD_HOME=tmp_path)
    place = training_set.folder(made.home, "click", DAY)
    place.mkdir(parents=True)
    np.save(place / training_set.MATRIX, thin.dataset.matrix, allow_pickle=False)
    rows = thin.dataset.rows.assign(ts=thin.dataset.rows["ts"].dt.floor("us"))
    write_partition(pa.Table.from_pandas(rows, preserve_index=False), place / training_set.ROWS)
    return made


@pytest.mark.deep
def test_a_search_goes_on_where_it_stopped(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    logged: list[dict[str, float]] = []
    monkeypatch.setattr(mlflow_store, "log_trial", lambda _s, _h, _n, parameters, _m: logged.append(dict(parameters)))
    first = tuning.tune(settings, "click", DAY, "xgboost_slim", 2)
    assert first.trials == len(logged) == 2
    again = tuning.tune(settings, "click", DAY, "xgboost_slim", 3)
    assert again.trials == len(logged) == 3, "two were there already"
    assert again.value <= first.value
    assert again.parameters in logged and set(again.parameters) == {"depth", "eta"}
    chosen = tuning.tuned(settings.home, "click", RANKERS["xgboost_slim"])
    assert isinstance(chosen, Xgboost) and (chosen.depth, chosen.eta) == (again.parameters["depth"], again.parameters["eta"])


def test_a_family_of_several_takes_what_was_found_for_its_parts(tmp_path: Path) -> None:
    home = Settings(PLACARD_HOME=tmp_path).home
    for name, parameters in (("xgboost", {"depth": 7}), ("intermediate_fusion_dcn", {"width": 5})):
        path = tuning.best_path(home, "click", name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps({"parameters": parameters}))
    ensemble = tuning.tuned(home, "click", RANKERS["deep_ensemble"])
    assert isinstance(ensemble, DeepEnsemble) and isinstance(ensemble.trees, Xgboost)
    assert (ensemble.trees.depth, ensemble.deep.width, ensemble.seeds) == (7, 5, DeepEnsemble().seeds)
    with pytest.raises(PipelineError, match=r"deep_ensemble.*tune intermediate_fusion_dcn, xgboost"):
        tuning.space(RANKERS["deep_ensemble"])


def test_every_other_family_has_something_to_tune() -> None:
    assert {name for name, family in RANKERS.items() if not tuning._parts(family)} == {*RANKERS} - {"deep_ensemble"}
    assert set(tuning.space(RANKERS["logistic"])) == {"penalty"} and "leaves" in tuning.space(RANKERS["lightgbm"])


def test_where_nothing_was_searched_a_family_is_as_it_is(tmp_path: Path) -> None:
    assert tuning.tuned(Settings(PLACARD_HOME=tmp_path).home, "click", RANKERS["xgboost"]) is RANKERS["xgboost"]


@pytest.mark.parametrize("content", ["{", "[]", json.dumps({"parameters": {"wings": 2}})])
def test_parameters_that_do_not_fit_are_named(content: str, tmp_path: Path) -> None:
    home = Settings(PLACARD_HOME=tmp_path).home
    path = tuning.best_path(home, "click", "xgboost")
    path.parent.mkdir(parents=True)
    path.write_text(content)
    with pytest.raises(PipelineError, match="tuned parameters"):
        tuning.tuned(home, "click", RANKERS["xgboost"])


def test_an_unknown_ranker_is_bad_input(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PLACARD_HOME", str(tmp_path))
    result = CliRunner().invoke(app, ["tune", "--partition", "2026-01-11", "--ranker", "oracle"])
    assert result.exit_code == 2


def test_every_tunable_field_is_a_field(tmp_path: Path) -> None:
    for family in RANKERS.values():
        try:
            assert set(tuning.space(family)) <= set(family.__dataclass_fields__)  # type: ignore[attr-defined]
        except PipelineError as error:
            assert family.name in str(error)
