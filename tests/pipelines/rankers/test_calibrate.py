"""Each surface predicts as many as came there, in the overall table's order; a thin one keeps the overall table."""

from __future__ import annotations

import numpy as np
import pytest

from pipelines.rankers.calibrate import ENOUGH, fit_calibrator, fit_surfaces


def test_each_surface_is_as_likely_as_it_was() -> None:
    rng = np.random.default_rng(3)
    n = 60_000
    surface = rng.choice(3, n, p=[0.6, 0.39, 0.01])
    margin = rng.normal(-3, 1, n)
    truth = 1 / (1 + np.exp(-(margin + np.array([-0.6, 0.7, 0.0])[surface])))
    label = rng.random(n) < truth
    weight = np.where(label, 1.0, 1.0)
    overall = fit_calibrator(margin, label, weight)
    tables = fit_surfaces(overall, margin, surface, label, weight)
    assert set(tables) == {0, 1} and label[surface == 2].sum() < ENOUGH
    for code, table in tables.items():
        rows = surface == code
        assert table.apply(margin[rows]).mean() == pytest.approx(label[rows].mean(), rel=1e-5)
        assert (np.diff(table.apply(np.sort(margin))) >= 0).all()
        before, after = (np.abs(t.apply(margin[rows]) - truth[rows]).mean() for t in (overall, table))
        assert after < before / 2


def test_a_surface_that_is_surer_has_its_own_slope() -> None:
    """The same margins tell twice as much on one surface, and half as much on the other."""
    rng = np.random.default_rng(5)
    n, slopes = 80_000, np.array([2.0, 0.5])
    surface, margin = rng.integers(0, 2, n), rng.normal(0, 1, n)
    truth = 1 / (1 + np.exp(-(slopes[surface] * margin - 1.5)))
    label, weight = rng.random(n) < truth, np.ones(n)
    overall = fit_calibrator(margin, label, weight)
    for code, table in fit_surfaces(overall, margin, surface, label, weight).items():
        rows = surface == code
        wrong, right = (np.abs(t.apply(margin[rows]) - truth[rows]).mean() for t in (overall, table))
        assert right < 0.02 < 0.05 < wrong


def test_sampled_negatives_stand_for_those_that_were_left_out() -> None:
    rng = np.random.default_rng(4)
    label = rng.random(40_000) < 0.05
    kept = label | (rng.random(40_000) < 0.25)
    weight = np.where(label, 1.0, 4.0)[kept]
    margin = np.full(int(kept.sum()), -3.0) + rng.normal(0, 0.1, int(kept.sum()))
    overall = fit_calibrator(margin, label[kept], weight)
    table = fit_surfaces(overall, margin, np.zeros(len(margin), int), label[kept], weight)[0]
    # margins that tell nothing: the few lines that join the table's points are not quite the sigmoid between them
    assert np.average(table.apply(margin), weights=weight) == pytest.approx(np.average(label[kept], weights=weight), rel=2e-3)
