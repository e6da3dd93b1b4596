"""Colour and style of the creatives' pictures: measured once a picture, kept beside the staged tables."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from PIL import Image, UnidentifiedImageError

from feature_repo.home import Home
from feature_repo.partition_file import write_partition
from feature_repo.tables.ad_creative import IMAGE_STATS

SCHEMA = pa.schema([("picture", pa.string()), *((s, pa.float64()) for s in IMAGE_STATS)])


def measure(path: Path) -> tuple[float, ...] | None:
    """IMAGE_STATS of one picture, each in [0, 1]; None when it is absent or not a picture.

    brightness, contrast: mean and standard deviation of grey; saturation, hue: means in HSV; edges: mean gradient of grey.
    """
    try:
        with Image.open(path) as image:
            rgb = image.convert("RGB")
            grey = np.asarray(rgb.convert("L"), np.float64) / 255
            hsv = np.asarray(rgb.convert("HSV"), np.float64) / 255
    except (OSError, UnidentifiedImageError):
        return None
    across, down = np.abs(np.diff(grey, axis=1)).mean(), np.abs(np.diff(grey, axis=0)).mean()
    stats = (grey.mean(), grey.std(), hsv[..., 1].mean(), hsv[..., 0].mean(), min(across + down, 1.0))
    return tuple(float(s) for s in stats)


def image_stats(home: Home, pictures: Sequence[str]) -> pa.Table:
    """Statistics of the named pictures (paths relative to the home), sorted by name; those that cannot be read are left out."""
    cache = home.root / "staging" / "image_stats.parquet"
    known = {}
    if cache.exists():
        known = {row["picture"]: row for row in pq.read_table(cache, partitioning=None).to_pylist()}
    fresh = [p for p in pictures if p and p not in known]
    for picture in fresh:
        stats = measure(home.root / picture)
        if stats is not None:
            known[picture] = {"picture": picture, **dict(zip(IMAGE_STATS, stats, strict=True))}
    table = pa.Table.from_pylist([known[p] for p in sorted(known)], SCHEMA)
    if fresh:
        write_partition(table, cache)
    wanted = set(pictures)
    return pa.Table.from_pylist([known[p] for p in sorted(known) if p in wanted], SCHEMA)
