"""The logs of `bench calibration`: one training set, cut to several lengths and test shares."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from feature_repo.home import Home
from pipelines.bench.rankers.data import Task, simulated, talkingdata
from pipelines.bench.search.search_market import Market
from pipelines.datasets.dataset import Dataset
from pipelines.datasets.split import sample, split
from pipelines.operations.verb import Progress
from serving.settings import CONFIG_FILE

LENGTHS: Final = (1.0, 0.5, 0.25)
"""Shares of the log, its newest rows."""
TEST_SHARES: Final = (0.15, 0.3, 0.5)
WATCHED: Final = 0.2
"""Share of the rows before the test that are its calibrate split, as `placard train` has it."""
LEAST: Final = 20
"""Positives before and in the test; a cut with fewer tells nothing."""


@dataclass(frozen=True)
class Cut:
    """A part of a log as a training set of its own. truth: each test row's true probability; None for a real log."""

    log: str
    length: float
    test_share: float
    dataset: Dataset
    truth: NDArray[np.float64] | None

    @property
    def name(self) -> str:
        return f"{self.log}.{self.length:g}.{self.test_share:g}"


def market(home: Home, size: Market, say: Progress) -> Task:
    """Clicks of a simulated market, every row of it kept."""
    _keep_all(home)
    return replace(simulated(home, size, say), name=f"market{size.seed}")


def real(home: Home, log: Path, say: Progress) -> Task:
    """Installs after clicks, of TalkingData's log."""
    _keep_all(home)
    return talkingdata(home, log, say)


def _keep_all(home: Home) -> None:
    """Which rows are thinned out follows from the cut, so none may be missing before it."""
    home.root.mkdir(parents=True, exist_ok=True)
    (home.root / CONFIG_FILE).write_text("negative_rate = 1.0\n")


def cuts(task: Task, rate: float, truth: NDArray[np.float64] | None = None) -> Iterator[Cut]:
    """Every length and test share that leaves enough to learn from and to judge by. rate: share of negatives kept before the test, where
    positives are many, as `placard train` does it. truth: of all rows, (n,)."""
    whole = task.dataset
    for length in LENGTHS:
        newest = np.arange(int(len(whole.rows) * (1 - length)), len(whole.rows))
        for test_share in TEST_SHARES:
            rows = whole.rows.iloc[newest].assign(at=newest).reset_index(drop=True)
            rows["split"] = split(rows, ((1 - test_share) * (1 - WATCHED), 1 - test_share))
            before = rows["split"] != "test"
            if min(rows.loc[before, "label"].sum(), rows.loc[~before, "label"].sum()) < LEAST:
                continue
            thin = rate if rows["label"].mean() < 0.1 and rows["label"].sum() > 1000 else 1.0
            rows = sample(rows, thin)
            rows["weight_rate"] = np.where(rows["split"] == "test", 1.0, thin)
            at = rows.pop("at").to_numpy()
            dataset = replace(whole, rows=rows, matrix=whole.matrix[at], prepared={}, place=None)
            tested = at[(rows["split"] == "test").to_numpy()]
            yield Cut(task.name, length, test_share, dataset, None if truth is None else truth[tested])
