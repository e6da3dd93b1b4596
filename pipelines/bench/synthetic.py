"""A catalogue, a model and users of any size, made as columns in a moment, for measuring."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import xgboost as xgb

from feature_repo.feast_store import UserRow
from feature_repo.services import CLICK, INPUTS
from feature_repo.table import Feature
from feature_repo.tables import AD_TABLES, USER_TABLES
from feature_repo.taxonomy import CATEGORIES, OBJECTIVES
from serving.bundles import Bundle, Manifest, write_bundle
from serving.bundles.calibrator import Calibrator
from serving.bundles.encoder import Encoding
from serving.snapshot import set_current
from serving.snapshot.columns import ALL_BITS, CLOSED, OPEN, POLICIES, TEXTS
from serving.snapshot.manifest import write_columns
from serving.snapshot.recall_index import recall_vectors

TREES, DEPTH, ROWS = 300, 6, 20_000
AS_OF = datetime(2026, 1, 1, tzinfo=UTC)


def _values(feature: Feature, n: int, rng: np.random.Generator) -> np.ndarray:
    if feature.dtype == "vector":
        return rng.normal(scale=0.3, size=(n, feature.width)).astype(np.float32)
    low, high = feature.low or 0.0, feature.high if feature.high is not None else 20.0
    drawn = rng.uniform(low, high, n)
    return drawn.astype(feature.dtype) if feature.dtype != "string" else np.full(n, feature.default, object)


def _ids(prefix: str, numbers: np.ndarray) -> np.ndarray:
    return np.char.add(prefix.encode(), np.char.zfill(numbers.astype("S8"), 8))


def catalogue(snapshots: Path, ads: int, seed: int = 1) -> None:
    """Publishes a snapshot of `ads` creatives, 40 a campaign; two campaigns in five target half of everyone."""
    rng = np.random.default_rng(seed)
    campaigns = max(ads // 40, 4)
    campaign = (np.arange(ads) % campaigns).astype(np.int32)
    ad: dict[str, np.ndarray] = {f.name: _values(f, ads, rng) for t in AD_TABLES for f in t.features}
    ad |= {
        "category_code": rng.integers(1, len(CATEGORIES), ads).astype(np.int32),
        "creative_code": rng.integers(1, 1 << 20, ads).astype(np.int32),
        "campaign_code": rng.integers(1, 1 << 20, ads).astype(np.int32),
        "advertiser_code": rng.integers(1, 1 << 20, ads).astype(np.int32),
        "ad_language_id": rng.integers(1, 6, ads).astype(np.int32),
        "ad_call_id": rng.integers(1, 1 << 20, ads).astype(np.int32),
    }
    vectors = {f.name for t in AD_TABLES for f in t.features if f.dtype == "vector"}
    columns: dict[str, np.ndarray] = {
        **{f"ad.{k}": v for k, v in ad.items() if v.dtype != object and k not in vectors},
        **{f"vector.{k}": ad[k] for k in vectors},
        "id.creative_id": _ids("c", np.arange(ads)), "id.campaign_id": _ids("k", campaign),
        "id.advertiser_id": _ids("a", campaign // 3), **{f"text.{k}": np.full(ads, b"text") for k in TEXTS},
        "recall.vectors": recall_vectors(ad), "campaign": campaign,
        "policy": np.full(ads, POLICIES.index("approved"), np.int8), "sensitive": np.zeros(ads, bool),
        "campaign.id": _ids("k", np.arange(campaigns)),
        "campaign.objective": np.full(campaigns, OBJECTIVES.index("cpc"), np.int8),
        "campaign.bid_micros": rng.integers(100_000, 900_000, campaigns),
        "campaign.budget_micros": np.full(campaigns, 10**12), "campaign.cap": np.zeros(campaigns, np.int32),
        "campaign.start": np.zeros(campaigns, np.int64), "campaign.end": np.full(campaigns, 2**62),
        "campaign.hours": np.full(campaigns, ALL_BITS),
        **{f"matrix.{m}": np.stack([np.asarray(ad[x.columns[i].name], np.float32) for i in x.of("ad")], axis=1) for m, x in INPUTS.items()},
    }  # fmt: skip
    some = np.where(rng.random(campaigns) < 0.4, np.uint64(0b0101_0101), ALL_BITS)
    for name in CLOSED:
        columns[f"target.{name}"] = np.full(ads, ALL_BITS)
    for name in OPEN:
        columns[f"words.{name}"] = np.array([f"{name}{i}".encode() for i in range(8)])
        columns[f"target.{name}"] = some[campaign]
    set_current(snapshots, write_columns(snapshots, AS_OF, columns, ads))


class Known:
    """Profiles in memory: everyone is known, with every feature at its default."""

    def read(self, user_id: str, now: datetime) -> UserRow:
        return UserRow({f.name: f.filled(1) for t in USER_TABLES for f in t.features}, ())


def ranker(folder: Path, seed: int = 2, trees: int = TREES, rows: int = ROWS) -> Bundle:
    """A bundle of `trees` trees of DEPTH levels over the real click input, with encodings and a calibrator of usual size."""
    rng = np.random.default_rng(seed)
    k = len(CLICK.columns)
    x = rng.normal(size=(rows, k)).astype(np.float32)
    y = rng.random(rows) < 1 / (1 + np.exp(-(x[:, :20].sum(axis=1) * 0.3 - 3)))
    settings = {"objective": "binary:logistic", "max_depth": DEPTH, "eta": 0.05, "nthread": 2, "max_bin": 64, "seed": seed}
    booster = xgb.train(settings, xgb.DMatrix(x, y), trees)
    categories = [i for i, c in enumerate(CLICK.columns) if c.kind == "category"]
    codes = np.sort(rng.choice(1 << 20, 5_000, replace=False)).astype(np.int64)
    encodings = tuple(Encoding(i, codes, rng.normal(size=5_000).astype(np.float32), -3.0) for i in categories)
    grid = np.linspace(-12, 4, 60)
    manifest = Manifest(
        "click", "1", "bench", CLICK.name, CLICK.names, tuple(c.kind for c in CLICK.columns), "", "", rows, int(y.sum()), 1.0,
        True, float(y.mean()), {"proactive": (0.0, -0.3)},
    )  # fmt: skip
    return write_bundle(folder, manifest, booster, encodings, Calibrator(grid, 1 / (1 + np.exp(-grid))))
