"""Scores noise with a bundle and checks that the answers are probabilities that differ; reload.py runs it in a process of its own."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np

from feature_repo.errors import PlacardError
from serving.bundles.bundle import Bundle
from serving.errors import BundleRefused

ROWS = 256


def smoke(folder: Path, head: str) -> None:
    """Raises BundleRefused for scores that are not finite, not probabilities, or all alike."""
    bundle = Bundle.load(folder, head)
    rng = np.random.default_rng(0)
    scale = 10.0 ** rng.uniform(-3, 3, len(bundle.manifest.columns))
    p = bundle.predict((rng.normal(size=(ROWS, len(scale))) * scale).astype(np.float32))
    if not np.isfinite(p).all() or (p <= 0).any() or (p >= 1).any():
        raise BundleRefused("scores", f"{p.min()} to {p.max()}", "They must be probabilities within (0, 1).")
    if np.ptp(p) == 0:
        raise BundleRefused("scores", float(p[0]), "They are all alike: the ranker has learned nothing.")


def main() -> None:
    """Ends the process with the refusal, or well."""
    try:
        smoke(Path(sys.argv[1]), sys.argv[2])
    except PlacardError as refused:
        sys.exit(str(refused))
