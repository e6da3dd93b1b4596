"""What a training set holds: labels within their window, splits by time, thinned negatives."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import ibis
import pandas as pd
import pyarrow.dataset as ds
import pytest

from feature_repo.days import end_of
from pipelines.datasets import labels, split, training_set
from pipelines.datasets.left_out import LeftOut, logged
from pipelines.errors import Missing
from pipelines.simulator.truth import impression_truth
from pipelines.warehouse.label_times import LabelTimes
from serving.room_settings import TrainingSettings
from serving.settings import Settings

DAY = LabelTimes(timedelta(hours=24), timedelta(hours=24))
pytestmark = pytest.mark.timeout(1800)


def events(platform: Any, name: str) -> pd.DataFrame:
    """Every event of a table, straight from its files."""
    frame: pd.DataFrame = ds.dataset(platform.home.root / "events" / name, format="parquet").to_table().to_pandas()
    return frame


@pytest.mark.parametrize(
    ("head", "hours", "wait"),
    [("click", 24, 24), ("click", 1, 1), ("conversion", 24, 24), ("conversion", 2, 2), ("click", 24, 1), ("conversion", 2, 24),
     ("conversion", 24, 2)],
)  # fmt: skip
def test_labels_count_within_their_window_and_rows_only_once_they_have_matured(platform: Any, head: str, hours: int, wait: int) -> None:
    window, maturity, now = timedelta(hours=hours), timedelta(hours=wait), pd.Timestamp(end_of(platform.live))
    found = labels.labels(platform.home, head, platform.live, LabelTimes(window, maturity))
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
    wanted = (first.reindex(rows.index) - rows["ts"]) <= window
    assert len(found) == len(rows) and found["label"].sum() > 0
    assert (found.set_index("row_id")["label"] == wanted.reindex(found["row_id"])).all()
    assert found["ts"].is_monotonic_increasing


def test_an_impression_is_labelled_with_all_that_came_of_it(platform: Any) -> None:
    found = labels.labels(platform.home, "click", platform.live, DAY)
    for name in labels.OTHERS["click"]:
        assert found[name].dtype == bool
    came = events(platform, "engagements").query("kind in ('hide', 'report')")
    hidden = set(found.loc[found["hide"], "row_id"])
    assert hidden and hidden == set(came["impression_id"]) & set(found["row_id"]), "seconds after the impression; a report counts as a hide"


def test_an_impression_knows_how_long_its_page_was(platform: Any) -> None:
    found = labels.labels(platform.home, "click", platform.live, DAY).set_index("row_id")
    shown = events(platform, "impressions").set_index("impression_id")
    assert (found["shown"] == shown.groupby("decision_id")["position"].transform("max").reindex(found.index)).all()
    assert found["shown"].nunique() > 1
    assert (labels.labels(platform.home, "conversion", platform.live, DAY)["shown"] == 0).all()


def whole_end(platform: Any) -> pd.Timestamp:
    """The newest row whose window has passed."""
    newest: pd.Timestamp = labels.labels(platform.home, "click", platform.live, DAY)["ts"].max()
    return newest


def test_the_newest_clicks_are_used_where_rows_need_not_wait_for_the_window(platform: Any) -> None:
    """Clicks come within seconds: an hour's wait misses hardly one of them and gains most of a day."""
    whole = labels.labels(platform.home, "click", platform.live, DAY).set_index("row_id")["label"]
    early = labels.labels(platform.home, "click", platform.live, LabelTimes(DAY.window, timedelta(hours=1)))
    assert early["ts"].max() - whole_end(platform) > timedelta(hours=20)
    assert (early.set_index("row_id")["label"].reindex(whole.index) == whole).all()


def test_rows_that_judge_a_fresh_set_have_seen_their_whole_window() -> None:
    short = LabelTimes(timedelta(hours=24), timedelta(hours=1))
    assert short.whole == DAY and DAY.whole == DAY
    late = LabelTimes(timedelta(hours=24), timedelta(hours=48))
    assert late.whole == late, "logs that come late are waited for"
    assert LabelTimes.of(TrainingSettings(label_window_hours=24, label_maturity_hours=1)) == short


@pytest.mark.parametrize("head", ["click", "conversion"])
def test_a_row_knows_what_its_user_had_seen_of_the_campaign_that_day(platform: Any, head: str) -> None:
    """As often as the market itself counted before it showed the ad."""
    frame = labels.labels(platform.home, head, platform.live, DAY)
    ids = frame["row_id"]
    if head == "conversion":
        ids = events(platform, "engagements").set_index("event_id")["impression_id"].loc[ids]
    truth = impression_truth(platform.home, platform.days[0], platform.live).to_pandas().set_index("impression_id")["seen_today"]
    assert frame["seen_today"].tolist() == truth.loc[ids].tolist()
    assert (frame["seen_today"] > 0).mean() > 0.05


def test_the_oldest_click_knows_it_too(platform: Any) -> None:
    """Clicks reach a day further back than impressions are trained on, and may follow those of the day before."""
    whole = labels.labels(platform.home, "conversion", platform.live, DAY).set_index("row_id")["seen_today"]
    found = labels.labels(platform.home, "conversion", platform.live, replace(DAY, history_days=1)).set_index("row_id")["seen_today"]
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
        labels.labels(platform.home, "click", platform.days[0], DAY)


def test_splits_follow_time_and_only_negatives_before_the_test_are_thinned(platform: Any) -> None:
    frame = labels.labels(platform.home, "click", platform.live, DAY)
    frame["split"] = split.split(frame, (0.6, 0.8))
    spans = frame.groupby("split")["ts"].agg(["min", "max"])
    assert spans.loc["train", "max"] < spans.loc["calibrate", "min"] and spans.loc["calibrate", "max"] < spans.loc["test", "min"]
    kept = split.sample(frame, 0.25)
    assert kept["row_id"].tolist() == split.sample(frame, 0.25)["row_id"].tolist()
    by = kept.groupby(["split", "label"]).size() / frame.groupby(["split", "label"]).size()
    assert by["train", True] == by["calibrate", True] == by["test", True] == by["test", False] == 1
    assert by["train", False] == pytest.approx(0.25, abs=0.03)


@pytest.mark.filterwarnings("ignore")  # Feast's and Ibis' own
def test_a_fresh_set_of_clicks_teaches_what_was_known_when_its_test_begins(copy: Any) -> None:
    """As `rankers_daily` makes it, also where rows need not wait for their window: those that judge do."""
    settings = Settings(home_path=copy.home.root, label_window_hours=24, label_maturity_hours=2)
    made = training_set.make(settings, "conversion", copy.live, fresh=True).rows.set_index("row_id")
    final = labels.labels(copy.home, "conversion", copy.live, DAY).set_index("row_id")
    assert set(made.index) == set(final.index), "what is younger than its window judges nobody"
    test = made["split"] == "test"
    begin = made.loc[test, "ts"].min()
    assert (made.loc[test, "label"] == final["label"].reindex(made.index[test])).all() and (made.loc[test, "seen_hours"] == 24).all()
    early = made[~test]
    seen = ((begin - early["ts"]) / pd.Timedelta(hours=1)).clip(upper=24)
    assert early["seen_hours"].to_numpy() == pytest.approx(seen.to_numpy()) and (early["seen_hours"] < 24).any()
    known = final["happened"].reindex(early.index) <= early["ts"] + pd.to_timedelta(seen, unit="h")
    assert (early["label"] == known).all()


@pytest.mark.parametrize("head", ["click", "conversion"])
def test_what_is_left_out_of_training_is_counted_with_its_reason(platform: Any, head: str) -> None:
    """Every row of the log is in the set, or left out for one reason."""
    times = replace(DAY, history_days=2)
    found = labels.labels(platform.home, head, platform.live, times)
    older, within = logged(platform.home, head, platform.live, times.history_days + (head == "conversion"))
    everything = events(platform, "impressions" if head == "click" else "engagements")
    if head == "conversion":
        everything = everything[everything["kind"] == "click"]
    known = everything[everything["created_ts"] < pd.Timestamp(end_of(platform.live))]
    assert older + within == len(known) and within > len(found) > 0
    assert older > 0 or head == "conversion", "of three days two are looked at, and of clicks three"
    words = [*LeftOut(older or 873, within - len(found), 0).words(times.history_days)]
    assert len(words) == 2 and "history_days" in words[0] and "label_maturity_hours" in words[1]
