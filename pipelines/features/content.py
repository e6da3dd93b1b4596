"""One hash over everything that is published."""

from __future__ import annotations

import hashlib
import sqlite3
from contextlib import closing

from feature_repo.home import Home
from feature_repo.literal_path import read_only_database
from feature_repo.tables import TABLES


def content_hash(home: Home) -> str:
    """SHA-256 over all that is published: offline partitions, online values, and the snapshot's content. "" when nothing is."""
    digest = hashlib.sha256()
    for table in TABLES:
        for file in sorted(home.features(table.name).glob("day=*/part.parquet")):
            digest.update(f"{table.name}/{file.parent.name}".encode() + hashlib.sha256(file.read_bytes()).digest())
    database = home.feast / "online.db"
    if database.exists():
        with closing(sqlite3.connect(read_only_database(database), uri=True)) as connection:
            names = [r[0] for r in connection.execute("select name from sqlite_master where type = 'table' order by name")]
            for name in names:
                rows = connection.execute(f'select entity_key, feature_name, value, event_ts from "{name}" order by 1, 2')
                for row in rows:
                    digest.update(repr(row).encode())
    pointer = home.snapshots / "CURRENT"
    digest.update(pointer.read_bytes() if pointer.exists() else b"")
    return digest.hexdigest()
