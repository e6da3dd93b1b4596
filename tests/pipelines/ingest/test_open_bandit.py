from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest

from feature_repo.home import Home
from pipelines.ingest.collect import ingest
from pipelines.ingest.format import IngestError
from pipelines.ingest.open_bandit import OpenBandit

Sample = Callable[[Path], Path]


def read(home: Home, name: str) -> pd.DataFrame:
    return pd.concat([pq.read_table(f, partitioning=None).to_pandas() for f in home.files(name)], ignore_index=True)


@pytest.fixture
def sample(samples: dict[str, Sample]) -> Sample:
    return samples["open-bandit"]


def test_an_impression_keeps_what_was_logged(home: Home, tmp_path: Path, sample: Sample) -> None:
    ingest(home, OpenBandit(), sample(tmp_path))
    shown = read(home, "impressions").sort_values("ts").reset_index(drop=True)
    first = shown.iloc[0]
    assert first["ts"] == datetime(2019, 11, 24, 0, 3, 13, 442536, tzinfo=UTC)
    assert (first["creative_id"], first["position"], first["explored"]) == ("ob-men-0", 3, True)
    assert first["propensity"] == 1 / 3
    assert list(shown["user_id"].map(list(dict.fromkeys(shown["user_id"])).index)) == [0, 0, 1, 1]
    (click,) = read(home, "engagements").itertuples()
    assert click.kind == "click"
    assert click.cause_id == click.impression_id == shown.iloc[1]["impression_id"]
    decisions = read(home, "decisions").set_index("decision_id")
    assert set(shown["decision_id"]) == set(decisions.index)
    assert set(decisions["policy"]) == {"random"} and set(decisions["candidates"]) == {3}


def test_affinities_are_kept_by_impression_and_item(home: Home, tmp_path: Path, sample: Sample) -> None:
    ingest(home, OpenBandit(), sample(tmp_path))
    shown = read(home, "impressions").sort_values("ts")["impression_id"].tolist()
    kept = read(home, "affinities").sort_values("ts")
    assert kept[["impression_id", "creative_id", "affinity"]].values.tolist() == [
        [shown[1], "ob-men-1", 2.0],
        [shown[2], "ob-men-2", 1.0],
    ]


def test_items_become_creatives_with_their_features(home: Home, tmp_path: Path, sample: Sample) -> None:
    result = ingest(home, OpenBandit(), sample(tmp_path))
    (items,) = (f for f in result.files if f.role == "catalogue")
    assert (items.rows_in, items.kept, result.rows_in) == (3, 3, 4)
    creatives = read(home, "creatives").set_index("creative_id")
    assert creatives.loc["ob-men-1", "description"] == "0.5 a1 b1 c1"


def test_both_policies_share_a_catalogue(home: Home, tmp_path: Path, sample: Sample) -> None:
    sample(tmp_path)
    source = (tmp_path / "random").resolve()
    (tmp_path / "bts").symlink_to(source)
    result = ingest(home, OpenBandit(), tmp_path)
    assert [f.file for f in result.files if f.role == "log"] == ["random/men/men.csv", "bts/men/men.csv"]
    assert (result.rows_in, result.kept) == (8, 8)
    assert read(home, "creatives")["creative_id"].tolist() == ["ob-men-0", "ob-men-1", "ob-men-2"]
    shown = read(home, "impressions")
    assert shown.groupby("explored").size().to_dict() == {False: 4, True: 4}


def test_malformed_rows_and_items(home: Home, tmp_path: Path, sample: Sample) -> None:
    sample(tmp_path)
    log, items = tmp_path / "random/men/men.csv", tmp_path / "random/men/item_context.csv"
    good = log.read_text().splitlines()
    cells = good[1].split(",")
    bad = {
        "item_id is not one of the 3 items": [*cells[:2], "3", *cells[3:]],
        "item_id is not a whole number": [*cells[:2], "-1", *cells[3:]],
        "position is none of": [*cells[:3], "4", *cells[4:]],
        "click is none of": [*cells[:4], "2", *cells[5:]],
        "propensity_score is not a probability": [*cells[:5], "0", *cells[6:]],
        "propensity_score is not a probability above 0": [*cells[:5], "1.5", *cells[6:]],
        "user_feature_1 is empty": [*cells[:7], "", *cells[8:]],
        "user-item_affinity_2 is not a number": [*cells[:-1], "nan"],
        "timestamp is not a time": [*cells[:1], "24/11/2019", *cells[2:]],
    }
    log.write_text("\n".join([*good, *(",".join(row) for row in bad.values())]) + "\n")
    items.write_text(items.read_text() + "3,3,many,a,b,c\n")
    result = ingest(home, OpenBandit(), tmp_path, most_bad=1)
    assert (result.kept, result.quarantined) == (4, len(bad))
    catalogue, logged = ([json.loads(x) for x in Path(f.quarantine).read_text().splitlines()] for f in result.files)
    assert "item_feature_0 is not a number: 'many'" in catalogue[0]["reason"]
    for record, reason in zip(logged, bad, strict=True):
        assert reason in record["reason"]


def test_a_folder_without_items_is_refused(home: Home, tmp_path: Path, sample: Sample) -> None:
    sample(tmp_path)
    (tmp_path / "random/men/item_context.csv").unlink()
    with pytest.raises(IngestError, match=r"item_context\.csv"):
        ingest(home, OpenBandit(), tmp_path)
    assert not home.root.exists()


@pytest.mark.real
def test_the_real_log(home: Home, real_logs: Path, content: Callable[..., dict[str, str]]) -> None:
    path = real_logs / "open_bandit"
    raw = {c: pd.read_csv(path / "random" / c / f"{c}.csv", index_col=0, float_precision="round_trip") for c in ("men", "women")}
    rows = sum(map(len, raw.values()))
    result = ingest(home, OpenBandit(), path)
    assert (result.rows_in, result.kept, result.quarantined) == (rows, rows, 0)
    shown = read(home, "impressions")
    assert len(read(home, "engagements")) == sum(r["click"].sum() for r in raw.values())
    affinity = read(home, "affinities")
    for campaign, r in raw.items():
        mine = shown[shown["campaign_id"] == f"ob-{campaign}"]
        assert sorted(mine["propensity"]) == sorted(r["propensity_score"])
        matrix = r.filter(like="affinity").to_numpy()
        held = affinity[affinity["creative_id"].str.startswith(f"ob-{campaign}-")]
        assert len(held) == np.count_nonzero(matrix)
        assert held["affinity"].sum() == pytest.approx(matrix.sum())
    before = content()
    assert ingest(home, OpenBandit(), path).duplicated == rows
    assert content() == before
