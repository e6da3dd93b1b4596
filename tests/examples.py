"""How many cases a property is tried with: a share of them in `make test`, all in `make slow`, which runs every property too."""

from __future__ import annotations

import os

from hypothesis import HealthCheck, settings

SHARE = 4
"""The small profile tries one case in SHARE."""


def profiles() -> None:
    """Registers `small` and `large` and loads the small one; `--hypothesis-profile=large` loads the other. Under CI both try the same
    cases in every run, as Hypothesis does there by itself. How long a case takes says what else the machine does: it is no failure."""
    usual = settings.get_profile("ci" if os.environ.get("CI") else "default")
    patient = settings(usual, deadline=None, suppress_health_check=[HealthCheck.too_slow])
    settings.register_profile("large", patient)
    settings.register_profile("small", patient, max_examples=patient.max_examples // SHARE)
    settings.load_profile("small")


def examples(n: int) -> int:
    """Of the n cases that a property deserves, how many are tried in this run."""
    return n if settings.get_current_profile_name() == "large" else max(n // SHARE, 2)
