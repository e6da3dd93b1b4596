"""Gives a bundle the next version of its head: logged to MLflow, installed where serving reads it, named by an alias."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np

from feature_repo.exclusive import exclusive
from pipelines.errors import PipelineError
from pipelines.registry.again import registered_before
from pipelines.registry.content import content_of
from pipelines.registry.install import fill, install
from pipelines.registry.listing import versions
from pipelines.registry.mlflow_models import Registration, VersionNotes, log_ranker, log_sealed
from pipelines.registry.roles import set_alias
from pipelines.registry.version import Version
from serving.bundles import Bundle
from serving.bundles.aliases import ALIASES, is_alias, version_folder
from serving.bundles.sealed import MANIFEST, read_manifest
from serving.settings import Settings


def register(
    settings: Settings,
    candidate: Path,
    alias: str,
    why: str,
    metrics: Mapping[str, float],
    files: Sequence[Path],
    example: Any,
    calibrated: bool,
    tags: Mapping[str, str] = MappingProxyType({}),
) -> Version:
    """Gives a candidate bundle the next version of its head, logs it and sets `alias` ("": none). A candidate whose content is registered
    already is that version. Raises BundleRefused on a bad one.

    calibrated: whether its promises came true on rows that it did not learn from; the auction takes no other. example: a few
    rows of the training matrix, logged with the signature. files, tags: what its evaluation left and found, for MLflow.
    """
    if alias and not is_alias(alias):
        raise PipelineError("alias", alias, f"Use one of: {', '.join(ALIASES)}, or shadow_NAME.")
    bundle = Bundle.load(candidate)
    head = bundle.manifest.head
    given = asdict(replace(bundle.manifest, metrics=dict(metrics), calibrated=calibrated))
    rows = np.asarray(example, np.float32)
    told = VersionNotes(why, tuple(files), tags)
    version = _installed(settings, head, candidate, given, metrics, told, lambda it: log_ranker(settings, it, bundle, candidate, rows))
    return _named(settings, head, alias, version, why)


def register_sealed(
    settings: Settings, head: str, candidate: Path, why: str, metrics: Mapping[str, float], alias: str = "challenger"
) -> Version:
    """Gives a sealed model folder (of any head that is no ranker) the next version of its head, logs it and sets `alias` ("": none). One
    whose content is registered already is that version."""
    manifest = read_manifest(candidate, head=head)
    finite = {name: value for name, value in metrics.items() if np.isfinite(value)}
    given = {**manifest, "metrics": finite}
    version = _installed(settings, head, candidate, given, metrics, VersionNotes(why), lambda it: log_sealed(settings, it, manifest))
    return _named(settings, head, alias, version, why)


def _installed(
    settings: Settings, head: str, candidate: Path, manifest: Mapping[str, Any], metrics: Mapping[str, float], told: VersionNotes,
    log: Callable[[Registration], str],
) -> str:  # fmt: skip
    """Logs a candidate and then installs it, which is the step that decides: a version that MLflow alone knows is none yet, and the same
    registration done again is that version. manifest: what the version's says beside its number."""

    def place(version: str) -> Path:
        return version_folder(settings.home.bundles, head, version)

    it = Registration(
        head, content_of(candidate), metrics, lambda version, folder: fill(candidate, folder, {**manifest, "version": version}),
        lambda version: (place(version) / MANIFEST).exists(), told,
    )  # fmt: skip
    with exclusive(settings.home, "register"):
        if (before := registered_before(settings, head, candidate)) is not None:
            return before.version
        version = log(it)
        install(candidate, place(version), {**manifest, "version": version})
    return version


def _named(settings: Settings, head: str, alias: str, version: str, why: str) -> Version:
    if alias:
        set_alias(settings, head, alias, version, why)
    return next(v for v in versions(settings, head) if v.version == version)
