"""The one way to trust a snapshot's folder: its columns are compared with the manifest's hash, its money with bounds."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import numpy as np

from serving.errors import SnapshotMissing
from serving.snapshot.manifest import content_of, named, write_pointer
from serving.snapshot.snapshot import Snapshot, open_snapshot

MOST_MICROS: Final = 100_000 * 1_000_000
"""The highest bid or floor that can be meant: a hundred thousand units of the currency for one click, conversion or thousand views. More is
a wrong unit, or an overflow."""
MONEY: Final = ("bid_micros", "keyword.bid_micros", "placement.floor_micros")
VECTORS: Final = ("vector.", "recall.vectors", "text.vectors", "page.vectors", "meaning.vectors", "campaign.adjust.")
"""Columns that are multiplied as they are: one cell that is not finite spoils the order of all ads."""


def verified_snapshot(folder: Path) -> Snapshot:
    """Maps a snapshot whose content is what was written, and could be meant. Raises SnapshotMissing naming what is wrong. Reads every
    column once."""
    snapshot = open_snapshot(folder)
    manifest = snapshot.manifest
    if manifest.version != folder.name or manifest.version != named(manifest.as_of, manifest.content):
        raise SnapshotMissing("snapshot version", manifest.version, f"It lies in {folder.name}, and its content differs; publish again.")
    seen = content_of(snapshot.arrays, manifest.inputs)
    if seen != manifest.content:
        raise SnapshotMissing("snapshot content", seen[:16], f"{manifest.content[:16]} was written: a column was altered; publish again.")
    _check_bounds(snapshot)
    return snapshot


def _check_bounds(snapshot: Snapshot) -> None:
    for name in MONEY:
        values = snapshot.arrays.get(name)
        if values is not None and len(values) and not (int(values.min()) >= 0 and int(values.max()) <= MOST_MICROS):
            worst = int(values.max()) if int(values.max()) > MOST_MICROS else int(values.min())
            where = f" of {snapshot.text('id.creative_id', int(np.argmax(values == worst)))}" if name == "bid_micros" else ""
            raise SnapshotMissing(f"snapshot column {name}", worst, f"Micros{where} must lie within 0 and {MOST_MICROS:,}; publish again.")
    if len(snapshot["campaign.budget_micros"]) and int(snapshot["campaign.budget_micros"].min()) < 0:
        raise SnapshotMissing("snapshot column campaign.budget_micros", "below 0", "Correct the catalogue and publish again.")
    campaigns, of_ad = len(snapshot["campaign.id"]), snapshot["campaign"]
    if len(of_ad) and not (int(of_ad.min()) >= 0 and int(of_ad.max()) < campaigns):
        raise SnapshotMissing("snapshot column campaign", int(of_ad.max()), f"There are {campaigns} campaigns; publish again.")
    for name, values in snapshot.arrays.items():
        if name.startswith(VECTORS) and values.dtype.kind == "f" and not np.isfinite(values).all():
            raise SnapshotMissing(f"snapshot column {name}", "not finite", "Correct the features and publish again.")


def set_current(snapshots: Path, version: str) -> None:
    """Points serving at a version that is verified first, atomically. Raises SnapshotMissing, and changes nothing then."""
    verified_snapshot(snapshots / version)
    write_pointer(snapshots, version)
