"""What a training set holds: labels within their window, splits by time, thinned negatives."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import ibis
import pandas as pd
import pyarrow.dataset as ds
import pytest

from feature_repo.days import end_of
from pipelines.datasets import labels, split
from pipelines.errors import Missing
from pipelines.simulator.truth import impression_truth

pytestmark = pytest.mark.timeout(1800)


def events(platform: Any, name: str) -> pd.DataFrame:
    """Every event of a table, straight from its files."""
    frame: pd.DataFrame = ds.dataset(platform.home.root / "events" / name, format="parquet").to_table().to_pandas()
    return frame


@pytest.mark.parametrize(("head", "hours"), [("click", 24), ("click", 1), ("conversion", 24), ("conversion", 2)])
def test_labels_count_within_their_window_and_rows_only_once_it_has_passed(platform: Any, head: str, hours: int) -> None:
    maturity, now = timedelta(hours=hours), pd.Timestamp(end_of(platform.live))
    found = labels.labels(platform.home, head, platform.live, maturity)
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


def test_an_impression_is_labelled_with_all_that_came_of_it(platform: Any) -> None:
    found = labels.labels(platform.home, "click", platform.live, timedelta(hours=24))
    for name in labels.OTHERS["click"]:
        assert found[name].dtype == bool
    came = events(platform, "engagements").query("kind in ('hide', 'report')")
    hidden = set(found.loc[found["hide"], "row_id"])
    assert hidden and hidden == set(came["impression_id"]) & set(found["row_id"]), "seconds after the impression; a report counts as a hide"


def test_an_impression_knows_how_long_its_page_was(platform: Any) -> None:
    found = labels.labels(platform.home, "click", platform.live, timedelta(hours=24)).set_index("row_id")
    shown = events(platform, "impressions").set_index("impression_id")
    assert (found["shown"] == shown.groupby("decision_id")["position"].transform("max").reindex(found.index)).all()
    assert found["shown"].nunique() > 1
    assert (labels.labels(platform.home, "conversion", platform.live, timedelta(hours=24))["shown"] == 0).all()


@pytest.mark.parametrize("head", ["click", "conversion"])
def test_a_row_knows_what_its_user_had_seen_of_the_campaign_that_day(platform: Any, head: str) -> None:
    """As often as the market itself counted before it showed the ad."""
    frame = labels.labels(platform.home, head, platform.live, timedelta(hours=24))
    ids = frame["row_id"]
    if head == "conversion":
        ids = events(platform, "engagements").set_index("event_id")["impression_id"].loc[ids]
    truth = impression_truth(platform.home, platform.days[0], platform.live).to_pandas().set_index("impression_id")["seen_today"]
    assert frame["seen_today"].tolist() == truth.loc[ids].tolist()
    assert (frame["seen_today"] > 0).mean() > 0.05


def test_the_oldest_click_knows_it_too(platform: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Clicks reach a day further back than impressions are trained on, and may follow those of the day before."""
    clicks = "conversion", platform.live, timedelta(hours=24)
    whole = labels.labels(platform.home, *clicks).set_index("row_id")["seen_today"]
    monkeypatch.setattr(labels, "HISTORY_DAYS", 1)
    found = labels.labels(platform.home, *clicks).set_index("row_id")["seen_today"]
    assert 0 < len(found) < len(whole) and found.max() > 0
    assert found.tolist() == whole.loc[found.index].tolist()


def test_a_page_and_a_user_without_a_name_have_seen_nothing() -> None:
    """Ads of one page do not count for each other, however their moments were reported; yesterday's do not count either."""
    rows = [  # user, campaign, page, minute of the two days
        ("u", "c", "p1", 0), ("u", "c", "p2", 1440), ("u", "c", "p3", 1450), ("u", "c", "p3", 1451), ("u", "d", "p3", 1451),
        ("u", "c", "p4", 1460), ("v", "c", "p5", 1470), ("", "c", "p6", 1480), ("", "c", "p7", 1490), ("u", "c", None, 1500),
        ("u", "c", None, 1501),
    ]  # fmt: skip
    frame = pd.DataFrame(rows, columns=["user_id", "campaign_id", "decision_id", "minute"])
    frame["impression_id"] = [f"i{i}" for i in range(len(frame))]
    frame["ts"] = pd.Timestamp("2026-03-01") + pd.to_timedelta(frame.pop("minute"), unit="min")
    seen = labels.with_exposures(ibis.memtable(frame)).order_by("ts", "impression_id").to_pandas().set_index("impression_id")["seen_today"]
    assert seen.loc[frame["impression_id"]].tolist() == [0, 0, 1, 1, 0, 3, 0, 0, 0, 4, 5]


def test_a_label_of_the_last_hours_waits_for_its_window(platform: Any) -> None:
    with pytest.raises(Missing, match="PLACARD_LABEL_MATURITY_HOURS"):
        labels.labels(platform.home, "click", platform.days[0], timedelta(hours=24))


def test_splits_follow_time_and_only_negatives_before_the_test_are_thinned(platform: Any) -> None:
    frame = labels.labels(platform.home, "click", platform.live, timedelta(hours=24))
    frame["split"] = split.split(frame, (0.6, 0.8))
    spans = frame.groupby("split")["ts"].agg(["min", "max"])
    assert spans.loc["train", "max"] < spans.loc["calibrate", "min"] and spans.loc["calibrate", "max"] < spans.loc["test", "min"]
    kept = split.sample(frame, 0.25)
    assert kept["row_id"].tolist() == split.sample(frame, 0.25)["row_id"].tolist()
    by = kept.groupby(["split", "label"]).size() / frame.groupby(["split", "label"]).size()
    assert by["train", True] == by["calibrate", True] == by["test", True] == by["test", False] == 1
    assert by["train", False] == pytest.approx(0.25, abs=0.03)
