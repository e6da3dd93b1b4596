"""Search with an ONNX encoder that the setting text_encoder_path names: taken up, lost, changed and mended under a running worker."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from serving.language.onnx_encoder import OnnxEncoder
from serving.record.decision import Decision
from serving.settings import Settings
from serving.snapshot import set_current
from serving.snapshot.snapshot import write_snapshot
from serving.worker.reload import Reloader

WORDS = ["[PAD]", "[UNK]", "running", "shoes", "trainers", "garden", "hose", "espresso", "machine", "city", "hotel"]
TOPIC = [4, 4, 0, 0, 0, 1, 1, 2, 2, 3, 3]
NOON = datetime(2026, 1, 5, 12, tzinfo=UTC)


def vectors(seed: int) -> np.ndarray:
    return np.eye(5)[TOPIC] + np.random.default_rng(seed).normal(scale=0.05, size=(len(WORDS), 5))


@pytest.fixture
def own(onnx_folder: Callable[..., Path], tmp_path: Path) -> Path:
    return onnx_folder(tmp_path / "encoder", WORDS, vectors(1))


@pytest.fixture
def reloader(own: Path, searched_catalog: Any, tmp_path: Path) -> Reloader:
    """Over a home whose ads were encoded with it."""
    settings = Settings(home_path=tmp_path / "home", text_encoder_path=str(own))
    set_current(settings.home.snapshots, write_snapshot(settings.home.snapshots, NOON, searched_catalog, {}, OnnxEncoder.load(own)))
    return Reloader(settings)


@pytest.fixture
def ask(over: Any, click: Any, tmp_path: Path) -> Callable[[Reloader, str], Decision]:
    """Decides with what the reloader has, after it has looked again."""

    def decide(reloader: Reloader, query: str) -> Decision:
        reloader.refresh()
        decision: Decision = over(tmp_path / "home", replace(reloader.live, bundles={("click", "champion"): click}))(query)
        return decision

    return decide


def test_ads_are_found_by_its_meaning(reloader: Reloader, ask: Any, own: Path) -> None:
    found = ask(reloader, "trainers")
    assert reloader.refused == {} and "encoder_absent" not in found.flags
    assert reloader.live.snapshot is not None and reloader.live.snapshot.encoder_version == OnnxEncoder.load(own).version
    assert {ad.match for ad in found.shown} == {"semantic"} and {ad.creative_id[2] for ad in found.shown} == {"0"}


def lose_it(folder: Path) -> None:
    shutil.rmtree(folder)


def damage_it(folder: Path) -> None:
    (folder / "model.onnx").write_bytes(b"not a model")


@pytest.mark.parametrize(("harm", "said"), [(lose_it, "model.onnx"), (damage_it, "cannot be used")])
def test_without_it_keywords_serve_and_the_answer_says_so(
    reloader: Reloader, ask: Any, own: Path, onnx_folder: Any, harm: Callable[[Path], None], said: str
) -> None:
    harm(own)
    for _ in range(2):
        decision = ask(reloader, "running shoes")
        assert said in reloader.refused["encoder"]
        assert "encoder_absent" in decision.flags and decision.shown and {ad.match for ad in decision.shown} == {"exact"}
        assert not ask(reloader, "trainers").shown
    onnx_folder(own, WORDS, vectors(1))
    assert "encoder_absent" not in ask(reloader, "trainers").flags and reloader.refused == {}, "mended, it is taken up by itself"


def test_another_encoder_is_not_compared_with_ads_it_did_not_encode(
    reloader: Reloader, ask: Any, own: Path, onnx_folder: Any, searched_catalog: Any
) -> None:
    onnx_folder(own, WORDS, vectors(2))
    assert "encoder_absent" in ask(reloader, "trainers").flags and "publish again" in reloader.refused["encoder"]
    snapshots = reloader._settings.home.snapshots
    old = ask(reloader, "trainers")
    set_current(snapshots, write_snapshot(snapshots, NOON, searched_catalog, {}, OnnxEncoder.load(own)))
    found = ask(reloader, "trainers")
    assert found.snapshot != old.snapshot and found.shown and reloader.refused == {}


def test_ads_encoded_by_an_encoder_that_is_no_longer_set_say_what_to_do(reloader: Reloader, ask: Any) -> None:
    ask(reloader, "trainers")
    unset = Reloader(Settings(home_path=reloader._settings.home_path))
    assert "encoder_absent" in ask(unset, "trainers").flags and "text_encoder_path" in unset.refused["encoder"]


def test_a_worker_keeps_no_encoder_of_an_older_catalogue(reloader: Reloader, ask: Any, searched_catalog: Any, encoder: Any) -> None:
    """Ads encoded by a learned encoder that is not registered here: the one in use is of another geometry."""
    ask(reloader, "trainers")
    snapshots = reloader._settings.home.snapshots
    set_current(snapshots, write_snapshot(snapshots, NOON, searched_catalog, {}, encoder))
    decision = ask(reloader, "running shoes")
    assert "encoder_absent" in decision.flags and decision.shown and decision.errors == ()
