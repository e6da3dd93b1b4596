from __future__ import annotations

import numpy as np
import pytest

from pipelines.statistics.exact_intervals import calibration_interval

RNG = np.random.default_rng(11)


@pytest.mark.parametrize(("observed", "low", "high"), [(0, 0.0, 3.689), (1, 0.0253, 5.572), (10, 4.795, 18.39), (100, 81.36, 121.63)])
def test_ratio_interval_is_garwoods(observed: int, low: float, high: float) -> None:
    """Bounds of a Poisson mean as tabulated."""
    ratio = calibration_interval(50.0, observed, 1_000)
    assert ratio.low == pytest.approx(50 / high, rel=1e-3)
    assert ratio.high is None if observed == 0 else ratio.high == pytest.approx(50 / low, rel=2e-3)
    assert ratio.value == (None if observed == 0 else 50 / observed)


def test_ratio_interval_contains_one_when_the_prediction_is_right() -> None:
    inside = sum(calibration_interval(40.0, int(k), 4_000).holds for k in RNG.poisson(40, 400))
    assert inside >= 372
