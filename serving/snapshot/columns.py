"""From catalogue and feature tables to a snapshot's columns: row = live creative, sorted by id."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Final

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from feature_repo.request_time import ad_columns
from feature_repo.request_words import device, language, region, term
from feature_repo.services import INPUTS
from feature_repo.table import FeatureTable
from feature_repo.tables import AD_TABLES, QUERY_TABLES
from feature_repo.taxonomy import OBJECTIVES, SENSITIVE_CATEGORIES
from feature_repo.text import hash_words
from serving.language.text_encoder import Encoder
from serving.snapshot.creative_faults import creative_faults
from serving.snapshot.keyword_columns import keyword_columns
from serving.snapshot.manifest import matrix_name
from serving.snapshot.recall_index import recall_vectors
from serving.snapshot.search_columns import search_columns
from serving.snapshot.target_index import target_columns
from serving.snapshot.text_columns import text_columns

TARGETED: Final = ("surfaces", "regions", "languages", "devices", "age_bands", "genders")
"""The lists of a campaign that say whom it wants."""
WORDS: Final[Mapping[str, Callable[[str], str]]] = {
    "surfaces": term, "regions": region, "languages": language, "devices": device, "age_bands": term, "genders": term,
}  # fmt: skip
"""The form in which the words of each targeting list are compared with a request's and a profile's."""
ALL_HOURS: Final = np.uint64(2**24 - 1)
POLICIES: Final = ("rejected", "pending", "limited", "approved")
IDS: Final = ("creative_id", "campaign_id", "advertiser_id")
TEXTS: Final = ("headline", "description", "call_to_action", "image_path", "landing_url")


def strings(values: Sequence[str | None] | pa.ChunkedArray) -> NDArray[np.bytes_]:
    """UTF-8 bytes of fixed width: memory-mappable, unlike Python strings."""
    plain = values.to_pylist() if isinstance(values, pa.ChunkedArray) else values
    return np.array([(v or "").encode() for v in plain] or [b""], dtype=bytes)[: len(plain)]


def hour_bits(lists: Sequence[Sequence[int] | None]) -> NDArray[np.uint64]:
    """One bit for each hour of the day that a campaign lists, 0 to 23; all of them where it lists none."""
    wanted = [sum(1 << hour for hour in {*hours} if 0 <= hour < 24) if hours else int(ALL_HOURS) for hours in lists]
    return np.array(wanted, np.uint64)


def _feature_columns(table: FeatureTable, rows: pa.Table | None, ids: list[str]) -> dict[str, np.ndarray]:
    """A feature table's columns for `ids`; defaults for those it does not know."""
    out = {f.name: f.filled(len(ids)) for f in table.features}
    if rows is None or len(rows) == 0:
        return out
    where = {v: i for i, v in enumerate(rows[table.entity].to_pylist())}
    source = np.array([where.get(i, -1) for i in ids], np.int64)
    known = source >= 0
    for feature in table.features:
        column = rows[feature.name].combine_chunks()
        if feature.dtype == "vector":
            values = np.asarray(column.flatten().to_numpy(zero_copy_only=False), np.float32).reshape(-1, feature.width)
        else:
            values = column.fill_null(feature.default).to_numpy(zero_copy_only=False)
        out[feature.name][known] = values[source[known]]
    return out


def columns(
    catalog: Mapping[str, pa.Table], features: Mapping[str, pa.Table], as_of: datetime, encoder: Encoder | None = None
) -> tuple[dict[str, np.ndarray], int]:
    """Columns of every creative whose campaign is active and not over, and how many there are.

    catalog: tables of feature_repo.catalog as of `as_of`. features: ad and query feature tables. Cold ads have defaults.
    """
    campaigns = catalog["campaigns"].sort_by("campaign_id")
    creatives = _running(catalog["creatives"].sort_by("creative_id"), campaigns, as_of)
    place = {c: i for i, c in enumerate(campaigns["campaign_id"].to_pylist())}
    campaign = np.array([place[c] for c in creatives["campaign_id"].to_pylist()], np.int32)
    ad = _ads(creatives, features)
    out: dict[str, np.ndarray] = {
        **_ad_columns(ad),
        **_creative_columns(creatives),
        "campaign": campaign,
        "bid_micros": _bids(catalog["ad_groups"], creatives, campaigns["bid_micros"].to_numpy()[campaign]),
        **_campaign_columns(campaigns),
        **_matrices(ad, len(creatives)),
        **target_columns({name: _wanted(name, campaigns[name].to_pylist()) for name in TARGETED}),
        **search_columns(catalog, creatives, campaigns),
        **keyword_columns(catalog, creatives),
        **text_columns(catalog, creatives, as_of, encoder),
        **query_arrays(features),
        **_placements(catalog.get("placements")),
    }
    return out, len(creatives)


def _running(creatives: pa.Table, campaigns: pa.Table, as_of: datetime) -> pa.Table:
    """The creatives whose campaign is active and not over."""
    columns = (campaigns[name].to_pylist() for name in ("campaign_id", "status", "end_ts"))
    running = {c for c, status, end in zip(*columns, strict=True) if status == "active" and (end is None or end > as_of)}
    return creatives.filter(pa.array([c in running for c in creatives["campaign_id"].to_pylist()], pa.bool_()))


def _ads(creatives: pa.Table, features: Mapping[str, pa.Table]) -> dict[str, np.ndarray]:
    """What rankers read of each creative, and its ids as Python strings."""
    ids: list[str] = creatives["creative_id"].to_pylist()
    ad: dict[str, np.ndarray] = {}
    for table in AD_TABLES:
        ad |= _feature_columns(table, features.get(table.name), ids)
    return ad_columns(ad | {name: np.array(creatives[name].to_pylist(), dtype=object) for name in IDS})


def _ad_columns(ad: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Features of ads: plain ones, vectors, and the vectors that recall searches."""
    vectors = {f.name for t in AD_TABLES for f in t.features if f.dtype == "vector"}
    return {
        **{f"ad.{k}": v for k, v in ad.items() if v.dtype != object and k not in vectors},
        **{f"vector.{k}": np.asarray(ad[k], np.float32) for k in vectors},
        "recall.vectors": recall_vectors(ad),
    }


def _creative_columns(creatives: pa.Table) -> dict[str, np.ndarray]:
    """Ids, texts and policy of each creative; one whose texts are at fault is rejected, whoever approved it."""
    faulty = creative_faults(creatives)
    allowed = creatives["policy_status"].to_pylist()
    return {
        **{f"id.{k}": strings(creatives[k]) for k in IDS},
        **{f"text.{k}": strings(creatives[k]) for k in TEXTS},
        "policy": np.array([POLICIES.index(p) if p in POLICIES and i not in faulty else 0 for i, p in enumerate(allowed)], np.int8),
        "sensitive": np.array([c in SENSITIVE_CATEGORIES for c in creatives["category"].to_pylist()], bool),
    }


def _bids(groups: pa.Table, creatives: pa.Table, campaigns: NDArray[np.int64]) -> NDArray[np.int64]:
    """What each ad bids unless a keyword bids more particularly, micros: its ad group's bid where it has one, else its campaign's.
    campaigns: the bid of each ad's campaign, (ads,)."""
    own = dict(zip(groups["ad_group_id"].to_pylist(), groups["bid_micros"].to_pylist(), strict=True))
    of_group = np.array([own.get(group) or 0 for group in creatives["ad_group_id"].to_pylist()], np.int64)
    return np.where(of_group > 0, of_group, campaigns)


def _wanted(name: str, rows: Sequence[Sequence[str] | None]) -> list[list[str]]:
    """A targeting list of every campaign, its words in the form that a request's are compared in."""
    form = WORDS[name]
    return [[form(word) for word in row or ()] for row in rows]


def _campaign_columns(campaigns: pa.Table) -> dict[str, np.ndarray]:
    """Budget, cap and schedule of every campaign, (campaigns,)."""
    return {
        "campaign.id": strings(campaigns["campaign_id"]),
        "campaign.objective": np.array([OBJECTIVES.index(o) for o in campaigns["objective"].to_pylist()], np.int8),
        "campaign.budget_micros": campaigns["daily_budget_micros"].to_numpy().astype(np.int64),
        "campaign.cap": campaigns["frequency_cap"].fill_null(0).to_numpy().astype(np.int32),
        "campaign.start": _seconds(campaigns["start_ts"], 0),
        "campaign.end": _seconds(campaigns["end_ts"], 2**62),
        "campaign.hours": hour_bits(campaigns["hours"].to_pylist()),
    }


def _matrices(ad: Mapping[str, np.ndarray], n: int) -> dict[str, np.ndarray]:
    """The ad columns of each model input, (n, k) float32; inputs with the same ones share it."""
    out: dict[str, np.ndarray] = {}
    for model in INPUTS.values():
        if matrix_name(model) not in out:
            values = [np.asarray(ad[model.columns[i].name], np.float32) for i in model.of("ad")]
            out[matrix_name(model)] = np.stack(values or [np.zeros(n, np.float32)], axis=1)
    return out


def query_arrays(features: Mapping[str, pa.Table]) -> dict[str, np.ndarray]:
    """`query.key`: hash_words of the queries that something is known of, ascending; their features beside it."""
    out: dict[str, np.ndarray] = {}
    for table in QUERY_TABLES:
        rows = features.get(table.name, table.schema.empty_table())
        names = rows[table.entity].to_pylist()
        keys = hash_words(names)
        order = np.argsort(keys)
        out["query.key"] = keys[order]
        out |= {f"query.{name}": values[order] for name, values in _feature_columns(table, rows, names).items()}
    return out


def _seconds(column: pa.ChunkedArray, absent: int) -> NDArray[np.int64]:
    return np.array([absent if v is None else int(v.timestamp()) for v in column.to_pylist()], np.int64)


def _placements(table: pa.Table | None) -> dict[str, np.ndarray]:
    if table is None:
        return {}
    table = table.sort_by("placement_id")
    return {
        "placement.id": strings(table["placement_id"]),
        "placement.surface": strings(table["surface"]),
        "placement.slots": table["slots"].to_numpy().astype(np.int32),
        "placement.floor_micros": table["floor_micros"].to_numpy().astype(np.int64),
    }
