"""The margins of a booster are XGBoost's own, whatever the rows are laid out like."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import xgboost as xgb

from serving.bundles.trees import Trees, margins
from serving.errors import BundleRefused

COLUMNS = 6


@pytest.fixture(scope="module")
def rows() -> np.ndarray:
    rng = np.random.default_rng(0)
    rows = rng.normal(size=(2000, COLUMNS)).astype(np.float32)
    rows[rng.random(rows.shape) < 0.2] = np.nan
    return rows


@pytest.fixture(scope="module")
def booster(rows: np.ndarray) -> xgb.Booster:
    labels = np.nan_to_num(rows[:, 0]) > np.nan_to_num(rows[:, 1]) ** 2
    return xgb.train({"objective": "binary:logistic", "max_depth": 4, "nthread": 1}, xgb.DMatrix(rows, labels), 15)


def _own(booster: xgb.Booster, rows: np.ndarray) -> np.ndarray:
    return np.asarray(booster.inplace_predict(rows, predict_type="margin"), np.float64)


def test_margins_are_what_the_library_predicts(booster: xgb.Booster, rows: np.ndarray) -> None:
    for some in (rows, rows[:1], rows[::3], np.asfortranarray(rows), rows[::-1]):
        assert np.array_equal(margins(booster, some), _own(booster, np.ascontiguousarray(some)))
    assert margins(booster, rows[:0]).shape == (0,)


def test_an_answer_is_not_overwritten_by_the_next_call(booster: xgb.Booster, rows: np.ndarray) -> None:
    first = margins(booster, rows[:1000])
    kept = first.copy()
    margins(booster, rows[1000:])
    assert np.array_equal(first, kept)


def test_boosters_take_turns_on_a_thread(booster: xgb.Booster, rows: np.ndarray) -> None:
    """Of other widths, on any number of rows, each after the other: nothing of a call is left for the next."""
    labels = np.nan_to_num(rows[:, 2]) > 0
    narrow = xgb.train({"objective": "binary:logistic", "max_depth": 2, "nthread": 1}, xgb.DMatrix(rows[:, :3], labels), 5)
    for some in (rows, rows[:7], rows[:1], rows[:1500]):
        thin = np.ascontiguousarray(some[:, :3])
        assert np.array_equal(margins(booster, some), _own(booster, some))
        assert np.array_equal(margins(narrow, thin), _own(narrow, thin))
        with pytest.raises(ValueError, match="the booster reads"):
            margins(narrow, some)


def test_threads_do_not_share_an_answer(booster: xgb.Booster, rows: np.ndarray) -> None:
    parts = [rows[i::8] for i in range(8)]
    expected = [_own(booster, np.ascontiguousarray(part)) for part in parts]
    with ThreadPoolExecutor(8) as pool:
        for _ in range(25):
            for found, part in zip(pool.map(lambda part: margins(booster, part), parts), expected, strict=True):
                assert np.array_equal(found, part)


@pytest.mark.parametrize(
    "wrong",
    [np.zeros((3, COLUMNS + 1), np.float32), np.zeros((3, COLUMNS)), np.zeros(COLUMNS, np.float32)],
    ids=["one column more", "float64", "one dimension"],
)
def test_rows_the_booster_does_not_read_are_refused(booster: xgb.Booster, wrong: np.ndarray) -> None:
    with pytest.raises(ValueError, match="the booster reads float32"):
        margins(booster, wrong)


@pytest.mark.parametrize(("kept", "rounds"), [((1, 4), 15), ((5,), 3), ((0, 1, 2, 3, 4, 5), 15), ((), 2), ((), 0)])
def test_columns_that_no_tree_asks_for_are_left_out(rows: np.ndarray, kept: tuple[int, ...], rounds: int) -> None:
    """Whatever stands in them: the margins are the library's to the bit, and contributions keep every column's place."""
    told = np.zeros_like(rows)
    told[:, kept] = rows[:, kept]
    labels = np.nan_to_num(rows[:, 1]) + np.nan_to_num(rows[:, 4]) - np.nan_to_num(rows[:, 5]) > 0
    grown = xgb.train({"objective": "binary:logistic", "max_depth": 4, "nthread": 1}, xgb.DMatrix(told, labels), rounds)
    trees = Trees(grown, COLUMNS)
    for some in (rows, rows[:1], rows[:0]):
        assert np.array_equal(trees.logits(some, some)[:, 0], _own(grown, some) if len(some) else np.empty(0))
    assert np.array_equal(trees.contributions(rows, rows), grown.predict(xgb.DMatrix(rows), pred_contribs=True).astype(np.float64))
    with pytest.raises(BundleRefused, match=f"{COLUMNS} columns"):
        Trees(grown, COLUMNS - 1)


def test_pruned_trees_are_narrowed_too(rows: np.ndarray) -> None:
    """Their nodes that were taken away stand in the file, with no column."""
    told = np.nan_to_num(rows) * (np.arange(COLUMNS) == 4)
    labels = told[:, 4] + np.random.default_rng(1).normal(size=len(told)) > 0
    settings = {"objective": "binary:logistic", "max_depth": 6, "gamma": 4, "tree_method": "exact", "nthread": 1}
    grown = xgb.train(settings, xgb.DMatrix(told, labels), 10)
    assert np.array_equal(Trees(grown, COLUMNS).logits(rows, rows)[:, 0], _own(grown, rows))


@pytest.mark.parametrize("kind", ["dart", "gblinear"])
def test_boosters_of_another_kind_are_refused(rows: np.ndarray, kind: str) -> None:
    told = np.nan_to_num(rows)
    grown = xgb.train({"objective": "binary:logistic", "booster": kind, "nthread": 1}, xgb.DMatrix(told, told[:, 1] > 0), 3)
    with pytest.raises(BundleRefused, match=kind):
        Trees(grown, COLUMNS)
