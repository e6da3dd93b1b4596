"""A publication with Feast that is killed at any step leaves what was live or what is to be, and the same again ends the same."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from feature_repo.feast_store import open_store, register_views
from feature_repo.home import Home
from feature_repo.tables import TABLES

pytestmark = [pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning"), pytest.mark.timeout(7200)]
NOTHING_YET = "FeatureViewNotFoundException"
"""What Feast says of a store without views."""


@pytest.mark.parametrize("every", [pytest.param(1, marks=pytest.mark.slow), 125], ids=["every_step", "some_steps"])
def test_a_kill_during_a_publication_leaves_the_old_or_the_new_and_a_rerun_ends_the_same(platform: Any, tmp_path: Path, every: int) -> None:
    names = ["the first publication ever", "a publication after another"][: 2 if every == 1 else 1]
    program = "tests.pipelines.features.killed_publications"
    command = [sys.executable, "-W", "ignore", "-m", program, str(platform.home.root), str(tmp_path), str(platform.waiting), str(every)]
    done = subprocess.run([*command, *names], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    found = dict(json.loads(done.stdout))
    assert found.keys() == set(names)
    rows = {t.name: pq.read_table(platform.home.staged(t.name, platform.waiting), partitioning=None).num_rows for t in TABLES}
    for what, said in found.items():
        old, new = said["old"], said["new"]
        assert said["steps"] > 150 and new["snapshot"] not in ("", old["snapshot"]) and new["published"] == rows, what
        assert (old["snapshot"], old["user"]) == ("", [NOTHING_YET]) or what != names[0]
        for death in said["deaths"]:
            after, where = death["after"], (what, death["step"])
            assert after["snapshot"] in (old["snapshot"], new["snapshot"]), where
            assert after["halves"] == [] and after["published"].items() <= rows.items(), where
            assert after["user"] != [NOTHING_YET] or old["user"] == [NOTHING_YET], (where, "views that were there are there")
            assert death["again"] == new, where


def test_feasts_registry_is_replaced_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Feast's own way empties the file first."""
    home = Home(tmp_path / "placard")
    register_views(open_store(home), home)
    before = (home.feast / "registry.db").read_bytes()

    def die(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr("feature_repo.whole_file.os.replace", die)
        register_views(open_store(home), home)
    assert (home.feast / "registry.db").read_bytes() == before and len(open_store(home).list_feature_views()) > 0
    register_views(open_store(home), home)
    assert [p.name for p in home.feast.iterdir() if p.name.startswith(".")] == []
