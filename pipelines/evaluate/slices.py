"""Normalised entropy and calibration ratio by slice, of a challenger beside the baseline and the champion, with intervals that know which
rows belong together."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from pipelines.evaluate.drawn_together import drawn_together
from pipelines.gates.floor import PLACE, Slice
from pipelines.metrics.calibration_ratio import calibration_ratio
from pipelines.metrics.log_loss import losses
from pipelines.metrics.normalised_entropy import entropy, normalised_entropy
from pipelines.statistics.bootstrap import ends, groups_drawn

Floats = NDArray[np.float64]
RESAMPLES: Final = 200
LEAST_POSITIVES: Final = 20
"""Below it a slice's interval says nothing."""


def slices(
    rows: pd.DataFrame, challenger: Floats, baseline: Floats, champion: Floats | None, columns: Iterable[str], seed: int
) -> Iterator[Slice]:
    """Each value of each column with enough positives. rows: label, user_id, surface, position and the columns; PLACE, the surface with
    the position, is made of them. Predictions: shape (n,)."""
    label, group = rows["label"].to_numpy(bool), drawn_together(rows)
    drawn = np.stack(list(groups_drawn(np.arange(group.max() + 1), seed, RESAMPLES)))
    rows = rows.assign(**{PLACE: rows["surface"].astype(str) + " " + rows["position"].astype(str)})
    for column in columns:
        for value in sorted(str(v) for v in rows[column].unique() if v):
            here = (rows[column] == value).to_numpy()
            if LEAST_POSITIVES <= label[here].sum() < here.sum():
                rivals = [p[here] for p in (baseline, champion) if p is not None]
                yield _slice(column, value, label[here], group[here], challenger[here], rivals, drawn)


def _slice(
    column: str, value: str, y: NDArray[np.bool_], group: NDArray[np.int64], p: Floats, rivals: list[Floats], drawn: Floats
) -> Slice:  # fmt: skip
    """rivals: of the baseline and, where there is one, of the champion."""

    def summed(of_rows: Floats) -> Floats:
        return np.asarray(drawn @ np.bincount(group, of_rows, drawn.shape[1]))

    n, came = summed(np.ones(len(y))), summed(y.astype(float))
    told = (came > 0) & (came < n)
    usual = (n * entropy(np.where(told, came / np.maximum(n, 1), 0.5)))[told]  # what the base rate would lose
    mine, promised = summed(losses(y, p))[told] / usual, summed(p)[told] / came[told]
    apart = [mine - summed(losses(y, q))[told] / usual for q in rivals]
    lows, highs = (end.tolist() for end in ends(np.stack([mine, promised, *apart], axis=1)))
    (low, ratio_low, over_low), (high, ratio_high, over_high) = lows[:3], highs[:3]
    found = Slice(
        column,
        value,
        int(y.sum()),
        normalised_entropy(y, p),
        low,
        high,
        calibration_ratio(y, p),
        ratio_low,
        ratio_high,
        over_low,
        over_high,
    )
    return found if len(rivals) == 1 else found.beside(normalised_entropy(y, rivals[1]), lows[3], highs[3])
