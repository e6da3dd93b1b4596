"""How many equally weighted rows would tell as much."""

from __future__ import annotations

from pipelines.evaluate.ope.feedback import Floats


def effective_sample_size(weights: Floats) -> float:
    """(Σw)² / Σw² (Kish, 1965; Kong, 1992): n for equal weights, 1 when one row carries all, 0 when none does."""
    squares = float((weights**2).sum())
    return float(weights.sum()) ** 2 / squares if squares > 0 else 0.0
