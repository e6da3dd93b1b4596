"""A registration that is killed leaves no half version: what MLflow alone knows serves nobody, and the same command again finishes it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pipelines.bench.serving.synthetic import ranker
from pipelines.operations.doctor_models import examine_models
from pipelines.registry import listing, register
from pipelines.registry.mlflow_aliases import mlflow_versions
from pipelines.registry.register import register as registered
from serving.settings import Settings
from tests.made import written_again

# MLflow's own imports and stores warn of what they are about to change.
pytestmark = [pytest.mark.filterwarnings("ignore"), pytest.mark.timeout(3600)]


NAMES = ("a registration beside a champion", "the first registration ever", "a ranker's registration")


def deaths(place: Path, every: int, *names: str) -> dict[str, Any]:
    command = [sys.executable, "-W", "ignore", "-m", "tests.pipelines.registry.killed_registrations", str(place), str(every)]
    done = subprocess.run([*command, *names], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return dict(json.loads(done.stdout))


@pytest.mark.parametrize("every", [pytest.param(1, marks=pytest.mark.slow), 45], ids=["every_step", "some_steps"])
def test_a_kill_while_a_model_is_registered_leaves_the_old_or_the_new_and_a_rerun_ends_the_same(tmp_path: Path, every: int) -> None:
    names = NAMES if every == 1 else NAMES[:1]
    found = deaths(tmp_path, every, *names)
    assert found.keys() == set(names)
    for what, said in found.items():
        old, new = said["old"], said["new"]
        assert said["steps"] > 50 and old["versions"] != new["versions"] and old["aliases"] != new["aliases"], what
        assert [status for status, _ in new["mlflow"]["runs"]] == ["FINISHED"], what
        for death in said["deaths"]:
            after, where = death["after"], (what, death["step"])
            assert after["versions"] in (old["versions"], new["versions"]), where
            for alias, version in after["aliases"].items():
                assert version in (old["aliases"].get(alias), new["aliases"].get(alias)) and version in after["versions"], where
            assert after["history"] == new["history"][: len(after["history"])], where
            assert death["again"] == new, where


def test_a_version_that_mlflow_alone_knows_is_named_by_the_doctor_and_finished_by_registering_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings, made = Settings(PLACARD_HOME=tmp_path / "placard"), ranker(tmp_path / "made", trees=3, rows=500)
    rows = np.zeros((2, len(made.manifest.columns)), np.float32)

    def begin(place: Path) -> str:
        return registered(settings, place, "challenger", "trained", {"roc_auc": 0.7}, [], rows, True).version

    def die(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(register, "install", die)
        begin(tmp_path / "made")
    assert mlflow_versions(settings) == [("click", "1")] and listing.versions(settings) == []
    check = next(c for c in examine_models(settings) if c.name == "registrations")
    assert (check.verdict, check.seen) == ("warn", "known to MLflow and not installed: click 1")
    written_again(ranker(tmp_path / "other", 3, trees=2, rows=500), tmp_path / "another")
    assert begin(tmp_path / "another") == "2", "another model is another version"
    assert begin(tmp_path / "made") == begin(tmp_path / "made") == "1", "one content is one version"
    assert [v.version for v in listing.versions(settings)] == ["1", "2"]
    assert next(c for c in examine_models(settings) if c.name == "registrations").verdict == "ok"
