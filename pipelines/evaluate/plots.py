"""The pictures of an evaluation, as PNG bytes."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from pipelines.evaluate.offline import Evaluation
from pipelines.reporting.picture import png
from serving.bundles import Bundle

EXPLAINED: Final = 200
"""Rows whose contributions are looked at."""


def reliability(evaluation: Evaluation, label: NDArray[np.bool_]) -> bytes:
    """Seen against predicted rates over 20 bins of equal size, with the binomial standard error."""

    def draw(axes: Any) -> None:
        top = 0.0
        for name, p in evaluation.scores.items():
            parts = [i for i in np.array_split(np.argsort(p, kind="stable"), 20) if len(i)]
            x, y = np.array([p[i].mean() for i in parts]), np.array([label[i].mean() for i in parts])
            error = np.array([np.sqrt(max(v * (1 - v), 1e-9) / len(i)) for v, i in zip(y, parts, strict=True)])
            axes.errorbar(x, y, error, marker="o", markersize=3, linewidth=1, capsize=2, label=name)
            top = max(top, float(x.max()), float(y.max()))
        axes.plot([0, top], [0, top], color="grey", linestyle=":", linewidth=1)
        axes.set(xlabel="predicted rate", ylabel="seen rate", title="Reliability")
        axes.legend(fontsize=8)

    return png(draw)


def roc(evaluation: Evaluation, label: NDArray[np.bool_]) -> bytes:
    def draw(axes: Any) -> None:
        for name, p in evaluation.scores.items():
            hit = label[np.argsort(-p, kind="stable")]
            axes.plot(np.cumsum(~hit) / max((~hit).sum(), 1), np.cumsum(hit) / max(hit.sum(), 1), linewidth=1, label=name)
        axes.plot([0, 1], [0, 1], color="grey", linestyle=":", linewidth=1)
        axes.set(xlabel="false positive rate", ylabel="true positive rate", title="ROC")
        axes.legend(fontsize=8)

    return png(draw)


def importance(bundle: Bundle, matrix: NDArray[np.float32]) -> bytes:
    """The 20 columns that move the log-odds most, by their mean absolute contribution to some of the rows."""

    def draw(axes: Any) -> None:
        some = matrix[np.linspace(0, len(matrix) - 1, min(EXPLAINED, len(matrix))).astype(int)]
        share = np.abs(bundle.contributions(some)[:, :-1]).mean(axis=0)
        named = dict(zip(bundle.manifest.columns, share.tolist(), strict=True))
        best = sorted(named.items(), key=lambda kv: kv[1])[-20:]
        whole = sum(named.values()) or 1.0
        axes.barh([n for n, _ in best], [100 * v / whole for _, v in best], height=0.7)
        axes.tick_params(axis="y", labelsize=7)
        axes.set(xlabel="share of the mean |contribution| to the log-odds, %", title="Feature importance")

    return png(draw, (5.2, 4.8))


def pictures(evaluation: Evaluation, bundle: Bundle, matrix: NDArray[np.float32]) -> dict[str, bytes]:
    """Every plot of an evaluation by name. matrix: of the test rows."""
    label = evaluation.rows["label"].to_numpy(bool)
    return {
        "reliability": reliability(evaluation, label),
        "roc": roc(evaluation, label),
        "importance": importance(bundle, matrix),
    }
