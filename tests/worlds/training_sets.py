"""A platform that holds training sets of a known law, each with a fitted candidate."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd

from feature_repo.home import Home
from feature_repo.services import CLICK
from pipelines.datasets.dataset import Dataset
from pipelines.datasets.training_set import keep
from pipelines.training.fit import fit
from serving.settings import Settings

NUMBERS = [i for i, c in enumerate(CLICK.columns) if c.kind == "numeric"][:2]
CATEGORIES = [i for i, c in enumerate(CLICK.columns) if c.kind == "category"]


def lay_out(home: Home, day: date, signal: float, n: int = 10_000) -> None:
    """Writes a day's training set as `placard train --step dataset` would; `signal` scales what the columns tell of a click."""
    rng, beside = np.random.default_rng(4), np.random.default_rng(5)  # a column more must not draw other labels
    x = beside.normal(size=(n, len(CLICK.columns))).astype(np.float32)
    x[:, CATEGORIES] = beside.integers(0, 8, (n, len(CATEGORIES)))
    x[:, NUMBERS] = rng.normal(size=(n, len(NUMBERS)))
    rare = 5.0 if signal else 3.0  # with few clicks, noise could pass for a signal
    p = 1 / (1 + np.exp(rare - signal * (x[:, NUMBERS[0]] + 0.6 * x[:, NUMBERS[1]])))
    share = np.arange(n) / n
    rows = pd.DataFrame(
        {
            "row_id": [f"r{i:06}" for i in range(n)],
            "ts": pd.Timestamp("2026-01-01") + pd.to_timedelta(np.arange(n) * 60, unit="s"),
            "user_id": [f"u{i}" for i in rng.integers(0, 150, n)],
            "creative_id": "c", "surface": rng.choice(["feed", "search"], n),
            "device": rng.choice(["mobile", "", "rare"], n, p=[0.9, 0.08, 0.02]),
            "position": rng.integers(1, 3, n).astype(np.int16), "shown": 0, "explored": True, "label": rng.random(n) < p,
            "split": np.where(share < 0.6, "train", np.where(share < 0.75, "calibrate", "test")), "weight_rate": 1.0,
        }
    )  # fmt: skip
    keep(home, day, Dataset("click", CLICK, rows, x))


def make(place: Path, signals: tuple[tuple[date, float], ...], ranker: str) -> None:
    """signals: the days and how much their columns tell of a click."""
    settings = Settings(home_path=place)
    for day, signal in signals:
        lay_out(settings.home, day, signal)
        fit(settings, "click", day, ranker)
