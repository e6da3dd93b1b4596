"""Two predictions of the same outcomes, compared with intervals that know which rows belong together."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
RESAMPLES: Final = 500
LEVEL: Final = 0.95
TINY: Final = 1e-12


@dataclass(frozen=True)
class Difference:
    """A metric of both, and second minus first with its 95 % interval; None where a metric is not defined."""

    metric: str
    first: float | None
    second: float | None
    difference: float | None
    low: float | None
    high: float | None


def log_loss(p: Floats, y: NDArray[np.bool_], w: Floats) -> float:
    """Mean negative log-likelihood, nats."""
    q = np.clip(p, TINY, 1 - TINY)
    return -float((w * np.where(y, np.log(q), np.log1p(-q))).sum()) / float(w.sum())


def normalised_entropy(p: Floats, y: NDArray[np.bool_], w: Floats) -> float:
    """Log loss over that of always predicting the mean (He et al., 2014); nan when all labels are equal."""
    base = float((w * y).sum() / w.sum())
    if not 0 < base < 1:
        return float("nan")
    return log_loss(p, y, w) / -float(base * np.log(base) + (1 - base) * np.log(1 - base))


class WeightedAuc:
    """ROC AUC with ties counted half, its sort done once for many weightings; nan when one class is missing."""

    def __init__(self, p: Floats) -> None:
        self._order = np.argsort(p, kind="stable")
        ranked = p[self._order]
        self._starts = np.flatnonzero(np.r_[True, ranked[1:] != ranked[:-1]]) if len(p) else np.empty(0, np.int64)

    def __call__(self, y: NDArray[np.bool_], w: Floats) -> float:
        weight, label = w[self._order], y[self._order]
        positive = np.add.reduceat(weight * label, self._starts)
        negative = np.add.reduceat(weight * ~label, self._starts)
        below = np.cumsum(negative) - negative
        pairs = positive.sum() * negative.sum()
        return float((positive * (below + negative / 2)).sum() / pairs) if pairs > 0 else float("nan")


def weightings(group: NDArray[np.int64], seed: int, resamples: int = RESAMPLES) -> Iterator[Floats]:
    """Bootstrap weights of the rows, an array (n,) a resample: each group (the rows of one user, say) is drawn as a whole, a Poisson(1)
    number of times (Chamandy et al., 2012).

    >>> first, second, third = next(weightings(np.array([4, 4, 9]), seed=1))
    >>> bool(first == second)
    True
    """
    rng = np.random.default_rng(seed)
    groups, number = np.unique(group, return_inverse=True)
    for _ in range(resamples):
        yield rng.poisson(1.0, len(groups)).astype(np.float64)[number]


def compare(first: Floats, second: Floats, y: NDArray[np.bool_], group: NDArray[np.int64], seed: int) -> list[Difference]:
    """Log loss, normalised entropy and ROC AUC of two predictions of the same outcomes, each with the interval of the difference.

    first, second: probabilities (n,); y: outcomes (n,); group: which rows are drawn together (n,), see `weightings`.

    The second prediction is better: its log loss is lower by ln 0.8 - ln 0.6 in every row, whichever rows are drawn.

    >>> y, users = np.array([True, False] * 10), np.arange(20)
    >>> loss = compare(np.where(y, 0.6, 0.4), np.where(y, 0.8, 0.2), y, users, seed=1)[0]
    >>> loss.metric, *(round(x, 4) for x in (loss.difference, loss.low, loss.high))
    ('log_loss', -0.2877, -0.2877, -0.2877)
    """
    auc = WeightedAuc(first), WeightedAuc(second)
    metrics: dict[str, Callable[[Floats], tuple[float, float]]] = {
        "log_loss": lambda w: (log_loss(first, y, w), log_loss(second, y, w)),
        "normalised_entropy": lambda w: (normalised_entropy(first, y, w), normalised_entropy(second, y, w)),
        "roc_auc": lambda w: (auc[0](y, w), auc[1](y, w)),
    }
    if not len(y):
        return [Difference(name, None, None, None, None, None) for name in metrics]
    drawn: dict[str, list[float]] = {name: [] for name in metrics}
    for weights in weightings(group, seed):
        if weights.sum() > 0:
            for name, metric in metrics.items():
                a, b = metric(weights)
                drawn[name].append(b - a)
    out = []
    for name, metric in metrics.items():
        a, b = metric(np.ones(len(y)))
        deltas = np.array(drawn[name])
        deltas = deltas[np.isfinite(deltas)]
        if not np.isfinite([a, b]).all() or len(deltas) < RESAMPLES / 2:
            out.append(Difference(name, None, None, None, None, None))
            continue
        low, high = np.quantile(deltas, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
        out.append(Difference(name, a, b, b - a, float(low), float(high)))
    return out
