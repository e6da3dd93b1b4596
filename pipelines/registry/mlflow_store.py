"""MLflow's store as the platform opens it: its address, its tables, a client, experiments and runs."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, redirect_stderr
from io import StringIO
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from feature_repo.addresses import without_password
from feature_repo.exclusive import exclusive
from feature_repo.whole_file import whole_file
from pipelines.registry.mlflow_aliases import SQLITE, sqlite_path
from pipelines.registry.mlflow_places import follow
from serving.settings import Settings

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import Run


log = logging.getLogger(__name__)


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
    """Makes MLflow's SQLite file, where it is the store and is not there: aside, and renamed into place whole. The state folder's own file
    is told where the folder lies now.

    MLflow makes it in dozens of steps, each for good, and takes up none that was cut short: a Ctrl-C in the middle of a first command
    would leave a file that no later one can read or mend."""
    uri = address(settings)
    path = sqlite_path(uri)
    if path is None:
        return
    if not path.exists():
        with exclusive(settings.home, "mlflow"):
            if not path.exists():  # whoever held the lock has not made it
                with _quiet(), whole_file(path) as part:
                    from mlflow.db import upgrade

                    upgrade.callback(f"{SQLITE}{part}")
    _follow_home(settings)


def _follow_home(settings: Settings) -> None:
    """Of a store outside the state folder nothing is changed: it stays where it is when the folder moves, and others may use it."""
    path = sqlite_path(address(settings))
    if path is not None and path.parent.absolute() == settings.home.mlflow.absolute():
        follow(path, _artifacts(settings))


def _artifacts(settings: Settings) -> Path:
    return (settings.home.mlflow / "artifacts").absolute()


@contextmanager
def mlflow_client(settings: Settings) -> Iterator[MlflowClient]:
    """An MLflow client on the home's SQLite (or PLACARD_MLFLOW_URI), quiet and without telemetry."""
    settings.home.mlflow.mkdir(parents=True, exist_ok=True)
    make_database(settings)
    with _quiet():
        import mlflow
        from mlflow.tracking._tracking_service import utils

        mlflow.set_tracking_uri(address(settings))
        mlflow.set_registry_uri(address(settings))
        utils._artifact_repos_cache.clear()  # by a run's id alone: in a copy of a state folder the run's files would go to the original
        _first_use(settings)
        yield mlflow.MlflowClient()


@contextmanager
def where_reached(settings: Settings, what: str) -> Iterator[None]:
    """Within, MLflow out of reach is a warning that names what it was not told: what the platform itself keeps is whole without it."""
    try:
        yield
    except Exception as error:  # drivers and servers fail with errors that share no base
        said = str(error).splitlines()[0] if str(error) else type(error).__name__
        log.warning("%s was not logged to MLflow at %s: %s", what, without_password(address(settings)), said)


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
        _follow_home(settings)  # the first opening makes an experiment, whose files would go to the current folder
    _used.add(address(settings))


@contextmanager
def run(
    settings: Settings, experiment: str, name: str, known: Mapping[str, Any], metrics: Mapping[str, float], tags: Mapping[str, str],
    begun: str = "",
) -> Iterator[tuple[MlflowClient, Run]]:  # fmt: skip
    """A run with the plain values of what is known as its parameters, and the metrics that are finite. begun: the run that goes on, "" for
    a new one."""
    with mlflow_client(settings) as client:
        import mlflow

        here = {"run_id": begun} if begun else {"experiment_id": experiment_of(settings, client, experiment), "run_name": name}
        with mlflow.start_run(**here, tags=dict(tags)) as running:
            mlflow.log_params({k: v for k, v in known.items() if isinstance(v, str | int | float) and k != "version"})
            mlflow.log_metrics({k: v for k, v in metrics.items() if np.isfinite(v)})
            yield client, running


def experiment_of(settings: Settings, client: MlflowClient, name: str) -> str:
    """An experiment by its name, made when it is not there. Its files lie in the state folder; a server keeps them where it is told to,
    and hands them to whoever reaches it."""
    with exclusive(settings.home, "mlflow"):
        found = client.get_experiment_by_name(name)
        if found is not None:
            return str(found.experiment_id)
        served = address(settings).startswith(("http://", "https://"))
        return str(client.create_experiment(name, artifact_location=None if served else _artifacts(settings).as_uri()))
