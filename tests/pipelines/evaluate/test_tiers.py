"""The value of tiers: what a way loses, with its interval, and the figures that are promised of it."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from pipelines.bench.serving.tiers_market import figures
from pipelines.errors import PipelineError
from pipelines.evaluate.tiers import TierTruth, Way, _answered


def way(values: np.ndarray, skipped: float) -> Way:
    return Way(values, np.full(len(values), skipped), np.ones(len(values)))


def test_the_loss_is_the_share_of_the_champions_value() -> None:
    best = np.random.default_rng(3).uniform(50, 150, 400)
    truth = TierTruth(400, 200.0, {"primary": way(best, 0.0), "speculative": way(0.998 * best, 0.7), "fast": way(0.9 * best, 0.0)})
    loss = truth.value_loss()
    assert [loss.value, loss.low, loss.high] == pytest.approx([0.002] * 3)
    assert truth.value_loss("fast").value == pytest.approx(0.1)
    assert truth.value_loss("primary").value == 0


def test_requests_that_differ_widen_the_interval() -> None:
    rng = np.random.default_rng(4)
    best = rng.uniform(50, 150, 100)
    loss = TierTruth(100, 200.0, {"primary": way(best, 0.0), "speculative": way(best * rng.uniform(0.9, 1.05, 100), 0.5)}).value_loss()
    assert loss.low < loss.value < loss.high and loss.high - loss.low > 0.005


def test_every_surface_has_its_target() -> None:
    best = np.full(50, 100.0)
    ways = {"primary": way(best, 0.0), "speculative": way(0.99 * best, 0.6), "fast": way(0.9 * best, 0.0)}
    found = {f.name: f for f in figures({name: TierTruth(50, 300.0, ways) for name in ("search", "proactive")})}
    for name in ("search", "proactive"):
        loss = found[f"speculative_value_loss_{name}"]
        assert (loss.value, loss.holds) == (pytest.approx(0.01), False)
        assert found[f"speculative_share_{name}"].value == pytest.approx(0.6)
        assert found[f"value_loss_fast_alone_{name}"].value == pytest.approx(0.1)


def test_what_another_tier_answered_is_no_measurement() -> None:
    def decided(*rungs: str) -> list[Any]:
        return [
            SimpleNamespace(rung=r, request=SimpleNamespace(request_id=f"r{i}"), flags=("why",), errors=()) for i, r in enumerate(rungs)
        ]

    _answered("primary on search", decided("full", "no_ad", "full"))
    with pytest.raises(PipelineError, match=r"tier primary on search: 'fallback'.*r1: why"):
        _answered("primary on search", decided("full", "fallback"))
