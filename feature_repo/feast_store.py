"""Opening Feast, registering what it serves, and reading one user's features from it.

Importing Feast takes seconds, so this module and those that describe our features to it import it when they are called.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final, cast

import numpy as np

from feature_repo.home import Home
from feature_repo.rows_address import rows_address
from feature_repo.stored_row import Cell, StoredRow, StoredTable
from feature_repo.tables import USER_TABLES
from feature_repo.user_row import UserRow
from feature_repo.views import OWNER, objects

if TYPE_CHECKING:
    from feast import FeatureStore

PROJECT: Final = "placard"
REGISTRY_STORE: Final = "feature_repo.whole_registry_store.WholeRegistryStore"
LOOK_AGAIN: Final = 60.0
"""Seconds, as long as Feast keeps its registry."""
OFFLINE_STORE: Final = "feature_repo.asof_store.AsofOfflineStore"


@contextmanager
def _left_as_written() -> Iterator[None]:
    """While Feast is imported, typeguard leaves Feast's classes as they are. Otherwise it compiles each of them anew, with a check of
    every argument: two thirds of the CPU-seconds that the import takes, in every process that serves or builds."""
    import typeguard

    checking = typeguard.typechecked
    typeguard.typechecked = lambda target: target  # type: ignore[assignment]
    try:
        yield
    finally:
        typeguard.typechecked = checking


def open_store(home: Home, profile: str = "embedded", rows_url: str = "") -> FeatureStore:
    """The feature store of a state folder: DuckDB offline; online SQLite, or when clustered the Redis, or Redis Cluster, at rows_url."""
    import prometheus_client  # noqa: F401  first: Feast's import switches it to files shared between processes, for good

    with _left_as_written():
        from feast import FeatureStore, RepoConfig

    logging.getLogger("feast.repo_config").setLevel(logging.ERROR)  # warns of the setting below, which the file registry does honour
    home.feast.mkdir(parents=True, exist_ok=True)
    if profile == "cluster":
        online = rows_address(rows_url).feast()
    else:
        online = {"type": "sqlite", "path": str(home.feast / "online.db")}
    return FeatureStore(
        config=RepoConfig(
            project=PROJECT,
            provider="local",
            registry={
                "path": str(home.feast / "registry.db"),
                "registry_store_type": REGISTRY_STORE,
                "cache_ttl_seconds": 60,
                "cache_mode": "thread",
                # Else every read fails while a day is being published, and until the next publish when one is killed.
                "serve_features_while_materializing": True,
            },
            offline_store={"type": OFFLINE_STORE},
            online_store=online,
            entity_key_serialization_version=3,
            repo_path=home.root,
        )
    )


def register_views(store: FeatureStore, home: Home) -> None:
    """Registers every entity, view and service of a state folder, and takes away services of ours that are no more: what `feast apply`
    would."""
    wanted = objects(home)
    names = {thing.name for thing in wanted}
    gone = [service for service in store.list_feature_services() if service.owner == OWNER and service.name not in names]
    store.apply(wanted, objects_to_delete=gone, partial=False)


def _cell(kind: str | None, value: Any) -> Cell:
    """One value of Feast's answer. kind: which of its fields holds it, None where there is none."""
    if kind is None:
        return None
    held = getattr(value, kind)
    if kind.endswith("_list_val"):
        return np.asarray(held.val, np.float32).tobytes()
    return held.encode() if isinstance(held, str) else cast(Cell, held)


class OnlineProfiles:
    """Reads the user tables of one user in one Feast call. A feature that came after the last publication is not registered yet: it is
    missing until then."""

    def __init__(self, store: FeatureStore) -> None:
        self._store = store
        self._references: list[str] = []
        self._looked = float("-inf")

    def _registered(self) -> list[str]:
        """What Feast is asked for; looked up again every LOOK_AGAIN while it lacks a feature."""
        wanted = [f"{t.name}:{n}" for t in USER_TABLES for n in t.names]
        if len(self._references) < len(wanted) and time.monotonic() - self._looked >= LOOK_AGAIN:
            views = {view.name: {f.name for f in view.features} for view in self._store.list_feature_views(allow_cache=True)}
            known = [f"{t.name}:{n}" for t in USER_TABLES for n in t.names if n in views.get(t.name, ())]
            self._references, self._looked = known or wanted, time.monotonic()
        return self._references

    def stored(self, user_id: str) -> StoredRow:
        """What the store has of the user, however old it is."""
        response = self._store.get_online_features(
            features=self._registered(), entity_rows=[{"user_id": user_id}], full_feature_names=False
        ).proto
        place = {name: i for i, name in enumerate(response.metadata.feature_names.val)}
        tables = []
        for table in USER_TABLES:
            vectors = [response.results[place[name]] if name in place else None for name in table.names]
            stamp = max((v.event_timestamps[0].seconds for v in vectors if v is not None and v.event_timestamps), default=0)
            values = [None if v is None else v.values[0] for v in vectors]
            cells = (None if value is None else _cell(value.WhichOneof("val"), value) for value in values)
            tables.append(StoredTable(max(stamp, 0), tuple(cells)))
        return StoredRow(tuple(tables))

    def read(self, user_id: str, now: datetime) -> UserRow:
        """The user's features as they are at `now` (stored_row.py): Feast does not look at staleness online."""
        return self.stored(user_id).seen(now)
