"""Conditions on served traffic: which figures hold, at the bound itself and where nothing is known."""

from __future__ import annotations

import pytest

from pipelines.gates.condition import CALIBRATED, SHADOW, Condition

CLICKS, LOSS, ORDER, _ = SHADOW


@pytest.mark.parametrize(
    ("condition", "good", "bad", "target"),
    [(CLICKS, 100, 99, ">= 100"), (LOSS, -1e-9, 0.0, "< 0"), (ORDER, 0.0, -1e-9, ">= 0")],
)
def test_a_bound_holds_up_to_itself_as_it_says(condition: Condition, good: float, bad: float, target: str) -> None:
    assert condition.target == target
    assert condition.judged(good).holds is True and condition.judged(bad).holds is False
    assert condition.judged(None).holds is False, "what is not defined proves nothing"


def test_a_band_is_left_only_by_the_whole_interval() -> None:
    assert CALIBRATED.target == "interval meets 0.9 to 1.1"
    assert CALIBRATED.holds(1.3, 1.1, 1.6) and CALIBRATED.holds(0.8, 0.7, 0.9) and CALIBRATED.holds(1.0, 0.5, 2.0)
    assert not CALIBRATED.holds(1.3, 1.11, 1.6) and not CALIBRATED.holds(0.8, 0.7, 0.89)
    assert CALIBRATED.holds(None, 0.3, None) and not CALIBRATED.holds(None, 1.2, None), "without events the high end is unbounded"
