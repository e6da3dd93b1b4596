"""The model registry: MLflow keeps versions, metrics and plots; a journal keeps what served when. MLflow's only door."""

from __future__ import annotations

import json
import logging
import os
import shutil
import tempfile
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from pipelines.errors import Missing, PipelineError
from serving.bundles import Bundle, write_manifest
from serving.bundles.aliases import folder, read, write
from serving.settings import Settings

if TYPE_CHECKING:
    from mlflow import MlflowClient

ALIASES = ("champion", "challenger", "shadow", "previous")


@dataclass(frozen=True)
class Change:
    """One line of the journal: at `at`, `alias` of `head` went from one version to another, and why."""

    at: str
    head: str
    alias: str
    version: str
    before: str
    why: str


@dataclass(frozen=True)
class Version:
    head: str
    version: str
    ranker: str
    trained_to: str
    aliases: tuple[str, ...]
    metrics: dict[str, float]


@contextmanager
def _client(settings: Settings) -> Iterator[MlflowClient]:
    """An MLflow client on the home's SQLite (or PLACARD_MLFLOW_URI), quiet and without telemetry."""
    os_noise = logging.getLogger("mlflow")
    os_noise.setLevel(logging.ERROR)
    logging.getLogger("alembic").setLevel(logging.ERROR)
    settings.home.mlflow.mkdir(parents=True, exist_ok=True)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import mlflow

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
    plots: Mapping[str, Path],
    example: Any,
) -> Version:
    """Gives a candidate bundle the next version of its head, logs it and sets `alias`. Raises BundleRefused on a bad one.

    example: a few rows of the training matrix, logged with the signature.
    """
    if alias not in ALIASES:
        raise PipelineError("alias", alias, f"Use one of: {', '.join(ALIASES)}.")
    bundle = Bundle.load(candidate)
    head = bundle.manifest.head
    with _client(settings) as client:
        import mlflow
        from mlflow.models import infer_signature

        experiment = client.get_experiment_by_name(head)
        artifacts = (settings.home.mlflow / "artifacts").as_uri()
        experiment_id = experiment.experiment_id if experiment else client.create_experiment(head, artifact_location=artifacts)
        with mlflow.start_run(experiment_id=experiment_id, run_name=f"{bundle.manifest.ranker} to {bundle.manifest.trained_to[:10]}"):
            mlflow.log_params({k: v for k, v in asdict(bundle.manifest).items() if isinstance(v, str | int | float) and k != "version"})
            mlflow.log_metrics({k: v for k, v in metrics.items() if np.isfinite(v)})
            for path in plots.values():
                mlflow.log_artifact(str(path), "plots")
            rows = np.asarray(example, np.float32)
            info = mlflow.xgboost.log_model(
                bundle.booster, name="model", registered_model_name=head, model_format="ubj",
                signature=infer_signature(rows, bundle.predict(rows)), input_example=rows, pip_requirements=["xgboost-cpu"],
            )  # fmt: skip
            version = str(info.registered_model_version)
            target = folder(settings.home.bundles, head, version)
            _install(candidate, target, replace(bundle.manifest, version=version, metrics=dict(metrics)))
            mlflow.log_artifacts(str(target), "bundle")
    set_alias(settings, head, alias, version, why)
    return next(v for v in versions(settings, head) if v.version == version)


def _install(candidate: Path, target: Path, manifest: Any) -> None:
    """Copies the bundle to where serving reads it, whole or not at all."""
    target.parent.mkdir(parents=True, exist_ok=True)
    part = Path(tempfile.mkdtemp(dir=target.parent, prefix="."))
    shutil.copytree(candidate, part, dirs_exist_ok=True)
    write_manifest(part, manifest)
    shutil.rmtree(target, ignore_errors=True)
    part.chmod(0o755)
    os.replace(part, target)


def set_alias(settings: Settings, head: str, alias: str, version: str, why: str) -> None:
    """Points an alias at a version, in MLflow, in serving's file and in the journal. Raises Missing for an unknown version."""
    if not (folder(settings.home.bundles, head, version) / "manifest.json").exists():
        known = ", ".join(v.version for v in versions(settings, head)) or "none"
        raise Missing(f"{head} version", version, f"Registered: {known}.")
    aliases = read(settings.home.bundles)
    before = aliases.get(head, {}).get(alias, "")
    with _client(settings) as client:
        client.set_registered_model_alias(head, alias, version)
    aliases.setdefault(head, {})[alias] = version
    write(settings.home.bundles, aliases)
    _record(settings, Change(datetime.now(UTC).isoformat(timespec="seconds"), head, alias, version, before, why))


def clear_alias(settings: Settings, head: str, alias: str, why: str) -> None:
    """Takes an alias away; nothing happens when it is not set."""
    aliases = read(settings.home.bundles)
    before = aliases.get(head, {}).pop(alias, "")
    if not before:
        return
    with _client(settings) as client:
        client.delete_registered_model_alias(head, alias)
    write(settings.home.bundles, aliases)
    _record(settings, Change(datetime.now(UTC).isoformat(timespec="seconds"), head, alias, "", before, why))


def _record(settings: Settings, change: Change) -> None:
    settings.home.bundles.mkdir(parents=True, exist_ok=True)
    with (settings.home.bundles / "journal.jsonl").open("a") as journal:
        journal.write(json.dumps(asdict(change)) + "\n")


def promote(settings: Settings, head: str, version: str = "", why: str = "") -> Change:
    """Makes a version (default: the challenger) champion; the champion before becomes previous."""
    aliases = read(settings.home.bundles).get(head, {})
    chosen = version or aliases.get("challenger", "")
    if not chosen:
        raise Missing(f"{head} challenger", "none", f"Register one: `placard models register --head {head} --partition DAY`.")
    before = aliases.get("champion", "")
    if before and before != chosen:
        set_alias(settings, head, "previous", before, f"{chosen} took its place")
    set_alias(settings, head, "champion", chosen, why or "promoted")
    return history(settings, head)[-1]


def rollback(settings: Settings, head: str, why: str = "rolled back") -> Change:
    """Brings the previous champion back; the two change places. Raises Missing when there is none."""
    aliases = read(settings.home.bundles).get(head, {})
    if "previous" not in aliases:
        raise Missing(f"previous {head}", "none", "Only a promotion over another champion leaves one.")
    back, away = aliases["previous"], aliases["champion"]
    set_alias(settings, head, "previous", away, f"{back} came back")
    set_alias(settings, head, "champion", back, why)
    return history(settings, head)[-1]


def versions(settings: Settings, head: str = "") -> list[Version]:
    """Installed versions, oldest first."""
    aliases = read(settings.home.bundles)
    found = []
    for path in settings.home.bundles.glob(f"{head or '*'}/*/manifest.json"):
        manifest = json.loads(path.read_text())
        names = tuple(a for a, v in sorted(aliases.get(manifest["head"], {}).items()) if v == manifest["version"])
        found.append(Version(manifest["head"], manifest["version"], manifest["ranker"], manifest["trained_to"], names, manifest["metrics"]))
    return sorted(found, key=lambda v: (v.head, int(v.version)))


def history(settings: Settings, head: str = "") -> list[Change]:
    """Every change of an alias, oldest first: what was in production when, and why."""
    journal = settings.home.bundles / "journal.jsonl"
    lines = journal.read_text().splitlines() if journal.exists() else []
    changes = (Change(**json.loads(line)) for line in lines)
    return [c for c in changes if not head or c.head == head]
