"""How many cases a property is tried with: a share of them in `make test`, all in `make slow`, which runs every property too."""

from __future__ import annotations

import os

from hypothesis import settings

SHARE = 4
"""The small profile tries one case in SHARE."""


def profiles() -> None:
    """Registers `small` and `large` and loads the small one; `--hypothesis-profile=large` loads the other. Under CI both try the same
    cases in every run, as Hypothesis does there by itself."""
    usual = settings.get_profile("ci" if os.environ.get("CI") else "default")
    settings.register_profile("large", usual)
    settings.register_profile("small", usual, max_examples=usual.max_examples // SHARE)
    settings.load_profile("small")


def examples(n: int) -> int:
    """Of the n cases that a property deserves, how many are tried in this run."""
    return n if settings.get_current_profile_name() == "large" else max(n // SHARE, 2)
