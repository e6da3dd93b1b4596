"""Scores noise with a bundle and checks that the answers are probabilities that differ; reload.py runs it in a process of its own."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from feature_repo.errors import PlacardError
from feature_repo.services import SURFACE
from feature_repo.taxonomy import SURFACES
from serving.bundles.bundle import Bundle
from serving.bundles.manifest import Manifest
from serving.errors import BundleRefused

ROWS: Final = 256
ALIKE: Final = 1e-6
"""Log-odds within which scores count as the same."""
OFF: Final = 8.0
"""How many times more or less than what it learned from a bundle may promise. Calibrators mend levels that are off by a half or twice;
advertisers pay by what is promised, so one that is off by ten must not serve."""


def smoke(folder: Path, head: str) -> None:
    """Raises BundleRefused for scores that are not finite, not probabilities, or all alike: of the bundle on each surface, of its
    other heads, and of each of its members."""
    bundle = Bundle.load(folder, head)
    _check_sampling(bundle.manifest)
    _check_levels(bundle)
    matrix = _noise(bundle)
    encoded = bundle.encoded(matrix)
    for (name, _), member in zip(bundle.manifest.members, bundle.members, strict=True):
        logits = member.logits(matrix, encoded)
        if not np.isfinite(logits).all():
            raise BundleRefused(f"scores of {name}", "not finite", "Its weights are damaged; train again.")
        if (np.ptp(logits, axis=0) < ALIKE).any():
            raise BundleRefused(f"scores of {name}", float(logits[0, 0]), "They are all alike: it has learned nothing.")
    for surface in range(len(SURFACES)):
        if SURFACE in bundle.manifest.columns:
            matrix[:, bundle.manifest.columns.index(SURFACE)] = surface
        said = {"scores": bundle.predict(matrix), **{f"scores of head {name}": bundle.further(name, matrix) for name in bundle.others}}
        for what, p in said.items():
            if p is not None:
                _check(f"{what} on {SURFACES[surface]}", p)


def _check_sampling(manifest: Manifest) -> None:
    """The rows that it learned from, corrected by its share of negatives kept, must show about its base rate."""
    others = manifest.rows - manifest.positives
    if not (0 < manifest.base_rate < 1 and manifest.positives > 0 and others > 0):
        return
    said = manifest.positives / (manifest.positives + others / manifest.negative_rate)
    if _off(said, manifest.base_rate):
        fix = f"Its rows would show a rate of {said:.3g}, and its base rate is {manifest.base_rate:.3g}; train again."
        raise BundleRefused("negative_rate", manifest.negative_rate, fix)


def _check_levels(bundle: Bundle) -> None:
    """A margin that says the base rate must be calibrated to about the base rate, by every table of its own head."""
    rate = bundle.manifest.base_rate
    if not 0 < rate < 1:
        return
    tables = {"calibrator": bundle.tables.overall, **{f"calibrator of surface {s}": t for s, t in bundle.tables.by_surface.items()}}
    for name, table in tables.items():
        said = float(table.apply(np.array([np.log(rate / (1 - rate))]))[0])
        if _off(said, rate):
            raise BundleRefused(name, f"{said:.3g}", f"It says so where {rate:.3g} is due, its base rate; train again.")


def _off(said: float, due: float) -> bool:
    """Whether one probability is OFF times the other, or so near 1 that only a high rate keeps it from being so."""
    return said > OFF * due or due > OFF * said or 1 - due > OFF * (1 - said)


def _noise(bundle: Bundle) -> NDArray[np.float32]:
    """Values of every size; identities that are known, and some that are not."""
    rng = np.random.default_rng(0)
    scale = 10.0 ** rng.uniform(-3, 3, len(bundle.manifest.columns))
    out = (rng.normal(size=(ROWS, len(scale))) * scale).astype(np.float32)
    for encoding in bundle.encodings:
        known = encoding.codes if len(encoding.codes) else np.zeros(1, np.int64)
        out[:, encoding.column] = np.where(rng.random(ROWS) < 0.9, rng.choice(known, ROWS), 1)
    return out


def _check(what: str, p: NDArray[np.float64]) -> None:
    if not np.isfinite(p).all() or (p < 0).any() or (p > 1).any():
        raise BundleRefused(what, f"{p.min()} to {p.max()}", "They must be probabilities.")
    inside = np.clip(p, 1e-300, 1 - 1e-16)
    if np.ptp(np.log(inside / (1 - inside))) < ALIKE:
        raise BundleRefused(what, float(p[0]), "They are all alike: the ranker has learned nothing.")


def main() -> None:
    """Scores the bundle named on the command line. Ends the process with the refusal as its message, or with status 0 when all is well."""
    try:
        smoke(Path(sys.argv[1]), sys.argv[2])
    except PlacardError as refused:
        sys.exit(str(refused))
