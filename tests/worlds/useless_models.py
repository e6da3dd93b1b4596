"""A market of a known law, honest models of it, and models that must never serve: each a bundle, beside the rows that judge it."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Final
from unittest.mock import patch

import numpy as np
import pandas as pd

from feature_repo.home import Home
from feature_repo.services import CLICK, SURFACE
from pipelines.datasets.dataset import Dataset
from pipelines.datasets.training_set import keep, read
from pipelines.evaluate.baseline import baseline
from pipelines.rankers import RANKERS, kept_encoding
from pipelines.rankers.encoding import Encoded
from pipelines.rankers.fit_bundle import fit_bundle
from serving.bundles import Bundle, Tables
from serving.bundles.calibrator import Calibrator
from serving.bundles.encoder import Encoding, encode
from tests.made import written_again

DAY: Final = date(2026, 1, 15)
"""The honest rows'."""
LEAKS: Final = {"leaking": (date(2026, 1, 16), 0.0), "leaking_flipped": (date(2026, 1, 17), 0.02)}
"""Days whose rows have a column that holds the label, with the share of it that is wrong."""
ROWS_MADE: Final = 22_000
DECAY: Final = {"feed": 0.4, "search": 0.6}
LAST_PLACE: Final = 2
NUMBERS: Final = [i for i, c in enumerate(CLICK.columns) if c.kind == "numeric" and c.name != SURFACE][:3]
LEAKY: Final = NUMBERS[-1] + 1
RANKER: Final = "xgboost_slim"


def market(n: int = ROWS_MADE, seed: int = 1) -> Dataset:
    """Fourteen days, the later half for the test. Clicks follow steps in three columns, which trees find and a line does not, the surface
    and the position."""
    rng = np.random.default_rng(seed)
    x = np.zeros((n, len(CLICK.columns)), np.float32)
    x[:, [*NUMBERS, LEAKY]] = rng.normal(size=(n, 4))
    surface, position = rng.choice(list(DECAY), n), rng.integers(1, LAST_PLACE + 1, n)
    x[:, CLICK.names.index(SURFACE)] = surface == "search"
    seen = position ** -np.array([DECAY[s] for s in surface])
    high = x[:, NUMBERS] > np.array([0.3, -0.2, 0.5])
    truth = seen / (1 + np.exp(3.9 - high @ np.array([1.4, 0.5, 0.5]) - 0.9 * (high[:, 0] & high[:, 1]) - 0.2 * (surface == "search")))
    rows = pd.DataFrame(
        {
            "row_id": [f"r{i:07}" for i in range(n)],
            "ts": pd.Timestamp("2026-01-01") + pd.to_timedelta(np.linspace(0, 14 * 86_400 - 1, n).astype(int), unit="s"),
            "user_id": [f"u{i}" for i in rng.integers(0, 3_000, n)], "creative_id": "c", "surface": surface,
            "device": rng.choice(["mobile", "desktop"], n, p=[0.7, 0.3]), "position": position.astype(np.int16), "shown": 0,
            "explored": True, "label": rng.random(n) < truth, "weight_rate": 1.0,
            "split": np.where(np.arange(n) < n * 0.4, "train", np.where(np.arange(n) < n * 0.5, "calibrate", "test")),
        }
    )  # fmt: skip
    return Dataset("click", CLICK, rows, x)


def leaking(honest: Dataset, wrong: float) -> Dataset:
    """The same rows with a column from the future: the label, wrong in a share of the rows."""
    matrix, flipped = honest.matrix.copy(), np.random.default_rng(8).random(len(honest.rows)) < wrong
    matrix[:, LEAKY] = honest.label ^ flipped
    return replace(honest, matrix=matrix, prepared={})


def _taught(honest: Dataset, **columns: object) -> Dataset:
    """The dataset that a broken pipeline would have taught from: other rows or another matrix."""
    return replace(honest, prepared={}, **columns)  # type: ignore[arg-type]


def worthless(matrix: np.ndarray, columns: tuple[int, ...], *_: object) -> Encoded:
    """In this market nobody is told apart by an identity. To learn so takes most of a fit's time, so it is known here."""
    nobody = tuple(Encoding(c, np.zeros(1, np.int64), np.zeros(1, np.float32), 0.0) for c in columns)
    return Encoded(encode(matrix, nobody), nobody)


def make(place: Path) -> None:
    """Writes datasets with their baselines, and bundles by name under `models`."""
    with patch.object(kept_encoding, "encoded", worthless):
        _make(Home(place), place / "models")


def _make(home: Home, models: Path) -> None:
    honest, rng = market(), np.random.default_rng(9)
    keep(home, DAY, honest)
    family = RANKERS[RANKER]
    good = fit_bundle(family, honest, models / "honest", "0")
    fit_bundle(RANKERS["logistic"], honest, models / "logistic", "0")

    early = honest.part("train", "calibrate")
    label = honest.label.copy()
    label[early] = rng.permutation(label[early])
    fit_bundle(family, _taught(honest, rows=honest.rows.assign(label=label)), models / "shuffled", "0")
    upside_down = honest.matrix.copy()
    upside_down[:, NUMBERS] *= -1
    fit_bundle(family, _taught(honest, matrix=upside_down), models / "inverted", "0")
    search = np.flatnonzero(honest.rows["surface"] == "search")
    scrambled = honest.matrix.copy()
    scrambled[np.ix_(search, NUMBERS)] = scrambled[np.ix_(rng.permutation(search), NUMBERS)]
    fit_bundle(family, _taught(honest, matrix=scrambled), models / "slice_scrambled", "0")
    old = honest.rows["ts"] < pd.Timestamp("2026-01-03 12:00")
    days = honest.rows[old].reset_index(drop=True)
    split = np.where(days["ts"] < pd.Timestamp("2026-01-03"), "train", "calibrate")
    stale = Dataset("click", CLICK, days.assign(split=split), honest.matrix[old.to_numpy()])
    fit_bundle(family, stale, models / "stale", "0")
    for name, (day, wrong) in LEAKS.items():
        leaky = leaking(honest, wrong)
        keep(home, day, leaky)
        fit_bundle(family, leaky, models / name, "0")

    _calibrated_otherwise(good, models)
    for day in (DAY, *(day for day, _ in LEAKS.values())):
        baseline(read(home, "click", day))


def _calibrated_otherwise(good: Bundle, models: Path) -> None:
    """The honest trees under other tables: one that always says the base rate, and one that says half as much again."""
    grid = np.linspace(-20, 20, 5)
    flat = Calibrator(grid, np.full(5, good.manifest.base_rate))
    written_again(good, models / "constant", tables=Tables(flat, {}, {}))
    more = {code: _inflated(table) for code, table in good.tables.by_surface.items()}
    written_again(good, models / "inflated", tables=Tables(_inflated(good.tables.overall), more, {}))
    steep = {name: (*offsets[:-1], offsets[-1] + np.log(1.8)) for name, offsets in good.manifest.position_offset.items()}
    written_again(good, models / "last_place_promised_too_much", replace(good.manifest, position_offset=steep))


def _inflated(table: Calibrator) -> Calibrator:
    """Half as much again of every probability."""
    grid = np.linspace(-15, 5, 400)
    return Calibrator(grid, np.minimum(1.5 * table.apply(grid), 1 - 1e-6))
