"""The bench of rankers on data whose law is known: what its figures say is true, and a better peer is admitted. Never timed."""

from __future__ import annotations

import base64
import importlib.util
import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import date
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from feature_repo.partition_file import write_partition
from feature_repo.services import CLICK, HEADS
from feature_repo.sources import Home
from pipelines.bench.peers import PEERS
from pipelines.bench.peers.peer import Given, Peer
from pipelines.bench.ranker_data import Task
from pipelines.bench.ranker_figures import as_text, headlines, whole
from pipelines.bench.ranker_page import render
from pipelines.bench.ranker_trial import Cost, Result, measure, peer_rows
from pipelines.bench.rankers import run
from pipelines.bench.search_market import SMALL
from pipelines.dataset import MATRIX, ROWS, Dataset, folder
from pipelines.errors import Missing, PipelineError
from pipelines.evaluate.contest import BASE_RATE, BOUND, OURS, PEER, TRUTH, Contest, contest
from pipelines.metrics import METRICS
from pipelines.metrics.roc_auc import roc_auc
from pipelines.monitor import paired
from pipelines.rankers import RANKERS

N, USERS, KEPT = 9_000, 300, 0.5
NUMBERS = [i for i, c in enumerate(CLICK.columns) if c.kind == "numeric"][:3]
WIDEST = HEADS["click"][-1]
"""Training sets are kept with its columns, CLICK's first."""
CATEGORY = next(i for i, c in enumerate(CLICK.columns) if c.kind == "category")


def sigmoid(x: np.ndarray) -> np.ndarray:
    return np.asarray(1 / (1 + np.exp(-x)))


def odds(p: np.ndarray) -> np.ndarray:
    return np.asarray(np.log(p / (1 - p)))


@dataclass(frozen=True)
class Known:
    """dataset: half of the negatives before the test were thrown away. truth: of every row; test_truth: of the test rows."""

    dataset: Dataset
    truth: np.ndarray

    @property
    def test_truth(self) -> np.ndarray:
        return np.asarray(self.truth[self.dataset.part("test")])


@pytest.fixture(scope="module")
def known() -> Known:
    rng = np.random.default_rng(4)
    x = rng.normal(size=(N, len(WIDEST.columns))).astype(np.float32)
    x[:, [i for i, c in enumerate(CLICK.columns) if c.kind == "category"]] = rng.integers(100, 105, (N, 1))
    x[:, CATEGORY] = rng.integers(0, 30, N) * 7
    x[-50:, CATEGORY] = 999  # shown in the test alone
    position = rng.integers(1, 4, N)
    truth = position**-0.6 * sigmoid(
        -1.4 + x[:, NUMBERS] @ np.array([0.8, -0.6, 0.4]) + rng.normal(scale=0.4, size=1000)[x[:, CATEGORY].astype(int)]
    )
    share = np.arange(N) / N
    rows = pd.DataFrame(
        {
            "row_id": [f"r{i:05}" for i in range(N)], "ts": pd.Timestamp("2026-01-01") + pd.to_timedelta(np.arange(N), unit="min"),
            "user_id": [f"u{i}" for i in rng.integers(0, USERS, N)], "creative_id": "c", "surface": "feed",
            "position": position.astype(np.int16), "shown": 0, "explored": True, "label": rng.random(N) < truth,
            "split": np.where(share < 0.5, "train", np.where(share < 0.7, "calibrate", "test")),
        }
    )  # fmt: skip
    keep = (rows["label"] | (rows["split"] == "test") | (rng.random(N) < KEPT)).to_numpy()
    rows["weight_rate"] = np.where(rows["split"] == "test", 1.0, KEPT)
    return Known(Dataset("click", WIDEST, rows[keep].reset_index(drop=True), x[keep]), truth[keep])


@pytest.fixture(scope="module")
def held(known: Known) -> Callable[..., Result]:
    """A result of contenders by their probabilities; the base rate and the truth stand beside them."""

    def hold(truth: bool = True, **contenders: tuple[str, np.ndarray]) -> Result:
        test = known.dataset.part("test")
        label = known.dataset.label[test]
        scores = {BASE_RATE: (BOUND, np.full(len(label), label.mean()))}
        scores |= {TRUTH: (BOUND, known.test_truth)} if truth else {}
        found = contest({**scores, **contenders}, label, known.dataset.rows[test].reset_index(drop=True), 7)
        costs = {name: Cost(10.0, 20.0, 3.0, 4096) for name in contenders}
        return Result(Task("", "a known law", known.dataset, known.test_truth), found, costs, {}, {})

    return hold


def noisy(p: np.ndarray, scale: float, seed: int = 1) -> np.ndarray:
    return sigmoid(odds(p) + np.random.default_rng(seed).normal(scale=scale, size=len(p)))


def figure(result: Result, name: str) -> Any:
    return {f.name: f for f in headlines(result)}[name]


def test_the_truth_closes_the_whole_gap_and_the_base_rate_none(held: Callable[..., Result], known: Known) -> None:
    t = known.test_truth
    half = (t + t.mean()) / 2
    found = held(half=(OURS, half)).contest
    closed = {s.name: found.gap_closed(s) for s in found.standings}
    assert closed[TRUTH].value == closed[TRUTH].low == closed[TRUTH].high == 1.0
    assert closed[BASE_RATE].value == pytest.approx(0.0, abs=1e-12)
    assert 0.4 < closed["half"].low < closed["half"].value < closed["half"].high < 1.0
    assert figure(held(good=(OURS, t)), "ne_gap_closed").holds is True
    assert figure(held(bad=(OURS, noisy(t, 0.8))), "ne_gap_closed").holds is False
    assert "ne_gap_closed" not in {f.name for f in headlines(held(truth=False, good=(OURS, t)))}, "a real log has no truth"


def test_metrics_are_those_of_the_package(held: Callable[..., Result], known: Known) -> None:
    test = known.dataset.part("test")
    p = noisy(known.test_truth, 0.3)
    found = held(one=(OURS, p)).contest.of("one")
    rows = known.dataset.rows[test].reset_index(drop=True)
    assert found.metrics == {m.name: m(known.dataset.label[test], p, rows) for m in METRICS}
    for metric in ("log_loss", "normalised_entropy", "roc_auc", "grouped_auc", "ndcg"):
        interval = found.interval(metric)
        assert interval.low < interval.value < interval.high, metric


def test_a_resample_is_the_metric_on_the_drawn_users(held: Callable[..., Result], known: Known) -> None:
    test = known.dataset.part("test")
    label, rows = known.dataset.label[test], known.dataset.rows[test].reset_index(drop=True)
    p = noisy(known.test_truth, 0.3)
    users, group = np.unique(rows["user_id"].to_numpy(str), return_inverse=True)
    times = next(paired.weightings(np.arange(len(users)), 7))
    weights = times[group]
    found = held(one=(OURS, p)).contest.of("one").drawn
    assert found["normalised_entropy"][0] == pytest.approx(paired.normalised_entropy(p, label, weights))
    assert found["roc_auc"][0] == pytest.approx(paired.WeightedAuc(p)(label, weights))
    again = np.repeat(np.arange(len(rows)), weights.astype(int))  # a user drawn twice is two users
    copy = np.concatenate([np.arange(int(w)) for w in weights])
    twice = pd.DataFrame({"user_id": [f"{u}-{c}" for u, c in zip(rows["user_id"].to_numpy()[again], copy, strict=True)]})
    for m in METRICS:
        if m.group:
            assert found[m.name][0] == pytest.approx(m(label[again], p[again], twice)), m.name


@pytest.mark.parametrize("metric", ["ne", "grouped_auc"])
def test_a_peer_that_is_better_by_construction_is_admitted(held: Callable[..., Result], known: Known, metric: str) -> None:
    t, name = known.test_truth, f"best_peer_{metric}_delta"
    lost = figure(held(mine=(OURS, noisy(t, 0.8)), theirs=(PEER, t)), name)
    won = figure(held(mine=(OURS, t), theirs=(PEER, noisy(t, 0.8))), name)
    assert lost.holds is False and won.holds is True
    assert (lost.value < 0 < won.value) if metric == "ne" else (won.value < 0 < lost.value)
    alike = held(mine=(OURS, noisy(t, 0.3)), theirs=(PEER, noisy(t, 0.3, seed=2)))
    assert figure(alike, name).holds is True, "luck is no defeat"
    ends = [figure(alike, f"{name}_{end}").value for end in ("low", "high")]
    assert ends[0] < 0 < ends[1]


def test_any_peer_counts_not_only_the_best_one(held: Callable[..., Result], known: Known) -> None:
    """The second may be ahead surely where the first is so by luck: both are looked at."""
    t = known.test_truth
    result = held(mine=(OURS, noisy(t, 0.8)), first=(PEER, t), second=(PEER, noisy(t, 0.2)))
    assert result.contest.best(PEER).name == "first" and figure(result, "best_peer_ne_delta").holds is False
    none = figure(held(mine=(OURS, t)), "best_peer_ne_delta")
    assert none.value is None and none.holds is None


def test_our_best_by_entropy_is_compared_by_every_metric(held: Callable[..., Result], known: Known) -> None:
    """Another of ours that orders within users better does not stand in for it."""
    t = known.test_truth
    rows = known.dataset.rows[known.dataset.part("test")]
    users = pd.Categorical(rows["user_id"]).codes
    offset = np.random.default_rng(6).normal(scale=3.0, size=USERS)[users]  # ruins NE, and no order within a user
    found = held(sharp=(OURS, noisy(t, 0.8)), ordered=(OURS, sigmoid(odds(t) + offset)), theirs=(PEER, noisy(t, 0.1)))
    assert found.contest.best(OURS).name == "sharp" and found.contest.best(OURS, "grouped_auc").name == "ordered"
    delta = figure(found, "best_peer_grouped_auc_delta")
    ours, theirs = (found.contest.of(name).metrics["grouped_auc"] for name in ("sharp", "theirs"))
    assert delta.value == pytest.approx(theirs - ours) and delta.holds is False
    assert whole([found], {})["setup"]["data"]["best_ranker"] == "sharp"
    assert "ours, the best by ne: sharp; best peer by ne theirs, by grouped_auc theirs" in as_text([found])
    page = render([found])
    assert "Grouped AUC of theirs, the best peer by it, minus that of sharp" in page and "minus that of ordered" not in page


def test_the_fast_tier_has_its_target(held: Callable[..., Result], known: Known) -> None:
    t = known.test_truth
    found = held(mine=(OURS, t), xgboost_slim=(OURS, noisy(t, 0.3)))
    assert (figure(found, "xgboost_slim_us_per_row").value, figure(found, "xgboost_slim_us_per_row").holds) == (3.0, False)
    found.costs["xgboost_slim"] = Cost(1.0, 1.0, 0.4, 1024)
    assert figure(found, "xgboost_slim_us_per_row").holds is True
    assert "xgboost slim, the fast tier, on one thread</td><td>0.4000</td><td>≤ 0.5</td>" in render([found])


def test_calibration_is_judged_overall_and_where_positives_are_many(
    held: Callable[..., Result], known: Known, monkeypatch: pytest.MonkeyPatch
) -> None:
    t = known.test_truth
    assert figure(held(mine=(OURS, t)), "calibration_worst_decile").value is None, "no decile holds a thousand positives here"
    monkeypatch.setattr("pipelines.bench.ranker_figures.ENOUGH", 80)
    high = held(mine=(OURS, np.clip(t * 1.5, 0, 0.99)))
    assert figure(high, "calibration_error_abs").holds is False and figure(high, "calibration_worst_decile").holds is False
    assert figure(high, "calibration_worst_decile").value == pytest.approx(0.5, abs=0.25)
    assert figure(held(mine=(OURS, t)), "calibration_worst_decile").value < 0.25


def test_peers_get_identities_as_whole_numbers_and_no_word_of_the_test(known: Known) -> None:
    early, late, both, test = peer_rows(known.dataset)
    assert len(early.label) + len(late.label) == len(both.label) and len(test.label) == known.dataset.part("test").sum()
    assert both.numbers.shape[1] + both.identities.shape[1] == len(CLICK.columns)
    assert both.identities.min() == 0 and both.identities[:, 0].max() == 29
    assert (test.identities[-50:, 0] == -1).all() and (test.identities[:-50, 0] >= 0).all()
    before = known.dataset.part("train", "calibrate")
    codes = known.dataset.matrix[before][:, CATEGORY]
    assert len(set(zip(codes, both.identities[:, 0], strict=True))) == 30, "one number a code"
    assert (test.position == known.dataset.rows["position"][known.dataset.part("test")]).all()
    assert test.offset[test.position == 1].tolist() == [0.0] * int((test.position == 1).sum()) and test.offset.min() < 0


@dataclass(frozen=True)
class Oracle:
    """Knows the law of the rows that were kept: the correction for down-sampling makes it the truth."""

    truth: np.ndarray
    name: str = "oracle"
    title: str = "An oracle"
    needs: str = ""

    def fit(self, early: Given, late: Given, both: Given) -> Oracle:
        return self

    @property
    def size(self) -> int:
        return 8 * len(self.truth)

    def logits(self, given: Given, threads: int) -> np.ndarray:
        return odds(self.truth[: len(given.label)]) - np.log(KEPT)


@pytest.fixture(scope="module")
def measured(known: Known) -> Result:
    peers: tuple[Peer, ...] = (Oracle(known.test_truth), replace(Oracle(known.test_truth), name="absent", needs="no_such_module"))
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


def test_undefined_metrics_are_null_not_nan(known: Known) -> None:
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
        run("criteo", SMALL, tmp_path, None, tmp_path / "page.html")
    with pytest.raises(Missing, match="--talkingdata"):
        run("both", SMALL, tmp_path / "none.csv", None, tmp_path / "page.html")
    assert not list(tmp_path.iterdir())


def test_a_training_set_that_is_kept_is_measured_as_it_lies(known: Known, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    home, day = Home(tmp_path / "placard"), date(2026, 1, 7)
    place = folder(home, "click", day)
    place.mkdir(parents=True)
    np.save(place / MATRIX, known.dataset.matrix)
    write_partition(pa.Table.from_pandas(known.dataset.rows, preserve_index=False), place / ROWS)
    monkeypatch.setattr("pipelines.bench.rankers.RANKERS", {"xgboost_slim": RANKERS["xgboost_slim"]})
    monkeypatch.setattr("pipelines.bench.rankers.PEERS", (Oracle(known.test_truth),))
    page = tmp_path / "reports" / "page.html"
    result, held = run("simulator", SMALL, tmp_path, (home, "click", day), page)
    figures = {f["name"]: f["value"] for f in result["figures"]}
    assert "ne_gap_closed" not in figures, "nothing was simulated here: no truth"
    assert figures["oracle.ne"] < figures["xgboost_slim.ne"] < 1 and figures["best_peer_ne_delta"] < 0
    assert page.read_text(encoding="utf-8") == render(held) and result["setup"]["report"] == page
    assert result["setup"]["data"]["title"] == "click as of 2026-01-07"


def test_every_peer_has_a_file_and_the_other_way_round() -> None:
    import pipelines.bench.peers as package

    files = {p.stem for p in Path(str(package.__file__)).parent.glob("*.py")} - {"__init__", "peer"}
    assert files == {type(p).__module__.rsplit(".", 1)[-1] for p in PEERS}
    assert len({p.name for p in PEERS}) == len(PEERS) and not {p.name for p in PEERS} & set(RANKERS)


@pytest.mark.filterwarnings("ignore")  # theirs
@pytest.mark.parametrize("peer", [pytest.param(p, id=p.name, marks=[] if p.needs == "sklearn" else pytest.mark.deep) for p in PEERS])
def test_a_peer_learns_corrects_and_takes_what_it_has_never_seen(peer: Peer, known: Known) -> None:
    if importlib.util.find_spec(peer.needs) is None:
        pytest.skip(f"{peer.needs} is not installed: make peers")
    early, late, both, test = peer_rows(known.dataset)
    fitted = peer.fit(early, late, both)
    logits = fitted.logits(test, 1)
    assert logits.shape == test.label.shape and np.isfinite(logits).all() and fitted.size > 1_000
    assert roc_auc(test.label, logits) > 0.65
    mean, uncorrected, truth = sigmoid(logits + np.log(KEPT)).mean(), sigmoid(logits).mean(), known.test_truth.mean()
    if peer.needs == "torch_rechub":  # two batches an epoch: its mean is rough
        assert abs(np.log(mean / truth)) < abs(np.log(uncorrected / truth)) / 2, "much nearer once corrected for down-sampling"
    else:
        assert mean == pytest.approx(truth, rel=0.15), "right in the large once corrected for down-sampling"
    deep = fitted.logits(replace(test, position=test.position * 0 + 3, offset=test.offset * 0 - 1.0), 1)
    assert not np.allclose(deep, logits), "the position counts"
