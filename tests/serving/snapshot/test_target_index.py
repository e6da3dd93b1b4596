"""Targeting lists of any length: whoever asks is shown the ads that ask for them, and those that everyone may see."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from serving.snapshot import open_snapshot, write_snapshot
from serving.snapshot.target_index import TargetIndex, target_columns
from tests.examples import examples
from tests.serving.snapshot.test_catalogue_snapshot import AS_OF, campaign, catalog, creative

NAMES = ("regions", "languages")


@given(counts=st.tuples(st.integers(1, 300), st.integers(1, 300)), seed=st.integers(0, 2**32 - 1))
@settings(max_examples=examples(60))
def test_everyone_is_shown_what_asks_for_them_and_nothing_else(counts: tuple[int, int], seed: int) -> None:
    rng = np.random.default_rng(seed)
    words = {name: [f"{name[0]}{i:03d}" for i in range(n)] for name, n in zip(NAMES, counts, strict=True)}
    campaigns, ads = int(rng.integers(1, 40)), int(rng.integers(1, 300))
    lists: dict[str, list[list[str]]] = {}
    for name, known in words.items():
        sizes = rng.choice([0, 1, 2, 64, len(known)], campaigns)
        lists[name] = [rng.choice(known, min(size, len(known)), replace=False).tolist() for size in sizes]
    of = rng.integers(0, campaigns, ads)
    index = TargetIndex({**target_columns(lists), "campaign": of}, NAMES)
    asked = [{name: str(rng.choice([*known, "elsewhere", ""])) for name, known in words.items()} for _ in range(20)]
    for wanted in (*asked, *asked[:3]):
        expected = [all(not lists[name][c] or word in lists[name][c] for name, word in wanted.items()) for c in of]
        found = index.admitted(wanted)
        assert (np.ones(ads, bool) if found is None else found).tolist() == expected
    assert index.knows("regions", lists["regions"][0][0]) if lists["regions"][0] else True
    assert not index.knows("regions", "elsewhere")


@pytest.mark.parametrize("size", [63, 64, 65, 300])
def test_a_published_catalogue_keeps_every_word_apart(tmp_path: Path, size: int) -> None:
    regions = [f"r{i:03d}" for i in range(size)]
    campaigns = [campaign(f"k{r}", regions=[r]) for r in regions] + [campaign("kall", regions=regions), campaign("knone")]
    creatives = [creative(f"c{c['campaign_id']}", c["campaign_id"]) for c in campaigns]
    snapshot = open_snapshot(tmp_path / write_snapshot(tmp_path, AS_OF, catalog(campaigns, creatives), {}))
    names = [snapshot.text("id.creative_id", row) for row in range(len(snapshot))]
    for region in regions:
        admitted = snapshot.targets.admitted({"regions": region})
        assert admitted is not None
        assert {name for name, ok in zip(names, admitted, strict=True) if ok} == {f"ck{region}", "ckall", "cknone"}
    elsewhere = snapshot.targets.admitted({"regions": "r999"})
    assert elsewhere is not None and [name for name, ok in zip(names, elsewhere, strict=True) if ok] == ["cknone"]
