"""Gives a bundle the next version of its head: logged to MLflow, installed where serving reads it, named by an alias."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np

from pipelines.errors import PipelineError
from pipelines.registry.install import install
from pipelines.registry.listing import versions
from pipelines.registry.mlflow_store import log_ranker, log_sealed
from pipelines.registry.roles import set_alias
from pipelines.registry.version import Version
from serving.bundles import Bundle
from serving.bundles.aliases import ALIASES, is_alias, version_folder
from serving.bundles.sealed import read_manifest
from serving.settings import Settings


def register(
    settings: Settings,
    candidate: Path,
    alias: str,
    why: str,
    metrics: Mapping[str, float],
    plots: Sequence[Path],
    example: Any,
    calibrated: bool,
) -> Version:
    """Gives a candidate bundle the next version of its head, logs it and sets `alias` ("": none). Raises BundleRefused on a bad one.

    calibrated: whether its promises came true on rows that it did not learn from; the auction takes no other. example: a few
    rows of the training matrix, logged with the signature.
    """
    if alias and not is_alias(alias):
        raise PipelineError("alias", alias, f"Use one of: {', '.join(ALIASES)}, or shadow_NAME.")
    bundle = Bundle.load(candidate)

    def installed(version: str) -> Path:
        return install(
            candidate,
            version_folder(settings.home.bundles, bundle.manifest.head, version),
            asdict(replace(bundle.manifest, version=version, metrics=dict(metrics), calibrated=calibrated)),
        )

    version = log_ranker(settings, bundle, candidate, metrics, plots, np.asarray(example, np.float32), installed)
    return _named(settings, bundle.manifest.head, alias, version, why)


def register_sealed(
    settings: Settings, head: str, candidate: Path, why: str, metrics: Mapping[str, float], alias: str = "challenger"
) -> Version:
    """Gives a sealed model folder (of any head that is no ranker) the next version of its head, logs it and sets `alias` ("": none)."""
    manifest = read_manifest(candidate, head=head)
    finite = {name: value for name, value in metrics.items() if np.isfinite(value)}

    def installed(version: str) -> Path:
        return install(candidate, version_folder(settings.home.bundles, head, version), {**manifest, "version": version, "metrics": finite})

    return _named(settings, head, alias, log_sealed(settings, head, manifest, metrics, installed), why)


def _named(settings: Settings, head: str, alias: str, version: str, why: str) -> Version:
    if alias:
        set_alias(settings, head, alias, version, why)
    return next(v for v in versions(settings, head) if v.version == version)
