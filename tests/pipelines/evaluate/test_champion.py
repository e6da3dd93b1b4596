"""Which bundle a candidate is judged beside."""

from __future__ import annotations

import json
from pathlib import Path

from feature_repo.home import Home
from pipelines.bench.serving.synthetic import ranker
from pipelines.evaluate.assess import champion
from serving.bundles.aliases import version_folder, write_aliases


def test_a_champion_that_another_version_wrote_is_no_rival(tmp_path: Path) -> None:
    home = Home(tmp_path)
    assert champion(home, "click") is None
    place = version_folder(home.bundles, "click", "1")
    ranker(place, trees=2, rows=500)
    write_aliases(home.bundles, {"click": {"champion": "1"}})
    found = champion(home, "click")
    assert found is not None and found.name == "click@1"
    manifest = json.loads((place / "manifest.json").read_text())
    (place / "manifest.json").write_text(json.dumps({**manifest, "format": 1}))
    assert champion(home, "click") is None
