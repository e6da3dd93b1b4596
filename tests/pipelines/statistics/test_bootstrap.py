"""Each way to draw is the bootstrap that it says it is, and gives the same draws for the same seed."""

from __future__ import annotations

import numpy as np
import pytest

from pipelines.statistics.bootstrap import counts_drawn, deviation, ends, groups_drawn, interval, rows_drawn

X = np.random.default_rng(3).exponential(size=400)
ERROR = X.std() / np.sqrt(len(X))
"""Of the mean of independent rows."""


def test_each_way_finds_the_standard_error_of_a_mean() -> None:
    rows = np.array([X[i].mean() for i in rows_drawn(len(X), 1, 2_000)])
    groups = np.array([np.average(X, weights=w) for w in groups_drawn(np.arange(len(X)), 1, 2_000)])
    distinct = (np.concatenate(list(counts_drawn(np.ones(len(X), np.int64), 1, 2_000))) @ X) / len(X)
    for drawn in (rows, groups, distinct):
        assert deviation(drawn, 2_000) == pytest.approx(ERROR, rel=0.06)


def test_counting_alike_rounds_draws_as_listing_them_does() -> None:
    """A hundred coins, half of them heads: the few kinds are drawn by their counts."""
    few = np.concatenate(list(counts_drawn(np.array([50, 50]), 1, 5_000)))
    assert (few.sum(axis=1) == 100).all() and few[:, 0].std() == pytest.approx(5, rel=0.05)


def test_a_group_stands_or_falls_together() -> None:
    group = np.arange(len(X)) // 2
    for weight in groups_drawn(group, 1, 20):
        assert (weight[0::2] == weight[1::2]).all()


def test_equal_seeds_give_equal_draws() -> None:
    for way, of in ((rows_drawn, 30), (groups_drawn, np.arange(30)), (counts_drawn, np.arange(1, 30))):
        once, again, other = (np.array(list(way(of, seed, 50))) for seed in (1, 1, 2))
        assert (once == again).all() and not (once == other).all()


def test_ends_leave_a_fortieth_on_either_side() -> None:
    low, high = ends(np.arange(1_001))
    assert (low, high) == (pytest.approx(25), pytest.approx(975))
    lows, highs = ends(np.stack([np.arange(1_001), np.arange(1_001) * 2], axis=1))
    assert lows == pytest.approx([25, 50]) and highs == pytest.approx([975, 1_950])


def test_a_figure_that_most_draws_do_not_define_has_no_interval() -> None:
    drawn = np.r_[np.full(260, np.nan), np.linspace(0, 1, 240)]
    assert interval(0.5, drawn) is None and np.isnan(deviation(drawn))
    assert interval(0.5, drawn[20:], 480) is not None
    assert interval(float("nan"), np.linspace(0, 1, 500)) is None
