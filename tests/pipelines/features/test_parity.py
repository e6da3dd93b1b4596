"""What was computed offline is what is read online and what training sees, feature by feature."""

from __future__ import annotations

import os
import subprocess
import sys
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest
from redis import Redis

from feature_repo.days import end_of
from feature_repo.feast_store import OnlineProfiles, open_store
from feature_repo.rows_address import rows_address
from feature_repo.services import INPUTS
from feature_repo.table import FeatureTable
from feature_repo.tables import AD_TABLES, QUERY_TABLES, TABLES, USER_TABLES
from feature_repo.text import query_key
from pipelines.datasets.point_in_time import assemble, features_at
from pipelines.features.online import bring_online
from pipelines.features.publish import publish
from serving.engine.candidates import Candidates
from serving.engine.live import Live
from serving.engine.stages import NOBODY
from serving.ledger.memory import MemoryLedger
from serving.precision.model_matrix import model_matrix
from serving.record.request import AdRequest
from serving.settings import Settings
from serving.snapshot import open_current
from serving.understanding.exposures import Exposures
from serving.understanding.profile import Profile

pytestmark = [
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),  # Feast's and Ibis's own
    pytest.mark.filterwarnings("ignore::FutureWarning"),
]
ROOT = Path(__file__).resolve().parents[3]


def offline(platform: Any, table: FeatureTable) -> dict[str, dict[str, Any]]:
    return {r[table.entity]: r for r in platform.rows(table, platform.live).to_pylist()}


def sampled(platform: Any, n: int = 40) -> list[str]:
    """Users, the most and the least active among them."""
    table = USER_TABLES[0]
    rows = platform.rows(table, platform.live).sort_by("user_actions_30d")[table.entity].to_pylist()
    return sorted({*rows[:: max(len(rows) // n, 1)], *rows[-5:]})


def same_online(platform: Any, profiles: OnlineProfiles) -> int:
    """Compares every feature of the sampled users; returns the values seen."""
    tables = {t: offline(platform, t) for t in USER_TABLES}
    compared = 0
    for user in sampled(platform):
        row = profiles.read(user, end_of(platform.live) + timedelta(hours=3))
        for table, rows in tables.items():
            if user not in rows:
                assert f"{table.name}_unknown" in row.flags
                continue
            for f in table.features:
                got, expected = row.columns[f.name], rows[user][f.name]
                assert got.shape == ((1, f.width) if f.dtype == "vector" else (1,)), f.name
                assert got[0].tolist() == expected if f.dtype == "vector" else got[0] == expected, f.name
                compared += 1
    return compared


def test_users_online_are_users_offline(platform: Any) -> None:
    assert same_online(platform, OnlineProfiles(open_store(platform.home))) > 40 * len(USER_TABLES[0].features)


@pytest.mark.redis
def test_users_in_redis_are_users_offline(copy: Any, redis_port: int) -> None:
    settings = Settings(home_path=copy.home.root, profile="cluster", redis_url=f"redis://127.0.0.1:{redis_port}/3?socket_timeout=2")
    publish(settings, copy.days[:3])
    profiles = OnlineProfiles(open_store(copy.home, settings.profile, settings.stores.rows_url))
    assert same_online(copy, profiles) > 40 * len(USER_TABLES[0].features)
    assert profiles.read("nobody", end_of(copy.live)).flags == tuple(f"{t.name}_unknown" for t in USER_TABLES)


@pytest.mark.redis
def test_users_in_a_redis_cluster_are_users_offline_and_leave_it_with_their_day(copy: Any, redis_cluster: str, redis_port: int) -> None:
    """Money lies in one server, users' rows in the cluster: on every node of it, and only those of the live day."""
    settings = Settings(
        home_path=copy.home.root, profile="cluster", redis_url=f"redis://127.0.0.1:{redis_port}/4", profiles_redis_url=redis_cluster
    )
    publish(settings, copy.days[:3])
    profiles = OnlineProfiles(open_store(copy.home, settings.profile, settings.stores.rows_url))
    assert same_online(copy, profiles) > 40 * len(USER_TABLES[0].features)
    with closing(rows_address(redis_cluster).client()) as client:
        nodes = client.get_primaries()
        assert len(nodes) == 3 and all(client.dbsize(target_nodes=node) > 0 for node in nodes)
        bring_online(settings, None)
        assert client.dbsize(target_nodes=nodes) == 0
    with closing(Redis.from_url(settings.stores.redis_url)) as money:
        assert all(key.startswith(b"placard:") for key in money.scan_iter()), "no user's row lies beside the money"


def test_ads_in_the_snapshot_are_ads_offline(platform: Any) -> None:
    snapshot = open_current(platform.home.snapshots)
    ids = [snapshot.text("id.creative_id", i) for i in range(len(snapshot))]
    assert len(ids) > 50
    for table in AD_TABLES:
        rows = offline(platform, table)
        assert {*ids} <= {*rows}
        for f in table.features:
            if f.dtype == "string":
                continue  # held as codes
            stored = snapshot[f"vector.{f.name}" if f.dtype == "vector" else f"ad.{f.name}"]
            assert stored.dtype == (np.float32 if f.dtype == "vector" else np.dtype(f.dtype)), f.name
            assert stored.tolist() == [rows[i][f.name] for i in ids], f.name


def texts(platform: Any) -> list[str]:
    """What was searched for, as it was written."""
    files = platform.home.files("queries", platform.days[0], platform.live)
    return sorted({t for f in files for t in pq.read_table(f, partitioning=None, columns=["text"])["text"].to_pylist() if t})


def test_queries_in_the_snapshot_are_queries_offline(platform: Any) -> None:
    """However they are written; one that nothing is known of has the defaults."""
    snapshot = open_current(platform.home.snapshots)
    known = 0
    for table in QUERY_TABLES:
        rows = offline(platform, table)
        for text in [*texts(platform), "Never asked!", ""]:
            row = rows.get(query_key(text), {f.name: f.filled(1)[0].tolist() for f in table.features})
            known += query_key(text) in rows
            for asked in (text, f"  {text.upper()}! "):
                found = snapshot.query_features(asked)
                assert {n: v[0].tolist() for n, v in found.items()} == {n: row[n] for n in table.names}, asked
    assert known > 50


@pytest.mark.parametrize("head", INPUTS)
def test_a_training_row_is_the_row_that_serving_scores(copy: Any, head: str) -> None:
    """Column by column, for known, unknown and cold askers at several moments."""
    rng = np.random.default_rng(4)
    snapshot, profile = open_current(copy.home.snapshots), Profile(OnlineProfiles(open_store(copy.home)))
    rows = np.sort(rng.choice(len(snapshot), 12, replace=False))
    ids = {c: [snapshot.text(f"id.{c}", r) for r in rows] for c in ("creative_id", "campaign_id", "advertiser_id")}
    frames, served, ledger = [], [], MemoryLedger()
    for i, user in enumerate([*sampled(copy)[::4], "nobody"]):
        asked = {
            "surface": ("search", "feed", "proactive")[i % 3], "device": ("mobile", "desktop", "", "fridge")[i % 4],
            "os": ("ios", "")[i % 2], "region": ("north", "", "r1")[i % 3], "language": ("en", "")[i % 2],
        }  # fmt: skip
        at = end_of(copy.live) + timedelta(microseconds=int(rng.integers(0, 80_000_000_000)))
        request = AdRequest(f"r{i}", user_id=user, ts=at, **asked)
        seen = rng.integers(0, 4, len(rows))
        for campaign, times in zip(ids["campaign_id"], seen, strict=True):
            for time in range(int(times)):
                ledger.expose(user, campaign, f"d{time}|{campaign}", at.date())
        context = Exposures(ledger).understand(request, profile.understand(request, NOBODY, Live(None)), Live(None))
        counted = [ledger.past(user, at.date(), at).exposures.get(c, 0) for c in ids["campaign_id"]]
        served.append(model_matrix(INPUTS[head], context, Candidates(snapshot, rows)))
        frames.append(pd.DataFrame({"ts": at.replace(tzinfo=None), "user_id": user, "seen_today": counted, **asked, **ids}))
    frame = pd.concat(frames, ignore_index=True)
    frame["ts"] = frame["ts"].astype("datetime64[us]")
    trained, live = assemble(INPUTS[head], frame, features_at(copy.settings, frame)), np.concatenate(served)
    assert trained.shape == live.shape
    for i, column in enumerate(INPUTS[head].columns):
        np.testing.assert_allclose(trained[:, i], live[:, i], rtol=2e-6, atol=1e-6, err_msg=column.name)
    assert (np.ptp(trained, axis=0) > 0).mean() > 0.6  # the columns say something


def labels(platform: Any, n: int, seed: int = 0) -> pd.DataFrame:
    """Label rows at random moments: before the first partition, between partitions, on their very instants, and long after."""
    rng = np.random.default_rng(seed)
    users = [*[*offline(platform, USER_TABLES[0])][:200], "nobody"]
    ads = [*offline(platform, AD_TABLES[0]), "none"]
    queries = ["", "Never asked!", *texts(platform)]
    start = end_of(platform.days[0]) - timedelta(days=1)
    ts = [start + timedelta(microseconds=int(m)) for m in rng.integers(0, 8 * 86_400_000_000, n)]
    for i in range(0, n, 5):
        instant = end_of(platform.days[i // 5 % 3])
        ts[i] = instant + timedelta(microseconds=int(rng.integers(-1, 2)))
    picked = {
        "user_id": rng.choice(users, n),
        "creative_id": rng.choice(ads, n),
        "query": rng.choice(queries, n),
        "ts": [t.replace(tzinfo=None) for t in ts],
    }
    frame = pd.DataFrame(picked).astype({"ts": "datetime64[us]"})
    return frame.assign(query_key=[query_key(q) for q in frame["query"]])


def test_the_join_gives_what_was_known_at_each_moment_and_no_later(copy: Any) -> None:
    """0 leaked values: each is that of the newest partition at or before the moment, or the default when that is too old."""
    frame = labels(copy, 400)
    found = features_at(copy.settings, frame)
    wrong, stale = [], 0
    for table in TABLES:
        days = {end_of(d): {r[table.entity]: r for r in copy.rows(table, d).to_pylist()} for d in copy.days[:3]}
        for i, row in enumerate(frame.to_dict("records")):
            at = row["ts"].to_pydatetime().replace(tzinfo=UTC)
            known = [d for d in days if d <= at and row[table.entity] in days[d]]
            stale += bool(known) and at - max(known) > table.max_age
            fresh = [d for d in known if at - d <= table.max_age]
            values = days[max(fresh)][row[table.entity]] if fresh else {}
            for f in table.features:
                expected = values.get(f.name, f.filled(1)[0].tolist() if f.dtype == "vector" else f.default)
                got = found[f.name][i]
                if (got.tolist() if f.dtype == "vector" else got) != (
                    expected if f.dtype in ("vector", "string") else np.dtype(f.dtype).type(expected)
                ):
                    wrong.append(f"{f.name} of {row}: {got}, expected {expected}")
    assert wrong == []
    assert stale > 20


def test_rows_in_are_rows_out_however_often_a_key_and_a_moment_repeat(copy: Any) -> None:
    """In the order given, the same values for the same label."""
    once = labels(copy, 150, seed=1)
    frame = pd.concat([once, once, once.iloc[::-1]], ignore_index=True)
    found = features_at(copy.settings, frame)
    for name, values in found.items():
        assert len(values) == len(frame), name
        first, second, third = values[:150], values[150:300], values[300:][::-1]
        assert np.array_equal(first, second) and np.array_equal(first, third), name


def test_feast_apply_registers_every_view_from_the_command_line(tmp_path: Path) -> None:
    from feature_repo.home import Home

    home = Home(tmp_path)
    home.feast.mkdir(parents=True)
    environment = {**os.environ, "PLACARD_HOME": str(home.root), "PYTHONPATH": str(ROOT)}
    feast = Path(sys.executable).with_name("feast")
    done = subprocess.run([feast, "-c", "feature_repo", "apply"], cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    store = open_store(home)
    assert {v.name for v in store.list_feature_views()} == {t.name for t in TABLES}
    for table in TABLES:
        assert {f.name for f in store.get_feature_view(table.name).features} == {*table.names}


def test_a_moment_is_the_same_in_both(platform: Any) -> None:
    """Leap days and the turn of the year, through the functions that both sides call."""
    from feature_repo.request_time import context_columns

    for at in (datetime(2024, 2, 29, 23, 59, 59, 999_999), datetime(2026, 1, 1), datetime(2026, 6, 7, 13, 30)):
        words = [np.array([w], object) for w in ("feed", "mobile", "ios", "north", "en")]
        many = context_columns(np.array([at] * 3, "datetime64[us]"), *(np.repeat(w, 3) for w in words))
        one = context_columns(np.array([at], "datetime64[us]"), *words)
        for name, value in one.items():
            assert np.array_equal(np.repeat(value, 3), many[name]), name
        assert one["weekday"][0] == at.weekday()
        assert abs(one["hour"][0] - (at.hour + at.minute / 60 + at.second / 3600 + at.microsecond / 3.6e9)) < 1e-6
