"""How many rows carry the variance of a weighted sum."""

from __future__ import annotations

from pipelines.evaluate.ope.feedback import Floats


def carrying_size(weights: Floats) -> float:
    """(Σw²)³ / (Σw³)²: n for equal weights, about the number of the heaviest ones where those make most of Σw², 0 when there are none.

    As many equally weighted rare events are as skewed: the skewness of Σwx is one over the root of this times their rate.
    """
    cubes = float((weights**3).sum())
    return float((weights**2).sum()) ** 3 / cubes**2 if cubes > 0 else 0.0
