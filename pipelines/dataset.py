"""Training sets: matured labels, joined through Feast to the features that were known when each ad was shown."""

from __future__ import annotations

import os
from collections.abc import Iterable
from contextlib import redirect_stdout
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from io import StringIO
from pathlib import Path
from typing import TYPE_CHECKING, Final

import ibis
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from feature_repo.days import end_of
from feature_repo.exclusive import exclusive
from feature_repo.home import Home
from feature_repo.model_input import Columns, ModelInput
from feature_repo.partition_file import write_partition
from feature_repo.request_time import NO_SEARCH, ad_columns, context_columns, pair_columns, search_columns, user_columns
from feature_repo.services import HEADS
from feature_repo.table import EVENT_TIME, FeatureTable
from feature_repo.tables import QUERY_TABLES, TABLES
from feature_repo.text import hash_codes, query_key
from pipelines.build import as_of_table, connect
from pipelines.errors import Missing, PipelineError, Refused
from pipelines.fresh_labels import fresh_labels
from pipelines.search_rows import search_rows
from pipelines.teachable import refuse_one_class, refuse_unteachable
from serving.settings import Settings

if TYPE_CHECKING:
    import ibis.expr.types as ir

    from pipelines.rankers.encoding import Encoded

HISTORY_DAYS: Final = 30
IDENTITIES: Final = ("creative_id", "campaign_id", "advertiser_id")
CONTEXT: Final = ("surface", "device", "os", "region", "language")
OTHERS: Final = {"click": ("conversion", "like", "comment", "share", "hide"), "conversion": ()}
"""What a row is labelled with beside its head, by head: the same impression's further events within the same window."""
ROWS: Final = "rows.parquet"
MATRIX: Final = "matrix.npy"


@dataclass(frozen=True)
class Dataset:
    """rows: one a label, ascending in time, with columns row_id, ts, user_id, creative_id, surface, position, shown (its decision's
    last position; 0 where the log does not tell), seen_today, explored, label (bool), split (train, calibrate, test), weight_rate (share of
    negatives kept in its split). matrix: (n, k) float32.

    Fresh rows also have what rankers/delay.py reads. others: columns of `rows` that are labels too. prepared: what rankers keep of it
    between fits, by a key of theirs."""

    head: str
    input: ModelInput
    rows: pd.DataFrame
    matrix: NDArray[np.float32]
    others: tuple[str, ...] = ()
    prepared: dict[bytes, Encoded] = field(default_factory=dict, compare=False, repr=False)

    def part(self, *splits: str) -> NDArray[np.bool_]:
        return np.asarray(self.rows["split"].isin(splits))

    def narrowed(self, columns: tuple[str, ...]) -> Dataset:
        """With the first columns of the matrix only, which must be these. Raises PipelineError when they are others."""
        k = len(columns)
        if self.input.names[:k] != columns:
            raise PipelineError("dataset input", self.input.name, "It holds other columns than are asked for: make it again, then train.")
        if k == len(self.input.columns):
            return self
        fitting = [m for m in HEADS[self.head] if m.names == columns]
        narrow = fitting[0] if fitting else replace(self.input, columns=self.input.columns[:k])
        return replace(self, input=narrow, matrix=self.matrix[:, :k])

    @property
    def label(self) -> NDArray[np.bool_]:
        return self.rows["label"].to_numpy(bool)


def labels(home: Home, head: str, day: date, maturity: timedelta) -> pd.DataFrame:
    """Rows whose label window has passed by the day's end, ascending in time; label: the event came within the window.

    click: rows are impressions, which have a column for each of OTHERS too (a conversion only where the click was in time).
    conversion: rows are clicks, the conversion names its click as cause. happened: when, absent for none. Raises Missing on none.
    """
    as_of, con = end_of(day), connect()
    try:
        done = as_of_table(con, home, "engagements", as_of, HISTORY_DAYS + 1)
        back = HISTORY_DAYS if head == "click" else HISTORY_DAYS + 2  # a click is of the table above, its ad of the day before at most
        shown = with_exposures(as_of_table(con, home, "impressions", as_of, back))
        clicks = done.filter(done.kind == "click")
        seen = shown.select(seen_at="impression_id", seen_today="seen_today")
        base = shown if head == "click" else clicks.left_join(seen, clicks.impression_id == seen.seen_at)
        key = "impression_id" if head == "click" else "event_id"
        link = "impression_id" if head == "click" else "cause_id"
        known = {head: "happened"} | {name: f"{name}_at" for name in OTHERS[head]}
        outcomes = done.filter(done.kind.isin(list(known))).group_by(link)
        outcomes = outcomes.aggregate(**{at: done.created_ts.min(where=done.kind == kind) for kind, at in known.items()})
        joined = base.left_join(outcomes.rename(outcome_of=link), base[key] == outcomes.rename(outcome_of=link).outcome_of)
        columns = {"row_id": joined[key], "explored": joined.explored if head == "click" else False, "shown": ibis.literal(0)}
        if head == "click":
            page = joined.position.max().over(group_by=joined.decision_id)
            columns["shown"] = joined.decision_id.notnull().ifelse(page, 0)
        asked = as_of_table(con, home, "queries", as_of, HISTORY_DAYS + 2).select(asked="query_id", query="text")
        joined = joined.left_join(asked, joined.query_id == asked.asked)
        written = as_of_table(con, home, "shown_texts", as_of, HISTORY_DAYS + 2).select(written="impression_id", choice="choice")
        joined = joined.left_join(written, joined.impression_id == written.written)
        columns["choice"] = joined.choice.coalesce(0)
        frame: pd.DataFrame = (
            joined.select(
                *("ts", "user_id", "creative_id", "campaign_id", "advertiser_id", "position", "seen_today", *CONTEXT, "query"),
                *known.values(),
                **columns,
            )
            .order_by("ts", "row_id")
            .to_pandas()
        )
    finally:
        con.disconnect()
    frame = frame[frame["ts"] + maturity <= pd.Timestamp(as_of).tz_localize(None)].reset_index(drop=True)
    if frame.empty:
        raise Missing(f"matured {head} labels", str(day), "Ingest earlier days, or lower PLACARD_LABEL_MATURITY_HOURS.")
    frame["label"] = (frame["happened"] - frame["ts"]) <= maturity
    for name in OTHERS[head]:
        frame[name] = (frame[known[name]] - frame["ts"]) <= maturity
    if "conversion" in OTHERS[head]:
        frame["conversion"] &= frame["label"]
    frame["position"] = frame["position"].fillna(1).astype(np.int16)
    frame["shown"] = frame["shown"].fillna(0).astype(np.int16)
    frame["seen_today"] = frame["seen_today"].fillna(0).astype(np.int16)
    frame["query"] = frame["query"].fillna("")
    frame["explored"] = frame["explored"].fillna(False).astype(bool)
    return frame.drop(columns=[at for at in known.values() if at != "happened"])


def with_exposures(impressions: ir.Table) -> ir.Table:
    """With seen_today: how often the campaign had been shown to the user on earlier pages, that day (UTC); 0 for a user without a
    name. The ledger's count when the page was decided."""
    t = impressions.mutate(day=impressions.ts.date(), page=impressions.decision_id.coalesce(impressions.impression_id))
    keys = [t.user_id, t.campaign_id, t.day]
    earlier = ibis.rank().over(group_by=keys, order_by=t.ts) - ibis.rank().over(group_by=[*keys, t.page], order_by=t.ts)
    return t.mutate(seen_today=(t.user_id != "").ifelse(earlier, 0)).drop("day", "page")


def split(frame: pd.DataFrame, cuts: tuple[float, float]) -> NDArray[np.object_]:
    """train / calibrate / test by time: boundaries at two shares of the rows, never inside one moment."""
    ts = frame["ts"].to_numpy()
    first, second = (ts[min(int(len(ts) * c), len(ts) - 1)] for c in cuts)
    return np.where(ts < first, "train", np.where(ts < second, "calibrate", "test")).astype(object)


def sample(frame: pd.DataFrame, rate: float) -> pd.DataFrame:
    """Keeps `rate` of the negatives of everything but the test rows, by a hash of the row's id, so again gives the same."""
    kept = frame["label"] | (frame["split"] == "test") | (hash_codes(frame["row_id"].to_numpy(object)) % 10_000 < rate * 10_000)
    return frame[kept].reset_index(drop=True)


def features_at(settings: Settings, frame: pd.DataFrame) -> dict[str, np.ndarray]:
    """Every feature as it was known at each row's `ts` (Feast's point-in-time join, created-timestamp filter on).

    frame: user_id, creative_id, ts, and query (the text searched for, "" off search) where any row searched.

    Raises PipelineError when the join does not give back exactly the rows it was given.
    """
    from feature_repo.feast_store import open_store
    from feature_repo.views import objects

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
        store = open_store(settings.home, settings.profile, settings.redis_url)
        with exclusive(settings.home, "feast"):
            store.apply(objects(settings.home))
        refs = [f"{t.name}:{n}" for t in TABLES for n in t.names]
        job = store.get_historical_features(entity_df=entity, features=refs, filter_by_created_timestamp=True)
        joined = job.to_arrow().sort_by("row_number")
    if joined["row_number"].to_pylist() != list(range(len(frame))):
        raise PipelineError("point-in-time join", len(joined), f"{len(frame)} rows went in; look for duplicate features.")
    out: dict[str, np.ndarray] = {}
    for table in TABLES:
        out |= _filled(table, joined)
    return out


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


def folder(home: Home, head: str, day: date) -> Path:
    return home.root / "datasets" / head / f"day={day}"


def make(settings: Settings, head: str, day: date, cuts: tuple[float, float] = (0.64, 0.8), fresh: bool = False) -> Dataset:
    """Builds and keeps the training set of a day. fresh: rows before the test know only what had come when it begins (delayed
    conversions). Raises PipelineError for an unknown head, Refused when it cannot teach."""
    if head not in HEADS:
        raise PipelineError("head", head, f"Known: {', '.join(HEADS)}.")
    if fresh and head != "conversion":
        raise PipelineError("fresh labels of head", head, "Only conversions come late enough: leave the option out.")
    window = timedelta(hours=settings.label_maturity_hours)
    frame = labels(settings.home, head, day, window)
    frame["split"] = split(frame, cuts)
    frame = (fresh_labels(frame, window) if fresh else frame).drop(columns="happened")
    for name in ("train", "test"):  # told before the features are joined, which takes long
        refuse_one_class(head, name, frame.loc[frame["split"] == name, "label"].to_numpy(bool))
    rate = settings.negative_rate if frame["label"].mean() < 0.1 and frame["label"].sum() > 1000 else 1.0
    frame = sample(frame, rate)
    frame["weight_rate"] = np.where(frame["split"] == "test", 1.0, rate)
    search = search_rows(settings, frame["query"].to_list(), frame["creative_id"].to_list(), day, frame["choice"].to_list())
    widest = HEADS[head][-1]
    made = Dataset(head, widest, frame, assemble(widest, frame, features_at(settings, frame), search), OTHERS[head])
    refuse_unteachable(made)
    place = folder(settings.home, head, day)
    place.mkdir(parents=True, exist_ok=True)
    part = place / f".{MATRIX}.{os.getpid()}"
    with part.open("wb") as file:
        np.save(file, made.matrix, allow_pickle=False)
    os.replace(part, place / MATRIX)
    write_partition(pa.Table.from_pandas(made.rows, preserve_index=False), place / ROWS)
    return made


def read(home: Home, head: str, day: date) -> Dataset:
    """The kept training set. Raises Missing when it has not been made."""
    place = folder(home, head, day)
    if not (place / ROWS).exists():
        raise Missing(f"{head} dataset", str(day), f"Run `placard train --head {head} --partition {day} --step dataset`.")
    rows = pq.read_table(place / ROWS, partitioning=None).to_pandas()
    matrix = np.load(place / MATRIX, allow_pickle=False)
    fitting = [m for m in HEADS[head] if len(m.columns) == matrix.shape[1]]  # an older version's may be of a narrower input
    if not fitting:
        raise Refused(
            f"{head} dataset of {day}", f"{matrix.shape[1]} columns", "Features have changed: make it again with `--step dataset`."
        )
    others = tuple(name for name in OTHERS[head] if name in rows)  # an older version's dataset has none
    return Dataset(head, fitting[-1], rows, matrix, others)
