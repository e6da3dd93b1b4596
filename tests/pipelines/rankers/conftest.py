"""A training set whose law is known: log-odds of three columns, an identity, and examination by position."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
import pytest

from feature_repo.services import CLICK
from pipelines.datasets.dataset import Dataset

DECAY = {"search": 0.6, "feed": 0.4, "proactive": 0.2}
CATEGORY = next(i for i, c in enumerate(CLICK.columns) if c.kind == "category")
NUMBERS = [i for i, c in enumerate(CLICK.columns) if c.kind == "numeric"][:3]


@dataclass(frozen=True)
class Known:
    """A dataset and each row's true probability."""

    dataset: Dataset
    truth: np.ndarray


def make(n: int, base: float, rate: float, seed: int = 1) -> Known:
    """n rows over ten days, the last fifth for the test; `rate` of the negatives before it are kept."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(n, len(CLICK.columns))).astype(np.float32)
    x[:, [i for i, c in enumerate(CLICK.columns) if c.kind == "category"]] = rng.integers(0, 5, (n, 1))
    x[:, CATEGORY] = rng.integers(0, 40, n)
    effect = rng.normal(scale=0.8, size=40)
    surface = rng.choice(list(DECAY), n)
    position = rng.integers(1, 4, n)
    seen = position ** -np.array([DECAY[s] for s in surface])
    log_odds = base + x[:, NUMBERS] @ np.array([0.8, -0.5, 0.3]) + effect[x[:, CATEGORY].astype(int)]
    truth = seen / (1 + np.exp(-log_odds))
    rows = pd.DataFrame(
        {
            "row_id": [f"r{i:07}" for i in range(n)],
            "ts": pd.Timestamp("2026-01-01") + pd.to_timedelta(np.linspace(0, 10 * 86_400, n), unit="s"),
            "user_id": "u", "creative_id": "c", "surface": surface, "position": position.astype(np.int16),
            "shown": 0, "explored": True, "label": rng.random(n) < truth,
            "split": np.where(np.arange(n) < n * 0.6, "train", np.where(np.arange(n) < n * 0.8, "calibrate", "test")),
        }
    )  # fmt: skip
    keep = rows["label"] | (rows["split"] == "test") | (rng.random(n) < rate)
    rows["weight_rate"] = np.where(rows["split"] == "test", 1.0, rate)
    return Known(Dataset("click", CLICK, rows[keep].reset_index(drop=True), x[keep.to_numpy()]), truth[keep.to_numpy()])


@pytest.fixture(scope="session")
def thick() -> Known:
    """Enough clicks for isotonic steps, three negatives of four thrown away."""
    return make(60_000, base=-2.6, rate=0.25)


@pytest.fixture(scope="session")
def thin() -> Known:
    """About two hundred positives in all."""
    return make(12_000, base=-4.6, rate=1.0, seed=5)
