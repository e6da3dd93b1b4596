"""What a ranker loses where a whole modality is missing."""

from __future__ import annotations

from typing import Final

import numpy as np

from feature_repo.services import modality
from pipelines.datasets.dataset import Dataset
from pipelines.metrics.normalised_entropy import normalised_entropy
from pipelines.rankers.position import offset_of
from serving.bundles import Bundle

MODALITIES: Final = ("user", "image", "context")


def without_modalities(bundle: Bundle, dataset: Dataset) -> dict[str, float]:
    """Normalised entropy on the test rows with each modality's columns at the medians of earlier rows, its identities unknown;
    under "" with all there. Above 1, the base rate alone would do better."""
    dataset = dataset.narrowed(bundle.manifest.columns)
    test = dataset.part("test")
    matrix, label = dataset.matrix[test], dataset.label[test]
    offset = offset_of(dataset.rows[test], bundle.manifest.position_offset)
    usual = np.median(dataset.matrix[~test], axis=0)
    usual[[i for i, c in enumerate(dataset.input.columns) if c.kind != "numeric"]] = 0
    out = {"": normalised_entropy(label, bundle.predict(matrix, offset))}
    for name in MODALITIES:
        gone, columns = matrix.copy(), list(modality(dataset.input, name))
        gone[:, columns] = usual[columns]
        out[name] = normalised_entropy(label, bundle.predict(gone, offset))
    return out
