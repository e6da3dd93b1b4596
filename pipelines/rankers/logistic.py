"""The baseline every ranker must beat: scikit-learn's logistic regression over one-hot identities and scaled numbers."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix, hstack

from pipelines.dataset import Dataset


def logistic_baseline(dataset: Dataset) -> NDArray[np.float64]:
    """Probabilities of the test rows, shape (test rows,), from a fit on everything before them."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import OneHotEncoder, QuantileTransformer

    category = [i for i, c in enumerate(dataset.input.columns) if c.kind == "category"]
    number = [i for i, c in enumerate(dataset.input.columns) if c.kind == "numeric"]
    early, late = dataset.part("train", "calibrate"), dataset.part("test")
    encoder = OneHotEncoder(handle_unknown="ignore", min_frequency=2)
    scaler = make_pipeline(QuantileTransformer(n_quantiles=100, subsample=None))
    x = hstack(
        [
            encoder.fit_transform(dataset.matrix[early][:, category]),
            csr_matrix(scaler.fit_transform(dataset.matrix[early][:, number])),
        ]
    )
    rate = float(dataset.rows.loc[early, "weight_rate"].iloc[0])
    model = LogisticRegression(C=1.0, max_iter=300).fit(x.tocsr(), dataset.label[early])
    test = hstack([encoder.transform(dataset.matrix[late][:, category]), csr_matrix(scaler.transform(dataset.matrix[late][:, number]))])
    margin = model.decision_function(test.tocsr()) + np.log(rate)
    return np.asarray(1 / (1 + np.exp(-margin)))
