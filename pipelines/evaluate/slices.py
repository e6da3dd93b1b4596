"""Normalised entropy by slice, of a challenger beside the champion, with intervals that know which rows belong together."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from pipelines.gates.gates import Slice
from pipelines.metrics.normalised_entropy import normalised_entropy
from pipelines.statistics.bootstrap import ends, groups_drawn

RESAMPLES = 200
LEAST_POSITIVES = 20
"""Below it a slice's interval says nothing."""


def slices(
    rows: pd.DataFrame, challenger: NDArray[np.float64], champion: NDArray[np.float64] | None, columns: Iterable[str], seed: int
) -> Iterator[Slice]:
    """Each value of each column with enough positives. rows: label, user_id and the columns; predictions: shape (n,)."""
    label, group = rows["label"].to_numpy(bool), pd.factorize(rows["user_id"])[0].astype(np.int64)
    for column in columns:
        for value in sorted(str(v) for v in rows[column].unique() if v):
            here = (rows[column] == value).to_numpy()
            if LEAST_POSITIVES <= label[here].sum() < here.sum():
                before = None if champion is None else champion[here]
                yield _slice(column, value, label[here], group[here], challenger[here], before, seed)


def _slice(
    column: str, value: str, y: NDArray[np.bool_], group: NDArray[np.int64], p: NDArray[np.float64],
    q: NDArray[np.float64] | None, seed: int,
) -> Slice:  # fmt: skip
    drawn = []
    for weight in groups_drawn(group, seed, RESAMPLES):
        if 0 < (weight * y).sum() < weight.sum():
            one = normalised_entropy(y, p, weight)
            drawn.append((one, one - normalised_entropy(y, q, weight) if q is not None else 0.0))
    (low, trails_low), (high, trails_high) = (end.tolist() for end in ends(drawn))
    found = Slice(column, value, int(y.sum()), normalised_entropy(y, p), low, high)
    if q is None:
        return found
    return Slice(column, value, found.positives, found.entropy, low, high, normalised_entropy(y, q), trails_low, trails_high)
