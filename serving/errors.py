"""Errors of the online engine."""

from __future__ import annotations

from feature_repo.errors import PlacardError


class ServingError(PlacardError):
    """Base of the online engine's errors."""


class BundleRefused(ServingError):
    """A model bundle that must not serve: wrong hash, features, dtype or scores."""

    exit_code = 3


class BundleUnjudged(ServingError):
    """A model bundle of which nothing is known yet, because the machine was too busy to score it. It is not to blame."""

    exit_code = 4


class Late(ServingError):
    """A tier or a store that would not be done in the time that is left, or was not."""


class Busy(ServingError):
    """A tier that scores as many requests as it may."""


class Broken(ServingError):
    """A store that is not asked now, because it did not answer before."""


class ConversionFailed(ServingError):
    """A conversion bundle that could not answer: the click bundle of its tier is not to blame, though the next tier is asked."""


class SnapshotMissing(ServingError):
    """No catalogue snapshot has been published, or the one named cannot be read."""

    exit_code = 4


class NothingPublished(ServingError):
    """The online store has been given nothing yet."""

    exit_code = 4
