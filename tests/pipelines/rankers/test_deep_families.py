"""What deep families do beyond the ranker contract: separate models, missing modalities, exact files."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from feature_repo.services import CANDIDATE, CLICK, CLICK_HISTORY, modality
from feature_repo.tables.user_actions import ACTIONS, action_columns
from pipelines.datasets.dataset import Dataset
from pipelines.errors import PipelineError
from pipelines.evaluate.modalities import without_modalities
from pipelines.evaluate.offline import predict
from pipelines.metrics.roc_auc import roc_auc
from pipelines.rankers import RANKERS
from pipelines.rankers.behaviour_transformer import BehaviourTransformer
from pipelines.rankers.deep_ensemble import DeepEnsemble
from pipelines.rankers.early_fusion import EarlyFusion
from pipelines.rankers.fit_bundle import fit_bundle
from pipelines.rankers.intermediate_fusion import IntermediateFusion
from pipelines.rankers.late_fusion import SHARES, LateFusion
from pipelines.rankers.xgboost import Xgboost
from pipelines.reporting.progress import showing

pytestmark = pytest.mark.deep
SMALL: dict[str, Any] = {"epochs": 2, "buckets": 64, "width": 2}


@pytest.fixture(scope="module")
def told(thick: Any) -> Dataset:
    """The thick set, thinned out, with hides that a column tells. No identity has the code 0, which is that of what is not known."""
    rows, rng = thick.dataset.rows.iloc[::3].copy().reset_index(drop=True), np.random.default_rng(2)
    matrix = thick.dataset.matrix[::3].copy()
    matrix[:, [c.kind == "category" for c in thick.dataset.input.columns]] += 1
    rows["hide"] = rng.random(len(rows)) < 1 / (1 + np.exp(2 - 2 * matrix[:, 6]))
    return Dataset("click", thick.dataset.input, rows, matrix, ("hide",))


@pytest.fixture(scope="module")
def fused(told: Dataset, tmp_path_factory: pytest.TempPathFactory) -> Any:
    return fit_bundle(IntermediateFusion(crosses=1, **SMALL), told, tmp_path_factory.mktemp("fused") / "b", "1")


def test_a_missing_modality_moves_no_answer_out_of_its_range(fused: Any, told: Dataset) -> None:
    x = told.matrix[told.part("test")]
    usual = np.where([c.kind == "category" for c in told.input.columns], 0, np.median(x, axis=0))  # who is not known is nobody
    for name in ("user", "image", "context"):
        gone = x.copy()
        gone[:, modality(told.input, name)] = usual[list(modality(told.input, name))]
        assert fused.predict(gone).mean() == pytest.approx(fused.predict(x).mean(), rel=0.5)


def test_who_learned_without_a_modality_loses_less_where_it_is_missing(told: Dataset, tmp_path: Path) -> None:
    """Two columns tell alike, one of the context and one of the user: who never missed the first does not look at the second."""
    names, rng = told.input.names, np.random.default_rng(8)
    hour, user = names.index("hour"), next(i for i in modality(told.input, "user") if told.input.columns[i].kind == "numeric")
    matrix = rng.normal(size=told.matrix.shape).astype(np.float32)
    matrix[:, [c.kind == "category" for c in told.input.columns]] = 1
    matrix[:, user] = matrix[:, hour] + rng.normal(scale=0.3, size=len(matrix))
    rows = told.rows.assign(label=rng.random(len(matrix)) < 1 / (1 + np.exp(1 - 2 * matrix[:, hour])), weight_rate=1.0, position=1)
    known = replace(told, rows=rows, matrix=matrix, others=(), prepared={})
    lost = {
        missing: without_modalities(
            fit_bundle(EarlyFusion(epochs=6, buckets=64, width=2, missing=missing), known, tmp_path / str(missing), "1"), known
        )
        for missing in (0.0, 0.3)
    }
    assert lost[0.3]["context"] < lost[0.0]["context"] - 0.02, lost
    assert lost[0.3][""] < lost[0.0][""] + 0.02, "and hardly more where nothing is"


def test_fixed_shares_mix_probabilities() -> None:
    import torch

    from pipelines.rankers.networks.parts import Parts

    network = LateFusion(**SMALL).network(Parts.of(CLICK))
    own = torch.tensor([[-1.0, 0.5, 2.0], [0.0, 0.0, 0.0]])
    p = torch.sigmoid(network.fused(own))[:, 0].numpy()
    assert p == pytest.approx((1 / (1 + np.exp(-own.numpy()))) @ np.array(SHARES), abs=1e-6)


def test_rows_that_teach_the_meta_model_teach_no_other() -> None:
    import torch

    from pipelines.rankers.networks.fitting import PreparedRows
    from pipelines.rankers.networks.stacked import HELD, stacked_loss

    out = torch.zeros(10, 4, requires_grad=True)
    rows = PreparedRows(None, None, None, torch.zeros(10), torch.ones(10))
    stacked_loss(out, rows, torch.arange(10)).backward()
    assert out.grad is not None
    moved = out.grad.numpy() != 0
    held = np.arange(10) % HELD == 0
    assert (moved[:, 0] == held).all() and (moved[:, 1:] == ~held[:, None]).all()


def test_progress_is_told(told: Dataset, tmp_path: Path) -> None:
    heard: list[tuple[str, int, int]] = []
    with showing(lambda what, done, total, note: heard.append((what, done, total))):
        fit_bundle(EarlyFusion(**SMALL), replace(told, others=()), tmp_path / "b", "1")
    assert heard[:2] == [("early_fusion", 1, 2), ("early_fusion", 2, 2)]


def test_the_platform_lists_deep_families_without_torch() -> None:
    code = "import sys; from pipelines.rankers import RANKERS; import pipelines.training; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0
    assert sum(r.needs == "torch" for r in RANKERS.values()) >= 5


@pytest.fixture(scope="module")
def remembered() -> Dataset:
    """Half the candidates stand among the user's earlier actions, and are clicked four times as often; nothing else tells."""
    rng, n = np.random.default_rng(3), 12_000
    matrix = np.zeros((n, len(CLICK_HISTORY.columns)), np.float32)
    creative = rng.integers(1, 200, n)
    matrix[:, CLICK_HISTORY.names.index(CANDIDATE[2])] = creative
    codes, kinds = (CLICK_HISTORY.names.index(action_columns()[i * ACTIONS]) for i in (0, 2))
    matrix[:, codes : codes + 3], matrix[:, kinds : kinds + 3] = rng.integers(200, 400, (n, 3)), 5
    seen = rng.random(n) < 0.5
    matrix[seen, codes + 1] = creative[seen]
    label = rng.random(n) < np.where(seen, 0.6, 0.15)
    split = np.where(np.arange(n) < n * 0.6, "train", np.where(np.arange(n) < n * 0.8, "calibrate", "test"))
    rows = pd.DataFrame(
        {
            "row_id": [f"r{i}" for i in range(n)], "ts": pd.Timestamp("2026-01-01") + pd.to_timedelta(np.arange(n), unit="s"),
            "user_id": "u", "creative_id": "c", "surface": "feed", "position": np.ones(n, np.int16), "shown": 0, "explored": True,
            "label": label, "split": split, "weight_rate": 1.0,
        }
    )  # fmt: skip
    return Dataset("click", CLICK_HISTORY, rows, matrix)


def test_attention_finds_the_candidate_among_earlier_actions(remembered: Dataset, tmp_path: Path) -> None:
    bundle = fit_bundle(BehaviourTransformer(epochs=8, rate=5e-3, buckets=512, width=2, missing=0), remembered, tmp_path / "b", "1")
    test = remembered.part("test")
    assert bundle.manifest.input == CLICK_HISTORY.name
    assert roc_auc(remembered.label[test], predict(bundle, remembered, test)) > 0.68, "0.73 is all there is; 0.5 without the history"


def test_others_read_the_narrower_input_of_the_same_dataset(remembered: Dataset, tmp_path: Path) -> None:
    bundle = fit_bundle(EarlyFusion(**SMALL), remembered, tmp_path / "b", "1")
    assert bundle.manifest.input == CLICK.name and bundle.manifest.columns == CLICK.names
    assert len(predict(bundle, remembered, remembered.part("test"))) == remembered.part("test").sum()
    with pytest.raises(PipelineError, match="make it again"):
        remembered.narrowed(("other", *CLICK.names))


def test_an_ensemble_holds_its_members(told: Dataset, tmp_path: Path) -> None:
    trees = Xgboost(name="xgboost_slim", rounds=60, depth=3, eta=0.1)
    family = DeepEnsemble(seeds=2, deep=IntermediateFusion(**SMALL), trees=trees)
    bundle = fit_bundle(family, told, tmp_path / "b", "1")
    assert [Path(name).suffix for name, _ in bundle.manifest.members] == [".onnx", ".onnx", ".ubj"]
    assert sum(share for _, share in bundle.manifest.members) == pytest.approx(1)
    said = bundle.further("hide", told.matrix[told.part("test")])
    assert said is not None and roc_auc(told.rows["hide"].to_numpy()[told.part("test")], said) > 0.75, "beside networks as beside trees"
