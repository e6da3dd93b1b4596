"""A platform that holds training sets of a known law, so that candidates can be fitted and judged in seconds."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from typer.testing import CliRunner

from feature_repo.home import Home
from feature_repo.partition_file import write_partition
from feature_repo.services import CLICK
from pipelines.datasets.training_set import MATRIX, ROWS, folder
from pipelines.evaluate.assess import Assessment, assess
from pipelines.training.fit import fit
from serving.settings import Settings

GOOD, NOISE = date(2026, 1, 10), date(2026, 1, 11)
RANKER = "xgboost_slim"
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
    place = folder(home, "click", day)
    place.mkdir(parents=True)
    np.save(place / MATRIX, x)
    write_partition(pa.Table.from_pandas(rows, preserve_index=False), place / ROWS)


@pytest.fixture(scope="session")
def good() -> date:
    """The day whose training set can be learned from."""
    return GOOD


@pytest.fixture(scope="session")
def noise() -> date:
    """The day whose labels nothing foretells."""
    return NOISE


@pytest.fixture(scope="session")
def family() -> str:
    return RANKER


@pytest.fixture(scope="session")
def relay() -> Callable[..., None]:
    """lay_out(home, day, signal)."""
    return lay_out


@pytest.fixture(scope="session")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """Both training sets with a fitted candidate each. Shared: a test that changes it works on a copy."""
    settings = Settings(PLACARD_HOME=tmp_path_factory.mktemp("platform") / "placard")
    for day, signal in ((GOOD, 1.4), (NOISE, 0.0)):
        lay_out(settings.home, day, signal)
        fit(settings, "click", day, RANKER)
    return settings


@pytest.fixture(scope="session")
def outcome(settings: Settings) -> Assessment:
    """The good day's candidate, evaluated without a champion."""
    return assess(settings, "click", GOOD, RANKER)


@pytest.fixture
def say() -> Callable[..., tuple[int, str, str]]:
    """say(words): status, standard output and error of a verb, in this process."""
    from pipelines.__main__ import app

    def run(*words: str) -> tuple[int, str, str]:
        done = CliRunner().invoke(app, list(words))
        return done.exit_code, done.stdout, done.stderr

    return run
