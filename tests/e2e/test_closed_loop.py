"""`placard simulate --closed-loop`, small: two arms serve two days each, learn from them, and say how far they were from the best."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any, Final

import pytest

pytestmark = [pytest.mark.slow, pytest.mark.timeout(3600)]
MARKET: Final = ("--users", "300", "--creatives", "120", "--impressions", "10000", "--no-images", "--start", "2026-02-02", "--seed", "5")


@pytest.fixture(scope="module")
def run(placard: Path) -> Any:
    """run(home, words): the report of the closed loop of two days."""

    def call(home: Path, *words: str) -> dict[str, Any]:
        argv = [str(placard), "simulate", "--closed-loop", "--days", "2", "--warm-days", "3", "--ranker", "xgboost_slim", *words, "--json"]
        environment = {**os.environ, "PLACARD_HOME": str(home), "PLACARD_EXPLORE_SHARE": "0.2"}
        done = subprocess.run(argv, env=environment, capture_output=True, text=True, timeout=3500, check=False)
        assert done.returncode == 0, done.stderr[-3000:]
        return dict(json.loads(done.stdout))

    return call


def plain(report: dict[str, Any], arm: str) -> list[dict[str, Any]]:
    """An arm's days without what depends on the machine."""
    return [{name: value for name, value in day.items() if name != "seconds"} for day in report["arms"][arm]]


def test_two_arms_of_two_days(run: Any, tmp_path: Path) -> None:
    home = tmp_path / "placard"
    report = run(home, *MARKET)
    figures = {f["name"]: f["value"] for f in report["figures"]}
    assert set(report["arms"]) == {"explored", "unexplored"}
    for arm, days in report["arms"].items():
        assert [day["day"] for day in days] == ["2026-02-05", "2026-02-06"]
        for day in days:
            assert day["events"]["impression"] == day["shown"] > 100 and not day["uncounted"]
            assert 0 < day["value_micros"] < day["best_micros"] and 0 < day["regret_share"] < 1
            assert day["regret_low"] < day["regret_share"] < day["regret_high"]
            assert set(day["promoted"]) | set(day["refused"]) == {"click", "conversion"}, (
                "each candidate was promoted, or refused with its reason"
            )
        assert 0 < figures[f"{arm}.regret_share"] < 1
    assert all(day["explored_share"] == 0 for day in report["arms"]["unexplored"])
    assert all(day["explored_share"] > 0.05 for day in report["arms"]["explored"])
    assert Path(report["setup"]["picture"]).read_bytes().startswith(b"\x89PNG")
    served = {path: path.stat().st_mtime_ns for path in home.glob("closed_loop/*/events/**/*.parquet")}
    assert served
    assert plain(run(home), "explored") == plain(report, "explored")
    assert served == {path: path.stat().st_mtime_ns for path in home.glob("closed_loop/*/events/**/*.parquet")}, "done days stay done"


def test_the_same_seed_gives_the_same_days_from_nothing(run: Any, tmp_path: Path) -> None:
    """Learned from, and served; one of the large forms."""
    one, other = (run(tmp_path / name, *MARKET, "--exploration", "on") for name in ("one", "other"))
    assert plain(one, "explored") == plain(other, "explored")
