"""The calibrator changes what the evidence asks for, and nothing else."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from pipelines.errors import Refused
from pipelines.rankers.calibrate import ENOUGH, NO_CHANGE, THIN, Floats, fit_calibrator, fit_surfaces, level, log_loss, shrunk_sigmoid
from serving.bundles.calibrator import probability

Market = tuple[Floats, NDArray[np.bool_], Floats]


def market(seed: int, n: int, slope: float = 1.0, shift: float = 0.0, centre: float = -3.0) -> Market:
    """Margins, outcomes and weights; the true log-odds are slope × margin + shift."""
    rng = np.random.default_rng(seed)
    margin = rng.normal(centre, 1, n)
    return margin, rng.random(n) < probability(slope * margin + shift), np.ones(n)


@pytest.mark.parametrize("n", [3_000, 60_000])
def test_weights_that_are_right_are_mostly_left_alone(n: int) -> None:
    """One in twenty steps that change nothing is kept; there are up to three of them here."""
    changed = [fit_calibrator(*market(seed, n)) is not NO_CHANGE for seed in range(40)]
    assert sum(changed) <= 9


def test_a_level_that_one_stretch_of_days_may_have_by_itself_is_no_reason_to_move_it() -> None:
    for shift in (0.12, -0.12):
        assert fit_calibrator(*market(3, 100_000, shift=shift)).apply(np.zeros(1)) == pytest.approx(0.5, abs=0.02)
    assert level(*market(3, 100_000, shift=0.35)) == pytest.approx(0.35, abs=0.04)


@pytest.mark.parametrize("n", [4_000, 40_000])
@pytest.mark.parametrize(("slope", "shift"), [(1.0, 0.7), (1.0, -0.7), (1.6, 2.6), (0.6, -1.8)])
def test_weights_that_are_wrong_are_put_right(n: int, slope: float, shift: float) -> None:
    margin, label, weight = market(1, n, slope, shift)
    table = fit_calibrator(margin, label, weight)
    fresh, fresh_label, _ = market(2, 100_000, slope, shift)
    ratios = [t.apply(fresh).sum() / fresh_label.sum() for t in (NO_CHANGE, table)]
    assert abs(np.log(ratios[1])) < max(abs(np.log(ratios[0])) / 3, 3 / np.sqrt(label.sum()))
    assert log_loss(table.calibrated(fresh), fresh_label).mean() < log_loss(fresh, fresh_label).mean()


def test_few_positives_move_little() -> None:
    """Twelve outcomes where seven or eight were foretold are chance."""
    rng = np.random.default_rng(4)
    margin, label = rng.normal(-5, 0.5, 1_000), np.zeros(1_000, bool)
    label[rng.choice(1_000, 12, replace=False)] = True
    slope, _ = shrunk_sigmoid(margin, label, np.ones(1_000))
    assert abs(slope - 1) < 0.5 and level(margin, label, np.ones(1_000)) == 0.0


def test_a_step_in_the_odds_is_found_where_there_is_enough_to_find_it() -> None:
    rng = np.random.default_rng(5)
    margin = rng.normal(-2, 1, 60_000)
    truth = probability(np.where(margin > -2, margin + 1, margin - 1))
    table = fit_calibrator(margin, rng.random(60_000) < truth, np.ones(60_000))
    assert np.abs(table.apply(margin) - truth).mean() < np.abs(probability(margin) - truth).mean() / 4


def test_labels_that_are_all_alike_teach_nothing() -> None:
    for label in (np.zeros(100, bool), np.ones(100, bool)):
        with pytest.raises(Refused, match="all alike"):
            fit_calibrator(np.zeros(100), label, np.ones(100))


def test_a_surface_that_is_likelier_has_a_table_of_its_own_and_others_keep_the_overall_one() -> None:
    rng = np.random.default_rng(3)
    n = 80_000
    surface = rng.choice(4, n, p=[0.4, 0.3, 0.29, 0.01])
    margin = rng.normal(-2.5, 1, n)
    truth = probability(margin + np.array([-0.6, 0.7, 0.0, 0.5])[surface])
    label, weight = rng.random(n) < truth, np.ones(n)
    tables = fit_surfaces(NO_CHANGE, margin, surface, label, weight)
    assert {0, 1} <= set(tables) <= {0, 1, 2} and label[surface == 3].sum() < ENOUGH
    for code in (0, 1):
        rows = surface == code
        assert tables[code].apply(margin[rows]).mean() == pytest.approx(label[rows].mean(), rel=0.05)
        assert (np.diff(tables[code].apply(np.sort(margin))) >= 0).all()
        before, after = (np.abs(t.apply(margin[rows]) - truth[rows]).mean() for t in (NO_CHANGE, tables[code]))
        assert after < before / 2


def test_a_surface_that_is_surer_has_its_own_slope() -> None:
    """The same margins tell twice as much on one surface, and half as much on the other."""
    rng = np.random.default_rng(5)
    n, slopes = 80_000, np.array([2.0, 0.5])
    surface, margin = rng.integers(0, 2, n), rng.normal(0, 1, n)
    truth = probability(slopes[surface] * margin - 1.5)
    label, weight = rng.random(n) < truth, np.ones(n)
    overall = fit_calibrator(margin, label, weight)
    tables = fit_surfaces(overall, margin, surface, label, weight)
    assert set(tables) == {0, 1}
    for code, table in tables.items():
        rows = surface == code
        wrong, right = (np.abs(t.apply(margin[rows]) - truth[rows]).mean() for t in (overall, table))
        assert right < 0.02 < 0.05 < wrong


def test_sampled_negatives_stand_for_those_that_were_left_out() -> None:
    rng = np.random.default_rng(4)
    label = rng.random(60_000) < 0.05
    kept = label | (rng.random(60_000) < 0.25)
    weight = np.where(label, 1.0, 4.0)[kept]
    margin = np.full(int(kept.sum()), -2.3) + rng.normal(0, 0.1, int(kept.sum()))
    assert label.sum() > THIN
    table = fit_calibrator(margin, label[kept], weight)
    assert np.average(table.apply(margin), weights=weight) == pytest.approx(np.average(label[kept], weights=weight), rel=0.05)
