"""The model registry: MLflow keeps versions, metrics and plots; a journal keeps what served when. MLflow's only door."""

from __future__ import annotations

import json
import logging
import tempfile
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, redirect_stderr
from dataclasses import asdict, replace
from datetime import UTC, datetime
from functools import cache
from io import StringIO
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

from feature_repo.exclusive import exclusive
from pipelines import journal
from pipelines.errors import Missing, PipelineError, Refused
from pipelines.install import install
from pipelines.journal import Change
from pipelines.version import Version
from serving.bundles import Bundle
from serving.bundles.aliases import ALIASES, Aliases, folder, is_alias, read, write
from serving.bundles.sealed import read_manifest
from serving.bundles.trees import Trees
from serving.errors import ServingError
from serving.settings import Settings

if TYPE_CHECKING:
    from mlflow import MlflowClient


@contextmanager
def _client(settings: Settings) -> Iterator[MlflowClient]:
    """An MLflow client on the home's SQLite (or PLACARD_MLFLOW_URI), quiet and without telemetry."""
    settings.home.mlflow.mkdir(parents=True, exist_ok=True)
    with warnings.catch_warnings(), redirect_stderr(StringIO()):  # it prints each step; what fails is raised
        warnings.simplefilter("ignore")
        import mlflow

        for name in ("mlflow", "alembic"):  # after the import, which sets them up
            logging.getLogger(name).setLevel(logging.ERROR)
        uri = settings.mlflow_uri or f"sqlite:///{settings.home.mlflow / 'mlflow.db'}"
        mlflow.set_tracking_uri(uri)
        mlflow.set_registry_uri(uri)
        yield mlflow.MlflowClient()


def register(
    settings: Settings,
    candidate: Path,
    alias: str,
    why: str,
    metrics: Mapping[str, float],
    plots: Sequence[Path],
    example: Any,
) -> Version:
    """Gives a candidate bundle the next version of its head, logs it and sets `alias`. Raises BundleRefused on a bad one.

    example: a few rows of the training matrix, logged with the signature.
    """
    if not is_alias(alias):
        raise PipelineError("alias", alias, f"Use one of: {', '.join(ALIASES)}, or shadow_NAME.")
    bundle = Bundle.load(candidate)
    head = bundle.manifest.head
    with _client(settings) as client:
        import mlflow

        with mlflow.start_run(
            experiment_id=_experiment(settings, client, head), run_name=f"{bundle.manifest.ranker} to {bundle.manifest.trained_to[:10]}"
        ):
            mlflow.log_params({k: v for k, v in asdict(bundle.manifest).items() if isinstance(v, str | int | float) and k != "version"})
            mlflow.log_metrics({k: v for k, v in metrics.items() if np.isfinite(v)})
            for path in plots:
                mlflow.log_artifact(str(path), "plots")
            rows = np.asarray(example, np.float32)
            version = _log(bundle, candidate, rows)
            target = folder(settings.home.bundles, head, version)
            install(candidate, target, asdict(replace(bundle.manifest, version=version, metrics=dict(metrics))))
            mlflow.log_artifacts(str(target), "bundle")
    set_alias(settings, head, alias, version, why)
    return next(v for v in versions(settings, head) if v.version == version)


LOADER: Final = '''"""A Placard bundle as MLflow serves it; it needs Placard beside it."""
import mlflow
import numpy as np
from pathlib import Path
from serving.bundles import Bundle


class Served(mlflow.pyfunc.PythonModel):
    def load_context(self, context):
        self.bundle = Bundle.load(Path(context.artifacts["bundle"]))

    def predict(self, context, model_input, params=None):
        return self.bundle.predict(np.asarray(model_input, np.float32))


mlflow.models.set_model(Served())
'''
"""MLflow runs it from its text: nothing is pickled."""


def _log(bundle: Bundle, candidate: Path, rows: NDArray[np.float32]) -> str:
    """Logs a bundle as a model of the run and gives its version: a forest in XGBoost's flavour, all else as LOADER runs it."""
    import mlflow
    from mlflow.models import infer_signature

    shared: dict[str, Any] = {
        "name": "model", "registered_model_name": bundle.manifest.head, "signature": infer_signature(rows, bundle.predict(rows)),
        "input_example": rows,
    }  # fmt: skip
    first = bundle.members[0]
    if len(bundle.members) == 1 and isinstance(first, Trees):
        info = mlflow.xgboost.log_model(first.booster, model_format="ubj", pip_requirements=["xgboost-cpu"], **shared)
    else:
        with tempfile.TemporaryDirectory() as place:
            code = Path(place) / "loader.py"
            code.write_text(LOADER)
            needs = ["numpy", "onnxruntime", "xgboost-cpu"]
            info = mlflow.pyfunc.log_model(python_model=str(code), artifacts={"bundle": str(candidate)}, pip_requirements=needs, **shared)
    return str(info.registered_model_version)


def register_sealed(settings: Settings, head: str, candidate: Path, why: str, metrics: Mapping[str, float]) -> Version:
    """Gives a sealed model folder (of any head that is no ranker) the next version of its head, logs it and makes it challenger."""
    manifest = read_manifest(candidate, head=head)
    with _client(settings) as client:
        import mlflow
        from mlflow.exceptions import MlflowException

        try:
            client.get_registered_model(head)
        except MlflowException:
            client.create_registered_model(head)
        with mlflow.start_run(
            experiment_id=_experiment(settings, client, head), run_name=f"{head} to {manifest['trained_to'][:10]}"
        ) as run:
            mlflow.log_params({k: v for k, v in manifest.items() if isinstance(v, str | int | float) and k != "version"})
            mlflow.log_metrics({k: v for k, v in metrics.items() if np.isfinite(v)})
            version = str(client.create_model_version(head, f"{run.info.artifact_uri}/bundle", run.info.run_id).version)
            target = folder(settings.home.bundles, head, version)
            install(candidate, target, {**manifest, "version": version, "metrics": {k: v for k, v in metrics.items() if np.isfinite(v)}})
            mlflow.log_artifacts(str(target), "bundle")
    set_alias(settings, head, "challenger", version, why)
    return next(v for v in versions(settings, head) if v.version == version)


def log_trial(settings: Settings, head: str, name: str, parameters: Mapping[str, float], metrics: Mapping[str, float]) -> None:
    """One trial of a search for parameters, as a run in the experiment of its own beside the head's."""
    with _client(settings) as client:
        import mlflow

        with mlflow.start_run(experiment_id=_experiment(settings, client, f"{head} tuning"), run_name=name):
            mlflow.log_params(dict(parameters))
            mlflow.log_metrics({k: v for k, v in metrics.items() if np.isfinite(v)})


def _experiment(settings: Settings, client: MlflowClient, head: str) -> str:
    """A head's experiment, made when it is not there."""
    found = client.get_experiment_by_name(head)
    if found is not None:
        return str(found.experiment_id)
    return str(client.create_experiment(head, artifact_location=(settings.home.mlflow / "artifacts").as_uri()))


def set_alias(settings: Settings, head: str, alias: str, version: str, why: str) -> None:
    """Points an alias at a version, in MLflow, in serving's file and in the journal. Raises PipelineError for an unknown version."""
    with exclusive(settings.home, "models"):
        point(settings, head, {alias: (version, why)})


def clear_alias(settings: Settings, head: str, alias: str, why: str) -> None:
    """Takes an alias away; nothing happens when it is not set."""
    with exclusive(settings.home, "models"):
        if alias in aliases_of(settings).get(head, {}):
            point(settings, head, {alias: ("", why)})


def point(settings: Settings, head: str, changes: Mapping[str, tuple[str, str]], failed: Sequence[str] = ()) -> None:
    """Points aliases at versions (none: away) for a reason. Serving sees all changes or none: its file is replaced once, last.

    The caller holds the lock `models`. A death half-way leaves that file as it was; the same change made again ends the same. What
    was in force is in the history, wherever the death came.
    failed: gates that are overridden.
    """
    for version, _ in changes.values():
        check_installed(settings, head, version)
    aliases = aliases_of(settings)
    journal.settle(settings.home.bundles, aliases)
    mine = aliases.setdefault(head, {})
    at, lines = now(), []
    with _client(settings) as client:
        for alias, (version, why) in changes.items():
            over = tuple(failed) if alias == "champion" else ()
            lines.append(Change(at, head, alias, version, mine.pop(alias, ""), why, over))
            if version:
                client.set_registered_model_alias(head, alias, version)
                mine[alias] = version
            else:
                client.delete_registered_model_alias(head, alias)
    journal.intend(settings.home.bundles, lines)
    write(settings.home.bundles, aliases)
    journal.settle(settings.home.bundles, aliases)


def tag(settings: Settings, head: str, version: str, name: str, value: str) -> None:
    """Sets a version's tag in MLflow; "" takes it away."""
    with _client(settings) as client:
        if value:
            client.set_model_version_tag(head, version, name, value)
        else:
            client.delete_model_version_tag(head, version, name)


def now() -> str:
    """The moment that a line of the journal gets."""
    return datetime.now(UTC).isoformat(timespec="seconds")


def check_installed(settings: Settings, head: str, version: str) -> None:
    """Raises PipelineError for a version that is not; "" is none and passes."""
    if version and not (folder(settings.home.bundles, head, version) / "manifest.json").exists():
        known = ", ".join(v.version for v in versions(settings, head)) or "none"
        raise PipelineError(f"{head} version", version, f"Registered: {known}.")


def aliases_of(settings: Settings) -> Aliases:
    """Serving's file; made anew from MLflow when it is damaged."""
    try:
        return read(settings.home.bundles)
    except ServingError:
        with _client(settings) as client:
            return {m.name: {alias: str(v) for alias, v in m.aliases.items()} for m in client.search_registered_models()}


def promote(settings: Settings, head: str, version: str = "", why: str = "", failed: Sequence[str] = ()) -> Change:
    """Makes a version (default: the challenger) champion; the champion before becomes previous. It asks for no evidence: that is
    promotion.py's part. failed: gates that were overridden. Raises Refused for a version that is kept out of the auction."""
    with exclusive(settings.home, "models"):
        chosen, before = chosen_of(settings, head, version), aliases_of(settings).get(head, {}).get("champion", "")
        refused = journal.refused(settings.home.bundles).get(head, {})
        if reason := journal.kept_out(settings.home.bundles, head).get(chosen):
            again = f", or `placard registry admit {head} {chosen}`" if chosen in refused else ""
            raise Refused(f"{head} version", chosen, f"It is kept out of the auction: {reason}. Train another{again}.")
        stays = before and before != chosen and before not in refused
        away = {"previous": (before, f"{chosen} took its place")} if stays else {}
        point(settings, head, {**away, "champion": (chosen, why or "promoted")}, failed)
        return history(settings, head)[-1]


def chosen_of(settings: Settings, head: str, version: str) -> str:
    """The version, or the challenger when none is named. Raises Missing when there is neither, PipelineError for an unknown one."""
    chosen = version or aliases_of(settings).get(head, {}).get("challenger", "")
    if not chosen:
        raise Missing(f"{head} challenger", "none", f"Register one: `placard registry register --head {head} --partition DAY`.")
    check_installed(settings, head, chosen)
    return chosen


def rollback(settings: Settings, head: str, why: str = "rolled back") -> Change:
    """Brings the previous champion back; the two change places. Raises Missing when there is none."""
    with exclusive(settings.home, "models"):
        aliases = aliases_of(settings).get(head, {})
        if "previous" not in aliases:
            raise Missing(f"previous {head}", "none", "Only a promotion over another champion leaves one.")
        back, away = aliases["previous"], aliases["champion"]
        if reason := journal.refused(settings.home.bundles).get(head, {}).get(back):
            raise Refused(f"previous {head}", back, f"It is kept out of the auction: {reason}.")
        point(settings, head, {"previous": (away, f"{back} came back"), "champion": (back, why)})
        return history(settings, head)[-1]


def versions(settings: Settings, head: str = "") -> list[Version]:
    """Installed versions, oldest first."""
    aliases, found = aliases_of(settings), []
    kept_out = cache(lambda of: journal.kept_out(settings.home.bundles, of))
    for path in settings.home.bundles.glob(f"{head or '*'}/*/manifest.json"):
        manifest = json.loads(path.read_text())
        names = tuple(a for a, v in sorted(aliases.get(manifest["head"], {}).items()) if v == manifest["version"])
        why = kept_out(manifest["head"]).get(manifest["version"], "")
        found.append(
            Version(manifest["head"], manifest["version"], manifest["ranker"], manifest["trained_to"], names, manifest["metrics"], why)
        )
    return sorted(found, key=lambda v: (v.head, int(v.version)))


def history(settings: Settings, head: str = "") -> list[Change]:
    """Every change of a role and every refusal, oldest first: what was in production when, and why."""
    return journal.read(settings.home.bundles, head, read(settings.home.bundles))
