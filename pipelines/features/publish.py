"""Makes validated features live: offline partitions, Feast's registry and online store, the snapshot; the pointer last.

Every step is idempotent and the live state is a function of the newest published day alone: a run that is killed, repeated, or
made for an older day never moves anything back.
"""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from feature_repo.days import end_of, refuse_unended
from feature_repo.exclusive import exclusive
from feature_repo.home import Home
from feature_repo.partition_file import read_features
from feature_repo.table import FeatureTable
from feature_repo.tables import AD_TABLES, QUERY_TABLES, TABLES
from feature_repo.whole_file import whole_file, write_whole
from pipelines.errors import Missing
from pipelines.features.content import content_hash
from pipelines.features.day_inputs import inputs_file
from pipelines.features.online import bring_online
from pipelines.features.published import live_day
from pipelines.features.refused_creatives import set_aside_creatives
from pipelines.features.validate import passed
from pipelines.language.champions import encoder_in_use
from pipelines.warehouse.catalog import catalog_as_of
from serving.settings import Settings
from serving.snapshot import set_current, write_snapshot


@dataclass(frozen=True)
class Published:
    """snapshot: the version now served. live: the day whose knowledge is live; an older one changes nothing. refused: creatives that are
    rejected for their texts; quarantine/catalog/DAY.jsonl names them."""

    days: tuple[date, ...]
    live: date
    snapshot: str
    content: str
    refused: int = 0


def publish(settings: Settings, days: Sequence[date]) -> Published:
    """Publishes staged, validated partitions of `days`. Raises FeatureError for a day that has not ended, Missing naming the first that has
    not passed as it is now."""
    home = settings.home
    for day in days:
        refuse_unended(day)
        for table in TABLES:
            if not passed(home, table, day):
                raise Missing(f"validated {table.name}", str(day), f"Run `placard features validate --partition {day}`.")
    with exclusive(home, "feast"):
        for day in days:
            for table in TABLES:
                _move_in(home, table, day)
        live = live_day(home)
        assert live is not None, "the days above have ended"
        version, refused = make_live(settings, live)
        return Published(tuple(days), live, version, content_hash(home), refused)


def make_live(settings: Settings, live: date) -> tuple[str, int]:
    """Brings a published day online and points serving at its snapshot. Returns the snapshot's version, and how many creatives were set
    aside. The caller holds the lock `feast`."""
    home = settings.home
    bring_online(settings, live)
    catalog = catalog_as_of(home, live)
    version, refused = _snapshot(settings, live, catalog), set_aside_creatives(home, live, catalog["creatives"])
    set_current(home.snapshots, version)
    _forget_old_snapshots(home.snapshots, version)
    return version, refused


def _move_in(home: Home, table: FeatureTable, day: date) -> None:
    """Copies the staged file to its published place, replacing the file whole; bytes that are there already are left alone. What it was
    built from goes with it: before it, so that a death in between makes the day stale at most."""
    staged, target = home.staged(table.name, day), home.feature_partition(table.name, day)
    if inputs_file(staged).exists():
        write_whole(inputs_file(target), inputs_file(staged).read_bytes())
    if target.exists() and target.read_bytes() == staged.read_bytes():
        return
    with whole_file(target) as part:
        shutil.copyfile(staged, part)


def _snapshot(settings: Settings, live: date, catalog: Mapping[str, pa.Table]) -> str:
    home = settings.home
    features = {t.name: read_features(t, home.feature_partition(t.name, live)) for t in (*AD_TABLES, *QUERY_TABLES)}
    shared = {**catalog, "campaigns": _own_budgets(catalog["campaigns"], settings.features.budget_share)}
    return write_snapshot(home.snapshots, end_of(live), shared, features, encoder_in_use(settings))


def _own_budgets(campaigns: pa.Table, share: float) -> pa.Table:
    """The campaigns with the part of their daily budgets that may be spent here, rounded down: all platforms together spend none over."""
    if share == 1:
        return campaigns
    place = campaigns.schema.get_field_index("daily_budget_micros")
    own = pc.cast(pc.floor(pc.multiply(pc.cast(campaigns[place], pa.float64()), share)), campaigns.schema.field(place).type)
    return campaigns.set_column(place, campaigns.schema.field(place), own)


def _forget_old_snapshots(snapshots: Path, current: str, keep: int = 3) -> None:
    """Keeps the newest few: a worker may still be mapping the one before."""
    versions = sorted(p.name for p in snapshots.iterdir() if p.is_dir() and not p.name.startswith("."))
    for version in [v for v in versions if v != current][: -keep or None]:
        shutil.rmtree(snapshots / version, ignore_errors=True)
