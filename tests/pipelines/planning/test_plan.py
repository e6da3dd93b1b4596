"""From a demand to a plan, and the files made of it."""

from __future__ import annotations

import json
import math
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import TypeAdapter

from feature_repo.home import Home
from pipelines.errors import Missing, PipelineError
from pipelines.planning.demand import Demand, read_regions
from pipelines.planning.fleet import SPARE, fleet
from pipelines.planning.kept import read, write
from pipelines.planning.plan import plan
from pipelines.planning.prices import EXAMPLE, as_toml, read_prices
from pipelines.planning.rate import OURS, rate
from pipelines.planning.rendered import budget_share, files, serving_settings
from pipelines.planning.row_sizes import ON_THE_DEMO, measured
from pipelines.planning.sharding import by_largest_remainder, sharding, shards_needed
from pipelines.planning.tiers import tiers
from serving.settings import Settings
from tests.examples import examples

ROOT = Path(__file__).resolve().parents[3]
SMALL = Demand(200_000, 500, regions={"eu": 30, "us": 50, "asia": 20}, users_per_shard=10_000, ads=1_000)


@settings(max_examples=examples(200), deadline=None)
@given(
    total=st.integers(0, 100_000),
    weights=st.dictionaries(st.text("abc", min_size=1), st.floats(0.001, 100), min_size=1, max_size=12),
)
def test_whole_parts_are_nearest_to_their_shares(total: int, weights: dict[str, float]) -> None:
    parts = by_largest_remainder(total, weights)
    assert sum(parts.values()) == max(total, len(weights)) and min(parts.values()) >= 1
    whole = math.fsum(weights.values())
    if all(total * w / whole >= 1 for w in weights.values()):  # nobody was given one out of kindness
        assert all(abs(parts[name] - total * w / whole) < 1 for name, w in weights.items())


def test_the_missions_sizes() -> None:
    """2 billion users and a million requests a second, as a plan is first tried."""
    demand = Demand(2_000_000_000, 1e6, 100, {"eu": 30, "us": 50, "asia": 20})
    assert shards_needed(demand) == 300
    assert by_largest_remainder(300, demand.regions) == {"eu": 90, "us": 150, "asia": 60}
    servers = {f.region: f.servers for f in fleet(demand, 600, EXAMPLE)}
    assert servers == {"eu": 752, "us": 1252, "asia": 502}, "peak ÷ rate × 1.5, and two more"
    assert SPARE == 2


def test_every_region_is_even_and_few_keys_move() -> None:
    found = sharding(SMALL)
    assert found.shards == 30 and [r.first for r in found.regions] == [0, 9, 24]
    for r in found.regions:
        assert r.expected <= 1.10 and r.moved_over_least <= 1.1
        assert r.keys == SMALL.users * SMALL.regions[r.region] / 100


def test_stage_times_are_the_settings_shares_of_the_target() -> None:
    made = plan(replace(SMALL, p99_ms=80), 100, "given")
    assert made.stage_ms == pytest.approx({"sourcing": 8, "recall": 16, "integrity": 8, "precision": 40, "delivery": 8})


def test_tiers_grow_with_what_is_kept() -> None:
    base, longer = tiers(SMALL, ON_THE_DEMO, EXAMPLE), tiers(replace(SMALL, cold_days=730), ON_THE_DEMO, EXAMPLE)
    for old, new in zip(base, longer, strict=True):
        assert new.cost_a_month == pytest.approx(old.cost_a_month * (2 if old.tier == "cold" else 1))
    rows = next(s for s in base if s.name == "decision records")
    assert rows.rows == SMALL.requests_a_day * 30 == 500 / 2 * 86_400 * 30
    assert rows.cost_a_month == pytest.approx(rows.rows * 21_674 / 1024**3 * EXAMPLE.ssd_gib_month * 2)


def test_costs_add_up() -> None:
    made = plan(SMALL, 100, "given", keys=10_000)
    parts = sum(f.cost_a_month for f in made.fleet) + sum(s.cost_a_month for s in made.stored)
    assert made.cost_a_month == pytest.approx(parts)
    assert made.cost_a_million == pytest.approx(parts / (500 / 2 * 3600 * 730) * 1e6)


@pytest.mark.parametrize(
    "wrong",
    [
        {"users": 0}, {"users": 10**12}, {"peak_qps": 0.0}, {"peak_qps": float("nan")}, {"p99_ms": 0.5}, {"users_per_shard": 0},
        {"ads": 0}, {"regions": {}}, {"regions": {"eu": 50.0, "us": 49.0}}, {"regions": {"e u": 100.0}}, {"regions": {"eu": 0.0}},
        {"hot_hours": 999, "warm_days": 30}, {"warm_days": 400, "cold_days": 365}, {"peak_over_mean": 0.5},
    ],
)  # fmt: skip
def test_what_is_out_of_bounds_is_named(wrong: dict[str, Any]) -> None:
    with pytest.raises(PipelineError):
        Demand(**{"users": 1_000, "peak_qps": 1.0, **wrong})


@pytest.mark.parametrize("text", ["", "eu", "eu=", "eu=x", "eu=50,eu=50", "eu=nan", "=100"])
def test_regions_that_cannot_be_read(text: str) -> None:
    with pytest.raises(PipelineError):
        Demand(1_000, 1.0, regions=read_regions(text))


def test_the_committed_example_is_what_the_verb_makes_now() -> None:
    """Made by `placard plan --users 2e6 --qps 2000 --users-per-shard 1e5 --regions eu=30,us=50,asia=20 --name example`."""
    committed = ROOT / "infra" / "plans" / "example"
    kept = json.loads((committed / "plan.json").read_text())
    demand = Demand(2_000_000, 2_000, regions={"eu": 30, "us": 50, "asia": 20}, users_per_shard=100_000)
    made = plan(demand, *rate(None, None), name="example")
    assert kept == json.loads(json.dumps(made.plain))
    assert {path.name: path.read_text() for path in committed.iterdir() if path.name != "plan.json"} == files(made)
    assert read_prices(committed / "prices.toml") == EXAMPLE


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("server_hour = 0.17", ""), ("server_hour = 0.17", "server_hour = -1"), ("server_hour = 0.17", "server_hour = true"),
        ("server_hour = 0.17", "server_hour = nan"), ("server_cores = 4", "server_cores = 0"), ("server_cores = 4", "server_cores = 1.5"),
        ('currency = "USD"', "currency = 1"), ("replicas = 1", "replicas = 1\nspare = 2"), ("replicas = 1", "replicas = "),
    ],
)  # fmt: skip
def test_a_price_file_that_is_wrong_is_refused(tmp_path: Path, old: str, new: str) -> None:
    path = tmp_path / "prices.toml"
    path.write_text(as_toml(EXAMPLE).replace(old, new))
    with pytest.raises(PipelineError):
        read_prices(path)
    with pytest.raises(PipelineError, match="copy that"):
        read_prices(tmp_path / "absent.toml")


def test_the_rate_is_given_or_measured(tmp_path: Path) -> None:
    report = tmp_path / "serve.json"
    report.write_text(json.dumps({"name": "serve", "figures": [{"name": "http_requests_per_s", "value": 123.0}]}))
    assert rate(None, report) == (123.0, "serve.json")
    assert rate(50.0, None)[0] == 50 and rate(None, None)[0] == OURS
    with pytest.raises(PipelineError, match="not both"):
        rate(50.0, report)
    for text in ("[]", "{", '{"figures": [{"name": "other", "value": 1}]}'):
        report.write_text(text)
        with pytest.raises(PipelineError, match="bench serve"):
            rate(None, report)


def test_sizes_are_measured_where_the_loop_has_run(tmp_path: Path) -> None:
    with pytest.raises(Missing):
        measured(Home(tmp_path))


def test_serving_reads_the_plans_settings(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PLACARD_HOME", str(tmp_path))
    for name, value in serving_settings(plan(replace(SMALL, p99_ms=80), 100, "given", keys=1_000)).items():
        monkeypatch.setenv(name, value)
    read = Settings()
    assert (read.profile, read.http.tmax_ms, read.engine.stage_shares) == ("cluster", 80, (0.1, 0.2, 0.1, 0.5, 0.1))
    assert read.caches.cache_l1_bytes == 1024**3, "4 GiB a machine, of four workers"
    assert (read.precision.primary_batch, read.engine.primary_at_once, read.precision.speculative_confidence) == (64, 32, 0.85)


def test_files_are_what_their_tools_read() -> None:
    made = plan(SMALL, 100, "given", keys=1_000)
    written = files(made)
    by_region = {f"{kind}-{region}.{end}" for region in SMALL.regions for kind, end in (("values", "yaml"), ("redis", "conf"))}
    assert set(written) == {*by_region, "redis-ledger.conf", "redis-cache.conf", "postgresql.conf", "serving.env", "prices.toml"}
    assert "maxmemory 500gb" in written["redis-cache.conf"] and "maxmemory-policy allkeys-lru" in written["redis-cache.conf"]
    for region in SMALL.regions:
        values = yaml.safe_load(written[f"values-{region}.yaml"])
        servers = next(f.servers for f in made.fleet if f.region == region)
        assert values["api"]["replicas"] == values["autoscaling"]["maxReplicas"] == servers
        own = {"PLACARD_BUDGET_SHARE": str(SMALL.regions[region] / 100)}
        assert TypeAdapter(dict[str, str]).validate_python(values["settings"]) == serving_settings(made) | own
        assert "maxmemory-policy noeviction" in written[f"redis-{region}.conf"]
    assert not any("cluster-" in written[name] for name in ("redis-ledger.conf", "redis-cache.conf"))


def test_regions_together_spend_no_budget_twice() -> None:
    thirds = replace(SMALL, regions={"a": 100 / 3, "b": 100 / 3, "c": 100 - 200 / 3})
    made = plan(thirds, 100, "given", keys=1_000)
    assert 0.99999 < sum(budget_share(made, region) for region in thirds.regions) <= 1


def test_a_plan_is_kept_and_says_where_a_key_lies(tmp_path: Path) -> None:
    home = Home(tmp_path)
    with pytest.raises(Missing, match="placard plan"):
        read(home, "first")
    made = plan(SMALL, 100, "given", name="first", keys=1_000)
    text = write(home, made).read_text()
    assert all(word in text for word in ("Shards", "Tiers", "Servers", "eu", "asia")) and text.count("data:image/png") == 3
    assert read(home, "first") == made
    found = made.sharding
    assert found.ring("eu").place("u1") in found.regions[0].names
    with pytest.raises(PipelineError, match="eu, us, asia"):
        found.ring("mars")
    for text in ("{}", "[]", "{", json.dumps({**made.plain, "demand": {**asdict(SMALL), "users": -1}})):
        (home.plans / "first" / "plan.json").write_text(text)
        with pytest.raises(PipelineError, match=r"Between|make it again"):
            read(home, "first")
    for name in ("", "..", "a/b", "A", "x" * 64):
        with pytest.raises(PipelineError):
            write(home, replace(made, name=name))
    assert json.loads(json.dumps(made.plain))["demand"] == json.loads(json.dumps(asdict(SMALL)))
