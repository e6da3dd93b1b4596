"""The ledger in SQLite: shared by all workers of one machine."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from serving.sqlite_file import SqliteFile

SCHEMA = """
create table if not exists spend (
  day text, campaign text, micros integer not null, change integer not null, primary key (day, campaign)) without rowid;
create index if not exists spend_changes on spend (day, change);
create table if not exists charges (event text primary key, micros integer not null) without rowid;
create table if not exists exposures (
  day text, user text, campaign text, times integer not null, primary key (day, user, campaign)) without rowid;
"""


class SqliteLedger:
    def __init__(self, path: Path) -> None:
        self._file = SqliteFile(path, SCHEMA, durable=True)

    def spent(self, campaign_ids: Sequence[str], day: date) -> NDArray[np.int64]:
        rows = self._file.connection.execute("select campaign, micros from spend where day = ?", (str(day),))
        known = dict(rows.fetchall())
        return np.array([known.get(c, 0) for c in campaign_ids], np.int64)

    def changes(self, day: date, after: int) -> tuple[list[tuple[str, int]], int]:
        query = "select campaign, micros, change from spend where day = ? and change > ?"
        rows = self._file.connection.execute(query, (str(day), after)).fetchall()
        return [(str(c), int(m)) for c, m, _ in rows], max((change for _, _, change in rows), default=after)

    def charge(self, event_id: str, campaign_id: str, day: date, micros: int, daily_budget_micros: int) -> int:
        with self._file.transaction() as c:
            before = c.execute("select micros from charges where event = ?", (event_id,)).fetchone()
            if before is not None:
                return int(before[0])
            row = c.execute("select micros from spend where day = ? and campaign = ?", (str(day), campaign_id)).fetchone()
            due = max(min(micros, daily_budget_micros - (row[0] if row else 0)), 0)
            c.execute(
                "insert into spend values (?1, ?2, ?3, (select coalesce(max(change), 0) + 1 from spend where day = ?1)) "
                "on conflict do update set micros = micros + excluded.micros, change = excluded.change",
                (str(day), campaign_id, due),
            )
            c.execute("insert into charges values (?, ?)", (event_id, due))
            return due

    def expose(self, user_id: str, campaign_ids: Sequence[str], day: date) -> None:
        with self._file.transaction() as c:
            c.executemany(
                "insert into exposures values (?, ?, ?, 1) on conflict do update set times = times + 1",
                [(str(day), user_id, campaign) for campaign in campaign_ids],
            )

    def exposures(self, user_id: str, day: date) -> dict[str, int]:
        query = "select campaign, times from exposures where day = ? and user = ?"
        return {str(c): int(n) for c, n in self._file.connection.execute(query, (str(day), user_id))}

    def close(self) -> None:
        self._file.close()
