"""The mappings that come with Placard, on the public logs and on reports of the shape that advertising systems export."""

from __future__ import annotations

from pathlib import Path

import pytest

from feature_repo.home import Home
from pipelines.ingest.collect import Ingested, ingest
from pipelines.ingest.table.mapped_table import MappedTable
from pipelines.ingest.table.mapping import mapping_of, read_mapping
from pipelines.ingest.table.shipped import SHIPPED
from tests.pipelines.ingest.table.mapped_tables import held, quarantined

SINCE = {"constants": {"ts": "2026-01-31T00:00Z"}}
CAMPAIGNS = """Campaign report
"January 1, 2026 - January 31, 2026"
Campaign status,Campaign,Budget,Budget name,Currency code,Impr.,Clicks,Cost
Enabled,Winter sale,"1,250.00",--,EUR,"45,000",900,310.55
Paused,Brand,€40,--,EUR,100,9,1.10
Enabled,Shared,--,Everything,EUR,0,0,0.00
Total: Account,--,"1,290.00",--,EUR,"45,100",909,311.65
"""
KEYWORDS = """Search keyword report
All time
Keyword status,Keyword,Match type,Campaign,Ad group,Max. CPC,Clicks
Enabled,red shoes,Broad match,Winter sale,Core,0.45,"1,200"
Enabled,red shoes,Exact match,Winter sale,Core,--,400
Removed,old shoes,Phrase match,Winter sale,Core,0.10,1
Total: Keywords,--,--,--,--,--,"1,601"
"""
GROUPS = """Ad group report
All time
Ad group status,Ad group,Campaign,Default max. CPC,Clicks
Enabled,Core,Winter sale,0.60,1200
Enabled,Core,Brand,--,10
"""
ADS = """Ad report
All time
Ad status,Ad ID,Final URL,Headline 1,Headline 2,Headline 3,Description 1,Description 2,Campaign,Ad group,Clicks
Enabled,7001,https://shop.example/shoes,Red shoes,"Shoes, red",,"Light, for road and trail.",--,Winter sale,Core,1200
Paused,7002,https://shop.example/shoes,Old shoes,,,Old.,,Winter sale,Core,0
"""


def told(home: Home, name: str, path: Path, text: str) -> Ingested:
    path.write_text(text)
    return ingest(home, MappedTable(read_mapping(SHIPPED[name], SINCE)), path)


def test_reports_of_google_ads_become_a_catalogue(home: Home, tmp_path: Path) -> None:
    for kind, text in (("campaigns", CAMPAIGNS), ("keywords", KEYWORDS), ("ad-groups", GROUPS), ("ads", ADS)):
        result = told(home, f"google-ads-{kind}", tmp_path / f"{kind}.csv", text)
        assert not quarantined(result), kind
    campaigns = held(home, "campaigns").set_index("campaign_id")
    assert campaigns["status"].to_dict() == {"Winter sale": "active", "Brand": "paused", "Shared": "active"}
    assert campaigns["daily_budget_micros"].to_dict() == {"Winter sale": 1_250_000_000, "Brand": 40_000_000, "Shared": 10**12}
    keywords = held(home, "keywords")
    assert sorted(zip(keywords["text"], keywords["match_type"], keywords["bid_micros"], strict=True)) == [
        ("red shoes", "broad", 450_000), ("red shoes", "exact", 0)
    ]  # fmt: skip
    groups = held(home, "ad_groups").set_index("ad_group_id")
    assert groups["bid_micros"].to_dict() == {"Winter sale:Core": 600_000, "Brand:Core": 0}
    (ad,) = held(home, "creatives").to_dict("records")
    assert (ad["creative_id"], ad["headline"], list(ad["headlines"])) == ("7001", "Red shoes", ["Shoes, red"])
    assert ad["campaign_id"] in campaigns.index and ad["ad_group_id"] in groups.index
    assert {*keywords["ad_group_id"]} <= {*groups.index}


def test_reports_of_meta_ads_become_a_catalogue(home: Home, tmp_path: Path) -> None:
    told(home, "meta-ads-campaigns", tmp_path / "c.csv", (
        "\ufeffReporting starts,Reporting ends,Campaign name,Campaign delivery,Campaign budget,Campaign budget type,Amount spent (EUR)\n"
        "2026-01-01,2026-01-31,Spring,active,30,Daily,101.2\n2026-01-01,2026-01-31,Old,archived,Using ad set budget,,0\n"
    ))  # fmt: skip
    told(home, "meta-ads-ad-sets", tmp_path / "s.csv", "Ad set name,Campaign name,Ad set delivery\nLookalike 1%,Spring,active\n")
    told(home, "meta-ads-ads", tmp_path / "a.csv", (
        'Ad name,Ad ID,Campaign name,Ad set name,Body\nVideo A,120210000000000001,Spring,Lookalike 1%,"Two lines\nof text"\n'
    ))  # fmt: skip
    assert held(home, "campaigns").set_index("campaign_id")["status"].to_dict() == {"Spring": "active", "Old": "ended"}
    (ad,) = held(home, "creatives").to_dict("records")
    assert (ad["creative_id"], ad["headline"], ad["description"]) == ("120210000000000001", "120210000000000001", "Two lines of text")
    assert held(home, "ad_groups")["ad_group_id"].tolist() == [ad["ad_group_id"]]


@pytest.mark.parametrize(("name", "rows", "clicks"), [("avazu", 100, 20), ("criteo", 200, 49)])
def test_the_public_schemas_are_read_whole(name: str, rows: int, clicks: int, home: Home, real_logs: Path) -> None:
    log = real_logs / "schema_samples" / f"{name}_sample.txt"
    if not log.is_file():
        pytest.skip(f"{log} is not there")
    result = ingest(home, MappedTable(read_mapping(SHIPPED[name])), log)
    assert (result.rows_in, result.kept, len(held(home, "engagements"))) == (rows, rows, clicks)


def test_a_real_log_of_clicks_and_installs_is_read_by_a_mapping(home: Home, tmp_path: Path, real_logs: Path) -> None:
    """Its times have hours of one digit and no offset, and a person is two columns."""
    log = real_logs / "talkingdata" / "train_sample_to_70pct.csv"
    if not log.is_file():
        pytest.skip(f"{log} is not there")
    with log.open() as file:
        some = [line for line, _ in zip(file, range(2001), strict=False)]
        some += [line for line in file if line.rstrip().endswith(",1")]
    (tmp_path / "clicks.csv").write_text("".join(some))
    mapping = {
        "as": "clicks", "source": "mobile", "zone": "UTC", "constants": {"surface": "proactive"},
        "columns": {"user": ["ip", "device"], "item": ["app", "channel"], "campaign": "channel", "advertiser": "app", "os": "os",
                    "ts": "click_time", "converted": "is_attributed", "converted_at": "attributed_time"},
    }  # fmt: skip
    result = ingest(home, MappedTable(mapping_of(mapping, "test")), tmp_path / "clicks.csv")
    assert result.kept == result.rows_in == len(some) - 1
    kinds = held(home, "engagements")["kind"].value_counts()
    assert kinds["click"] == len(some) - 1 and kinds["conversion"] == sum(line.rstrip().endswith(",1") for line in some)


def test_a_real_list_of_plays_without_a_header_is_read_by_a_mapping(home: Home, real_logs: Path) -> None:
    log = real_logs / "lastfm_social" / "ratings.txt"
    if not log.is_file():
        pytest.skip(f"{log} is not there")
    result = ingest(home, MappedTable(read_mapping(SHIPPED["lastfm-plays"])), log)
    assert result.kept == result.rows_in == 92_834
    assert held(home, "activity")["item_id"].nunique() > 10_000


def test_rows_of_other_words_and_numbers_of_other_places_are_read_as_said(home: Home, tmp_path: Path) -> None:
    (tmp_path / "log.csv").write_text("land;u;i;t;preis\nDE;a;x;1767607200;1.234,50 €\nFR;b;x;1767607200;zwei\nAT;c;x;1767607200;0,5\n")
    mapping = {
        "as": "impressions", "source": "shop", "only": {"land": ["DE", "AT"]}, "time": "epoch_s", "file": {"decimal": ","},
        "columns": {"user": "u", "item": "i", "ts": "t", "price": "preis"},
    }  # fmt: skip
    result = ingest(home, MappedTable(mapping_of(mapping, "test")), tmp_path / "log.csv")
    assert (result.rows_in, result.kept) == (2, 2)
    assert held(home, "impressions").set_index("user_id")["price_micros"].to_dict() == {"a": 1_234_500_000, "c": 500_000}
