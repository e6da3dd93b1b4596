"""A candidate's life as MLflow's own client sees it: a run from its training on, its evaluation and its version, wherever they lie."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from pipelines.datasets.training_set import read
from pipelines.evaluate.assess import assess
from pipelines.promotion.register import register_candidate
from pipelines.registry import mlflow_runs, roles
from pipelines.registry.mlflow_runs import LearnedRows, TrainedCandidate, log_candidate, log_evaluation
from pipelines.registry.mlflow_store import mlflow_client
from pipelines.training.candidate import load_candidate
from pipelines.training.fit import fit
from serving.settings import Settings, silence_telemetry

# MLflow's own imports and stores warn of what they are about to change.
pytestmark = [pytest.mark.filterwarnings("ignore"), pytest.mark.timeout(600)]


@pytest.fixture(scope="module")
def lived(settings: Settings, good: date, noise: date, family: str, tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """A copy of the fitted platform: a candidate that passed its gates and is registered twice, and one of noise that failed them."""
    made = Settings(PLACARD_HOME=shutil.copytree(settings.home.root, tmp_path_factory.mktemp("lived") / "placard"))
    for day in (good, noise):
        assess(made, "click", day, family)
    first, again = (register_candidate(made, "click", good, family, "challenger") for _ in range(2))
    assert first == again and first.version == "1"
    return made


@contextmanager
def run_of(settings: Settings, day: date) -> Iterator[tuple[Any, Any]]:
    """MLflow's client and the one run of a day's training."""
    with mlflow_client(settings) as client:
        experiment = client.get_experiment_by_name("click").experiment_id
        (found,) = client.search_runs([experiment], f"tags.day = '{day}'")
        yield client, found


@pytest.mark.parametrize("passes", [True, False], ids=["passed", "failed"])
def test_every_candidate_has_a_run_with_its_parameters_its_rows_and_its_verdicts(
    lived: Settings, good: date, noise: date, family: str, passes: bool
) -> None:
    day = good if passes else noise
    with run_of(lived, day) as (client, found):
        tags, metrics = found.data.tags, found.data.metrics
        assert [tags[name] for name in ("ranker", "day", "seed")] == [family, str(day), str(lived.seed)]
        assert re.fullmatch("([0-9a-f]{40}(-dirty)?)?", tags.get("commit", "")) and tags["release"]
        assert found.data.params.items() >= {"seed": "7", "extra.eta": "0.22", "ranker": family}.items() and "depth" in found.data.params
        (rows,) = [given.dataset for given in found.inputs.dataset_inputs]
        columns = load_candidate(lived.home, "click", day, family).manifest.columns
        assert json.loads(rows.profile)["rows"] == 10_000 and len(rows.digest) == 16
        assert tuple(column["name"] for column in json.loads(rows.schema)["mlflow_colspec"]) == columns
        verdicts = [value.partition(":")[0] for tag, value in tags.items() if tag.startswith("gate.")]
        assert "passed" in verdicts and ("failed" in verdicts) != passes
        assert metrics["normalised_entropy"] > 0 and found.info.status == "FINISHED"
        files = {f.path for f in client.list_artifacts(found.info.run_id, "evaluation")}
        assert files > {f"evaluation/click-{family}-{day}.html", f"evaluation/{family}.evaluation.json"}
        assert len(client.search_model_versions(f"run_id = '{found.info.run_id}'")) == passes, "one version for one content"


def test_a_training_that_was_cut_short_goes_on_in_its_run(tmp_path: Path) -> None:
    settings, rows = Settings(PLACARD_HOME=tmp_path), LearnedRows("click of a day", "0123", "datasets/click", ("hour",), {"rows": 1})
    it = TrainedCandidate("click", "abc", "a ranker of a day", {"depth": 3}, {"ranker": "x"}, rows)
    for status in ("RUNNING", "FINISHED"):
        log_candidate(settings, it)
        with mlflow_client(settings) as client:
            (found,) = client.search_runs([client.get_experiment_by_name("click").experiment_id])
            assert found.info.status == "FINISHED" and len(found.inputs.dataset_inputs) == 1
            client.update_run(found.info.run_id, status)


def test_files_of_a_run_go_to_the_folder_that_is_written_to_and_not_to_one_that_it_was_copied_from(tmp_path: Path) -> None:
    it = TrainedCandidate(
        "click", "abc", "a ranker of a day", {}, {}, LearnedRows("click", "0123", "datasets/click", ("hour",), {"rows": 1})
    )
    first = Settings(PLACARD_HOME=tmp_path / "first")
    log_candidate(first, it)
    second = Settings(PLACARD_HOME=shutil.copytree(first.home.root, tmp_path / "second"))
    page = tmp_path / "page.html"
    page.write_text("found")
    for settings in (first, second):
        log_evaluation(settings, "click", "abc", {}, {}, [page])
        assert len([*settings.home.mlflow.rglob("page.html")]) == 1


def test_a_version_says_what_it_is_made_of_and_where_its_report_lies(lived: Settings, good: date, family: str) -> None:
    with run_of(lived, good) as (client, found):
        version = client.get_model_version("click", "1")
        assert version.run_id == found.info.run_id, "the run of its training goes on"
        assert version.tags.items() >= {"ranker": family, "day": str(good), "seed": str(lived.seed)}.items()
        assert any(tag.startswith("gate.") for tag in version.tags)
        place = f"#/experiments/{found.info.experiment_id}/runs/{found.info.run_id}/artifactPath/evaluation"
        for name in (f"click-{family}-{good}.html", f"{family}.evaluation.json"):
            assert f"({place}/{name})" in version.description
    roles.promote(lived, "click", "1", "a test")
    with mlflow_client(lived) as client:
        assert "@champion: none → 1  a test" in client.get_model_version("click", "1").tags["decision"]
        assert list(client.get_registered_model("click").aliases) == ["champion"], "a champion is no challenger"


@pytest.mark.parametrize("moved", [False, True], ids=["copied", "moved"])
def test_a_home_that_is_somewhere_else_names_its_own_files(lived: Settings, good: date, family: str, tmp_path: Path, moved: bool) -> None:
    place = Path(shutil.copytree(lived.home.root, tmp_path / "copied"))
    if moved:
        with mlflow_client(Settings(PLACARD_HOME=place)):
            pass
        place = place.rename(tmp_path / "moved")
    there = Settings(PLACARD_HOME=place)
    with run_of(there, good) as (client, found):
        import mlflow

        places = [found.info.artifact_uri, *(e.artifact_location for e in client.search_experiments())]
        assert all(uri.startswith(place.as_uri()) for uri in places), places
        assert client.list_artifacts(found.info.run_id, "evaluation")
        logged = mlflow.pyfunc.load_model("models:/click/1")
    bundle = load_candidate(there.home, "click", good, family)
    raw = read(there.home, "click", good).matrix[:100, : len(bundle.manifest.columns)]
    assert (logged.predict(pd.DataFrame(raw, columns=list(bundle.manifest.columns))) == bundle.predict(raw)).all()


def test_trials_lie_below_their_search(tmp_path: Path) -> None:
    settings = Settings(PLACARD_HOME=tmp_path)
    for search, number in (("logistic of a day: penalty", 0), ("logistic of a day: penalty", 1), ("another", 0)):
        mlflow_runs.log_trial(settings, "click", search, number, {"penalty": 1.0 + number}, {"normalised_entropy": 0.9}, {"ranker": "x"})
    with mlflow_client(settings) as client:
        experiment = client.get_experiment_by_name("click tuning").experiment_id
        runs = {run.info.run_name: run for run in client.search_runs([experiment])}
        above = runs["logistic of a day: penalty"]
        below = {name for name, run in runs.items() if run.data.tags.get("mlflow.parentRunId") == above.info.run_id}
        assert below == {"logistic of a day: penalty trial 0", "logistic of a day: penalty trial 1"} and len(runs) == 5
        assert above.data.tags["ranker"] == "x" and above.info.status == "FINISHED"
        assert [m.step for m in client.get_metric_history(above.info.run_id, "normalised_entropy")] == [0, 1]


def test_a_store_out_of_reach_costs_no_training(
    relay: Callable[..., None], good: date, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    settings = Settings(PLACARD_HOME=tmp_path, mlflow_uri=f"sqlite:///{tmp_path}/no/folder/mlflow.db")
    (tmp_path / "no").touch()
    relay(settings.home, good, 2.0, 3_000)
    assert fit(settings, "click", good, "logistic").manifest == load_candidate(settings.home, "click", good, "logistic").manifest
    assert f"The training of logistic of {good} was not logged to MLflow" in caplog.text


def test_mlflow_writes_nothing_to_standard_output_where_its_store_is_a_server() -> None:
    """It would tell there where each run is seen, amid a verb's JSON."""
    from mlflow.environment_variables import MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT

    silence_telemetry()
    assert MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT.get() is True
