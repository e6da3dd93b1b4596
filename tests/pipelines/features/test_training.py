"""From published features to a champion: what a training set holds, and the verbs with their exit statuses."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow.dataset as ds
import pytest

from feature_repo.sources import end_of
from pipelines import dataset
from pipelines.errors import Missing

pytestmark = pytest.mark.timeout(400)
Run = Callable[..., tuple[int, dict[str, Any], str]]


def events(platform: Any, name: str) -> pd.DataFrame:
    """Every event of a table, straight from its files."""
    frame: pd.DataFrame = ds.dataset(platform.home.root / "events" / name, format="parquet").to_table().to_pandas()
    return frame


@pytest.mark.parametrize(("head", "hours"), [("click", 24), ("click", 1), ("conversion", 24), ("conversion", 2)])
def test_labels_count_within_their_window_and_rows_only_once_it_has_passed(platform: Any, head: str, hours: int) -> None:
    maturity, now = timedelta(hours=hours), pd.Timestamp(end_of(platform.live))
    found = dataset.labels(platform.home, head, platform.live, maturity)
    engagements = events(platform, "engagements")
    engagements = engagements[engagements["created_ts"] < now]
    happened = engagements[engagements["kind"] == head]
    if head == "click":
        rows, key = events(platform, "impressions"), "impression_id"
        first = happened.groupby("impression_id")["created_ts"].min()
    else:
        rows, key = engagements[engagements["kind"] == "click"], "event_id"
        first = happened.groupby("cause_id")["created_ts"].min()
    rows = rows[(rows["created_ts"] < now) & (rows["ts"] + maturity <= now)].set_index(key)
    wanted = (first.reindex(rows.index) - rows["ts"]) <= maturity
    assert len(found) == len(rows) and found["label"].sum() > 0
    assert (found.set_index("row_id")["label"] == wanted.reindex(found["row_id"])).all()
    assert found["ts"].is_monotonic_increasing


def test_a_label_of_the_last_hours_waits_for_its_window(platform: Any) -> None:
    with pytest.raises(Missing, match="PLACARD_LABEL_MATURITY_HOURS"):
        dataset.labels(platform.home, "click", platform.days[0], timedelta(hours=24))


def test_splits_follow_time_and_only_negatives_before_the_test_are_thinned(platform: Any) -> None:
    frame = dataset.labels(platform.home, "click", platform.live, timedelta(hours=24))
    frame["split"] = dataset.split(frame, (0.6, 0.8))
    spans = frame.groupby("split")["ts"].agg(["min", "max"])
    assert spans.loc["train", "max"] < spans.loc["calibrate", "min"] and spans.loc["calibrate", "max"] < spans.loc["test", "min"]
    kept = dataset.sample(frame, 0.25)
    assert kept["row_id"].tolist() == dataset.sample(frame, 0.25)["row_id"].tolist()
    by = kept.groupby(["split", "label"]).size() / frame.groupby(["split", "label"]).size()
    assert by["train", True] == by["calibrate", True] == by["test", True] == by["test", False] == 1
    assert by["train", False] == pytest.approx(0.25, abs=0.03)


@pytest.fixture(scope="module")
def run(platform: Any, placard: Path, tmp_path_factory: pytest.TempPathFactory) -> Run:
    """A verb on a copy of the platform, with --json: exit status, its object, what it said."""
    import shutil

    home = Path(shutil.copytree(platform.home.root, tmp_path_factory.mktemp("loop") / "placard"))

    def call(*words: str) -> tuple[int, dict[str, Any], str]:
        environment = {**os.environ, "PLACARD_HOME": str(home), "COLUMNS": "200"}
        done = subprocess.run([str(placard), *words, "--json"], env=environment, capture_output=True, text=True, timeout=300, check=False)
        return done.returncode, json.loads(done.stdout) if done.stdout.strip() else {}, done.stderr

    return call


def test_the_verbs_from_a_training_set_to_a_champion_and_back(run: Run, platform: Any) -> None:
    day = ("--partition", str(platform.live))
    status, _, said = run("evaluate", *day)
    assert status == 4 and "placard train" in said, "what is missing names the verb that makes it"
    assert run("train", *day, "--ranker", "oracle")[0] == 2
    assert run("train", "--partition", "soon")[0] == 2

    status, made, _ = run("train", *day)
    assert status == 0 and made["positives"] > 50 and made["trees"] > 0
    assert run("models", "register", *day)[0] == 4, "a candidate that was not evaluated is not registered"

    status, found, _ = run("evaluate", *day)
    figures = {f["name"]: f for f in found["figures"]}
    assert status == 0 and figures["ne_gap_closed"]["target"] == "≥ 0.8" and isinstance(figures["ne_gap_closed"]["holds"], bool)
    assert figures["xgboost.roc_auc.low"]["value"] <= figures["roc_auc"]["value"] <= figures["xgboost.roc_auc.high"]["value"]
    page = Path(found["setup"]["report"]).read_text()
    assert page.count("data:image/png;base64,") == 3 and "http://" not in page and "https://" not in page
    assert all(word in page for word in ("logistic baseline", "truth", "surface feed", "calibration"))

    evaluation = next(Path(found["setup"]["report"]).parents[1].rglob("xgboost.evaluation.json"))
    kept = json.loads(evaluation.read_text())
    failing = {**kept, "verdicts": [{**kept["verdicts"][0], "passed": False}, *({**v, "passed": True} for v in kept["verdicts"][1:])]}
    evaluation.write_text(json.dumps(failing))
    assert run("gate", *day)[0] == 3
    status, _, said = run("models", "register", *day)
    assert status == 3 and kept["verdicts"][0]["gate"] in said and "champion stays" in said
    assert run("models", "register", *day, "--alias", "shadow")[0] == 0, "a shadow serves nobody: it may be worse"
    evaluation.write_text(json.dumps({**kept, "verdicts": [{**v, "passed": True} for v in kept["verdicts"]]}))
    assert run("gate", *day)[0] == 0
    status, registered, said = run("models", "register", *day)
    assert status == 0 and registered["registered"]["version"] == "2" and said == "", "MLflow's own chatter stays away"

    assert run("promote", "click", "7")[0] == 4
    assert run("rollback", "click")[0] == 4
    assert run("promote", "click", "1", "--why", "first")[1]["change"]["before"] == ""
    assert run("promote", "click")[1]["change"] == {**run("models", "history", "click")[1]["changes"][-1]}
    assert run("rollback", "click")[1]["change"]["version"] == "1"
    versions = {v["version"]: v["aliases"] for v in run("models", "list")[1]["versions"]}
    assert versions == {"1": ["champion", "shadow"], "2": ["challenger", "previous"]}
    log = [(c["alias"], c["before"], c["version"]) for c in run("models", "history", "click")[1]["changes"]]
    assert log[-4:] == [("previous", "", "1"), ("champion", "1", "2"), ("previous", "1", "2"), ("champion", "2", "1")]


def test_the_champion_is_judged_on_the_same_rows(run: Run, platform: Any) -> None:
    status, found, _ = run("evaluate", "--partition", str(platform.live))
    figures = {f["name"]: f["value"] for f in found["figures"]}
    assert status == 0
    assert figures["champion 1.roc_auc"] == pytest.approx(figures["xgboost.roc_auc"]), "it is the same bundle"
    assert np.isfinite(figures["champion 1.calibration_ratio.high"])
