"""Errors of the online engine."""

from __future__ import annotations

from feature_repo.errors import PlacardError


class ServingError(PlacardError):
    """Base of the online engine's errors."""


class BundleRefused(ServingError):
    """A model bundle that must not serve: wrong hash, features, dtype or scores."""

    exit_code = 3


class SnapshotMissing(ServingError):
    """No catalogue snapshot has been published, or the one named cannot be read."""

    exit_code = 4
