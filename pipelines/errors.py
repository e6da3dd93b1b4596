"""Errors of the factory."""

from __future__ import annotations

from feature_repo.errors import PlacardError


class PipelineError(PlacardError):
    """Base of the factory's errors: bad input."""


class Refused(PipelineError):
    """A gate or a data check said no; nothing was changed."""

    exit_code = 3


class Missing(PipelineError):
    """A step needs what an earlier step has not written yet."""

    exit_code = 4
