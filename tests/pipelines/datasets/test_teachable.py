"""A training set that cannot teach is refused by name, before anything is trained or registered."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from feature_repo.home import Home
from feature_repo.services import CLICK
from pipelines.datasets.dataset import Dataset
from pipelines.datasets.labels import labels
from pipelines.datasets.teachable import refuse_unteachable
from pipelines.datasets.training_set import keep
from pipelines.errors import Missing, Refused
from pipelines.training.candidate import candidate
from pipelines.training.fit import fit
from pipelines.warehouse.label_times import LabelTimes
from serving.settings import Settings

DAY = date(2026, 1, 10)
NUMBER = next(i for i, c in enumerate(CLICK.columns) if c.kind == "numeric")
IDENTITY = next(i for i, c in enumerate(CLICK.columns) if c.kind == "category")


@pytest.fixture
def sound() -> Dataset:
    """Noise that tells nothing of its labels: it would teach nothing, but it could."""
    rng, n = np.random.default_rng(5), 2_000
    x = rng.normal(size=(n, len(CLICK.columns))).astype(np.float32)
    for i, c in enumerate(CLICK.columns):
        if c.kind == "category":
            x[:, i] = rng.integers(0, 8, n)
    share = np.arange(n) / n
    rows = pd.DataFrame(
        {
            "row_id": [f"r{i}" for i in range(n)], "ts": pd.Timestamp("2026-01-01") + pd.to_timedelta(np.arange(n), unit="s"),
            "user_id": "u", "creative_id": "c", "surface": "feed", "device": "mobile", "position": np.int16(1), "shown": 0,
            "explored": True,
            "label": rng.random(n) < 0.2, "split": np.where(share < 0.6, "train", np.where(share < 0.8, "calibrate", "test")),
            "weight_rate": 1.0,
        }
    )  # fmt: skip
    return Dataset("click", CLICK, rows, x)


def labelled(dataset: Dataset, label: np.ndarray) -> Dataset:
    return replace(dataset, rows=dataset.rows.assign(label=label))


def leak(dataset: Dataset, column: int, values: np.ndarray) -> Dataset:
    matrix = dataset.matrix.copy()
    matrix[:, column] = values
    return replace(dataset, matrix=matrix)


def bad(dataset: Dataset, how: str) -> Dataset:
    rng, n = np.random.default_rng(6), len(dataset.rows)
    if how == "empty":
        return replace(dataset, rows=dataset.rows.iloc[:0], matrix=dataset.matrix[:0])
    if how == "all negative":
        return labelled(dataset, np.zeros(n, bool))
    if how == "all positive":
        return labelled(dataset, np.ones(n, bool))
    if how == "a test split of one class":
        return labelled(dataset, dataset.label & ~dataset.part("test"))
    if how == "a leaking number":
        return leak(dataset, NUMBER, dataset.label + rng.normal(0, 0.05, n))
    if how == "a leaking number, upside down":
        return leak(dataset, NUMBER, -1.0 * dataset.label)
    assert how == "a leaking identity"
    return leak(dataset, IDENTITY, np.where(dataset.label, rng.integers(0, 4, n), rng.integers(4, 40, n)))


BAD = {
    "empty": "0 rows", "all negative": "0 positive", "all positive": "labels of the train split", "a test split of one class": "test split",
    "a leaking number": CLICK.names[NUMBER], "a leaking number, upside down": CLICK.names[NUMBER],
    "a leaking identity": CLICK.names[IDENTITY],
}  # fmt: skip


def test_a_sound_set_passes(sound: Dataset) -> None:
    refuse_unteachable(sound)


@pytest.mark.parametrize("how", BAD)
def test_a_set_that_cannot_teach_leaves_no_candidate(sound: Dataset, how: str, tmp_path: Path) -> None:
    settings = Settings(PLACARD_HOME=tmp_path / "placard")
    keep(settings.home, DAY, bad(sound, how))
    with pytest.raises(Refused) as caught:
        fit(settings, "click", DAY, "xgboost_slim")
    assert BAD[how] in str(caught.value) and caught.value.exit_code == 3
    assert not candidate(settings.home, "click", DAY, "xgboost_slim").exists() and not settings.home.bundles.exists()


def test_rows_and_labels_that_do_not_fit_are_refused(sound: Dataset) -> None:
    with pytest.raises(Refused, match="1999 rows"):
        refuse_unteachable(replace(sound, matrix=sound.matrix[:-1]))


def test_a_platform_without_events_has_no_labels(home: Home) -> None:
    with pytest.raises(Missing, match="matured click labels"):
        labels(home, "click", DAY, LabelTimes(timedelta(hours=24), timedelta(hours=24)))
