"""Whatever is unknown, empty, missing or old has an answer of its own: 200, a rung, and flags that say what was not known."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from contextlib import redirect_stdout
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from io import StringIO
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from feature_repo.home import Home
from feature_repo.services import CLICK
from feature_repo.tables import AD_TABLES, USER_TABLES
from serving.snapshot import open_current, set_current
from serving.snapshot.manifest import write_columns


@dataclass(frozen=True)
class Row:
    columns: dict[str, np.ndarray]
    flags: tuple[str, ...] = ()


def test_a_known_person_is_answered_by_the_champion(api: Any) -> None:
    answer = api.ask()
    assert (answer["rung"], answer["policy"], answer["flags"], answer["no_ad_reason"]) == ("full", "click@1", [], "")
    assert [ad["position"] for ad in answer["ads"]] == [1, 2, 3]
    assert all(0 < ad["pctr"] < 1 and ad["price_micros"] > 0 and ad["charged_on"] == "click" for ad in answer["ads"])
    assert all(ad["headline"] == "text" for ad in answer["ads"])


@pytest.mark.parametrize(("changes", "flag"), [({"user_id": ""}, "user_absent"), ({"consent": False}, "no_consent")])
def test_a_person_who_may_not_be_looked_up_still_gets_ads(api: Any, changes: dict[str, object], flag: str) -> None:
    answer = api.ask(**changes)
    assert (answer["rung"], answer["flags"], len(answer["ads"])) == ("full", [flag], 3)


def test_before_anything_is_published_there_is_no_ad(serve: Callable[..., Any], home: Home) -> None:
    api = serve(home)
    answer = api.ask()
    assert (answer["rung"], answer["no_ad_reason"], answer["ads"]) == ("no_ad", "no_inventory", [])
    assert api.client.get(f"/v1/decisions/{answer['decision_id']}/why").status_code == 200
    ready = api.client.get("/readyz")
    assert (ready.status_code, ready.json()["ready"]) == (503, False)


def test_an_empty_catalogue_is_no_inventory(serve: Callable[..., Any], published_home: Home) -> None:
    republish(published_home, lambda name, array: array if name.startswith(("campaign.", "words.", "keyword.")) else array[:0], ads=0)
    answer = serve(published_home).ask()
    assert (answer["rung"], answer["no_ad_reason"], answer["ads"]) == ("no_ad", "no_inventory", [])


def test_nothing_that_may_be_shown_is_no_candidate(serve: Callable[..., Any], published_home: Home) -> None:
    republish(published_home, lambda name, array: np.zeros_like(array) if name == "policy" else array)
    api = serve(published_home)
    answer = api.ask()
    assert (answer["rung"], answer["no_ad_reason"], answer["ads"]) == ("no_ad", "no_candidate", [])
    why = api.client.get(f"/v1/decisions/{answer['decision_id']}/why").json()
    assert any(step == "rejected by Policy" and left < 0 for step, left in why["funnel"])


def test_without_a_champion_the_ads_own_rates_answer(serve: Callable[..., Any], published_home: Home) -> None:
    (published_home.bundles / "aliases.json").unlink()
    answer = serve(published_home).ask()
    assert (answer["rung"], answer["policy"], len(answer["ads"])) == ("popular", "historical_rate", 3)


def test_a_cold_ad_is_scored_on_defaults_and_may_win(serve: Callable[..., Any], published_home: Home) -> None:
    """Every ad is new: no impression, no rate, no embedding."""
    defaults = {f.name: f.filled(1)[0] for t in AD_TABLES for f in t.features if f.dtype not in ("string", "vector")}
    names = [CLICK.columns[i].name for i in CLICK.of("ad")]

    def cold(name: str, array: np.ndarray) -> np.ndarray:
        kind, _, feature = name.partition(".")
        if kind == "ad" and feature in defaults:
            return np.full_like(array, defaults[feature])
        if kind == "vector":
            return np.zeros_like(array)
        if kind == "matrix":
            return np.stack([np.full(len(array), defaults.get(n, 0), np.float32) for n in names], axis=1)
        return array

    republish(published_home, cold)
    answer = serve(published_home).ask()
    assert (answer["rung"], len(answer["ads"])) == ("full", 3)
    assert all(0 < ad["pctr"] < 1 for ad in answer["ads"])


def test_a_profile_without_a_column_that_the_ranker_reads_is_answered_without_the_ranker(
    serve: Callable[..., Any], published_home: Home
) -> None:
    lost = CLICK.columns[CLICK.of("user")[0]].name

    class Partial:
        def read(self, user_id: str, now: datetime) -> Row:
            return Row({f.name: f.filled(1) for t in USER_TABLES for f in t.features if f.name != lost})

    answer = serve(published_home, Partial()).ask()
    assert (answer["rung"], len(answer["ads"])) == ("popular", 3)
    assert any(flag.startswith("BundleScorer_failed") for flag in answer["flags"])


def test_a_store_that_is_down_costs_the_profile_and_not_the_answer(serve: Callable[..., Any], published_home: Home) -> None:
    class Down:
        def read(self, user_id: str, now: datetime) -> Row:
            raise ConnectionError("refused")

    answer = serve(published_home, Down()).ask()
    assert (answer["rung"], answer["flags"], len(answer["ads"])) == ("full", ["profile_unreachable:ConnectionError"], 3)


@pytest.fixture(scope="module")
def online(template: Home, tmp_path_factory: pytest.TempPathFactory) -> Home:
    """A real online store: `fresh` is known, `old` was last seen long ago, of `partial` one value is missing."""
    from feature_repo.feast_store import open_store
    from feature_repo.views import objects

    home = Home(Path(shutil.copytree(template.root, tmp_path_factory.mktemp("online") / "placard")))
    now = datetime.now(UTC)
    with redirect_stdout(StringIO()):
        store = open_store(home)
        store.apply(objects(home))
        for table in USER_TABLES:
            rows = []
            for user, at in (("fresh", now), ("old", now - table.max_age - timedelta(days=1)), ("partial", now)):
                values = {f.name: list(f.filled(1)[0]) if f.dtype == "vector" else f.filled(1)[0] for f in table.features}
                rows.append({table.entity: user, **values, "event_timestamp": at, "created_timestamp": at})
            frame = pd.DataFrame(rows)
            if table is USER_TABLES[0]:
                gone = next(f.name for f in table.features if f.dtype == "float32")
                frame[gone] = frame[gone].astype(object)
                frame.loc[2, gone] = None
            store.write_to_online_store(table.name, frame)
    return home


def test_unknown_stale_and_missing_features_each_have_their_flag(serve: Callable[..., Any], online: Home) -> None:
    from feature_repo.feast_store import OnlineProfiles, open_store

    api = serve(online, OnlineProfiles(open_store(online)))
    answers = {user: api.ask(user_id=user) for user in ("fresh", "old", "partial", "never-seen")}
    assert {(a["rung"], len(a["ads"])) for a in answers.values()} == {("full", 3)}
    assert answers["fresh"]["flags"] == []
    assert answers["old"]["flags"] == [f"{t.name}_stale" for t in USER_TABLES]
    assert answers["never-seen"]["flags"] == [f"{t.name}_unknown" for t in USER_TABLES]
    gone = next(f.name for f in USER_TABLES[0].features if f.dtype == "float32")
    assert answers["partial"]["flags"] == [f"{gone}_missing"]


def republish(home: Home, change: Callable[[str, np.ndarray], np.ndarray], ads: int | None = None) -> None:
    """The same catalogue with columns changed, as the current one."""
    snapshot = open_current(home.snapshots)
    arrays = {name: change(name, np.array(array)) for name, array in snapshot.arrays.items()}
    set_current(home.snapshots, write_columns(home.snapshots, snapshot.as_of, arrays, len(snapshot) if ads is None else ads))
