"""Publication and training with the encoder that text_encoder_path names."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pipelines.datasets.search_rows import search_rows
from pipelines.features.publish import publish
from pipelines.language.champions import encoder_in_use
from serving.errors import BundleRefused
from serving.snapshot import current_version, open_current
from serving.worker.reload import Reloader

pytestmark = [pytest.mark.filterwarnings("ignore::DeprecationWarning"), pytest.mark.filterwarnings("ignore::FutureWarning")]


def test_ads_are_encoded_served_and_trained_with_it(searched: Any, onnx_folder: Callable[..., Path], tmp_path: Path) -> None:
    said = sorted({w for c in searched.log.catalog["creatives"].to_pylist() for w in c["headline"].lower().split() if w.isalpha()})
    words = ["[PAD]", "[UNK]", *said]
    own = onnx_folder(tmp_path / "encoder", words, np.random.default_rng(1).normal(size=(len(words), 8)))
    settings = searched.settings.changed(text_encoder_path=str(own))
    learned = current_version(searched.home.snapshots)
    try:
        publish(settings, [searched.day])
        snapshot = open_current(searched.home.snapshots)
        encoder = encoder_in_use(settings)
        assert encoder is not None and snapshot.encoder_version == encoder.version and snapshot.meaning is not None
        reloader = Reloader(settings)
        reloader.refresh()
        assert reloader.refused == {} and reloader.live.encoder is not None and reloader.live.encoder.version == encoder.version
        rows = [0, len(snapshot) // 2, len(snapshot) - 1]
        query = " ".join(said[:3])
        ids = [snapshot.text("id.creative_id", r) for r in rows]
        trained = search_rows(settings, [query] * 3, ids, searched.day)["query_similarity"]
        assert (
            np.allclose(trained, snapshot.meaning.vectors_of(np.array(rows)) @ encoder.encode([query])[0], atol=1e-5)
            and np.ptp(trained) > 0
        )
        (own / "model.onnx").unlink()
        live = current_version(searched.home.snapshots)
        with pytest.raises(BundleRefused, match=r"model\.onnx"):
            publish(settings, [searched.day])
        assert current_version(searched.home.snapshots) == live, "what is live stays"
    finally:
        publish(searched.settings, [searched.day])
    assert current_version(searched.home.snapshots) == learned
