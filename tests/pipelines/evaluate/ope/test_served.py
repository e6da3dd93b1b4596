"""Off-policy evaluation of what the engine itself served: its records alone must give back the value of a ranker that never served."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import xgboost as xgb
from typer.testing import CliRunner

from feature_repo.home import Home
from pipelines.__main__ import app
from pipelines.bench.serving.synthetic import catalogue, ranker
from pipelines.errors import PipelineError
from pipelines.evaluate.ope.answer import answer
from pipelines.evaluate.ope.estimate import estimate
from pipelines.evaluate.ope.own_policy import own_policy
from pipelines.evaluate.ope.own_served_target import ACTION, KEY, own_served_target
from pipelines.evaluate.ope.ranker_named import ranker_named
from pipelines.evaluate.ope.self_normalised import SelfNormalised
from pipelines.evaluate.ope.served_rounds import Round, ServedRounds, served_rounds
from pipelines.evaluate.ope.served_targets import reranked, slate_of, uniform
from pipelines.evaluate.ope.served_verdict import served_verdict, served_worth
from pipelines.evaluate.ope.target import Target
from pipelines.gates.gates import judge
from pipelines.ingest.serving_log import ingest_served
from pipelines.promotion.live_evidence import gathered
from pipelines.warehouse.label_times import LabelTimes
from serving.bundles import Bundle, aliases, write_bundle
from serving.delivery.second_price import SecondPrice
from serving.engine.engine import Engine
from serving.engine.live import Live
from serving.eventlog.log import Event
from serving.eventlog.memory import MemoryEventLog
from serving.ledger.memory import MemoryLedger
from serving.record.decision import Decision, RankedAd
from serving.record.request import AdRequest
from serving.settings import Settings
from serving.snapshot import open_current
from serving.surfaces.proactive import proactive
from tests.made import Known, written_again

NOON = datetime(2026, 1, 5, 12, tzinfo=UTC)
DAY, NEXT = date(2026, 1, 5), date(2026, 1, 6)
TIMES = LabelTimes(timedelta(hours=24), timedelta(hours=24))
ADS, SHARE, REQUESTS, SLOTS = 10, 0.5, 2_000, 2
REGIONS = [f"regions{i}" for i in range(4)]


def p_click(creative: str, position: int) -> float:
    """The truth: some ads are better than others, and second places are looked at less."""
    lot = int.from_bytes(hashlib.blake2b(creative.encode(), digest_size=4).digest(), "big") / 2**32
    return float(0.4 * lot * (1.0, 0.6)[position - 1])


def worth(decision: Decision) -> float:
    return sum(p_click(ad.creative_id, ad.position) for ad in decision.shown)


@dataclass(frozen=True)
class Platform:
    """home: what was served on DAY, collected. values: true clicks a request of each version's own slates."""

    home: Home
    log: MemoryEventLog
    decisions: list[Decision]
    bundles: dict[str, Bundle]
    values: dict[str, float]

    def served(self, last: date = NEXT) -> ServedRounds:
        return served_rounds(self.home, self.log, DAY, last, TIMES)


def challenger(home: Home, champion: Bundle, ads: list[RankedAd]) -> Bundle:
    """A ranker that thinks most of the ads that the champion puts last, so much that it overrules their bids."""
    options = {"objective": "reg:logistic", "max_depth": 5, "eta": 0.5, "min_child_weight": 0, "lambda": 0.01, "nthread": 1}
    matrix = champion.encoded(np.array([ad.vector for ad in ads]))
    worst = np.array([ad.ecpm_micros for ad in ads]) < np.median([ad.ecpm_micros for ad in ads])
    booster = xgb.train(options, xgb.DMatrix(matrix, np.where(worst, 0.5, 0.001)), 30)
    return write_bundle(
        home.bundles / "click" / "2", replace(champion.manifest, version="2"), {"model.ubj": (1.0, bytes(booster.save_raw("ubj")))},
        champion.encodings, champion.tables,
    )  # fmt: skip


@pytest.fixture(scope="module")
def platform(tmp_path_factory: pytest.TempPathFactory) -> Platform:
    home = Home(tmp_path_factory.mktemp("served") / "placard")
    catalogue(home.snapshots, ADS)
    snapshot, rng = open_current(home.snapshots), np.random.default_rng(4)
    asked = [AdRequest(f"r{i}", "proactive", "u1", NOON, device="mobile", region=REGIONS[i % 4], language="languages2", slots=SLOTS,
                       tmax_ms=60_000) for i in range(REQUESTS)]  # fmt: skip

    def engine(share: float) -> Engine:
        settings = Settings(home_path=home.root, explore_share=share, reserve_micros=1_000)
        surface = replace(proactive(Known(), MemoryLedger(), settings), delivery=SecondPrice(share, 1_000, 7, one_each=False))
        return Engine({"proactive": surface}, settings)

    log, serving, decisions = MemoryEventLog(), engine(SHARE), []
    made = ranker(home.root / "made", 2, trees=10, rows=1_000)
    champion = written_again(made, home.bundles / "click" / "1", replace(made.manifest, version="1"))
    live = Live(snapshot, {("click", "champion"): champion})
    seen = [ad for r in asked[:4] for d in [serving.decide(r, live)] for ad in (*d.shown, *d.held)]
    bundles = {"1": champion, "2": challenger(home, champion, seen)}
    aliases.write_aliases(home.bundles, {"click": {"champion": "1", "challenger": "2"}})
    for request in asked:
        decision = serving.decide(request, live)
        decisions.append(decision)
        log.append_decision(decision)
        for ad in decision.shown:
            key = f"{decision.decision_id}-{ad.creative_id}"
            events = [Event(f"{key}-i", decision.decision_id, ad.creative_id, "impression", NOON)]
            if rng.random() < p_click(ad.creative_id, ad.position):
                events.append(Event(f"{key}-c", decision.decision_id, ad.creative_id, "click", NOON + timedelta(minutes=1)))
            log.append_events(events, NOON + timedelta(minutes=1))
    ingest_served(home, log, DAY)
    greedy = engine(0.0)
    values = {
        version: float(np.mean([worth(greedy.decide(r, Live(snapshot, {("click", "champion"): bundle}))) for r in asked[:4]]))
        for version, bundle in bundles.items()
    }
    return Platform(home, log, decisions, bundles, values)


def test_the_records_give_back_the_slates_that_served(platform: Platform) -> None:
    """The champion re-ranked from its own vectors is the usual slate of every lottery, also where the slate was dealt."""
    served = platform.served()
    assert len(served.rounds) == REQUESTS and served.left_out == served.immature == 0
    assert 0.4 < np.mean([r.decision.explored for r in served.rounds]) < 0.6
    feedback, target = served.feedback, reranked(served, platform.bundles["1"])
    usual = [name for r in served.rounds for name in r.lottery.usual]
    assert np.array_equal(target.probability, [name == s for r in served.rounds for name, s in zip(r.slate, r.lottery.usual, strict=True)])
    assert len(target.option_slot) == sum(name != "" for name in usual) and target.unsupported == 0
    said = [ad.propensity for d in platform.decisions for ad in d.shown]
    assert sorted(feedback.propensity[feedback.action >= 0]) == pytest.approx(sorted(said))
    assert feedback.reward.sum() == pytest.approx(sum(map(worth, platform.decisions)), rel=0.1)


def test_a_ranker_that_never_served_is_valued_as_if_it_had(platform: Platform) -> None:
    served = platform.served()
    feedback = served.feedback
    for version, bundle in platform.bundles.items():
        found = answer(feedback, reranked(served, bundle), seed=7)
        assert found.verdict.conclusive, found.verdict.reason
        assert found.silent == () and set(found.positions) == {1, 2}
        for e in found.estimates:
            error = (e.high - e.low) / 4
            assert abs(e.value - platform.values[version]) < 4 * error, (version, e)
            assert error < 0.2 * platform.values[version] or e.estimator == "slate_snips"
        assert sum(e.value for e in found.positions.values()) == pytest.approx(platform.values[version], rel=0.25)


def test_slates_at_random_are_valued_by_their_chances(platform: Platform) -> None:
    served = platform.served()
    target = uniform(served)
    truth = np.mean([
        np.mean([p_click(ad.creative_id, k + 1) for ad in r.shortlist]) for r in served.rounds for k in range(min(SLOTS, len(r.shortlist)))
    ]) * SLOTS  # fmt: skip
    by_slot = np.bincount(target.option_slot, weights=target.option_probability, minlength=len(served.feedback))
    assert set(np.round(by_slot, 9)) <= {0.0, 1.0}
    found = estimate(SelfNormalised(), served.feedback, target, seed=7)
    assert abs(found.value - truth) < found.high - found.low
    assert found.unsupported == 0


def test_challenger_and_champion_are_compared_for_a_promotion(platform: Platform) -> None:
    served, one, two = platform.served(), platform.bundles["1"], platform.bundles["2"]
    found, truth = served_verdict(served, two, one, seed=7), platform.values["2"] - platform.values["1"]
    assert found.conclusive and found.effective_sample_size > 100 and found.low < found.estimate < found.high
    assert abs(found.estimate - truth) < found.high - found.low and abs(truth) > 0.02, "they differ, and that is seen"
    same = served_verdict(served, one, one, seed=7)
    assert (same.estimate, same.low, same.high) == (0, 0, 0)
    nothing = served_verdict(ServedRounds((), 3, 2), two, one, seed=7)
    assert not nothing.conclusive and "2 are too young, 3 say too little" in nothing.reason


def test_a_rankers_worth_is_a_ratio_to_what_was_served(platform: Platform) -> None:
    served, truth = platform.served(), platform.values["2"] / np.mean([worth(d) for d in platform.decisions])
    found = served_worth(served, platform.bundles["2"], seed=7)
    assert found.conclusive and 0 < found.low < found.estimate < found.high
    assert abs(found.estimate - truth) < found.high - found.low < truth
    assert not served_worth(ServedRounds((), 0, 1), platform.bundles["2"], seed=7).conclusive


def test_a_log_without_exploration_cannot_tell_of_another_ranker(platform: Platform) -> None:
    served = platform.served()
    certain = ServedRounds(tuple(replace(r, lottery=replace(r.lottery, share=0.0)) for r in served.rounds if not r.decision.explored), 0, 0)
    target = reranked(certain, platform.bundles["2"])
    assert target.unsupported > 0.1 and target.slate_probability is None
    found = served_verdict(certain, platform.bundles["2"], platform.bundles["1"], seed=7)
    assert not found.conclusive and "could never have been shown" in found.reason


def test_labels_ripen_and_old_records_are_left_out(platform: Platform) -> None:
    young = platform.served(last=DAY)
    assert young.rounds == () and young.immature == REQUESTS

    class Log:
        def __init__(self, *decisions: Decision) -> None:
            self._decisions = decisions

        def decisions(self, since: datetime, until: datetime) -> Any:
            return iter(self._decisions)

    d = platform.decisions[0]
    bare = replace(d, shown=tuple(replace(ad, features=()) for ad in d.shown))
    read = served_rounds(platform.home, Log(replace(d, lottery=None), bare, d), DAY, NEXT, TIMES)  # type: ignore[arg-type]
    assert (read.left_out, len(read.rounds)) == (2, 1)
    wrong = replace(d, shown=(replace(d.shown[0], propensity=0.123), *d.shown[1:]))
    with pytest.raises(PipelineError, match="lottery says"):
        served_rounds(platform.home, Log(wrong), DAY, NEXT, TIMES)  # type: ignore[arg-type]


def test_a_ranker_is_found_by_alias_or_version(platform: Platform) -> None:
    assert [ranker_named(platform.home, n).name for n in ("champion", "challenger", "2", "click@1")] == [
        "click@1", "click@2", "click@2", "click@1",
    ]  # fmt: skip
    with pytest.raises(PipelineError, match="uniform, challenger, champion, 1, 2"):
        ranker_named(platform.home, "nobody")


def test_a_ranker_of_other_columns_is_refused(platform: Platform) -> None:
    other = platform.bundles["2"]
    renamed = Bundle(
        replace(other.manifest, columns=("strange", *other.manifest.columns[1:])), other.members, other.encodings, other.tables
    )
    with pytest.raises(PipelineError, match="decisions logged"):
        reranked(platform.served(), renamed)


@pytest.fixture
def call(platform: Platform, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Any]:
    """The verb, over the log in memory."""
    monkeypatch.setenv("PLACARD_HOME", str(platform.home.root))
    monkeypatch.setattr("serving.eventlog.opening._open", lambda settings: platform.log)
    return lambda *words: CliRunner().invoke(app, ["ope", "--served", *words])


def test_the_verb_judges_what_was_served(call: Callable[..., Any], platform: Platform) -> None:
    done = call("--partition", str(NEXT), "--target", "challenger", "--json")
    assert done.exit_code == 0, done.output
    result = json.loads(done.stdout)
    figures = {f["name"]: f for f in result["figures"]}
    assert result["name"] == "ope" and result["setup"]["target"] == "click@2" and result["setup"]["conclusive"] is True
    for name in ("ips", "snips", "doubly_robust", "slate_snips"):
        assert figures[f"{name}_low"]["value"] < platform.values["2"] < figures[f"{name}_high"]["value"]
    assert figures["doubly_robust_effective_sample_size"]["holds"] is True


@pytest.mark.parametrize(
    ("words", "status", "says"),
    [
        (("--partition", str(NEXT), "--target", "nobody"), 2, "nobody"),
        (("--target", "uniform"), 2, "--partition"),
        (("--partition", "yesterday", "--target", "uniform"), 2, "yesterday"),
        (("--partition", "2026-02-01", "--target", "uniform"), 4, "served decisions"),
        (("--partition", str(DAY), "--target", "uniform"), 4, f"{REQUESTS} are younger"),
        (("/tmp", "--partition", str(NEXT), "--target", "uniform"), 2, "not both"),
    ],
)
def test_the_verb_says_what_is_missing(call: Callable[..., Any], words: tuple[str, ...], status: int, says: str) -> None:
    done = call(*words)
    assert done.exit_code == status and says in " ".join(done.stderr.split())


def as_table(served: ServedRounds, options: Callable[[Round], Sequence[Sequence[str]]]) -> pd.DataFrame:
    """A policy as a user would write it down: a row an ad that it may show in a slot. options: by slot of a round, each as likely."""
    rows = [
        (r.decision.decision_id, slot + 1, name, 1 / len(names))
        for r in served.rounds
        for slot, names in enumerate(options(r))
        for name in names
    ]
    return pd.DataFrame(rows, columns=["decision_id", "position", "creative_id", "probability"])


def test_a_policy_in_a_file_is_valued_as_the_ranker_that_it_was_written_from(
    call: Callable[..., Any], platform: Platform, tmp_path: Path
) -> None:
    ranker = platform.bundles["2"]

    def options(r: Round) -> list[list[str]]:
        pctr = ranker.predict(np.array([ad.vector for ad in r.shortlist], np.float32)) if r.shortlist else np.empty(0)
        return [[name] if name else [] for name in slate_of(r, pctr)]

    table = as_table(platform.served(), options)
    table.to_parquet(tmp_path / "mine.parquet")
    table.rename(columns={"probability": "chance"}).to_csv(tmp_path / "mine.csv", index=False)
    day = ("--partition", str(NEXT), "--json")
    whole = json.loads(call("--target", "2", *day).stdout)
    for words in (("mine.parquet",), ("mine.csv", "--target-column", "chance")):
        done = call("--target-file", str(tmp_path / words[0]), *words[1:], *day)
        assert done.exit_code == 0, done.output
        mine = json.loads(done.stdout)
        told = {f["name"]: f["value"] for f in mine["figures"]}
        for f in whole["figures"]:
            if not f["name"].startswith("slate_snips"):
                assert told[f["name"]] == pytest.approx(f["value"], rel=1e-6), f["name"]
        assert mine["setup"]["silent"] == ["slate_snips"] and mine["setup"]["target"] == words[0]


def test_a_file_that_tells_of_the_logged_ads_alone_has_no_doubly_robust_answer(
    call: Callable[..., Any], platform: Platform, tmp_path: Path
) -> None:
    served = platform.served()
    target = reranked(served, platform.bundles["2"])
    slots = [(r.decision.decision_id, k + 1) for r in served.rounds for k in range(len(r.slate))]
    pd.DataFrame(slots, columns=["decision_id", "position"]).assign(probability=target.probability).to_parquet(tmp_path / "mine.parquet")
    done = call("--target-file", str(tmp_path / "mine.parquet"), "--partition", str(NEXT), "--json")
    assert done.exit_code == 0, done.output
    told = json.loads(done.stdout)
    figures = {f["name"]: f["value"] for f in told["figures"]}
    assert told["setup"]["silent"] == ["doubly_robust", "slate_snips"] and "snips" in told["setup"]["verdict"]
    assert figures["snips_low"] < platform.values["2"] < figures["snips_high"]


@pytest.fixture(scope="module")
def at_random(platform: Platform) -> tuple[ServedRounds, pd.DataFrame]:
    """What was served, and slates at random as a user's table."""
    served = platform.served()
    return served, as_table(served, lambda r: [[ad.creative_id for ad in r.shortlist]] * min(len(r.slate), len(r.shortlist)))


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda t: t[t["decision_id"] != t["decision_id"].iloc[0]], "has no row of it"),
        (lambda t: t.assign(creative_id=t["creative_id"].where(t.index != 3, "nobody")), "a policy chooses among these"),
        (lambda t: t.drop(columns="position"), "it needs decision_id, position, probability"),
    ],
)
def test_a_policy_that_is_not_about_what_was_served_is_refused_by_name(
    at_random: tuple[ServedRounds, pd.DataFrame], change: Callable[[pd.DataFrame], pd.DataFrame], says: str
) -> None:
    served, table = at_random
    with pytest.raises(PipelineError, match=says):
        own_served_target(served, own_policy("mine", change(table), KEY, ACTION))


def test_slates_keep_what_an_option_is(platform: Platform) -> None:
    """Options of a target stand in the slot that they are for: at it, with the context of that position."""
    served = platform.served()
    target: Target = reranked(served, platform.bundles["2"])
    assert np.array_equal(target.option_context[:, 0], served.feedback.position[target.option_slot])


def test_a_promotion_reads_what_exploration_tells_of_the_challenger(platform: Platform) -> None:
    found = gathered(platform.home, platform.log, platform.bundles["2"], NEXT, TIMES, 7)
    low, high = found.ends["off_policy_value"]
    assert low <= platform.values["2"] / float(np.mean([worth(d) for d in platform.decisions])) <= high
    said = {v.gate: v for v in judge("click", found.figures, None, found.ends)}["off_policy_value"]
    assert said.evidence and said.passed == (high >= 0.98)
    early = gathered(platform.home, platform.log, platform.bundles["2"], DAY, TIMES, 7)
    assert "off_policy_value" not in early.figures, "nothing has matured yet: no evidence, no verdict"
