"""A ranker's bundle as MLflow loads it: MLflow keeps this file with each logged model, runs it, and pickles nothing.

It needs `placard[serving]` beside it, as the logged model's requirements say.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import mlflow
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from serving.bundles import Bundle


class LoggedBundle(mlflow.pyfunc.PythonModel):  # type: ignore[misc]  # mlflow ships no types
    """What serving scores with, behind MLflow's interface."""

    def load_context(self, context: Any) -> None:
        """Reads and verifies the artifact `bundle`, a folder, as serving does. Raises BundleRefused."""
        self.bundle = Bundle.load(Path(context.artifacts["bundle"]))

    def predict(self, context: Any, model_input: pd.DataFrame, params: dict[str, Any] | None = None) -> NDArray[np.float64]:
        """Calibrated probabilities at the first position, shape (n,). model_input: raw rows, a table with the columns of the signature; its
        numbers are read in single precision, as serving has them."""
        return self.bundle.predict(np.ascontiguousarray(model_input, np.float32))


mlflow.models.set_model(LoggedBundle())
