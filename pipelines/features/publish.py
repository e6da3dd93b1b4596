"""Makes validated features live: offline partitions, Feast's registry and online store, the snapshot; the pointer last.

Every step is idempotent and the live state is a function of the newest published day alone: a run that is killed, repeated, or
made for an older day never moves anything back.
"""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from contextlib import redirect_stdout
from dataclasses import dataclass
from datetime import date, timedelta
from io import StringIO
from typing import Final

import pyarrow as pa
import pyarrow.parquet as pq

from feature_repo.days import end_of
from feature_repo.exclusive import exclusive
from feature_repo.feast_store import open_store, register_views
from feature_repo.home import Home
from feature_repo.table import FeatureTable
from feature_repo.tables import AD_TABLES, QUERY_TABLES, TABLES
from feature_repo.whole_file import whole_file
from pipelines.errors import Missing
from pipelines.features.content import content_hash
from pipelines.features.refused_creatives import set_aside_creatives
from pipelines.features.validate import passed
from pipelines.language.champions import encoder_in_use
from pipelines.warehouse.catalog import catalog_as_of
from serving.settings import Settings
from serving.snapshot import set_current, write_snapshot

ONE_INSTANT: Final = timedelta(seconds=1)


@dataclass(frozen=True)
class Published:
    """snapshot: the version now served. live: the day whose knowledge is live; an older one changes nothing. refused: creatives that are
    rejected for their texts; quarantine/catalog/DAY.jsonl names them."""

    days: tuple[date, ...]
    live: date
    snapshot: str
    content: str
    refused: int = 0


def published_days(home: Home) -> list[date]:
    """Days for which every table has a published partition."""
    each = [{date.fromisoformat(p.parent.name[4:]) for p in home.features(t.name).glob("day=*/part.parquet")} for t in TABLES]
    return sorted(set.intersection(*each))


def publish(settings: Settings, days: Sequence[date]) -> Published:
    """Publishes staged, validated partitions of `days`. Raises Missing naming the first that has not passed as it is now."""
    home = settings.home
    for day in days:
        for table in TABLES:
            if not passed(home, table, day):
                raise Missing(f"validated {table.name}", str(day), f"Run `placard features validate --partition {day}`.")
    with exclusive(home, "feast"):
        for day in days:
            for table in TABLES:
                _move_in(home, table, day)
        live = published_days(home)[-1]
        _online(settings, live)
        catalog = catalog_as_of(home, live)
        version, refused = _snapshot(settings, live, catalog), set_aside_creatives(home, live, catalog["creatives"])
        set_current(home.snapshots, version)
        _forget_old_snapshots(home, version)
        return Published(tuple(days), live, version, content_hash(home), refused)


def _move_in(home: Home, table: FeatureTable, day: date) -> None:
    """Copies the staged file to its published place, replacing the file whole; bytes that are there already are left alone."""
    staged, target = home.staged(table.name, day), home.feature_partition(table.name, day)
    if target.exists() and target.read_bytes() == staged.read_bytes():
        return
    with whole_file(target) as part:
        shutil.copyfile(staged, part)


def _online(settings: Settings, live: date) -> None:
    """Registers the views and brings the user tables of the live day into the online store."""
    with redirect_stdout(StringIO()):  # Feast prints its progress
        store = open_store(settings.home, settings.profile, settings.stores.redis_url)
        register_views(store, settings.home)
        store.materialize(end_of(live) - ONE_INSTANT, end_of(live) + ONE_INSTANT)


def _snapshot(settings: Settings, live: date, catalog: Mapping[str, pa.Table]) -> str:
    home = settings.home
    features = {t.name: pq.read_table(home.feature_partition(t.name, live), partitioning=None) for t in (*AD_TABLES, *QUERY_TABLES)}
    return write_snapshot(home.snapshots, end_of(live), catalog, features, encoder_in_use(settings))


def _forget_old_snapshots(home: Home, current: str, keep: int = 3) -> None:
    """Keeps the newest few: a worker may still be mapping the one before."""
    versions = sorted(p.name for p in home.snapshots.iterdir() if p.is_dir() and not p.name.startswith("."))
    for version in [v for v in versions if v != current][: -keep or None]:
        shutil.rmtree(home.snapshots / version, ignore_errors=True)
