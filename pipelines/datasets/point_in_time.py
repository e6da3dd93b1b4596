"""The features of labelled rows as they were known when each ad was shown, and the matrix that rankers read."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import redirect_stdout
from io import StringIO
from typing import Final

import numpy as np
import pandas as pd
import pyarrow as pa
from numpy.typing import NDArray

from feature_repo.exclusive import exclusive
from feature_repo.feast_store import open_store, register_views
from feature_repo.model_input import Columns, ModelInput
from feature_repo.request_time import NO_SEARCH, ad_columns, context_columns, pair_columns, search_columns, user_columns
from feature_repo.table import EVENT_TIME, FeatureTable
from feature_repo.tables import QUERY_TABLES, TABLES
from feature_repo.text import query_key
from pipelines.errors import Missing, PipelineError
from serving.settings import Settings

IDENTITIES: Final = ("creative_id", "campaign_id", "advertiser_id")
CONTEXT: Final = ("surface", "device", "os", "region", "language")


def features_at(settings: Settings, frame: pd.DataFrame) -> dict[str, np.ndarray]:
    """Every feature as it was known at each row's `ts` (Feast's point-in-time join, created-timestamp filter on).

    frame: user_id, creative_id, ts, and query (the text searched for, "" off search) where any row searched.

    Raises PipelineError when the join does not give back exactly the rows it was given.
    """
    for table in TABLES:
        if not any(settings.home.features(table.name).glob("day=*/part.parquet")):
            raise Missing(f"published {table.name}", "none", "Build and publish features first: `placard features history`.")
    entity = pd.DataFrame(
        {
            "user_id": frame["user_id"].astype(object), "creative_id": frame["creative_id"].astype(object),
            "query_key": query_keys(frame["query"] if "query" in frame else [""] * len(frame)),
            EVENT_TIME: pd.to_datetime(frame["ts"], utc=True), "row_number": np.arange(len(frame)),
        }
    )  # fmt: skip
    with redirect_stdout(StringIO()):
        store = open_store(settings.home, settings.profile, settings.stores.rows_url)
        with exclusive(settings.home, "feast"):
            register_views(store, settings.home)
        out: dict[str, np.ndarray] = {}
        for table in TABLES:  # one after the other, so that what Feast gives of one alone is held beside the columns
            keys = [table.entity, EVENT_TIME, "row_number"]
            refs = [f"{table.name}:{name}" for name in table.names]
            job = store.get_historical_features(entity_df=entity[keys].copy(), features=refs, filter_by_created_timestamp=True)
            out |= _filled(table, _in_order(job.to_arrow(), len(frame)))
    return out


def _in_order(joined: pa.Table, rows: int) -> pa.Table:
    """What a join gave, a row a label in their order. Raises PipelineError where there are other rows than labels."""
    numbers, wanted = joined["row_number"].to_numpy(), np.arange(rows)
    if not np.array_equal(numbers, wanted):  # of another offline store than ours
        joined = joined.take(np.argsort(numbers, kind="stable"))
    if not np.array_equal(joined["row_number"].to_numpy(), wanted):
        raise PipelineError("point-in-time join", len(joined), f"{rows} rows went in; look for duplicate features.")
    return joined


def query_keys(texts: Iterable[str]) -> NDArray[np.object_]:
    """text.query_key of each, computed once a distinct text."""
    unique, inverse = np.unique(np.array(list(texts), dtype=object).astype(str), return_inverse=True)
    return np.array([query_key(str(t)) for t in unique], dtype=object)[inverse]


def _filled(table: FeatureTable, joined: pa.Table) -> dict[str, np.ndarray]:
    """Columns with what is null at its default: what serving uses for an unknown or stale entity."""
    out = {}
    for feature in table.features:
        column = joined[feature.name].combine_chunks()
        if feature.dtype == "vector":
            values = feature.filled(len(column))
            known = column.is_valid().to_numpy(zero_copy_only=False)
            if known.any():
                values[known] = column.drop_null().flatten().to_numpy(zero_copy_only=False).reshape(-1, feature.width)
            out[feature.name] = values
        else:
            filled = column.fill_null(feature.default).to_numpy(zero_copy_only=False)
            out[feature.name] = filled if feature.dtype == "string" else filled.astype(feature.dtype)
    return out


def assemble(model: ModelInput, frame: pd.DataFrame, features: dict[str, np.ndarray], search: Columns = NO_SEARCH) -> NDArray[np.float32]:
    """The rows' matrix through the same functions that serving calls. search: what search_columns reads, of rows that searched."""
    text = {c: frame[c].fillna("").to_numpy(object) for c in CONTEXT}
    ids = {c: frame[c].to_numpy(object) for c in IDENTITIES}
    context = context_columns(frame["ts"].to_numpy("datetime64[us]"), **text)
    user, ad = user_columns(features), ad_columns({**features, **ids})
    asked = {name: features[name] for table in QUERY_TABLES for name in table.names if name in features}
    pair = pair_columns(context, user, ad, frame["seen_today"].to_numpy())
    searched = search_columns({**search, **asked}, ad)
    return model.matrix(len(frame), context, user, ad, pair, searched)
