"""How many rows carry the variance of a weighted sum."""

from __future__ import annotations

from pipelines.evaluate.ope.feedback import Floats


def carrying_size(weights: Floats) -> float:
    """(Σw²)³ / (Σw³)²: n for equal weights, about the number of the heaviest ones where those make most of Σw², 0 when there are none.

    A weighted sum Σwx of rare events x is as skewed as the sum of this many equally weighted ones: its skewness is
    1 / √(carrying size × rate). weights: shape (n,).

    One weight of 2 and eight of 0 are carried by one row, four equal weights by four.

    >>> import numpy as np
    >>> carrying_size(np.array([2.0] + [0.0] * 8)), carrying_size(np.ones(4))
    (1.0, 4.0)
    """
    cubes = float((weights**3).sum())
    return float((weights**2).sum()) ** 3 / cubes**2 if cubes > 0 else 0.0
