"""The logistic baseline: trained on a dataset's rows before the test, judged on its test rows, once for every candidate on them."""

from __future__ import annotations

import zipfile
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from feature_repo.whole_file import whole_file
from pipelines.datasets.dataset import Dataset
from pipelines.rankers import encoding, fit_bundle, logistic
from pipelines.rankers.fit_bundle import Ready, read_by
from pipelines.rankers.kept_encoding import name_of
from pipelines.rankers.logistic import Logistic
from serving.bundles.calibrator import probability

BASELINE: Final = "logistic baseline"
"""Its name among the contenders."""
LEARNER: Final = b"".join(Path(file).read_bytes() for file in (encoding.__file__, fit_bundle.__file__, logistic.__file__))
"""What learns: when it changes, the baseline is learned anew."""


def baseline(dataset: Dataset) -> NDArray[np.float64]:
    """Probabilities of the test rows by logistic regression fitted on everything before them, from the file that an earlier call with
    equal rows left in the dataset's folder."""
    ready, early, test = Ready.of(read_by(Logistic(), dataset)), dataset.part("train", "calibrate"), dataset.part("test")
    if dataset.place is None:
        return _fitted(ready, early, test)
    name = name_of(LEARNER, ready.dataset.matrix, dataset.label, ready.offset, early, test, np.array(ready.rate))
    path = dataset.place / f"baseline-{name}.npz"
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as kept:
            return np.asarray(kept["p"])
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile):  # there is none, or it is damaged
        found = _fitted(ready, early, test)
    with whole_file(path, synced=False) as part, part.open("wb") as out:
        np.savez(out, p=found)
    return found


def _fitted(ready: Ready, early: NDArray[np.bool_], test: NDArray[np.bool_]) -> NDArray[np.float64]:
    learned, encodings = ready.learn(Logistic(), early, None, int(ready.dataset.label[early].sum()))
    return probability(ready.logits(learned, encodings, np.flatnonzero(test))[:, 0])
