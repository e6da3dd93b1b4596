"""Brings the user tables of the live day into the online store, and takes out of it whatever that day does not have: the store is a
function of the live day alone, whatever was written to it before."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing, redirect_stdout
from datetime import UTC, date, datetime, timedelta
from io import StringIO
from itertools import islice
from typing import Final

from feature_repo.days import end_of
from feature_repo.feast_store import PROJECT, open_store, register_views
from feature_repo.rows_address import rows_address
from feature_repo.table import FeatureTable
from feature_repo.tables import USER_TABLES
from serving.caches.generations import EVERYBODY
from serving.caches.opening import open_generations
from serving.settings import Settings

ONE_INSTANT: Final = timedelta(seconds=1)
AT_ONCE: Final = 1_000
BUSY_SECONDS: Final = 30


def bring_online(settings: Settings, live: date | None) -> None:
    """Registers the views, writes the user tables of the live day, and removes every other row; all rows where no day is live. Servers use
    nothing then that they have cached of users."""
    with redirect_stdout(StringIO()):  # Feast prints its progress
        store = open_store(settings.home, settings.profile, settings.stores.rows_url)
        register_views(store, settings.home)
        if live is not None:
            store.materialize(end_of(live) - ONE_INSTANT, end_of(live) + ONE_INSTANT)
    stamp = end_of(live) if live is not None else None
    if settings.profile == "cluster":
        _prune_redis(settings.stores.rows_url, stamp)
    else:
        _prune_sqlite(settings, stamp)
    with closing(open_generations(settings)) as generations:
        generations.advance(EVERYBODY)


def _prune_sqlite(settings: Settings, stamp: datetime | None) -> None:
    """Feast has told SQLite how moments are written, for the whole process."""
    with closing(sqlite3.connect(settings.home.feast / "online.db", timeout=BUSY_SECONDS)) as database, database:
        for table in USER_TABLES:
            rows = f'"{PROJECT}_{table.name}"'
            if stamp is None:
                database.execute(f"delete from {rows}")
            else:
                database.execute(f"delete from {rows} where event_ts <> ?", (stamp.astimezone(UTC).replace(tzinfo=None),))


def _prune_redis(url: str, stamp: datetime | None) -> None:
    """Each user is a hash; each view has some fields of it, and one that holds the moment of its row."""
    from google.protobuf.timestamp_pb2 import Timestamp

    wanted = b""
    if stamp is not None:
        moment = Timestamp()
        moment.FromDatetime(stamp)
        wanted = moment.SerializeToString()
    views = [_fields(table) for table in USER_TABLES]
    with closing(rows_address(url).client()) as redis:
        for keys in _some_at_once(redis.scan_iter(match=_pattern(), count=AT_ONCE)):
            with redis.pipeline(transaction=False) as asking:
                for key in keys:
                    asking.execute_command("HMGET", key, *(fields[0] for fields in views))
                stamps = asking.execute()
            with redis.pipeline(transaction=False) as removing:
                for key, found in zip(keys, stamps, strict=True):
                    for fields, at in zip(views, found, strict=True):
                        if at is not None and at != wanted:
                            removing.execute_command("HDEL", key, *fields)  # a hash without fields is gone
                removing.execute()


def _pattern() -> bytes:
    """Of the keys of users, as Feast writes them."""
    from feast.infra.online_stores.helpers import _redis_key_prefix

    return b"".join([_redis_key_prefix([USER_TABLES[0].entity]), b"*", PROJECT.encode()])


def _fields(table: FeatureTable) -> list[bytes]:
    """A view's fields of a user's hash, the moment first."""
    from feast.infra.online_stores.helpers import _mmh3

    return [f"_ts:{table.name}".encode(), *(_mmh3(f"{table.name}:{name}") for name in table.names)]


def _some_at_once(keys: Iterator[bytes]) -> Iterator[list[bytes]]:
    while some := list(islice(keys, AT_ONCE)):
        yield some
