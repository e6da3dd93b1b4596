"""How good predictions are. A new metric is a file in this folder and a line in METRICS.

Every metric takes the outcomes (n,) and the predicted probabilities (n,) and returns one number; a grouped metric also takes a column
(n,) that says which rows belong together.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from pipelines.metrics.calibration_error import calibration_error
from pipelines.metrics.calibration_ratio import calibration_ratio
from pipelines.metrics.grouped_auc import grouped_auc
from pipelines.metrics.log_loss import log_loss
from pipelines.metrics.ndcg import ndcg
from pipelines.metrics.normalised_entropy import normalised_entropy
from pipelines.metrics.roc_auc import roc_auc


@dataclass(frozen=True)
class Metric:
    """One metric as reports and gates use it.

    compute: the function. better: "lower", "higher", or "one" where 1 is best. group: the column of the rows that a grouped metric
    groups by, "" for the others.
    """

    compute: Callable[..., float]
    better: str
    group: str = ""

    @property
    def name(self) -> str:
        return self.compute.__name__

    def __call__(self, label: Any, p: Any, frame: Any) -> float:
        return self.compute(label, p, frame[self.group].to_numpy()) if self.group else self.compute(label, p)


METRICS: Final = (
    Metric(log_loss, "lower"),
    Metric(normalised_entropy, "lower"),
    Metric(roc_auc, "higher"),
    Metric(grouped_auc, "higher", "user_id"),
    Metric(calibration_error, "lower"),
    Metric(calibration_ratio, "one"),
    Metric(ndcg, "higher", "user_id"),
)
