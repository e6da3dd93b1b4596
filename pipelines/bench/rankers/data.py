"""The training sets that `bench rankers` runs on: a fresh simulated market, a real log of clicks, or a day that is already kept."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from feature_repo.home import Home
from pipelines.bench.search.search_market import FIRST, Market
from pipelines.datasets.dataset import Dataset
from pipelines.datasets.training_set import read
from pipelines.evaluate.offline import true_probability
from pipelines.operations.verb import Progress, verb

REAL_FIRST, REAL_LAST = date(2017, 11, 6), date(2017, 11, 9)
"""The days of TalkingData's log."""
REAL_TEST_SHARE: Final = 0.3
"""Of the rows: with a fifth, a handful of installs would be left to judge by."""


@dataclass(frozen=True)
class Task:
    """name: prefix of the figures, "" for the main one. truth: each test row's true probability; None for a real log. seed: of a simulated
    market among several."""

    name: str
    title: str
    dataset: Dataset
    truth: NDArray[np.float64] | None
    seed: int | None = None


def kept(home: Home, head: str, day: date) -> Task:
    """The training set that `placard train` left for a day."""
    dataset = read(home, head, day)
    rows = dataset.rows[dataset.part("test")].reset_index(drop=True)
    return Task("", f"{head} as of {day}", dataset, true_probability(home, head, rows))


def simulated(home: Home, market: Market, say: Progress) -> Task:
    """Clicks of a fresh market, by the verbs that production runs."""
    last = FIRST + timedelta(days=market.days - 1)
    verb(
        home, "simulate", "--days", str(market.days), "--start", str(FIRST), "--users", str(market.users),
        "--creatives", str(market.creatives), "--impressions", str(market.impressions), "--no-images", "--seed", str(market.seed), say=say,
    )  # fmt: skip
    verb(home, "language", "train", "--partition", str(last), "--alias", "champion", say=say)
    verb(home, "features", "history", "--from", str(FIRST), "--to", str(last), say=say)
    verb(home, "train", "--partition", str(last), "--head", "click", "--step", "dataset", say=say)
    found = kept(home, "click", last)
    return Task("", f"simulated market, {market.impressions:,} impressions", found.dataset, found.truth)


def talkingdata(home: Home, log: Path, say: Progress) -> Task:
    """Installs after clicks, of TalkingData's log."""
    verb(home, "ingest", "talkingdata", str(log), say=say)
    verb(home, "features", "history", "--from", str(REAL_FIRST), "--to", str(REAL_LAST), say=say)
    share = ("--test-share", str(REAL_TEST_SHARE))
    verb(home, "train", "--partition", str(REAL_LAST), "--head", "conversion", "--step", "dataset", *share, say=say)
    return Task("talkingdata", "TalkingData: installs after clicks", read(home, "conversion", REAL_LAST), None)
