"""What MLflow keeps of the registry: versions, metrics, plots and aliases. The only module that imports mlflow."""

from __future__ import annotations

import logging
import tempfile
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, redirect_stderr
from dataclasses import asdict, dataclass
from importlib.metadata import version as installed_version
from io import StringIO
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

from feature_repo.exclusive import exclusive
from feature_repo.whole_file import whole_file
from pipelines.registry.journal import REFUSED, Change
from pipelines.registry.mlflow_aliases import SQLITE, sqlite_path
from serving.bundles import Bundle
from serving.bundles.aliases import Aliases
from serving.settings import Settings

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import Run
    from mlflow.models import ModelSignature


CONTENT: Final = "placard.content"
"""A run's tag: the digest of what it registers."""


def address(settings: Settings) -> str:
    """Where MLflow's books are: PLACARD_MLFLOW_URI, else a SQLite file in the state folder."""
    return settings.stores.mlflow_uri or f"{SQLITE}{settings.home.mlflow / 'mlflow.db'}"


@contextmanager
def _quiet() -> Iterator[None]:
    """Within, MLflow neither prints each step nor warns; what fails is raised."""
    with warnings.catch_warnings(), redirect_stderr(StringIO()):
        warnings.simplefilter("ignore")
        import mlflow  # noqa: F401

        for name in ("mlflow", "alembic"):  # after the import, which sets them up
            logging.getLogger(name).setLevel(logging.ERROR)
        yield


def make_database(settings: Settings) -> None:
    """Makes MLflow's SQLite file, where it is the store and is not there: aside, and renamed into place whole.

    MLflow makes it in dozens of steps, each for good, and takes up none that was cut short: a Ctrl-C in the middle of a first command
    would leave a file that no later one can read or mend."""
    uri = address(settings)
    path = sqlite_path(uri)
    if path is None or path.exists():
        return
    with exclusive(settings.home, "mlflow"):
        if path.exists():  # whoever held the lock has made it
            return
        with _quiet(), whole_file(path) as part:
            from mlflow.db import upgrade

            upgrade.callback(f"{SQLITE}{part}")


@contextmanager
def mlflow_client(settings: Settings) -> Iterator[MlflowClient]:
    """An MLflow client on the home's SQLite (or PLACARD_MLFLOW_URI), quiet and without telemetry."""
    settings.home.mlflow.mkdir(parents=True, exist_ok=True)
    make_database(settings)
    with _quiet():
        import mlflow

        mlflow.set_tracking_uri(address(settings))
        mlflow.set_registry_uri(address(settings))
        _first_use(settings)
        yield mlflow.MlflowClient()


_used: Final[set[str]] = set()
"""Addresses of stores whose tables this process has seen."""


def _first_use(settings: Settings) -> None:
    """MLflow makes the tables of a store that has none when it is first opened, and of two that do so at once one fails: one at a time."""
    import mlflow

    if address(settings) in _used:
        return
    with exclusive(settings.home, "mlflow"):
        client = mlflow.MlflowClient()
        client.search_experiments(max_results=1)
        client.search_registered_models(max_results=1)
    _used.add(address(settings))


LOADER: Final = Path(__file__).with_name("logged_bundle.py")
"""What MLflow runs to load a bundle."""


@dataclass(frozen=True)
class Registration:
    """What is to become the next version of a head. content: a digest of the candidate, by which a registration that a death has cut short
    is found again. fill: puts the files of that version into an empty folder. installed: whether serving's files of a version are there."""

    head: str
    content: str
    metrics: Mapping[str, float]
    fill: Callable[[str, Path], object]
    installed: Callable[[str], bool]


def log_ranker(
    settings: Settings, it: Registration, bundle: Bundle, candidate: Path, plots: Sequence[Path], rows: NDArray[np.float32]
) -> str:
    """Logs a ranker's bundle as the next version of its head, and gives that version.

    candidate: the bundle's folder. rows: a few rows of the training matrix, (n, columns), logged as the example with the signature.
    """
    manifest = bundle.manifest

    def log(client: MlflowClient, run: Run) -> str:
        import mlflow

        for path in plots:
            mlflow.log_artifact(str(path), "plots")
        return _log_model(bundle, candidate, rows)

    return _log(settings, it, f"{manifest.ranker} to {manifest.trained_to[:10]}", asdict(manifest), log)


def log_sealed(settings: Settings, it: Registration, manifest: Mapping[str, Any]) -> str:
    """Logs a sealed model folder as the next version of its head, which is made where it is new, and gives that version."""

    def log(client: MlflowClient, run: Run) -> str:
        from mlflow.exceptions import MlflowException

        with exclusive(settings.home, "mlflow"):
            try:
                client.get_registered_model(it.head)
            except MlflowException:
                client.create_registered_model(it.head)
        return str(client.create_model_version(it.head, f"{run.info.artifact_uri}/bundle", run.info.run_id).version)

    return _log(settings, it, f"{it.head} to {manifest['trained_to'][:10]}", manifest, log)


def _log(settings: Settings, it: Registration, name: str, known: Mapping[str, Any], log: Callable[[MlflowClient, Run], str]) -> str:
    """The version that `log` makes, or the one that it has made for the same content before a death kept its files from being installed.
    MLflow knows all of it at the end; what was told before is told again, which changes nothing."""
    with mlflow_client(settings) as client:
        begun, version = _begun(client, _experiment(settings, client, it.head), it)
    with _run(settings, it.head, name, known, it.metrics, {CONTENT: it.content}, begun) as (client, run):
        import mlflow

        version = version or log(client, run)
        with tempfile.TemporaryDirectory() as place:
            it.fill(version, Path(place))
            mlflow.log_artifacts(place, "bundle")
    return version


def _begun(client: MlflowClient, experiment: str, it: Registration) -> tuple[str, str]:
    """The run and the version of a registration that was cut short; "" for what there is not."""
    for run in client.search_runs([experiment], f"tags.`{CONTENT}` = '{it.content}'"):
        made = [str(v.version) for v in client.search_model_versions(f"run_id = '{run.info.run_id}'") if v.name == it.head]
        if not made or not it.installed(made[0]):
            return str(run.info.run_id), made[0] if made else ""
    return "", ""


def log_trial(settings: Settings, head: str, name: str, parameters: Mapping[str, float], metrics: Mapping[str, float]) -> None:
    """One trial of a search for parameters, as a run in the experiment of its own beside the head's."""
    with _run(settings, f"{head} tuning", name, parameters, metrics, {}):
        pass


@contextmanager
def _run(
    settings: Settings, experiment: str, name: str, known: Mapping[str, Any], metrics: Mapping[str, float], tags: dict[str, str],
    begun: str = "",
) -> Iterator[tuple[MlflowClient, Run]]:  # fmt: skip
    """A run with the plain values of what is known as its parameters, and the metrics that are finite. begun: the run that goes on, "" for
    a new one."""
    with mlflow_client(settings) as client:
        import mlflow

        here = {"run_id": begun} if begun else {"experiment_id": _experiment(settings, client, experiment), "run_name": name, "tags": tags}
        with mlflow.start_run(**here) as run:
            mlflow.log_params({k: v for k, v in known.items() if isinstance(v, str | int | float) and k != "version"})
            mlflow.log_metrics({k: v for k, v in metrics.items() if np.isfinite(v)})
            yield client, run


def _log_model(bundle: Bundle, candidate: Path, rows: NDArray[np.float32]) -> str:
    """Logs a bundle as a model of the run, of whatever family, and gives its version."""
    import mlflow
    import pandas as pd

    columns = list(bundle.manifest.columns)
    info = mlflow.pyfunc.log_model(
        name="model", registered_model_name=bundle.manifest.head, python_model=str(LOADER), artifacts={"bundle": str(candidate)},
        pip_requirements=[f"placard[serving]=={installed_version('placard')}"], signature=_signature(columns),
        input_example=pd.DataFrame(rows, columns=columns).astype(float),
    )  # fmt: skip
    return str(info.registered_model_version)


def _signature(columns: Sequence[str]) -> ModelSignature:
    """Of raw rows, by column name. Doubles, since MLflow takes both precisions for them."""
    from mlflow.models import ModelSignature
    from mlflow.types import ColSpec, DataType, Schema

    return ModelSignature(Schema([ColSpec(DataType.double, name) for name in columns]), Schema([ColSpec(DataType.double)]))


def _experiment(settings: Settings, client: MlflowClient, head: str) -> str:
    """A head's experiment, made when it is not there."""
    with exclusive(settings.home, "mlflow"):
        found = client.get_experiment_by_name(head)
        if found is not None:
            return str(found.experiment_id)
        return str(client.create_experiment(head, artifact_location=(settings.home.mlflow / "artifacts").as_uri()))


def tell(settings: Settings, changes: Sequence[Change], aliases: Aliases) -> None:
    """Makes MLflow say of the changed roles what serving's file says (`aliases`), and of refused versions that they are. Done again, it
    changes nothing."""
    with mlflow_client(settings) as client:
        for change in changes:
            if change.alias == REFUSED:
                _tag(client, change.head, change.version or change.before, REFUSED, change.why if change.version else "")
                continue
            has = {alias: str(v) for alias, v in client.get_registered_model(change.head).aliases.items()}.get(change.alias, "")
            due = aliases.get(change.head, {}).get(change.alias, "")
            if due and due != has:
                client.set_registered_model_alias(change.head, change.alias, due)
            elif has and not due:
                client.delete_registered_model_alias(change.head, change.alias)


def _tag(client: MlflowClient, head: str, version: str, name: str, value: str) -> None:
    """Sets a version's tag; "" takes it away."""
    if value:
        client.set_model_version_tag(head, version, name, value)
    elif name in client.get_model_version(head, version).tags:
        client.delete_model_version_tag(head, version, name)
