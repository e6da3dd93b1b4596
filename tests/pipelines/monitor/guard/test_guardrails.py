"""Guardrails as data, and the intervals that they are held against."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

import numpy as np
import pytest

from feature_repo.home import Home
from pipelines.errors import Missing, PipelineError
from pipelines.gates.guardrails import MATURED, NOW, Guardrail, GuardrailReading, Measure
from pipelines.monitor.guard import Guard, measures
from pipelines.served.traffic_counts import Counts
from pipelines.statistics.exact_intervals import calibration_interval, rate_ratio_interval, share_interval
from serving.eventlog.log import EventLog
from serving.settings import Settings

Make = Callable[..., Any]


def test_a_head_that_nobody_watches_is_named(settings: Settings, eventlog: EventLog, turn: datetime) -> None:
    for look in (lambda g: g.now(eventlog, turn), lambda g: g.matured(eventlog, turn.date(), 7)):
        with pytest.raises(PipelineError, match="click, conversion"):
            look(Guard(settings, "likes"))


def test_nobody_serves_nobody_is_judged(home: Home, eventlog: EventLog, turn: datetime) -> None:
    with pytest.raises(Missing, match="placard promote click"):
        Guard(Settings(home_path=home.root), "click").now(eventlog, turn)


def test_every_guardrail_names_a_measure() -> None:
    known = set(measures(Counts(), Counts()))
    assert {g.measure for rails in (*NOW.values(), *MATURED.values()) for g in rails} <= known
    assert all(g.at_least is not None or g.at_most is not None for rails in (*NOW.values(), *MATURED.values()) for g in rails)


@pytest.mark.parametrize(
    ("low", "high", "holds"),
    [(0.9, 1.1, True), (1.9, 5.0, True), (2.1, None, False), (None, 0.4, False), (0.1, 0.6, True), (None, None, True)],
)
def test_a_band_is_left_when_the_whole_interval_lies_outside(low: float | None, high: float | None, holds: bool) -> None:
    assert GuardrailReading(Guardrail("x", 0.5, 2.0), Measure("x", None, low, high, 10, 1)).holds == holds


def test_intervals_cover_as_often_as_they_say() -> None:
    rng, level = np.random.default_rng(8), 0.95
    share, ratio, rates = [], [], []
    for _ in range(400):
        events = int(rng.binomial(200, 0.04))
        low, high = share_interval(events, 200, level)
        share.append(low <= 0.04 <= high)
        one, two = int(rng.poisson(30)), int(rng.poisson(60))
        found = rate_ratio_interval(one, 1_000, two, 4_000, level)
        rates.append(found[0] <= 2.0 <= (found[1] or np.inf))
        r = calibration_interval(30.0, one, 1_000, level)
        ratio.append(r.low <= 1 <= (r.high or np.inf))
    assert min(np.mean(share), np.mean(ratio), np.mean(rates)) >= 0.94
