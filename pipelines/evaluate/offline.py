"""Offline evaluation of a bundle on a dataset's test rows."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from feature_repo.home import Home
from pipelines.datasets.dataset import Dataset
from pipelines.errors import Missing
from pipelines.evaluate.baseline import BASELINE, baseline
from pipelines.evaluate.contest import BOUND, OURS, TRUTH, Contest, contest
from pipelines.evaluate.modalities import without_modalities
from pipelines.metrics import METRICS
from pipelines.metrics.normalised_entropy import normalised_entropy
from pipelines.rankers.position import offset_of
from pipelines.simulator.truth import impression_truth
from pipelines.statistics.bootstrap import Interval
from serving.bundles import Bundle

LEAST_ROWS = 200
"""A slice with fewer rows, or without both outcomes, is left out of the table."""


@dataclass(frozen=True)
class Evaluation:
    """scores: probabilities of the test rows per contender (the bundle's first). table: metrics by slice and contender.

    contest: the same contenders' overall metrics, with resamples that tell how sure they and their differences are. gap_closed: share of
    the normalised-entropy gap between the base rate and the truth that each contender closes; None where no truth is known. without:
    modalities.without_modalities of the bundle.
    """

    head: str
    version: str
    rows: pd.DataFrame
    scores: dict[str, NDArray[np.float64]]
    table: pd.DataFrame
    contest: Contest
    gap_closed: dict[str, float] | None
    without: dict[str, float] = field(default_factory=dict)

    @property
    def metrics(self) -> dict[str, float]:
        """The bundle's overall metrics."""
        row = self.table[(self.table["slice"] == "all") & (self.table["contender"] == next(iter(self.scores)))]
        return {m.name: float(row[m.name].iloc[0]) for m in METRICS}

    @property
    def intervals(self) -> dict[str, dict[str, Interval]]:
        """95 % intervals of the overall metrics by contender, where there are any; the truth is none of them."""
        standings = [s for s in self.contest.standings if s.side != BOUND]
        return {s.name: {m.name: i for m in METRICS if (i := s.interval(m.name)) is not None} for s in standings}


def predict(bundle: Bundle, dataset: Dataset, rows: NDArray[np.bool_]) -> NDArray[np.float64]:
    """The bundle's probabilities of the logged rows, at the positions they were logged at."""
    return bundle.predict(
        dataset.narrowed(bundle.manifest.columns).matrix[rows], offset_of(dataset.rows[rows], bundle.manifest.position_offset)
    )


def true_probability(home: Home, head: str, rows: pd.DataFrame) -> NDArray[np.float64] | None:
    """The simulator's own probability of each row's label within the logged window; None for a log without truth."""
    try:
        first, last = rows["ts"].min().date(), rows["ts"].max().date()
        truth = impression_truth(home, first, last).to_pandas().set_index("impression_id")
    except Missing:
        return None
    if head != "click" or not rows["row_id"].isin(truth.index).all():
        return None
    return np.asarray(truth.loc[rows["row_id"], "p_click"], np.float64)


def evaluate(home: Home, dataset: Dataset, bundle: Bundle, others: dict[str, Bundle] | None = None, seed: int = 7) -> Evaluation:
    """Scores the test rows with the bundle, `others` (by name), the logistic baseline and the truth where there is one. seed: of the
    resamples."""
    test = dataset.part("test")
    rows, label = dataset.rows[test].reset_index(drop=True), dataset.label[test]
    scores = {bundle.manifest.ranker: predict(bundle, dataset, test)}
    for name, other in (others or {}).items():
        scores[name] = predict(other, dataset, test)
    scores[BASELINE] = baseline(dataset)
    truth = true_probability(home, dataset.head, rows)
    if truth is not None:
        scores[TRUTH] = truth
    slices = {"all": np.ones(len(rows), bool)}
    for column in ("surface", "device", "position"):
        for value in sorted(rows[column].unique()):
            mask = (rows[column] == value).to_numpy()
            if value not in ("", None) and mask.sum() >= LEAST_ROWS and 0 < label[mask].sum() < mask.sum():
                slices[f"{column} {value}"] = mask
    table = pd.DataFrame(
        {
            "slice": s, "contender": c, "rows": int(m.sum()), "positives": int(label[m].sum()),
            **{metric.name: metric(label[m], p[m], rows[m]) for metric in METRICS},
        }
        for s, m in slices.items()
        for c, p in scores.items()
    )  # fmt: skip
    held = contest({c: (BOUND if c == TRUTH else OURS, p) for c, p in scores.items()}, label, rows, seed)
    gap = None
    if truth is not None:
        whole = 1 - normalised_entropy(label, truth)
        gap = {c: (1 - normalised_entropy(label, p)) / whole for c, p in scores.items()}
    return Evaluation(dataset.head, bundle.manifest.version, rows, scores, table, held, gap, without_modalities(bundle, dataset))
