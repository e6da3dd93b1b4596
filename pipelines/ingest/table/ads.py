"""The ads that rows name: an item, its campaign, its group and its advertiser, and the neutral catalogue rows of those nobody describes.
An implied group bids what its campaign does.

An item without a campaign is a campaign of its own, and a campaign without an advertiser has its own one, so that a slate can be filled:
an advertiser appears once on it.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from feature_repo.events import TIME
from pipelines.ingest import neutral
from pipelines.ingest.format import TS


def of_item(rows: Mapping[str, pa.Array]) -> tuple[pa.Array, pa.Array, pa.Array, pa.Array]:
    """Of each row its item, campaign, ad group and advertiser."""

    def given(name: str, otherwise: pa.Array) -> pa.Array:
        return pc.if_else(pc.equal(rows[name], ""), otherwise, rows[name]) if name in rows else otherwise

    item = rows["item"]
    campaign = given("campaign", item)
    return item, campaign, given("ad_group", item), given("advertiser", campaign)


def first_of(keys: pd.Series, moments: pd.Series) -> NDArray[np.bool_]:
    """Of each row whether none of its key is earlier."""
    codes, _ = pd.factorize(keys)
    return np.asarray(moments.groupby(codes).transform("min") == moments, bool)


def own_ads(rows: Mapping[str, pa.Array], source: str, objective: str, creatives: bool = True) -> dict[str, pa.Table]:
    """Advertisers, campaigns, ad groups and, if asked, creatives of the rows' items on neutral terms, each from the first row on."""
    item, campaign, group, advertiser = (cells.to_pandas() for cells in of_item(rows))
    frame = pd.DataFrame({"item": item, "campaign": campaign, "group": group, "advertiser": advertiser, TS: rows[TS].to_pandas()})
    earliest = [first_of(frame[name], frame[TS]) for name in ("item", "campaign", "group", "advertiser")]
    frame = frame[np.logical_or.reduce(earliest)].sort_values([TS, "item", "campaign", "group", "advertiser"], kind="stable")

    def first(column: str) -> pd.DataFrame:
        return frame.drop_duplicates(column)

    def words(values: pd.Series) -> pa.Array:
        return pa.array(values, pa.string())

    def times(values: pd.DataFrame) -> pa.Array:
        return pa.array(values[TS], TIME)

    who, campaigns, groups, items = first("advertiser"), first("campaign"), first("group"), first("item")
    found = {
        "advertisers": neutral.advertisers(words(who["advertiser"]), times(who), source, who["advertiser"].tolist()),
        "campaigns": neutral.campaigns(words(campaigns["campaign"]), words(campaigns["advertiser"]), times(campaigns), source, objective),
        "ad_groups": neutral.catalogue_rows("ad_groups", len(groups), {
            "ad_group_id": words(groups["group"]), "campaign_id": words(groups["campaign"]), "created_ts": times(groups), "source": source,
            "name": words(groups["group"]), "bid_micros": 0,
        }),
    }  # fmt: skip
    if creatives:
        found["creatives"] = neutral.creatives(
            words(items["item"]), words(items["group"]), words(items["campaign"]), words(items["advertiser"]), times(items), source,
            items["item"].tolist(), [""] * len(items),
        )  # fmt: skip
    return found
