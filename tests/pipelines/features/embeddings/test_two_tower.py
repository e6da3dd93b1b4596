"""Two towers find what people will click: better than what is popular, also for ads that nobody has clicked yet."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import numpy as np
import pandas as pd
import pytest

from feature_repo.home import Home
from feature_repo.tables.ad_embedding import AD_EMBEDDING
from feature_repo.tables.user_embedding import USER_EMBEDDING, WIDTH
from pipelines.bench.search.recall import index_recall, ranks, run
from pipelines.features.build import build
from pipelines.features.embeddings.past import HISTORY, Past, codes
from pipelines.features.embeddings.two_tower import TwoTower
from pipelines.reporting.progress import showing
from pipelines.simulator.config import Laws, MarketConfig
from serving.settings import Settings
from tests.worlds.copied import copied

SMALL = TwoTower(epochs=4)


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Home:
    """A market that clicks a lot."""
    config = MarketConfig(seed=9, users=600, creatives=160, impressions_per_day=6_000, images=False, laws=Laws(base=(-2.3, -2.3, -2.3)))
    return Home(copied("tests.worlds.simulated", tmp_path_factory.mktemp("retrieval") / "placard", config, 5))


@pytest.fixture(scope="module")
def past(home: Home) -> Past:
    return Past.of(home, max(home.days("impressions")) - timedelta(days=1))


def test_codes_tell_kinds_apart_and_know_what_is_absent() -> None:
    found = codes(["a", None, "b", "a", ""], "x")
    assert found[0] == found[3] != found[2] and found[1] == found[4] == 0
    assert codes(["a"], "y")[0] != found[0] and (codes(["a"], "x") == found[:1]).all()


def test_a_history_ends_before_its_moment(past: Past) -> None:
    """Each row of a user's clicks sees exactly the tokens that stand before it, the latest first."""
    user = int(past.clicks["user"].value_counts().idxmax())
    mine = past.actions[past.actions["user"] == user]
    some = past.clicks[past.clicks["user"] == user].iloc[[0, 5, -1]]
    got = past.history(some["user"].to_numpy(), some["ts"].to_numpy("datetime64[us]"))
    for row, ts in zip(got, some["ts"], strict=True):
        before = mine.loc[mine["ts"] < ts, "code"].to_numpy()[::-1][:HISTORY]
        assert row[row > 0].tolist() == before.tolist()
    assert past.history(np.array([user]), None)[0].tolist()[: len(mine)] == mine["code"].to_numpy()[::-1][:HISTORY].tolist()


@pytest.mark.deep
def test_it_beats_what_is_popular_and_is_the_same_twice(home: Home) -> None:
    day = max(home.days("impressions")) - timedelta(days=1)
    first = run(Settings(home_path=home.root), day)
    value = {f["name"]: f["value"] for f in first["figures"]}
    assert value["recall_at_10_two_tower"] > 1.15 * value["recall_at_10_popular"]
    assert all(0 < value[f"recall_at_{k}_{name}"] <= 1 for k in (10, 50) for name in ("popular", "factorisation", "two_tower"))
    assert first == run(Settings(home_path=home.root), day)


@pytest.mark.deep
def test_it_stops_when_later_clicks_gain_nothing_and_then_learns_from_all(past: Past) -> None:
    heard: dict[str, list[tuple[int, int]]] = {}
    with showing(lambda what, done, total, note: heard.setdefault(what, []).append((done, total))):
        TwoTower(epochs=40, patience=1, rate=2e-2).vectors(past)
    watched, taught = heard["two towers, watched"], heard["two towers"]
    assert len(watched) < 40 and watched[-1] == (len(watched), 40)
    assert taught == [(i + 1, len(watched) - 1) for i in range(len(watched) - 1)], "as many epochs as were best, over all clicks"
    few = replace(past, clicks=past.clicks.iloc[:300])
    heard.clear()
    with showing(lambda what, done, total, note: heard.setdefault(what, []).append((done, total))):
        TwoTower(epochs=3).vectors(few)
    assert {name: len(told) for name, told in heard.items()} == {"two towers": 3}, "too few clicks to hold any back"


@pytest.mark.deep
def test_an_ad_that_nobody_has_clicked_stands_near_its_like(past: Past) -> None:
    """Its words and its category say enough: it is nearer to ads of its category than to others."""
    hidden = int(past.clicks["ad"].value_counts().index[5])
    without = replace(past, clicks=past.clicks[past.clicks["ad"] != hidden].reset_index(drop=True))
    ads = SMALL.vectors(without)[1]
    near = ads @ ads[hidden]
    category = past.creatives["category"]
    same = (category == category[hidden]).to_numpy() & (np.arange(len(ads)) != hidden)
    assert near[same].mean() > near[~same].mean() + 0.05


@pytest.mark.deep
def test_the_tables_are_written_in_their_schema(home: Home) -> None:
    day = max(home.days("impressions"))
    for table in (USER_EMBEDDING, AD_EMBEDDING):
        frame = pd.read_parquet(build(home, table, day, embeddings="two_tower"))
        vectors = np.stack(frame[table.names[0]].to_list())
        assert vectors.shape == (len(frame), WIDTH) and np.isfinite(vectors).all() and np.abs(vectors).max() <= 100
        assert frame[table.entity].is_unique and (np.abs(vectors).sum(axis=1) > 0).mean() > 0.99


@pytest.mark.deep
def test_without_clicks_nobody_stands_anywhere(past: Past) -> None:
    users, ads = SMALL.vectors(replace(past, clicks=past.clicks.iloc[:0]))
    assert users.shape == (len(past.users), WIDTH) and not users.any() and not ads.any()


def test_ranks_count_half_of_a_tie() -> None:
    scores = np.array([[3.0, 1.0, 2.0], [1.0, 1.0, 1.0]], np.float32)
    assert ranks(scores, np.array([2, 0])).tolist() == [1, 1]


def test_the_index_finds_nearly_all_of_the_exact_best() -> None:
    rng = np.random.default_rng(3)
    centres = rng.normal(size=(12, 8))
    ads = (centres[rng.integers(0, 12, 400)] + 0.3 * rng.normal(size=(400, 8))).astype(np.float32)
    users = (2 * centres[:6] + 0.3 * rng.normal(size=(6, 8))).astype(np.float32)
    assert index_recall(ads, users, 50) > 0.8
