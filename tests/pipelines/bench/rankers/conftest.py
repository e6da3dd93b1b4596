"""Rows of a known law, as `bench rankers` gets them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
import pytest
from scipy.special import expit

from feature_repo.services import CLICK, HEADS
from pipelines.datasets.dataset import Dataset

N, USERS, KEPT = 9_000, 300, 0.5
NUMBERS = [i for i, c in enumerate(CLICK.columns) if c.kind == "numeric"][:3]
WIDEST = HEADS["click"][-1]
"""Training sets are kept with its columns, CLICK's first."""
CATEGORY = next(i for i, c in enumerate(CLICK.columns) if c.kind == "category")


@dataclass(frozen=True)
class Known:
    """dataset: of the negatives before the test a share was `kept`. truth: of every row; test_truth: of the test rows. category: the
    column of an identity, of which one code was shown in the last 50 test rows alone."""

    dataset: Dataset
    truth: np.ndarray
    kept: float = KEPT
    category: int = CATEGORY

    @property
    def test_truth(self) -> np.ndarray:
        return np.asarray(self.truth[self.dataset.part("test")])


@pytest.fixture(scope="module")
def known() -> Known:
    rng = np.random.default_rng(4)
    x = rng.normal(size=(N, len(WIDEST.columns))).astype(np.float32)
    x[:, [i for i, c in enumerate(CLICK.columns) if c.kind == "category"]] = rng.integers(100, 105, (N, 1))
    x[:, CATEGORY] = rng.integers(0, 30, N) * 7
    x[-50:, CATEGORY] = 999  # shown in the test alone
    position = rng.integers(1, 4, N)
    truth = position**-0.6 * expit(
        -1.4 + x[:, NUMBERS] @ np.array([0.8, -0.6, 0.4]) + rng.normal(scale=0.4, size=1000)[x[:, CATEGORY].astype(int)]
    )
    share = np.arange(N) / N
    rows = pd.DataFrame(
        {
            "row_id": [f"r{i:05}" for i in range(N)], "ts": pd.Timestamp("2026-01-01") + pd.to_timedelta(np.arange(N), unit="min"),
            "user_id": [f"u{i}" for i in rng.integers(0, USERS, N)], "creative_id": "c", "surface": "feed",
            "position": position.astype(np.int16), "shown": 0, "explored": True, "label": rng.random(N) < truth,
            "split": np.where(share < 0.5, "train", np.where(share < 0.7, "calibrate", "test")),
        }
    )  # fmt: skip
    keep = (rows["label"] | (rows["split"] == "test") | (rng.random(N) < KEPT)).to_numpy()
    rows["weight_rate"] = np.where(rows["split"] == "test", 1.0, KEPT)
    return Known(Dataset("click", WIDEST, rows[keep].reset_index(drop=True), x[keep]), truth[keep])
