"""Runs in MLflow beside registrations: of every candidate that was trained, of its evaluation, of the trials of a search."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from feature_repo.exclusive import exclusive
from pipelines.registry.mlflow_store import experiment_of, mlflow_client, run
from serving.settings import Settings

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import DatasetInput, Run

CONTENT: Final = "placard.content"
"""A run's tag: the digest of the candidate that it trained or registers."""
SEARCH: Final = "placard.search"
"""The tag of a search's run, which its trials lie under: what is searched."""
EVALUATION: Final = "evaluation"
"""The folder of a run's artifacts that holds what an evaluation found: its page, its figures and their verdicts, its pictures."""


@dataclass(frozen=True)
class LearnedRows:
    """A training set, for MLflow's page. digest: of its files. place: below the state folder, so that it holds wherever that lies. profile:
    how many rows, and how many of each kind."""

    name: str
    digest: str
    place: str
    columns: tuple[str, ...]
    profile: Mapping[str, int]


@dataclass(frozen=True)
class TrainedCandidate:
    """What a training is logged with. content: see `pipelines.registry.content`. parameters: of the family, and of what it learned
    from."""

    head: str
    content: str
    name: str
    parameters: Mapping[str, Any]
    tags: Mapping[str, str]
    rows: LearnedRows


def log_candidate(settings: Settings, it: TrainedCandidate) -> None:
    """A run of a training in the experiment of its head. The same content again has the run that it had, which goes on where a death cut
    it short."""
    with mlflow_client(settings) as client:
        before = runs_of(client, experiment_of(settings, client, it.head), it.content)
    if before and before[0].info.status == "FINISHED":
        return
    begun = str(before[0].info.run_id) if before else ""
    with run(settings, it.head, it.name, it.parameters, {}, {CONTENT: it.content, **it.tags}, begun) as (client, running):
        client.log_inputs(running.info.run_id, [_dataset(it.rows)])


def log_evaluation(
    settings: Settings, head: str, content: str, metrics: Mapping[str, float], tags: Mapping[str, str], files: Sequence[Path]
) -> None:
    """What an evaluation found, in the run of the candidate's training; nothing where that was never logged."""
    with mlflow_client(settings) as client:
        found = runs_of(client, experiment_of(settings, client, head), content)
    if found:
        with run(settings, head, "", {}, metrics, tags, found[0].info.run_id):
            log_files(files)


def log_files(files: Sequence[Path]) -> None:
    """Puts files of an evaluation beside the run that is going on."""
    import mlflow

    for path in files:
        mlflow.log_artifact(str(path), EVALUATION)


def runs_of(client: MlflowClient, experiment: str, content: str) -> list[Run]:
    """The runs of a candidate, the latest first."""
    return list(client.search_runs([experiment], f"tags.`{CONTENT}` = '{content}'")) if content else []


def _dataset(rows: LearnedRows) -> DatasetInput:
    from mlflow.entities import Dataset, DatasetInput, InputTag

    schema = {"mlflow_colspec": [{"type": "float", "name": name, "required": True} for name in rows.columns]}
    source = json.dumps({"uri": rows.place})
    dataset = Dataset(rows.name, rows.digest, "local", source, json.dumps(schema), json.dumps(dict(rows.profile)))
    return DatasetInput(dataset, [InputTag("mlflow.data.context", "training")])


def log_trial(
    settings: Settings, head: str, search: str, number: int, parameters: Mapping[str, float], metrics: Mapping[str, float],
    tags: Mapping[str, str] | None = None,
) -> None:  # fmt: skip
    """One trial of a search for parameters, as a run below the search's, in the experiment of its own beside the head's. The search's run
    has the trials' figures one after the other. tags: of the search."""
    experiment = f"{head} tuning"
    above = _search(settings, experiment, search, tags or {})
    with run(settings, experiment, f"{search} trial {number}", parameters, metrics, {"mlflow.parentRunId": above}) as (client, _):
        for name, value in metrics.items():
            client.log_metric(above, name, value, step=number)


def _search(settings: Settings, experiment: str, search: str, tags: Mapping[str, str]) -> str:
    """The run of a search, made for its first trial. It is finished after each trial: nobody knows which is the last."""
    with mlflow_client(settings) as client:
        place = experiment_of(settings, client, experiment)
        with exclusive(settings.home, "mlflow"):
            found = client.search_runs([place], f"tags.`{SEARCH}` = '{search}'")
            if found:
                return str(found[0].info.run_id)
            made = client.create_run(place, run_name=search, tags={SEARCH: search, **tags})
            client.set_terminated(made.info.run_id)
            return str(made.info.run_id)
