"""Which text models are in use: a champion that was removed is none."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from pipelines.language.champions import champion_language, encoder_in_use
from pipelines.registry.listing import champion_of
from serving.bundles.aliases import version_folder, write_aliases
from serving.bundles.refusals import write_refusals
from serving.language.language import LANGUAGE
from serving.language.text_encoder import BUCKETS, ENCODER, write_encoder
from serving.settings import Settings


def test_no_ad_is_encoded_and_no_query_is_read_by_a_model_that_was_removed(tmp_path: Path) -> None:
    settings = Settings(PLACARD_HOME=tmp_path / "placard")
    bundles = settings.home.bundles
    write_encoder(version_folder(bundles, ENCODER, "1"), "1", np.ones((BUCKETS, 2), np.float32), {})
    write_aliases(bundles, {ENCODER: {"champion": "1"}, LANGUAGE: {"champion": "1"}})
    serving = encoder_in_use(settings)
    assert serving is not None and serving.version == champion_of(bundles, LANGUAGE) == "1"
    write_refusals(bundles, {ENCODER: {"1": "it says nothing"}, LANGUAGE: {"1": "it reads nonsense"}})
    assert encoder_in_use(settings) is None and champion_language(settings.home) is None
