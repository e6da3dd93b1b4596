"""The peers that our rankers are compared with."""

from __future__ import annotations

import importlib.util
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.special import expit

from feature_repo.services import CLICK
from pipelines.bench.rankers.peers import PEERS
from pipelines.bench.rankers.peers.peer import Peer
from pipelines.bench.rankers.trial import peer_rows
from pipelines.metrics.roc_auc import roc_auc
from pipelines.rankers import RANKERS


def test_peers_get_identities_as_whole_numbers_and_no_word_of_the_test(known: Any) -> None:
    early, late, both, test = peer_rows(known.dataset)
    assert len(early.label) + len(late.label) == len(both.label) and len(test.label) == known.dataset.part("test").sum()
    assert both.numbers.shape[1] + both.identities.shape[1] == len(CLICK.columns)
    assert both.identities.min() == 0 and both.identities[:, 0].max() == 29
    assert (test.identities[-50:, 0] == -1).all() and (test.identities[:-50, 0] >= 0).all()
    before = known.dataset.part("train", "calibrate")
    codes = known.dataset.matrix[before][:, known.category]
    assert len(set(zip(codes, both.identities[:, 0], strict=True))) == 30, "one number a code"
    assert (test.position == known.dataset.rows["position"][known.dataset.part("test")]).all()
    assert test.offset[test.position == 1].tolist() == [0.0] * int((test.position == 1).sum()) and test.offset.min() < 0


def test_every_peer_has_a_file_and_the_other_way_round() -> None:
    import pipelines.bench.rankers.peers as package

    files = {p.stem for p in Path(str(package.__file__)).parent.glob("*.py")} - {"__init__", "peer"}
    assert files == {type(p).__module__.rsplit(".", 1)[-1] for p in PEERS}
    assert len({p.name for p in PEERS}) == len(PEERS) and not {p.name for p in PEERS} & set(RANKERS)


@pytest.mark.filterwarnings("ignore")  # theirs
@pytest.mark.parametrize("peer", [pytest.param(p, id=p.name, marks=[] if p.needs == "sklearn" else pytest.mark.deep) for p in PEERS])
def test_a_peer_learns_corrects_and_takes_what_it_has_never_seen(peer: Peer, known: Any) -> None:
    if importlib.util.find_spec(peer.needs) is None:
        pytest.skip(f"{peer.needs} is not installed: make peers")
    early, late, both, test = peer_rows(known.dataset)
    fitted = peer.fit(early, late, both)
    logits = fitted.logits(test, 1)
    assert logits.shape == test.label.shape and np.isfinite(logits).all() and fitted.size > 1_000
    assert roc_auc(test.label, logits) > 0.65
    mean, uncorrected, truth = expit(logits + np.log(known.kept)).mean(), expit(logits).mean(), known.test_truth.mean()
    if peer.needs == "torch_rechub":  # two batches an epoch: its mean is rough
        assert abs(np.log(mean / truth)) < abs(np.log(uncorrected / truth)) / 2, "much nearer once corrected for down-sampling"
    else:
        assert mean == pytest.approx(truth, rel=0.15), "right in the large once corrected for down-sampling"
    deep = fitted.logits(replace(test, position=test.position * 0 + 3, offset=test.offset * 0 - 1.0), 1)
    assert not np.allclose(deep, logits), "the position counts"
