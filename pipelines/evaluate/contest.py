"""Rankers on the same rows: their metrics with intervals, the gap to the truth, and who beats whom by more than noise."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from pipelines.evaluate.drawn_together import drawn_together
from pipelines.metrics import METRICS
from pipelines.metrics.grouped_auc import auc_by_group
from pipelines.metrics.log_loss import TINY, losses
from pipelines.metrics.ndcg import ndcg_by_group
from pipelines.metrics.normalised_entropy import entropy
from pipelines.metrics.roc_auc import WeightedAuc
from pipelines.statistics.bootstrap import Interval, groups_drawn, interval

Floats = NDArray[np.float64]
OURS: Final = "ours"
PEER: Final = "peer"
BOUND: Final = "bound"
"""Sides: a family of ours, a peer, and what bounds them (the base rate, the truth)."""
BASE_RATE: Final = "base_rate"
TRUTH: Final = "truth"
BETTER: Final = {m.name: m.better for m in METRICS}
DECILES: Final = 10
LEAST_GAP_CLOSED: Final = 0.9
"""Target of a ranker of ours: the share of the gap between the base rate and the truth."""


@dataclass(frozen=True)
class Decile:
    """A tenth of the rows by prediction. error: |predicted − seen| / seen; None where nothing positive was seen."""

    predicted: float
    seen: float
    positives: int

    @property
    def error(self) -> float | None:
        return abs(self.predicted - self.seen) / self.seen if self.positives else None


@dataclass(frozen=True)
class ContestStanding:
    """A contender's result. metrics: by name. drawn: of each metric that resamples can judge, one value a resample: the same
    resamples for all contenders, so that differences are paired."""

    name: str
    side: str
    metrics: Mapping[str, float]
    drawn: Mapping[str, Floats]
    deciles: tuple[Decile, ...]

    def interval(self, metric: str) -> Interval | None:
        """None where the metric is not defined on the rows."""
        return interval(self.metrics[metric], self.drawn[metric])


@dataclass(frozen=True)
class Contest:
    """Everybody's standing, in the order they were given."""

    rows: int
    positives: int
    standings: tuple[ContestStanding, ...]

    def of(self, name: str) -> ContestStanding | None:
        return next((s for s in self.standings if s.name == name), None)

    def side(self, side: str) -> list[ContestStanding]:
        return [s for s in self.standings if s.side == side]

    def best(self, side: str, metric: str = "normalised_entropy") -> ContestStanding | None:
        """Of a side, by a metric on these rows; None where nobody has it."""
        sign = 1 if BETTER[metric] == "lower" else -1
        known = [s for s in self.side(side) if np.isfinite(s.metrics[metric])]
        return min(known, key=lambda s: sign * s.metrics[metric], default=None)

    def gap_closed(self, standing: ContestStanding) -> Interval | None:
        """Share of the normalised-entropy gap between the base rate and the truth; None without a truth."""
        truth = self.of(TRUTH)
        if truth is None:
            return None
        ne = "normalised_entropy"
        closed = (1 - standing.metrics[ne]) / (1 - truth.metrics[ne])
        return interval(closed, (1 - standing.drawn[ne]) / (1 - truth.drawn[ne]))

    def difference(self, first: ContestStanding, second: ContestStanding, metric: str) -> Interval | None:
        """Second minus first; None where the metric is not defined on the rows."""
        return interval(second.metrics[metric] - first.metrics[metric], second.drawn[metric] - first.drawn[metric])


def beaten(metric: str, delta: Interval) -> bool:
    """Whether the second is better by more than noise: the whole interval of second minus first lies on its side."""
    return delta.high < 0 if BETTER[metric] == "lower" else delta.low > 0


def contest(contenders: Mapping[str, tuple[str, Floats]], label: NDArray[np.bool_], frame: pd.DataFrame, seed: int) -> Contest:
    """contenders: side and probabilities, (n,), by name. frame: the rows, with user_id, whose rows are drawn together.

    A resample's calibration error is that of the tenths of all rows."""
    group = drawn_together(frame)
    drawn = np.stack(list(groups_drawn(np.arange(group.max() + 1), seed)))
    standings = []
    for name, (side, p) in contenders.items():
        order = np.array_split(np.argsort(p, kind="stable"), DECILES)
        standings.append(
            ContestStanding(
                name, side, {m.name: m(label, p, frame) for m in METRICS}, _draw(p, label, group, drawn, order),
                tuple(Decile(float(p[i].mean()), float(label[i].mean()), int(label[i].sum())) for i in order if len(i)),
            )
        )  # fmt: skip
    return Contest(len(label), int(label.sum()), tuple(standings))


def _draw(
    p: Floats, label: NDArray[np.bool_], group: NDArray[np.int64], drawn: Floats, deciles: list[NDArray[np.int64]]
) -> dict[str, Floats]:
    """Each metric in each resample. drawn: (resamples, users), how often each user was drawn; all but the AUC are sums by user. deciles:
    the rows of each tenth by prediction, whose gaps the calibration error adds up."""
    users = drawn.shape[1]
    lost = drawn @ np.bincount(group, losses(label, p), users)
    n = drawn @ np.bincount(group, minlength=users).astype(float)
    came = drawn @ np.bincount(group, label, users)
    gaps = np.stack([np.bincount(group[i], label[i] - p[i], users) for i in deciles], axis=1)
    base = np.clip(came / n, TINY, 1 - TINY)
    loss = lost / n
    within = auc_by_group(label, p, group).reindex(range(users), fill_value=0.0)
    gain = ndcg_by_group(label, p, group).reindex(range(users))
    asked = drawn @ gain.notna().to_numpy(float)
    auc = WeightedAuc(p)
    with np.errstate(invalid="ignore", divide="ignore"):
        return {
            "log_loss": loss,
            "normalised_entropy": loss / entropy(base),
            "roc_auc": np.array([auc(label, weights[group]) for weights in drawn]),
            "grouped_auc": drawn @ (within["auc"] * within["n"]).to_numpy() / (drawn @ within["n"].to_numpy(float)),
            "calibration_ratio": drawn @ np.bincount(group, p, users) / came,
            "calibration_error": np.abs(drawn @ gaps).sum(axis=1) / n,
            "ndcg": drawn @ gain.fillna(0.0).to_numpy() / asked,
        }
