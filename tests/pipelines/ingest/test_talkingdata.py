from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pandas as pd
import pyarrow.parquet as pq
import pytest

from feature_repo.home import Home
from pipelines.ingest.collect import MOST_BAD, Ingested, ingest
from pipelines.ingest.talkingdata import COLUMNS, HOUSE, TalkingData

HEADER = ",".join(COLUMNS)


def read(home: Home, name: str) -> pd.DataFrame:
    return pd.concat([pq.read_table(f, partitioning=None).to_pandas() for f in home.files(name)], ignore_index=True)


def ingest_lines(home: Home, folder: Path, *lines: str, most_bad: float = MOST_BAD) -> Ingested:
    folder.mkdir(exist_ok=True)
    (folder / "log.csv").write_text("\n".join([HEADER, *lines]) + "\n")
    return ingest(home, TalkingData(), folder / "log.csv", most_bad=most_bad)


def test_a_click_and_its_install(home: Home, tmp_path: Path) -> None:
    ingest_lines(home, tmp_path, "95820,2,1,13,377,2017-11-08 6:30,2017-11-09 7:05,1")
    click, install = read(home, "engagements").sort_values("ts").itertuples()
    assert (click.kind, install.kind) == ("click", "conversion")
    assert install.cause_id == click.event_id
    assert click.impression_id is None
    assert click.ts == click.created_ts == datetime(2017, 11, 8, 6, 30, tzinfo=UTC)
    assert install.created_ts == datetime(2017, 11, 9, 7, 5, tzinfo=UTC)
    assert [p.parent.name for p in home.files("engagements")] == ["day=2017-11-08", "day=2017-11-09"]
    for event in (click, install):
        assert (event.user_id, event.device, event.os) == ("95820:1", "1", "13")
        assert (event.advertiser_id, event.campaign_id) == ("td-app-2", "td-channel-377")
        assert event.creative_id == "td-app-2-channel-377"


def test_equal_rows_are_different_clicks(home: Home, tmp_path: Path) -> None:
    row = "1,3,1,13,379,2017-11-07 9:30,,0"
    assert ingest_lines(home, tmp_path, row, row).kept == 2
    assert read(home, "engagements")["event_id"].nunique() == 2
    later = ingest_lines(home, tmp_path, row, row, row)
    assert (later.kept, later.duplicated) == (1, 2)


def test_an_install_that_a_later_copy_of_the_log_knows_is_added_to_its_click(home: Home, tmp_path: Path) -> None:
    ingest_lines(home, tmp_path, "1,3,1,13,379,2017-11-07 9:30,,0")
    result = ingest_lines(home, tmp_path, "1,3,1,13,379,2017-11-07 9:30,2017-11-07 10:00,1")
    assert (result.kept, result.tables) == (1, {"engagements": 1})
    assert sorted(read(home, "engagements")["kind"]) == ["click", "conversion"]


def test_the_ads_a_log_implies_can_be_served(home: Home, tmp_path: Path) -> None:
    ingest_lines(home, tmp_path, "1,3,1,13,379,2017-11-07 9:30,,0", "1,4,1,13,379,2017-11-07 9:00,,0")
    (campaign,) = read(home, "campaigns").itertuples()
    assert (campaign.campaign_id, campaign.advertiser_id, campaign.objective) == ("td-channel-379", HOUSE, "cpa")
    assert campaign.bid_micros > 0 and list(campaign.hours) == list(range(24)) and len(campaign.regions) == 0
    assert campaign.created_ts == campaign.start_ts == datetime(2017, 11, 7, 9, 0, tzinfo=UTC)
    creatives = read(home, "creatives").set_index("creative_id")
    assert list(creatives.loc["td-app-3-channel-379", ["advertiser_id", "policy_status"]]) == ["td-app-3", "approved"]


BAD = {
    "-5,3,1,13,379,2017-11-07 9:30,,0": "ip is not a whole number",
    "5,3.5,1,13,379,2017-11-07 9:30,,0": "app is not a whole number",
    "5,3,,13,379,2017-11-07 9:30,,0": "device is not a whole number",
    '5,3,1,"13",379,2017-11-07 9:30,,0': "os is not a whole number",
    "5,3,1,13,379,2017-13-07 9:30,,0": "click_time is not a time",
    "5,3,1,13,379,2017-11-07 24:30,,0": "click_time is not a time",
    "5,3,1,13,379,2017-11-07,,0": "click_time is not a time",
    "5,3,1,13,379,1017-11-07 9:30,,0": "click_time is not a time",
    "5,3,1,13,379,,,0": "click_time is not a time",
    "5,3,1,13,379,2017-11-07 9:30,,": "is_attributed is none of 0, 1",
    "5,3,1,13,379,2017-11-07 9:30,,yes": "is_attributed is none of 0, 1",
    "5,3,1,13,379,2017-11-07 9:30,,1": "attributed_time does not agree",
    "5,3,1,13,379,2017-11-07 9:30,2017-11-07 9:31,0": "attributed_time does not agree",
    "5,3,1,13,379,2017-11-07 9:30,2017-11-07 9:29,1": "attributed_time is before",
    "5,3,1,13": "has 4 columns instead of 8",
}


def test_malformed_rows_are_told_apart(home: Home, tmp_path: Path) -> None:
    result = ingest_lines(home, tmp_path, *BAD, most_bad=1)
    assert (result.rows_in, result.quarantined, result.kept) == (len(BAD), len(BAD), 0)
    records = [json.loads(line) for line in Path(result.files[0].quarantine).read_text().splitlines()]
    for record, (text, reason) in zip(records, BAD.items(), strict=True):
        assert record["text"] == text
        assert reason in record["reason"]
    assert not home.files("engagements")


def test_a_bad_cell_is_quoted(home: Home, tmp_path: Path) -> None:
    result = ingest_lines(home, tmp_path, "5,3,1,13,379,2017-11-07 25:99,,0", most_bad=1)
    assert "'2017-11-07 25:99'" in Path(result.files[0].quarantine).read_text()


@pytest.mark.real
def test_the_real_log(home: Home, real_logs: Path, content: Callable[..., dict[str, str]]) -> None:
    path = real_logs / "talkingdata" / "train_sample_to_70pct.csv"
    raw = pd.read_csv(path)
    result = ingest(home, TalkingData(), path)
    assert (result.rows_in, result.kept, result.quarantined) == (len(raw), len(raw), 0)
    events = read(home, "engagements")
    assert (events["kind"] == "conversion").sum() == raw["is_attributed"].sum()
    clicks = events[events["kind"] == "click"]
    assert len(clicks) == clicks["event_id"].nunique() == len(raw)
    assert sorted(clicks["ts"].dt.tz_localize(None)) == sorted(pd.to_datetime(raw["click_time"], format="%Y-%m-%d %H:%M"))
    assert len(read(home, "creatives")) == len(raw.drop_duplicates(["app", "channel"]))
    before = content()
    assert ingest(home, TalkingData(), path).duplicated == len(raw)
    assert content() == before
