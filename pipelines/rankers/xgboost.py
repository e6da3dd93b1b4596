"""Gradient-boosted trees: identities encoded by what all else leaves open, position as an offset, early stopping, calibrated on
held-out time."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import numpy as np
import xgboost as xgb
from numpy.typing import NDArray

from feature_repo.services import SURFACE
from pipelines.dataset import Dataset
from pipelines.errors import Refused
from pipelines.rankers.calibrate import THIN, fit_calibrator, fit_surfaces
from pipelines.rankers.encoding import FOLDS, folds, learn, out_of_fold
from pipelines.rankers.position import offset_of, position_offsets
from serving.bundles import Bundle, Manifest, write_bundle
from serving.bundles.encoder import encode

SMALL: Final = 2000
"""Positives below which trees stay shallow and few."""


QUICKER: Final = 4
"""How many times fewer and larger steps the trees take that identities are measured against."""


@dataclass(frozen=True)
class Xgboost:
    """The default ranker. rounds and depth are for large logs; thin ones get the small setting."""

    name: str = "xgboost"
    rounds: int = 1200
    depth: int = 5
    eta: float = 0.02
    seed: int = 7
    threads: int = 2
    extra: dict[str, Any] = field(default_factory=dict)

    def _settings(self, positives: int) -> tuple[dict[str, Any], int]:
        """Few positives have little hessian: what would bind a large log's trees would stop theirs from growing at all."""
        thin = positives < SMALL
        settings = {
            "objective": "binary:logistic", "eval_metric": "logloss", "tree_method": "hist", "max_bin": 128,
            "max_depth": 2 if thin else self.depth, "eta": 0.05 if thin else self.eta, "min_child_weight": 1 if thin else 30,
            "subsample": 0.8, "colsample_bytree": 0.3 if thin else 0.5, "lambda": 1.0 if thin else 5.0,
            "seed": self.seed, "nthread": self.threads, **self.extra,
        }  # fmt: skip
        return settings, 100 if thin else self.rounds

    def fit(self, dataset: Dataset, folder: Path, version: str) -> Bundle:
        """Writes the bundle to `folder`: calibrated on the calibrate split by trees of the train split, which also say how many trees
        the final booster of both splits gets. Thin data: the calibrator learns on both, from margins of trees that knew only
        what came before."""
        rows, label = dataset.rows, dataset.label
        categories = tuple(i for i, c in enumerate(dataset.input.columns) if c.kind == "category")
        offsets = position_offsets(rows[dataset.part("train", "calibrate")])
        offset = offset_of(rows, offsets)
        rate = float(rows.loc[dataset.part("train"), "weight_rate"].iloc[0])
        weight = np.where(label, 1.0, 1.0 / rows["weight_rate"].to_numpy(float))
        early, late = dataset.part("train"), dataset.part("calibrate")
        positives = int(label[early | late].sum())
        settings, rounds = self._settings(positives)
        if label[late].sum() >= THIN / 4:
            booster, encodings = self._grow(dataset, settings, rounds, categories, early, late, offset)
            rounds = booster.num_boosted_rounds()
            margin = _margin(booster, encode(dataset.matrix[late], encodings), offset[late], rate)
            held = np.flatnonzero(late)
        else:
            held, margin = self._forward(dataset, settings, rounds, categories, np.flatnonzero(early | late), offset, rate)
        calibrator = fit_calibrator(margin, label[held], weight[held])
        surface = dataset.matrix[held, dataset.input.names.index(SURFACE)].astype(np.int64)
        by_surface = fit_surfaces(calibrator, margin, surface, label[held], weight[held])
        used = early | late
        booster, encodings = self._grow(dataset, settings, rounds, categories, used, None, offset)
        manifest = Manifest(
            head=dataset.head, version=version, ranker=self.name, input=dataset.input.name, columns=dataset.input.names,
            kinds=tuple(c.kind for c in dataset.input.columns), trained_from=rows["ts"][used].min().isoformat(),
            trained_to=rows["ts"][used].max().isoformat(), rows=int(used.sum()), positives=positives, negative_rate=rate,
            calibrated=True, base_rate=float(np.average(label[used], weights=weight[used])), position_offset=offsets,
        )  # fmt: skip
        return write_bundle(folder, manifest, booster, encodings, calibrator, by_surface)

    def _grow(
        self, dataset: Dataset, settings: dict[str, Any], rounds: int, categories: tuple[int, ...],
        rows: NDArray[np.bool_], stop: NDArray[np.bool_] | None, offset: NDArray[np.float64],
    ) -> tuple[xgb.Booster, tuple[Any, ...]]:  # fmt: skip
        """A booster and its encodings, learned on `rows`; the log loss on `stop` ends it early."""
        x, y = dataset.matrix[rows], dataset.label[rows]
        base = float(np.clip(y.mean(), 1e-6, 1 - 1e-6))
        settings = {**settings, "base_score": base}  # the first tree starts at the base rate, in training as in scoring
        start = offset + np.log(base / (1 - base))
        expected = self._expected(x, y, start[rows], settings, rounds, categories)
        encodings = learn(x, categories, y, expected)
        train = xgb.DMatrix(out_of_fold(x, categories, y, expected), y, base_margin=start[rows])
        if stop is None:
            return xgb.train(settings, train, rounds), encodings
        watch = xgb.DMatrix(encode(dataset.matrix[stop], encodings), dataset.label[stop], base_margin=start[stop])
        booster = xgb.train(settings, train, rounds, evals=[(watch, "late")], early_stopping_rounds=50, verbose_eval=False)
        return booster[: booster.best_iteration + 1], encodings

    def _expected(
        self, x: NDArray[np.float32], y: NDArray[np.bool_], start: NDArray[np.float64], settings: dict[str, Any], rounds: int,
        categories: tuple[int, ...],
    ) -> NDArray[np.float64]:  # fmt: skip
        """What each row's other columns foretell, by trees of the other folds: identities are encoded by what is left."""
        others, fold = np.delete(x, categories, axis=1), folds(len(y))
        quick = {**settings, "eta": min(settings["eta"] * QUICKER, 0.3)}
        out = np.full(len(y), y.mean())
        for f in range(FOLDS):
            rest, here = fold != f, fold == f
            if here.any() and y[rest].any():
                known = xgb.DMatrix(others[rest], y[rest], base_margin=start[rest])
                booster = xgb.train(quick, known, max(rounds // QUICKER, 1))
                out[here] = booster.predict(xgb.DMatrix(others[here], base_margin=start[here]))
        return out

    def _forward(
        self, dataset: Dataset, settings: dict[str, Any], rounds: int, categories: tuple[int, ...],
        rows: NDArray[np.int64], offset: NDArray[np.float64], rate: float,
    ) -> tuple[NDArray[np.int64], NDArray[np.float64]]:  # fmt: skip
        """All rows but the first fold's, and their margins from a booster of all folds before theirs (rolling origin).

        Features that grow with history make trees err forward in time in a way that folds in both directions would hide.
        """
        later: list[NDArray[np.int64]] = []
        margins: list[NDArray[np.float64]] = []
        for here in np.array_split(rows, FOLDS)[1:]:
            before = np.zeros(len(dataset.matrix), bool)
            before[rows[rows < here[0]]] = True
            if dataset.label[before].any():
                booster, encodings = self._grow(dataset, settings, rounds, categories, before, None, offset)
                later.append(here)
                margins.append(_margin(booster, encode(dataset.matrix[here], encodings), offset[here], rate))
        if not later:
            raise Refused(
                f"{dataset.head} positives", int(dataset.label[rows].sum()), "All fall into the latest fold: too few to calibrate on."
            )
        return np.concatenate(later), np.concatenate(margins)


def _margin(booster: xgb.Booster, matrix: NDArray[np.float32], offset: NDArray[np.float64], rate: float) -> NDArray[np.float64]:
    raw = np.asarray(booster.inplace_predict(matrix, predict_type="margin"), np.float64)
    return np.asarray(raw + np.log(rate) + offset)
