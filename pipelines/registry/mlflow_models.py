"""What MLflow keeps of registered models: versions with what they are made of, aliases, and what became of them."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from importlib.metadata import version as installed_version
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

from feature_repo.exclusive import exclusive
from pipelines.registry.journal import REFUSED, Change
from pipelines.registry.mlflow_runs import CONTENT, EVALUATION, log_files, runs_of
from pipelines.registry.mlflow_store import experiment_of, mlflow_client, run
from serving.bundles import Bundle
from serving.bundles.aliases import Aliases
from serving.settings import Settings

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import Run
    from mlflow.models import ModelSignature

LOADER: Final = Path(__file__).with_name("logged_bundle.py")
"""What MLflow runs to load a bundle."""
DECISION: Final = "decision"
"""A version's tag: the line of the journal that made it champion."""


@dataclass(frozen=True)
class VersionNotes:
    """What people read of a version on MLflow's page. why: it was registered. files: what its evaluation left. tags: of its run and of the
    version."""

    why: str
    files: Sequence[Path] = ()
    tags: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Registration:
    """What is to become the next version of a head. content: a digest of the candidate, by which a registration that a death has cut short
    is found again, and the run of its training. fill: puts the files of that version into an empty folder. installed: whether serving's
    files of a version are there."""

    head: str
    content: str
    metrics: Mapping[str, float]
    fill: Callable[[str, Path], object]
    installed: Callable[[str], bool]
    told: VersionNotes


def log_ranker(settings: Settings, it: Registration, bundle: Bundle, candidate: Path, rows: NDArray[np.float32]) -> str:
    """Logs a ranker's bundle as the next version of its head, and gives that version.

    candidate: the bundle's folder. rows: a few rows of the training matrix, (n, columns), logged as the example with the signature.
    """
    manifest = bundle.manifest

    def log(client: MlflowClient, running: Run) -> str:
        log_files(it.told.files)
        return _log_model(bundle, candidate, rows, {**_told(running), **it.told.tags})

    return _log(settings, it, f"{manifest.ranker} to {manifest.trained_to[:10]}", asdict(manifest), log)


def log_sealed(settings: Settings, it: Registration, manifest: Mapping[str, Any]) -> str:
    """Logs a sealed model folder as the next version of its head, which is made where it is new, and gives that version."""

    def log(client: MlflowClient, running: Run) -> str:
        from mlflow.exceptions import MlflowException

        with exclusive(settings.home, "mlflow"):
            try:
                client.get_registered_model(it.head)
            except MlflowException:
                client.create_registered_model(it.head)
        return str(client.create_model_version(it.head, f"{running.info.artifact_uri}/bundle", running.info.run_id).version)

    return _log(settings, it, f"{it.head} to {manifest['trained_to'][:10]}", manifest, log)


def _log(settings: Settings, it: Registration, name: str, known: Mapping[str, Any], log: Callable[[MlflowClient, Run], str]) -> str:
    """The version that `log` makes, or the one that it has made for the same content before a death kept its files from being installed.
    MLflow knows all of it at the end; what was told before is told again, which changes nothing."""
    with mlflow_client(settings) as client:
        begun, version = _begun(client, experiment_of(settings, client, it.head), it)
    tags = {CONTENT: it.content, **it.told.tags}
    with run(settings, it.head, name, known, it.metrics, tags, begun) as (client, running):
        import mlflow

        version = version or log(client, running)
        client.update_model_version(it.head, version, _description(it, name, known, running))
        with tempfile.TemporaryDirectory() as place:
            it.fill(version, Path(place))
            mlflow.log_artifacts(place, "bundle")
    return version


def _begun(client: MlflowClient, experiment: str, it: Registration) -> tuple[str, str]:
    """The run of a training, or of a registration that was cut short, and its version; "" for what there is not."""
    for found in runs_of(client, experiment, it.content):
        made = [str(v.version) for v in client.search_model_versions(f"run_id = '{found.info.run_id}'") if v.name == it.head]
        if not made or not it.installed(made[0]):
            return str(found.info.run_id), made[0] if made else ""
    return "", ""


def _told(running: Run) -> dict[str, str]:
    """What a training's run is tagged with, for the version."""
    return {name: value for name, value in running.data.tags.items() if not name.startswith(("mlflow.", "placard."))}


def _description(it: Registration, name: str, known: Mapping[str, Any], running: Run) -> str:
    """In Markdown, for MLflow's page: what it is, why it was registered, and where its report and the decision on it lie."""
    place = f"#/experiments/{running.info.experiment_id}/runs/{running.info.run_id}/artifactPath/{EVALUATION}"
    links = [f"[{path.stem}]({place}/{path.name})" for path in it.told.files if path.suffix in (".html", ".json")]
    rows = f", {known['rows']:,} rows with {known['positives']:,} positive" if {"rows", "positives"} <= known.keys() else ""
    return " · ".join([f"{name}{rows}", *filter(None, [it.told.why]), *links])


def _log_model(bundle: Bundle, candidate: Path, rows: NDArray[np.float32], tags: Mapping[str, str]) -> str:
    """Logs a bundle as a model of the run, of whatever family, and gives its version."""
    import mlflow
    import pandas as pd

    columns = list(bundle.manifest.columns)
    info = mlflow.pyfunc.log_model(
        name="model", registered_model_name=bundle.manifest.head, python_model=str(LOADER), artifacts={"bundle": str(candidate)},
        pip_requirements=[f"placard[serving]=={installed_version('placard')}"], signature=_signature(columns),
        input_example=pd.DataFrame(rows, columns=columns).astype(float), tags=dict(tags),
    )  # fmt: skip
    return str(info.registered_model_version)


def _signature(columns: Sequence[str]) -> ModelSignature:
    """Of raw rows, by column name. Doubles, since MLflow takes both precisions for them."""
    from mlflow.models import ModelSignature
    from mlflow.types import ColSpec, DataType, Schema

    return ModelSignature(Schema([ColSpec(DataType.double, name) for name in columns]), Schema([ColSpec(DataType.double)]))


def tell(settings: Settings, changes: Sequence[Change], aliases: Aliases) -> None:
    """Makes MLflow say of the changed roles what serving's file says (`aliases`), of refused versions that they are, and of champions by
    which decision. Done again, it changes nothing."""
    with mlflow_client(settings) as client:
        for change in changes:
            if change.alias == REFUSED:
                _tag(client, change.head, change.version or change.before, REFUSED, change.why if change.version else "")
                continue
            _point(client, change.head, change.alias, aliases)
            if change.alias == "champion" and change.version:
                _tag(client, change.head, change.version, DECISION, change.line)


def put_back(settings: Settings, head: str, alias: str, aliases: Aliases) -> None:
    """Makes MLflow say of an alias again what serving's file says (`aliases`)."""
    with mlflow_client(settings) as client:
        _point(client, head, alias, aliases)


def tag_version(settings: Settings, head: str, version: str, name: str, value: str) -> None:
    """Sets a version's tag; "" takes it away. Of a version that MLflow no longer has nothing is said."""
    from mlflow.exceptions import MlflowException

    with mlflow_client(settings) as client, suppress(MlflowException):
        _tag(client, head, version, name, value)


def _point(client: MlflowClient, head: str, alias: str, aliases: Aliases) -> None:
    has = {name: str(version) for name, version in client.get_registered_model(head).aliases.items()}.get(alias, "")
    due = aliases.get(head, {}).get(alias, "")
    if due and due != has:
        client.set_registered_model_alias(head, alias, due)
    elif has and not due:
        client.delete_registered_model_alias(head, alias)


def _tag(client: MlflowClient, head: str, version: str, name: str, value: str) -> None:
    """Sets a version's tag; "" takes it away."""
    if value:
        client.set_model_version_tag(head, version, name, value)
    elif name in client.get_model_version(head, version).tags:
        client.delete_model_version_tag(head, version, name)
