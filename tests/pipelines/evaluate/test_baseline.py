"""The baseline is learned once for the same rows, and anew for any others."""

from __future__ import annotations

import shutil
from dataclasses import replace
from datetime import date
from pathlib import Path

import numpy as np
import pytest

from pipelines.datasets.dataset import Dataset
from pipelines.datasets.training_set import read
from pipelines.evaluate import baseline as module
from pipelines.evaluate.baseline import baseline
from serving.settings import Settings


class Fits:
    """Counts them."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.times, fitted = 0, module._fitted

        def counted(*given: object) -> np.ndarray:
            self.times += 1
            return fitted(*given)  # type: ignore[arg-type]

        monkeypatch.setattr(module, "_fitted", counted)


@pytest.fixture
def dataset(settings: Settings, good: date, tmp_path: Path) -> Dataset:
    home = Settings(PLACARD_HOME=tmp_path / "placard").home
    shutil.copytree(settings.home.root / "datasets", home.root / "datasets")
    for kept in home.root.rglob("baseline-*"):
        kept.unlink()
    return read(home, "click", good)


def test_several_candidates_on_the_same_rows_share_it(dataset: Dataset, monkeypatch: pytest.MonkeyPatch) -> None:
    fits = Fits(monkeypatch)
    first, again = baseline(dataset), baseline(replace(dataset, prepared={}))
    assert fits.times == 1 and (first == again).all() and len(first) == dataset.part("test").sum()
    turned = dataset.rows.assign(label=dataset.rows["label"] ^ (np.arange(len(dataset.rows)) % 50 == 0))
    assert not (baseline(replace(dataset, rows=turned, prepared={})) == first).all() and fits.times == 2


def test_a_damaged_file_is_learned_anew(dataset: Dataset, monkeypatch: pytest.MonkeyPatch) -> None:
    first, fits = baseline(dataset), Fits(monkeypatch)
    assert dataset.place is not None
    (kept,) = dataset.place.glob("baseline-*.npz")
    kept.write_bytes(b"PK not an archive")
    assert (baseline(dataset) == first).all() and fits.times == 1
