"""Feast's DuckDB offline store with point-in-time joins by DuckDB's ASOF join. Feast imports this module by the name that stands in
`feature_store.yaml` and in `feast_store.open_store`.

Feast's own join pairs each label with every earlier row of its entity and keeps the latest, so its cost grows with the days; and it takes
the columns of a view from the first file alone, so that days from before a feature was added cannot be read beside days after. Here each
label looks up one row, and a column that a file lacks is null there.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Literal

import duckdb
import ibis
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from feast.data_format import ParquetFormat
from feast.feature_view import DUMMY_ENTITY_NAME
from feast.infra.offline_stores.duckdb import DuckDBOfflineStore, DuckDBOfflineStoreConfig, _read_data_source, _write_data_source
from feast.infra.offline_stores.file_source import FileSource
from feast.infra.offline_stores.ibis import pull_all_from_table_or_query_ibis, pull_latest_from_table_or_query_ibis
from feast.infra.offline_stores.offline_store import RetrievalJob, RetrievalMetadata
from feast.infra.offline_stores.offline_utils import infer_event_timestamp_from_entity_df
from feast.on_demand_feature_view import OnDemandFeatureView
from feast.type_map import feast_value_type_to_pa

from feature_repo.sql_text import sql_name

if TYPE_CHECKING:
    from feast import FeatureView
    from feast.data_source import DataSource
    from feast.infra.registry.base_registry import BaseRegistry
    from feast.repo_config import RepoConfig
    from feast.saved_dataset import SavedDatasetStorage
    from numpy.typing import NDArray

ROW, AT, EVENT, CREATED, FOUND = "__row", "__at", "__event", "__created", "__found"
"""Columns of a lookup: a label's number; its time, or the time from which on labels may see a row; when a row's event was and when it was
written; the number of a row. Times are microseconds since 1970, UTC: DuckDB's own arithmetic with zones is an extension to download."""


class AsofOfflineStoreConfig(DuckDBOfflineStoreConfig):  # type: ignore[misc]  # Feast has no types
    """The options of Feast's DuckDB store."""

    type: Literal["feature_repo.asof_store.AsofOfflineStore"] = "feature_repo.asof_store.AsofOfflineStore"


class AsofOfflineStore(DuckDBOfflineStore):  # type: ignore[misc]
    """Views over plain Parquet files are joined here; whatever else (Delta, Iceberg, Lance, renamed fields, on-demand views, views without
    an entity, credentials) goes to Feast's own join. Both give the same rows; here they come in the order of the labels."""

    @staticmethod
    def get_historical_features(
        config: RepoConfig, feature_views: list[FeatureView], feature_refs: list[str], entity_df: pd.DataFrame | str,
        registry: BaseRegistry, project: str, full_feature_names: bool = False, filter_by_created_timestamp: bool = False,
    ) -> RetrievalJob:  # fmt: skip
        derived = OnDemandFeatureView.get_requested_odfvs(feature_refs, project, registry)
        plain = all(_is_plain_parquet(view.batch_source) and view.entities != [DUMMY_ENTITY_NAME] for view in feature_views)
        if derived or isinstance(entity_df, str) or not plain:
            return DuckDBOfflineStore.get_historical_features(
                config, feature_views, feature_refs, entity_df, registry, project, full_feature_names, filter_by_created_timestamp
            )
        lookups = [_lookup(view, feature_refs, full_feature_names, filter_by_created_timestamp) for view in feature_views]
        return AsofJob(entity_df, lookups, full_feature_names, feature_refs, str(config.repo_path))

    @staticmethod
    def pull_latest_from_table_or_query(config: RepoConfig, **asked: Any) -> RetrievalJob:
        """What a materialisation reads."""
        return pull_latest_from_table_or_query_ibis(config=config, **asked, **_files(config))

    @staticmethod
    def pull_all_from_table_or_query(config: RepoConfig, **asked: Any) -> RetrievalJob:
        return pull_all_from_table_or_query_ibis(config=config, **asked, **_files(config))


def _files(config: RepoConfig) -> dict[str, Any]:
    """How Feast's DuckDB functions read and write."""
    return {
        "data_source_reader": _read, "data_source_writer": _write_data_source,
        "staging_location": config.offline_store.staging_location,
        "staging_location_endpoint_override": config.offline_store.staging_location_endpoint_override,
    }  # fmt: skip


def _read(source: DataSource, repo_path: str) -> Any:
    """The source as an Ibis table, with the columns of all its files."""
    return ibis.read_parquet(source.path, union_by_name=True) if _is_plain_parquet(source) else _read_data_source(source, repo_path)


def _is_plain_parquet(source: DataSource | None) -> bool:
    """Whether DuckDB can read the source as it stands."""
    if not isinstance(source, FileSource) or "://" in source.path or source.field_mapping:
        return False
    return isinstance(source.file_format, ParquetFormat) or (source.file_format is None and source.path.endswith(".parquet"))


@dataclass(frozen=True)
class Lookup:
    """One view's part of a join. event, created: columns that tell when a row's event was and when it was written; "" for none. as_known:
    whether labels see only what was written by then. keys: join keys, the source's names to the labels'. features: the source's columns to
    the answer's. types: of the features. ttl: a row whose event is older is not found; None for any age."""

    path: str
    event: str
    created: str
    as_known: bool
    keys: Mapping[str, str]
    features: Mapping[str, str]
    types: Mapping[str, pa.DataType]
    ttl: timedelta | None


def _lookup(view: FeatureView, refs: Sequence[str], full_names: bool, as_known: bool) -> Lookup:
    source, projection = view.batch_source, view.projection
    shown, base = projection.name_to_use(), projection.name_alias or view.name
    names = [ref.split(":")[1] for ref in refs if ref.startswith(f"{shown}:")]
    keys = {own: projection.join_key_map.get(own, own) for own in (e.name for e in view.entity_columns)}
    created = source.created_timestamp_column or ""
    return Lookup(
        source.path, source.timestamp_field, created, as_known and bool(created), keys,
        {name: f"{base}__{name}" if full_names else name for name in names},
        {f.name: feast_value_type_to_pa(f.dtype.to_value_type()) for f in view.features}, view.ttl or None,
    )  # fmt: skip


class AsofJob(RetrievalJob):  # type: ignore[misc]
    """The labels with the features of every lookup, read when asked for."""

    def __init__(self, labels: pd.DataFrame, lookups: Sequence[Lookup], full_names: bool, refs: Sequence[str], repo_path: str) -> None:
        super().__init__()
        self._labels, self._lookups, self._full_names, self._repo_path = labels, lookups, full_names, repo_path
        self._time = infer_event_timestamp_from_entity_df(dict(zip(labels.columns, labels.dtypes, strict=True)))
        self._times = pd.to_datetime(labels[self._time], utc=True)
        self._metadata = RetrievalMetadata(
            features=list(refs), keys=[c for c in labels.columns if c != self._time],
            min_event_timestamp=self._times.min().to_pydatetime(), max_event_timestamp=self._times.max().to_pydatetime(),
        )  # fmt: skip

    def _to_arrow_internal(self, timeout: int | None = None) -> pa.Table:
        labels = self._labels.assign(**{self._time: self._times})
        out = pa.Table.from_pandas(labels, preserve_index=False)
        with duckdb.connect() as con:
            for lookup in self._lookups:
                out = _with(con, out, labels, self._times, lookup)
        return out

    def _to_df_internal(self, timeout: int | None = None) -> pd.DataFrame:
        found: pd.DataFrame = self._to_arrow_internal(timeout).to_pandas()
        return found

    @property
    def full_feature_names(self) -> bool:
        return self._full_names

    @property
    def on_demand_feature_views(self) -> list[OnDemandFeatureView]:
        return []

    @property
    def metadata(self) -> RetrievalMetadata | None:
        return self._metadata

    def persist(self, storage: SavedDatasetStorage, allow_overwrite: bool = False, timeout: int | None = None) -> None:
        _write_data_source(
            ibis.memtable(self._to_arrow_internal(timeout)), storage.to_data_source(), self._repo_path, "overwrite", allow_overwrite
        )


def _with(con: duckdb.DuckDBPyConnection, out: pa.Table, labels: pd.DataFrame, times: pd.Series, lookup: Lookup) -> pa.Table:
    """The table with the columns of a lookup appended; null where a label finds no row that is young enough."""
    wanted = pa.table(
        {ROW: pa.array(np.arange(len(labels))), AT: pa.array(_microseconds(times))}
        | {own: pa.array(labels[theirs], from_pandas=True) for own, theirs in lookup.keys.items()}
    )
    con.register("labels", wanted)
    files = con.read_parquet(lookup.path, union_by_name=True, hive_partitioning=False)
    kinds = dict(zip(files.columns, files.types, strict=True))
    keys = "".join(f", {sql_name(key)}::{kinds[key]} as {sql_name(key)}" for key in lookup.keys)  # labels without any key have no type
    # Joined as a table, since Arrow's columns tell the planner nothing.
    con.sql(f"create or replace temp table wanted as select {ROW}, {AT}{keys} from labels")
    source = _source(con, files, lookup)
    held = source.select([*lookup.keys, AT, EVENT, CREATED, FOUND])
    con.register("rows", held)
    con.sql("create or replace temp table source as from rows")
    best = "source" if _one_row_a_moment(con, lookup) else f"({_best_so_far(lookup)})"
    equal = " and ".join(f"l.{sql_name(key)} = s.{sql_name(key)}" for key in lookup.keys)
    at = con.sql(f"select s.{FOUND} from wanted l asof left join {best} s on {equal} and l.{AT} >= s.{AT} order by l.{ROW}")
    found = at.to_arrow_table().column(0).combine_chunks()
    if lookup.ttl:
        age = pc.subtract(wanted[AT].combine_chunks(), source[EVENT].combine_chunks().take(found))
        found = pc.if_else(pc.less_equal(age, _ttl(lookup.ttl)), found, None)
    for name, shown in lookup.features.items():
        out = out.append_column(shown, source[name].combine_chunks().take(found))
    return out


def _source(con: duckdb.DuckDBPyConnection, files: duckdb.DuckDBPyRelation, lookup: Lookup) -> pa.Table:
    """The rows of a view that the labels may find: its keys, EVENT, CREATED, AT (from when on a label may see the row), FOUND and its
    features. A feature that no file has is null."""
    there = {*files.columns}
    event = f"epoch_us({sql_name(lookup.event)})"
    created = f"epoch_us({sql_name(lookup.created)})" if lookup.created else event
    at = f"greatest({event}, {created})" if lookup.as_known else event
    columns = [
        *map(sql_name, lookup.keys), f"{event} as {EVENT}", f"{created} as {CREATED}", f"{at} as {AT}",
        *(sql_name(name) for name in lookup.features if name in there),
    ]  # fmt: skip
    one = sql_name(next(iter(lookup.keys)))
    asked = f"where {AT} <= (select max({AT}) from wanted) and {one} in (select {one} from wanted)"
    if lookup.ttl:
        asked += f" and {EVENT} >= (select min({AT}) from wanted) - {_ttl(lookup.ttl)}"
    rows = con.sql(f"select * from (select {', '.join(columns)} from files) {asked}").to_arrow_table().combine_chunks()
    rows = rows.append_column(FOUND, pa.array(np.arange(len(rows))))
    for name in lookup.features.keys() - there:
        rows = rows.append_column(name, pa.nulls(len(rows), lookup.types[name]))
    return rows


def _one_row_a_moment(con: duckdb.DuckDBPyConnection, lookup: Lookup) -> bool:
    """Whether the rows of a key follow each other: none became known after a later one, and no two at the same moment."""
    moment = ", ".join((*map(sql_name, lookup.keys), AT))
    asked = f"select coalesce(bool_or({AT} > {EVENT}), false), count(*), count(distinct ({moment})) from source"
    late, rows, moments = con.sql(asked).fetchall()[0]
    return not late and rows == moments


def _best_so_far(lookup: Lookup) -> str:
    """The latest row of each key that was known at each moment, by its event's time and then by when it was written, as Feast orders."""
    keys = ", ".join(map(sql_name, lookup.keys))
    latest = f"arg_max({FOUND}, ({EVENT}, {CREATED}, {FOUND})) over (partition by {keys} order by {AT})"
    return f"select {keys}, {AT}, {latest} as {FOUND} from source"


def _microseconds(times: pd.Series) -> NDArray[np.int64]:
    """Of times with a zone, (n,): microseconds since 1970, UTC."""
    return np.asarray(times.dt.tz_convert("UTC").dt.tz_localize(None).to_numpy("datetime64[us]").astype(np.int64))


def _ttl(ttl: timedelta) -> int:
    return ttl // timedelta(microseconds=1)
