"""One run of `bench rankers`: the object, the table, the page, and what it refuses."""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass, replace
from datetime import date
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy.special import logit

from feature_repo.home import Home
from pipelines.bench.rankers.data import Task
from pipelines.bench.rankers.figures import as_text, whole
from pipelines.bench.rankers.page import render
from pipelines.bench.rankers.peers.peer import Given, Peer
from pipelines.bench.rankers.rankers import run
from pipelines.bench.rankers.trial import Result, measure
from pipelines.bench.search.search_market import SMALL
from pipelines.datasets.training_set import keep
from pipelines.errors import Missing, PipelineError
from pipelines.evaluate.contest import BASE_RATE, OURS, PEER, TRUTH, Contest, contest
from pipelines.rankers import RANKERS


@dataclass(frozen=True)
class Oracle:
    """Knows the law of the rows that were kept: the correction for down-sampling makes it the truth."""

    truth: np.ndarray
    kept: float
    name: str = "oracle"
    title: str = "An oracle"
    needs: str = ""

    def fit(self, early: Given, late: Given, both: Given) -> Oracle:
        return self

    @property
    def size(self) -> int:
        return 8 * len(self.truth)

    def logits(self, given: Given, threads: int) -> np.ndarray:
        return logit(self.truth[: len(given.label)]) - np.log(self.kept)


@pytest.fixture(scope="module")
def measured(known: Any) -> Result:
    peers: tuple[Peer, ...] = (
        Oracle(known.test_truth, known.kept),
        replace(Oracle(known.test_truth, known.kept), name="absent", needs="no_such_module"),
    )
    lines: list[str] = []
    result = measure(Task("", "a known law", known.dataset, known.test_truth), [RANKERS["xgboost_slim"]], peers, lines.append)
    assert any("xgboost_slim" in line for line in lines)
    return result


def test_families_and_peers_stand_on_the_same_rows(measured: Result) -> None:
    found = measured.contest
    assert [s.name for s in found.standings] == [BASE_RATE, TRUTH, "xgboost_slim", "oracle"]
    oracle, ours = found.of("oracle"), found.of("xgboost_slim")
    assert oracle.metrics["normalised_entropy"] == pytest.approx(found.of(TRUTH).metrics["normalised_entropy"])
    assert 0.5 < found.gap_closed(ours).value < 1.05
    assert measured.left_out == {"absent": "not installed: no_such_module"}, "and the bench goes on"
    cost = measured.costs["xgboost_slim"]
    assert cost.training_s > 0 and cost.us_per_row > 0 and cost.size_bytes > 10_000
    assert measured.costs["oracle"].size_bytes == 8 * found.rows


def test_the_object_holds_the_table_and_the_targets(measured: Result) -> None:
    other = replace(measured, task=replace(measured.task, name="talkingdata"))
    result = whole([measured, other], {})
    names = {f["name"] for f in result["figures"]}
    for contender in ("xgboost_slim", "oracle"):
        for short in (
            "log_loss",
            "ne",
            "auc",
            "grouped_auc",
            "calibration_error",
            "ndcg",
            "ne_low",
            "ne_high",
            "training_s",
            "us_per_row",
            "size_kib",
        ):
            assert {f"{contender}.{short}", f"talkingdata.{contender}.{short}"} <= names
    targets = {f["name"]: f["target"] for f in result["figures"] if f["target"]}
    assert targets["ne_gap_closed"] == "≥ 0.9" and targets["calibration_error_abs"] == "≤ 0.005"
    assert {"best_peer_ne_delta", "talkingdata.best_peer_ne_delta", "best_peer_grouped_auc_delta"} <= targets.keys()
    data = result["setup"]["data"]
    assert data["best_ranker"] == "xgboost_slim" and data["best_peer"] == {"ne": "oracle", "grouped_auc": "oracle"}
    assert "absent" in data["left_out"] and targets["xgboost_slim_us_per_row"] == "≤ 0.5"
    json.dumps(result, allow_nan=False)
    text = "\n".join(as_text([measured]))
    assert "left out: not installed" in text and "ne_gap_closed" in text and "xgboost_slim" in text


def test_undefined_metrics_are_null_not_nan(known: Any) -> None:
    """Users with a row each: grouped AUC compares nothing."""
    test = known.dataset.part("test")
    frame = pd.DataFrame({"user_id": [f"u{i}" for i in range(test.sum())]})
    found: Contest = contest({"mine": (OURS, known.test_truth), "theirs": (PEER, known.test_truth)}, known.dataset.label[test], frame, 7)
    result = Result(Task("", "", known.dataset, None), found, {}, {}, {})
    figures = {f["name"]: f for f in whole([result], {})["figures"]}
    assert figures["mine.grouped_auc"]["value"] is None and figures["best_peer_grouped_auc_delta"]["holds"] is None
    json.dumps(list(figures.values()), allow_nan=False)
    assert "–" in render([result])


class Seen(HTMLParser):
    def __init__(self, text: str) -> None:
        super().__init__()
        self.images: list[bytes] = []
        self.fetched: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        named = dict(attrs)
        self.fetched += [v for k, v in attrs if k in ("src", "href") and v and not v.startswith("data:")]
        if tag == "img":
            self.images.append(base64.b64decode(str(named["src"]).split(",", 1)[1], validate=True))


def test_the_page_is_one_file_with_table_plots_and_verdicts(measured: Result) -> None:
    text = render([measured])
    seen = Seen(text)
    assert seen.fetched == [] and len(seen.images) == 3 and all(i.startswith(b"\x89PNG") and len(i) > 5_000 for i in seen.images)
    assert "An oracle" in text and "xgboost slim" in text and "Left out" in text and "no_such_module" in text
    assert text.count(">holds<") + text.count(">missed<") >= 3
    assert f"{measured.contest.of('xgboost_slim').metrics['normalised_entropy']:.4f}" in text


def test_unknown_data_and_an_absent_log_are_named_before_any_work(tmp_path: Path) -> None:
    with pytest.raises(PipelineError, match="simulator, talkingdata, both"):
        run("criteo", SMALL, (201,), tmp_path, None, tmp_path / "page.html")
    with pytest.raises(Missing, match="--talkingdata"):
        run("both", SMALL, (201,), tmp_path / "none.csv", None, tmp_path / "page.html")
    assert not list(tmp_path.iterdir())


def test_a_training_set_that_is_kept_is_measured_as_it_lies(known: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    home, day = Home(tmp_path / "placard"), date(2026, 1, 7)
    keep(home, day, known.dataset)
    monkeypatch.setattr("pipelines.bench.rankers.rankers.RANKERS", {"xgboost_slim": RANKERS["xgboost_slim"]})
    monkeypatch.setattr("pipelines.bench.rankers.rankers.PEERS", (Oracle(known.test_truth, known.kept),))
    page = tmp_path / "reports" / "page.html"
    result, held = run("simulator", SMALL, (), tmp_path, (home, "click", day), page)
    figures = {f["name"]: f["value"] for f in result["figures"]}
    assert "ne_gap_closed" not in figures, "nothing was simulated here: no truth"
    assert figures["oracle.ne"] < figures["xgboost_slim.ne"] < 1 and figures["best_peer_ne_delta"] < 0
    assert page.read_text(encoding="utf-8") == render(held) and result["setup"]["report"] == page
    assert result["setup"]["data"]["title"] == "click as of 2026-01-07"
