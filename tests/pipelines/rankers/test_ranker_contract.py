"""What every ranker promises: calibrated, repeatable, blind to the test, at ease with what it has never seen."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from feature_repo.services import CLICK
from pipelines.errors import Refused
from pipelines.evaluate.baseline import baseline
from pipelines.evaluate.offline import predict
from pipelines.metrics.roc_auc import roc_auc
from pipelines.rankers import RANKERS
from pipelines.rankers.catboost import Catboost
from pipelines.rankers.deep_ensemble import DeepEnsemble
from pipelines.rankers.deep_family import DeepFamily
from pipelines.rankers.fit_bundle import RankerFamily, fit_bundle, read_by
from pipelines.rankers.lightgbm import Lightgbm
from pipelines.rankers.xgboost import Xgboost
from pipelines.registry.mlflow_store import mlflow_client
from pipelines.registry.register import register
from pipelines.reporting.progress import showing
from serving.bundles import Bundle
from serving.settings import Settings

BEHIND = {"late_fusion": 0.06}
"""By ranker: how far its AUC may stay behind the truth's. Fixed shares give a fifth to the columns that tell most here."""
CATEGORY = next(i for i, c in enumerate(CLICK.columns) if c.kind == "category")


OFTEN = ("catboost", "early_fusion", "lightgbm")
"""Of the families that the training environment fits, those that every run tries; the others take minutes and are slow."""


def _marks(name: str) -> list[pytest.MarkDecorator]:
    if not RANKERS[name].needs:
        return []
    return [pytest.mark.deep] if name in OFTEN else [pytest.mark.deep, pytest.mark.slow]


FAMILIES = [pytest.param(name, marks=_marks(name)) for name in sorted(RANKERS)]
"""Those with needs of their own run in the training environment."""


@pytest.fixture(scope="module", params=FAMILIES)
def ranker(request: pytest.FixtureRequest) -> RankerFamily:
    return RANKERS[request.param]


@pytest.fixture(scope="module")
def place_of_thick(ranker: RankerFamily, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where `of_thick` lies."""
    return tmp_path_factory.mktemp("thick") / "b"


@pytest.fixture(scope="module")
def of_thick(ranker: RankerFamily, thick: Any, place_of_thick: Path) -> Bundle:
    """Fitted once: fits are what takes the time here."""
    return fit_bundle(ranker, thick.dataset, place_of_thick, "1")


@dataclass(frozen=True)
class Fit:
    """A bundle, and how far its fit was when it told so: (done, total)."""

    bundle: Bundle
    told: list[tuple[int, int]]


def fitted(ranker: RankerFamily, known: Any, folder: Path) -> Fit:
    told: list[tuple[int, int]] = []
    with showing(lambda what, done, total, note: told.append((done, total))):
        return Fit(fit_bundle(ranker, known.dataset, folder, "1"), told)


@pytest.fixture(scope="module")
def of_thin(ranker: RankerFamily, thin: Any, tmp_path_factory: pytest.TempPathFactory) -> Fit:
    return fitted(ranker, thin, tmp_path_factory.mktemp("thin") / "b")


def shorter(ranker: RankerFamily) -> RankerFamily:
    """The same family with less training: whether it is the same twice does not depend on how long it trains. An ensemble keeps two
    networks, of different seeds."""
    if isinstance(ranker, DeepEnsemble):
        return replace(ranker, seeds=2, deep=replace(ranker.deep, epochs=1), trees=shorter(ranker.trees))
    if isinstance(ranker, DeepFamily):
        return replace(ranker, epochs=1)
    if isinstance(ranker, Xgboost | Lightgbm | Catboost):
        return replace(ranker, rounds=min(ranker.rounds, 40))
    return ranker


def test_names_are_keys() -> None:
    assert all(name == ranker.name for name, ranker in RANKERS.items())


def luck(known: Any) -> float:
    """Clicks of the calibrate split over those that its rows were to get: what a calibrator cannot tell from the truth."""
    held = known.dataset.part("calibrate")
    stands_for = np.where(known.dataset.label[held], 1.0, 1 / known.dataset.rows["weight_rate"].to_numpy()[held])
    return float(np.average(known.dataset.label[held], weights=stands_for) / np.average(known.truth[held], weights=stands_for))


def test_predictions_are_calibrated_after_down_sampling_and_close_to_the_truth(of_thick: Bundle, thick: Any) -> None:
    bundle = of_thick
    test = thick.dataset.part("test")
    p, label, truth = predict(bundle, thick.dataset, test), thick.dataset.label[test], thick.truth[test] * luck(thick)
    assert p.mean() == pytest.approx(truth.mean(), rel=0.06), "three negatives of four were thrown away; scores must not show it"
    top = p > np.quantile(p, 0.9)
    assert p[top].mean() == pytest.approx(truth[top].mean(), rel=0.12)
    assert roc_auc(label, p) > roc_auc(label, truth) - BEHIND.get(bundle.manifest.ranker, 0.03)
    assert bundle.manifest.negative_rate == 0.25
    assert not bundle.manifest.calibrated, "a fit has no row that taught nothing: only an evaluation can tell"
    assert bundle.manifest.base_rate == pytest.approx(truth.mean(), rel=0.1)


def test_it_is_the_same_twice_and_test_rows_teach_nothing(ranker: RankerFamily, thin: Any, tmp_path: Path) -> None:
    once = fit_bundle(shorter(ranker), thin.dataset, tmp_path / "a", "1")
    rows = thin.dataset.rows.copy()
    later = rows["split"] == "test"
    rows.loc[later, "label"] = ~rows.loc[later, "label"]
    again = fit_bundle(shorter(ranker), replace(thin.dataset, rows=rows), tmp_path / "b", "1")
    assert once.manifest == again.manifest, "files are named by their SHA-256"


def test_thin_data_is_calibrated_too(of_thin: Fit, thin: Any) -> None:
    test = thin.dataset.part("test")
    p = predict(of_thin.bundle, thin.dataset, test)
    assert p.sum() == pytest.approx(thin.truth[test].sum(), rel=0.35)
    assert roc_auc(thin.dataset.label[test], p) > 0.6


@pytest.mark.filterwarnings("ignore")  # MLflow's own imports and stores warn of what they are about to change
def test_what_mlflow_loads_is_what_serves(ranker: RankerFamily, of_thick: Bundle, place_of_thick: Path, thick: Any, tmp_path: Path) -> None:
    """Encodings, evidence, calibrator and rate among it: on raw rows, given as a table in any order of its columns."""
    dataset = read_by(ranker, thick.dataset)
    raw = dataset.matrix[dataset.part("test")][:3_000]
    settings = Settings(PLACARD_HOME=tmp_path)
    version = register(settings, place_of_thick, "", "a test", {}, [], raw[:5], True)
    with mlflow_client(settings):
        import mlflow

        logged = mlflow.pyfunc.load_model(f"models:/click/{version.version}")
    table, said = pd.DataFrame(raw, columns=list(of_thick.manifest.columns)), of_thick.predict(raw)
    assert len(raw) == 3_000 and (logged.predict(table[table.columns[::-1]]) == said).all()
    assert (logged.predict(table.astype(float)) == said).all(), "pandas' own precision is taken too"


def test_an_identity_never_seen_counts_as_usual(of_thick: Bundle, thick: Any) -> None:
    known = thick.dataset.matrix[:2_000].copy()
    known[:, CATEGORY] = 999_999
    p = of_thick.predict(known)
    assert np.isfinite(p).all() and 0.3 < p.mean() / of_thick.predict(thick.dataset.matrix[:2_000]).mean() < 3


def test_nothing_but_early_positives_is_refused_with_the_reason(ranker: RankerFamily, thin: Any, tmp_path: Path) -> None:
    rows = thin.dataset.rows.copy()
    rows["label"] = False
    with pytest.raises(Refused, match=r"positives|labels"):
        fit_bundle(ranker, replace(thin.dataset, rows=rows), tmp_path / "b", "1")


def test_the_baseline_is_fair_and_repeatable(thick: Any) -> None:
    test = thick.dataset.part("test")
    p = baseline(thick.dataset)
    assert p.mean() == pytest.approx(thick.truth[test].mean(), rel=0.1)
    assert roc_auc(thick.dataset.label[test], p) > 0.7
    assert (p == baseline(thick.dataset)).all()


def test_a_fit_tells_how_far_it_is(of_thin: Fit) -> None:
    assert of_thin.told and all(0 < done <= total for done, total in of_thin.told)
