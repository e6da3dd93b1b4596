"""Training sets: matured labels, joined through Feast to the features that were known when each ad was shown."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from feature_repo.model_input import ModelInput
from feature_repo.services import INPUTS, inputs_of
from pipelines.datasets.left_out import LeftOut
from pipelines.errors import PipelineError


@dataclass(frozen=True)
class Dataset:
    """rows: one a label, ascending in time, with columns row_id, ts, user_id, creative_id, surface, position, shown (its decision's
    last position; 0 where the log does not tell), seen_today, explored, label (bool), split (train, calibrate, test), weight_rate (share of
    negatives kept in its split). matrix: (n, k) float32.

    Fresh rows also have what rankers/delay.py reads. others: columns of `rows` that are labels too. prepared: what rankers keep of it
    between fits, by a key of theirs. place: the folder that it lies in, where rankers may keep more; None for one in memory alone.
    left_out: of the log, where the set was made just now."""

    head: str
    input: ModelInput
    rows: pd.DataFrame
    matrix: NDArray[np.float32]
    others: tuple[str, ...] = ()
    prepared: dict[bytes, Any] = field(default_factory=dict, compare=False, repr=False)
    place: Path | None = field(default=None, compare=False, repr=False)
    left_out: LeftOut | None = field(default=None, compare=False, repr=False)

    def part(self, *splits: str) -> NDArray[np.bool_]:
        return np.asarray(self.rows["split"].isin(splits))

    def narrowed(self, columns: tuple[str, ...]) -> Dataset:
        """The dataset of an input that reads some of these columns: a narrower one, or an older version. Raises PipelineError where this
        one lacks a column."""
        at = {name: i for i, name in enumerate(self.input.names)}
        if not at.keys() >= {*columns}:
            raise PipelineError("dataset input", self.input.name, "It holds other columns than are asked for: make it again, then train.")
        if columns == self.input.names:
            return self
        places, k = [at[name] for name in columns], len(columns)
        fitting = [m for m in INPUTS.values() if m.names == columns and m.name in inputs_of(self.head)]
        narrow = fitting[0] if fitting else replace(self.input, columns=tuple(self.input.columns[i] for i in places))
        first = places == list(range(k))
        return replace(self, input=narrow, matrix=self.matrix[:, :k] if first else np.ascontiguousarray(self.matrix[:, places]))

    @property
    def label(self) -> NDArray[np.bool_]:
        return self.rows["label"].to_numpy(bool)
