"""The benchmark's own honesty: deterministic inputs, every promised figure, a naive way that does its work."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from feature_repo.home import Home
from feature_repo.services import CLICK
from pipelines.bench.serving.naive import Naive
from pipelines.bench.serving.serve import one_core, run
from pipelines.bench.serving.synthetic import catalogue, ranker
from pipelines.bench.serving.tiers import _registered
from serving.bundles.aliases import write_aliases
from serving.snapshot import current_version
from tests.made import written_again


def test_the_catalogue_and_the_model_are_the_same_twice(tmp_path: Path) -> None:
    for name in ("a", "b"):
        catalogue(tmp_path / name, 200)
        ranker(tmp_path / f"{name}-bundle", trees=3, rows=500)
    assert current_version(tmp_path / "a") == current_version(tmp_path / "b")
    files = sorted(p.name for p in (tmp_path / "a-bundle").iterdir())
    assert files and all((tmp_path / "a-bundle" / f).read_bytes() == (tmp_path / "b-bundle" / f).read_bytes() for f in files)


@pytest.mark.slow
def test_every_promised_figure_is_there_with_its_target(monkeypatch: pytest.MonkeyPatch) -> None:
    class Instant:
        def __init__(self, *args: object) -> None: ...

        def rank(self, k: int) -> None: ...

    monkeypatch.setattr("pipelines.bench.serving.serve.Naive", Instant)
    figures = {f["name"]: f for f in run(10, (2_000, 3_000), http_seconds=0)["figures"]}
    for name in ("engine_p50_ms", "engine_p99_ms", "floor_p50_ms", "precision_p50_ms", "recall_p50_ms", "delivery_p50_ms"):
        assert figures[f"{name}_2000"]["value"] > 0 and figures[f"{name}_3000"]["value"] > 0
    for way in ("primary", "speculative", "fallback", "fast"):
        assert 0 < figures[f"tier_{way}_p50_ms"]["value"] <= figures[f"tier_{way}_p99_ms"]["value"]
    assert figures["tier_fast_p50_ms"]["value"] < figures["tier_primary_p50_ms"]["value"]
    assert 0 < figures["speculative_share"]["value"] < 1
    for kind in ("sleeps", "raises", "nan", "scores"):
        ratio, low, high = (figures[f"shadow_{kind}_p99_ratio{end}"] for end in ("", "_low", "_high"))
        assert ratio["target"] == "≤ 1.05" and 0 < low["value"] <= high["value"]
        assert ratio["holds"] is (True if high["value"] <= 1.05 else False if low["value"] > 1.05 else None)
    for name in ("engine_over_floor_p50_2000", "naive_over_engine_p50", "growth_2k_to_3k"):
        assert figures[name]["target"] and figures[name]["holds"] is not None


def test_the_tiers_take_the_deep_ensemble_of_ones_own_platform(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    home, asked = Home(tmp_path / "mine"), []
    monkeypatch.setattr("pipelines.bench.serving.serve.tiers", lambda *given: (asked.append(given[-1]), ([], {}))[1])
    monkeypatch.setattr("pipelines.bench.serving.serve.Naive", lambda *given: SimpleNamespace(rank=lambda k: None))
    run(3, (2_000,), http_seconds=0, home=home)
    assert asked == [home], "not the catalogue that is made for the bench"
    made = ranker(home.bundles / "click" / "4", trees=5, rows=1_000)
    write_aliases(home.bundles, {"click": {"champion": "4"}})
    assert _registered(home) is None, "trees are no ensemble"
    written_again(made, home.bundles / "click" / "5", replace(made.manifest, version="5", ranker="deep_ensemble"))
    write_aliases(home.bundles, {"click": {"champion": "5"}})
    found = _registered(home)
    assert found is not None and found.name == "click@5"


@pytest.mark.filterwarnings("ignore")  # Feast's and MLflow's own
def test_the_naive_way_ranks_with_the_same_trees(tmp_path: Path) -> None:
    booster = ranker(tmp_path / "bundle", trees=5, rows=1_000).members[0].booster
    folder = tmp_path / "naive"
    folder.mkdir()
    order = Naive(folder, booster, CLICK, 30).rank(20)
    assert sorted(order.tolist()) == list(range(20))
    assert not np.array_equal(order, np.arange(20))


@pytest.mark.skipif(not hasattr(os, "sched_getaffinity"), reason="the system does not say where threads run")
def test_one_core_is_one_for_this_thread_and_those_that_it_starts_and_all_come_back() -> None:
    before = os.sched_getaffinity(0)
    with pytest.raises(RuntimeError), one_core():
        with ThreadPoolExecutor(1) as pool:
            assert os.sched_getaffinity(0) == pool.submit(os.sched_getaffinity, 0).result() and len(os.sched_getaffinity(0)) == 1
        raise RuntimeError
    assert os.sched_getaffinity(0) == before
