"""Two predictions of the same outcomes, compared with intervals that know which rows belong together."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pipelines.metrics.log_loss import log_loss
from pipelines.metrics.normalised_entropy import normalised_entropy
from pipelines.metrics.roc_auc import WeightedAuc
from pipelines.statistics.bootstrap import groups_drawn, interval

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Difference:
    """A metric of both, and second minus first with its 95 % interval; None where a metric is not defined."""

    metric: str
    first: float | None
    second: float | None
    difference: float | None
    low: float | None
    high: float | None


def compare(first: Floats, second: Floats, y: NDArray[np.bool_], group: NDArray[np.int64], seed: int) -> list[Difference]:
    """Log loss, normalised entropy and ROC AUC of two predictions of the same outcomes, each with the interval of the difference.

    first, second: probabilities (n,); y: outcomes (n,); group: which rows are drawn together (n,), see `groups_drawn`.

    The second prediction is better: its log loss is lower by ln 0.8 - ln 0.6 in every row, whichever rows are drawn.

    >>> y, users = np.array([True, False] * 10), np.arange(20)
    >>> loss = compare(np.where(y, 0.6, 0.4), np.where(y, 0.8, 0.2), y, users, seed=1)[0]
    >>> loss.metric, *(round(x, 4) for x in (loss.difference, loss.low, loss.high))
    ('log_loss', -0.2877, -0.2877, -0.2877)
    """
    auc = WeightedAuc(first), WeightedAuc(second)
    metrics: dict[str, Callable[[Floats], tuple[float, float]]] = {
        "log_loss": lambda w: (log_loss(y, first, w), log_loss(y, second, w)),
        "normalised_entropy": lambda w: (normalised_entropy(y, first, w), normalised_entropy(y, second, w)),
        "roc_auc": lambda w: (auc[0](y, w), auc[1](y, w)),
    }
    if not len(y):
        return [Difference(name, None, None, None, None, None) for name in metrics]
    drawn: dict[str, list[float]] = {name: [] for name in metrics}
    for weights in groups_drawn(group, seed):
        if weights.sum() > 0:
            for name, metric in metrics.items():
                a, b = metric(weights)
                drawn[name].append(b - a)
    out = []
    for name, metric in metrics.items():
        a, b = metric(np.ones(len(y)))
        found = interval(b - a, drawn[name])
        if found is None:
            out.append(Difference(name, None, None, None, None, None))
        else:
            out.append(Difference(name, a, b, found.value, found.low, found.high))
    return out
