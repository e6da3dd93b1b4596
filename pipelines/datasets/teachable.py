"""Whether a training set can teach: a set that is empty, of one class, or that gives its labels away is refused by name."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import NDArray

from pipelines.errors import Refused

if TYPE_CHECKING:
    from pipelines.datasets.dataset import Dataset

LEAK: Final = 0.995
"""AUC of a single column, either way round, from which it is taken for a feature from the future."""
LEAST_POSITIVES: Final = 50
"""Below it a column may tell the labels apart by luck."""


def refuse_unteachable(dataset: Dataset) -> None:
    """Raises Refused for a split without both outcomes, rows that do not fit the labels, and a column that leaks."""
    for name in ("train", "test"):
        refuse_one_class(dataset.head, name, dataset.label[dataset.part(name)])
    if len(dataset.matrix) != len(dataset.rows):
        raise Refused(
            f"{dataset.head} matrix", f"{len(dataset.matrix)} rows", f"{len(dataset.rows)} labels stand beside it; make it again."
        )
    _refuse_leaks(dataset)


def refuse_one_class(head: str, split: str, label: NDArray[np.bool_]) -> None:
    """Raises Refused for labels that are none, or all alike."""
    if label.all() or not label.any():
        raise Refused(
            f"{head} labels of the {split} split", f"{len(label)} rows, {int(label.sum())} positive",
            "Both outcomes are needed: take more days, or check that outcomes are ingested.",
        )  # fmt: skip


def _refuse_leaks(dataset: Dataset) -> None:
    """Raises Refused for a column that all but gives the label away, by its order or, for an identity, by the rates of its values: such a
    column comes from the future."""
    from sklearn.metrics import roc_auc_score

    rows = dataset.part("train")
    label = dataset.label[rows]
    if label.sum() < LEAST_POSITIVES:
        return
    for i, column in enumerate(dataset.input.columns):
        values = dataset.matrix[rows, i]
        if np.ptp(values) == 0:
            continue
        score, seen = (values, label) if column.kind == "numeric" else _rates(values, label)
        if seen.any() and not seen.all() and abs(roc_auc_score(seen, score) - 0.5) > LEAK - 0.5:
            raise Refused("leaking column", column.name, "It alone gives the label away; build features as of an earlier time.")


def _rates(values: NDArray[np.float32], label: NDArray[np.bool_]) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """(the rate of each later row's value among the earlier rows, the later rows' labels)."""
    half = len(values) // 2
    codes = np.unique(values, return_inverse=True)[1]
    came, seen = np.bincount(codes[:half], label[:half], codes.max() + 1), np.bincount(codes[:half], minlength=codes.max() + 1)
    return ((came + label[:half].mean()) / (seen + 1))[codes[half:]], label[half:]
