"""A ranker's life on a small simulated platform, by the commands that its DAG runs: train, evaluate, gate, register, promote, back."""

from __future__ import annotations

import json
import os
import re
import subprocess
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from feature_repo.home import Home
from pipelines.datasets.training_set import read
from pipelines.gates.gates import GATES
from pipelines.metrics import METRICS
from pipelines.simulator.config import MarketConfig
from pipelines.training.candidate import candidate, load_candidate
from serving.bundles import Bundle, aliases
from tests.made import written_again
from tests.worlds.copied import copied

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1800)]
FIRST = date(2026, 1, 17)
DAYS = 6
LAST = FIRST + timedelta(days=DAYS - 1)
DAY = ("--partition", str(LAST))
SMALL = MarketConfig(start=str(FIRST), users=1_500, creatives=200, impressions_per_day=8_000, images=False)


@dataclass(frozen=True)
class Said:
    """What a verb answered."""

    status: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """Its one object: nothing but JSON may stand on standard output."""
        return json.loads(self.out)


@dataclass(frozen=True)
class Platform:
    home: Home
    say: Callable[..., Said]


@pytest.fixture(scope="module")
def platform(placard: Path, tmp_path_factory: pytest.TempPathFactory) -> Platform:
    """Six simulated days, collected, built and published by the same verbs."""
    home = Home(copied("tests.worlds.simulated", tmp_path_factory.mktemp("platform") / "placard", SMALL, DAYS))
    environment = {**os.environ, "PLACARD_HOME": str(home.root), "PLACARD_LABEL_MATURITY_HOURS": "24"}

    def say(*words: str) -> Said:
        done = subprocess.run([placard, *words], env=environment, capture_output=True, text=True, timeout=1700, check=False)
        assert "Traceback" not in done.stderr, done.stderr
        return Said(done.returncode, done.stdout, done.stderr)

    for n in range(DAYS):
        collected = say("ingest", "day", "--partition", str(FIRST + timedelta(days=n)))
        assert collected.status == 0, collected.err
    history = say("features", "history", "--from", str(FIRST), "--to", str(LAST))
    assert history.status == 0, history.err
    return Platform(home, say)


def quiet(said: Said) -> bool:
    """Nothing of the libraries underneath reaches a person."""
    return not re.search(r"mlflow|alembic|INFO|WARNING|Warning|registered model", said.err)


@pytest.fixture(scope="module")
def trained(platform: Platform) -> Said:
    said = platform.say("train", *DAY, "--json")
    assert said.status == 0, said.err
    return said


@pytest.fixture(scope="module")
def evaluated(platform: Platform, trained: Said) -> Said:
    said = platform.say("evaluate", *DAY, "--json")
    assert said.status == 0, said.err
    return said


@pytest.fixture(scope="module")
def registered(platform: Platform, evaluated: Said) -> list[Said]:
    """Versions 1 and 2: the same trees, the second said to be tuned. The first candidate again is no version of its own."""
    first, again = (platform.say("registry", "register", *DAY, "--json") for _ in range(2))
    assert again.json == first.json
    found = load_candidate(platform.home, "click", LAST, "xgboost")
    written_again(found, candidate(platform.home, "click", LAST, "xgboost"), replace(found.manifest, tuned={"eta": 0.1}))
    said = platform.say("evaluate", *DAY, "--json")
    assert said.status == 0, said.err
    return [first, platform.say("registry", "register", *DAY, "--json")]


def test_steps_that_come_too_early_name_the_step_that_is_due(platform: Platform, tmp_path: Path) -> None:
    for words, due in (
        (("evaluate", "--partition", str(FIRST)), "placard train"),
        (("gate", "--partition", str(FIRST)), "placard evaluate"),
        (("registry", "register", "--partition", str(FIRST)), "placard evaluate"),
        (("promote", "conversion"), "placard registry register"),
    ):
        said = platform.say(*words, "--json")
        assert said.status == 4 and said.out == "" and due in said.err.replace("\n", " "), words


def test_a_day_that_is_no_day_and_a_head_that_is_none_are_bad_input(platform: Platform) -> None:
    for words in (("train", "--partition", "2026-02-30"), ("train", *DAY, "--head", "likes"), ("train", *DAY, "--step", "half")):
        said = platform.say(*words)
        assert said.status == 2 and words[-1] in said.err, words


def test_training_splits_by_time_and_counts_matured_labels_only(platform: Platform, trained: Said) -> None:
    dataset = read(platform.home, "click", LAST)
    rows = dataset.rows
    assert trained.json["rows"] == rows["split"].value_counts().to_dict() and trained.json["positives"] == int(dataset.label.sum()) > 200
    first, last = rows.groupby("split")["ts"].min(), rows.groupby("split")["ts"].max()
    assert last["train"] < first["calibrate"] <= last["calibrate"] < first["test"]
    assert rows["ts"].max() <= np.datetime64(LAST), "the last day has not matured"
    assert Bundle.load(Path(trained.json["bundle"])).manifest.trained_to <= last["calibrate"].isoformat()


def test_an_evaluation_reports_metrics_intervals_and_the_distance_to_truth(evaluated: Said) -> None:
    report = evaluated.json
    assert quiet(evaluated) and set(report) == {"name", "setup", "figures"} and report["name"] == "evaluate"
    figures = {f["name"]: f for f in report["figures"]}
    for m in METRICS:
        assert isinstance(figures[m.name]["value"], float)
        if not m.group:
            low, value, high = (figures[f"xgboost.{m.name}{end}"]["value"] for end in (".low", "", ".high"))
            assert low <= high and value == pytest.approx(figures[m.name]["value"])
    closed = figures["ne_gap_closed"]
    assert 0 < closed["value"] < 1.2 and (closed["target"], closed["holds"]) == ("≥ 0.9", closed["value"] >= 0.9)
    assert figures["normalised_entropy"]["value"] < 1 and figures["roc_auc"]["value"] > 0.6, "it has learned from the simulated clicks"
    page = Path(report["setup"]["report"]).read_text()
    assert page.count("data:image/png;base64,") == 3 and not re.search(r"https?://", page)


def test_the_gate_says_of_each_condition_whether_it_holds(platform: Platform, evaluated: Said) -> None:
    said = platform.say("gate", *DAY, "--json")
    verdicts = said.json["verdicts"]
    assert [v["gate"] for v in verdicts] == [g.metric for g in GATES["click"]]
    assert all(v["champion"] is None for v in verdicts), "nobody reigns yet"
    assert said.json["passed"] == all(v["passed"] for v in verdicts) == evaluated.json["setup"]["passed"]
    assert said.status == (0 if said.json["passed"] else 3)


def test_a_failed_gate_stops_gate_and_register_with_status_three(platform: Platform, evaluated: Said) -> None:
    path = next(platform.home.root.glob(f"candidates/click/day={LAST}/xgboost.evaluation.json"))
    whole = path.read_text()
    found = json.loads(whole)
    found["metrics"]["roc_auc"] = 0.51
    try:
        path.write_text(json.dumps(found))
        said = platform.say("gate", *DAY, "--json")
        assert said.status == 3 and not said.json["passed"] and [v["gate"] for v in said.json["verdicts"] if not v["passed"]] == ["roc_auc"]
        refused = platform.say("registry", "register", *DAY, "--json")
        assert refused.status == 3 and refused.out == "" and "roc_auc" in refused.err and "normalised_entropy" not in refused.err
    finally:
        path.write_text(whole)


def test_versions_are_registered_promoted_rolled_back_and_remembered(platform: Platform, registered: list[Said]) -> None:
    for n, said in enumerate(registered, 1):
        assert said.status == 0 and quiet(said), said.err
        assert said.json["registered"]["version"] == str(n) and said.json["registered"]["aliases"] == ["challenger"]
    turns = []
    for words in (("promote", "click", "1"), ("promote", "click", "--why", "newer"), ("rollback", "click")):
        said = platform.say(*words, "--json")
        assert said.status == 0 and quiet(said), said.err
        turns.append((said.json["change"]["before"], said.json["change"]["version"]))
    assert turns == [("", "1"), ("1", "2"), ("2", "1")]
    again = platform.say("rollback", "click", "--json")
    assert again.status == 4 and "registry admit click" in again.err.replace("\n", " "), "what was removed does not come back"
    assert aliases.read_aliases(platform.home.bundles)["click"] == {"champion": "1"}
    assert platform.say("registry", "alias", "click", "2", "challenger").status == 3
    listed = platform.say("registry", "list", "--json").json["versions"]
    assert {v["version"]: v["aliases"] for v in listed} == {"1": ["champion"], "2": []}
    changes = platform.say("registry", "history", "click", "--json").json["changes"]
    assert [c["version"] for c in changes if c["alias"] == "champion"] == ["1", "2", "1"]
    assert "newer" in {c["why"] for c in changes} and [c["at"] for c in changes] == sorted(c["at"] for c in changes)
    assert platform.say("registry", "history", "conversion", "--json").json == {"changes": []}


def test_a_version_that_does_not_exist_is_bad_input_and_changes_nothing(platform: Platform, registered: list[Said]) -> None:
    before = aliases.read_aliases(platform.home.bundles)
    aliased = [("registry", "alias", "click", *rest) for rest in (("99", "shadow"), ("1", "best"), ("1", "champion"))]
    for words in (("promote", "click", "99"), *aliased):
        said = platform.say(*words, "--json")
        assert said.status == 2 and said.out == "", words
    said = platform.say("promote", "click", "99")
    assert "99" in said.err and re.search(r"Registered: 1,\s2", said.err)
    assert aliases.read_aliases(platform.home.bundles) == before
