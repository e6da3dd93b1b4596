"""The ledger in SQLite: shared by all workers of one machine."""

from __future__ import annotations

import sqlite3
import uuid
from collections import Counter
from collections.abc import Sequence
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from serving.ledger.ledger import KEEP, KEEP_MONEY, MINUTE, AskerState, Hide, Promise, Sale, emptied
from serving.ledger.outstanding import Outstanding
from serving.stores.sqlite_file import SqliteFile

SCHEMA = """
create table if not exists spend (
  day text, campaign text, micros integer not null, change integer not null, primary key (day, campaign)) without rowid;
create index if not exists spend_changes on spend (day, change);
create table if not exists charges (event text primary key, shown text not null, micros integer not null) without rowid;
create index if not exists charges_shown on charges (shown);
create table if not exists outstanding (
  day text, campaign text, mean real not null, variance real not null, at real not null, primary key (day, campaign)) without rowid;
create table if not exists places (
  day text, user text, place text, campaign text not null, until real, primary key (day, user, place)) without rowid;
create table if not exists clicks (user text, place text, at real not null, primary key (user, place)) without rowid;
create table if not exists hidden (
  user text, creative text, advertiser text not null, reported integer not null, until real not null,
  primary key (user, creative)) without rowid;
create index if not exists clicks_at on clicks (at);
create index if not exists hidden_until on hidden (until);
create table if not exists paused (campaign text primary key) without rowid;
create table if not exists identity (one integer primary key check (one = 1), name text not null);
"""
"""places.until: seconds since 1970 until which an impression is promised; null once it was seen."""


FORGETS: Final = (
    ("spend", "day, campaign", "day < :long_ago"),
    ("outstanding", "day, campaign", "day < :old"),
    ("places", "day, user, place", "day < :old"),
    ("charges", "event", "shown < :long_ago"),
    ("clicks", "user, place", "at < :minute"),
    ("hidden", "user, creative", "until < :now"),
)
"""What is removed once it is old: table, its key, and which rows."""
BATCH: Final = 1_000
"""Rows that are removed in one transaction."""


class SqliteLedger:
    def __init__(self, path: Path) -> None:
        self._file = SqliteFile(path, SCHEMA, durable=True)
        self._promised = SqliteFile(path, SCHEMA, durable=False)
        """For promises: a power cut may take the newest, which the pages that they were made for did not outlive by much."""
        self._expected = ""

    def spent(self, campaign_ids: Sequence[str], day: date) -> NDArray[np.int64]:
        rows = self._file.connection.execute("select campaign, micros from spend where day = ?", (str(day),))
        known = dict(rows.fetchall())
        return np.array([known.get(c, 0) for c in campaign_ids], np.int64)

    def changes(self, day: date, after: int) -> tuple[list[tuple[str, int]], int]:
        query = "select campaign, micros, change from spend where day = ? and change > ?"
        rows = self._file.connection.execute(query, (str(day), after)).fetchall()
        return [(str(c), int(m)) for c, m, _ in rows], max((change for _, _, change in rows), default=after)

    def promise(self, asker: str, day: date, now: datetime, promises: Sequence[Promise]) -> list[bool]:
        with self._promised.transaction() as c:
            if self._expected and (name := _identity(c)) != self._expected:
                raise emptied(name, self._expected)
            seen, promised = _counts(c, asker, day, now) if asker else (Counter[str](), Counter[str]())
            counts, claims, granted = seen + promised, dict[str, Outstanding](), list[bool]()
            for one in promises:
                before = claims.get(one.campaign_id) or _outstanding(c, one.campaign_id, day)
                before = before.until(now.timestamp(), one.fade)
                left = one.budget_micros - _spent(c, one.campaign_id, day) - before.most
                claims[one.campaign_id] = before.adding(one.price_micros, one.chance, one.fade, now.timestamp())
                may_see = not (asker and one.cap) or counts[one.campaign_id] < one.cap
                counts[one.campaign_id] += 1
                granted.append(may_see and one.price_micros <= left)
            if all(granted):
                for campaign, claim in claims.items():
                    _keep(c, campaign, day, claim)
                if asker:
                    rows = [(str(day), asker, one.place, one.campaign_id, one.until.timestamp()) for one in promises]
                    c.executemany("insert or ignore into places values (?, ?, ?, ?, ?)", rows)
            return granted

    def charge(self, sale: Sale, day: date, now: datetime) -> int:
        with self._file.transaction() as c:
            before = c.execute("select micros from charges where event = ?", (sale.key,)).fetchone()
            if before is not None:
                return int(before[0])
            due = max(min(sale.price_micros, sale.budget_micros - _spent(c, sale.campaign_id, day)), 0)
            c.execute(
                "insert into spend values (?1, ?2, ?3, (select coalesce(max(change), 0) + 1 from spend where day = ?1)) "
                "on conflict do update set micros = micros + excluded.micros, change = excluded.change",
                (str(day), sale.campaign_id, due),
            )
            shown = sale.shown.date()
            c.execute("insert into charges values (?, ?, ?)", (sale.key, str(shown), due))
            claim = _outstanding(c, sale.campaign_id, shown)
            claim = claim.without(sale.price_micros, sale.chance, sale.fade, sale.shown.timestamp(), now.timestamp())
            _keep(c, sale.campaign_id, shown, claim)
            return due

    def expose(self, user_id: str, campaign_id: str, place: str, day: date) -> None:
        with self._file.transaction() as c:
            c.execute(
                "insert into places values (?, ?, ?, ?, null) on conflict do update set until = null",
                (str(day), user_id, place, campaign_id),
            )

    def clicks(self, user_id: str, place: str, now: datetime) -> int:
        with self._promised.transaction() as c:
            c.execute("delete from clicks where user = ? and at <= ?", (user_id, (now - MINUTE).timestamp()))
            c.execute("insert or ignore into clicks values (?, ?, ?)", (user_id, place, now.timestamp()))
            return int(c.execute("select count(*) from clicks where user = ?", (user_id,)).fetchone()[0])

    def hide(self, user_id: str, hide: Hide) -> None:
        with self._file.transaction() as c:
            c.execute(
                "insert into hidden values (?, ?, ?, ?, ?) on conflict do update set reported = 1, until = excluded.until "
                "where excluded.reported",
                (user_id, hide.creative_id, hide.advertiser_id, hide.reported, hide.until.timestamp()),
            )

    def past(self, user_id: str, day: date, now: datetime) -> AskerState:
        connection = self._file.connection
        query = "select creative, advertiser, reported, until from hidden where user = ? and until > ? order by creative"
        hidden = tuple(
            Hide(creative, advertiser, bool(reported), datetime.fromtimestamp(until, UTC))
            for creative, advertiser, reported, until in connection.execute(query, (user_id, now.timestamp()))
        )
        return AskerState(*_counts(connection, user_id, day, now), hidden)

    def pause(self, campaign_id: str, paused: bool) -> None:
        with self._file.transaction() as c:
            c.execute("insert or ignore into paused values (?)" if paused else "delete from paused where campaign = ?", (campaign_id,))

    def paused(self) -> frozenset[str]:
        return frozenset(str(campaign) for (campaign,) in self._file.connection.execute("select campaign from paused"))

    def identity(self) -> str:
        return _identity(self._file.connection)

    def christen(self) -> str:
        with self._file.transaction() as c:
            c.execute("insert or ignore into identity values (1, ?)", (uuid.uuid4().hex,))
            return _identity(c)

    def expect(self, identity: str) -> None:
        self._expected = identity

    def forget(self, now: datetime) -> int:
        bounds = {
            "old": str((now - KEEP).date()), "long_ago": str((now - KEEP_MONEY).date()),
            "minute": (now - MINUTE).timestamp(), "now": now.timestamp(),
        }  # fmt: skip
        removed = 0
        for table, key, old in FORGETS:
            while True:  # a batch at a time: who serves gets the file in between
                with self._file.transaction() as c:
                    query = f"delete from {table} where ({key}) in (select {key} from {table} where {old} limit {BATCH})"
                    gone = c.execute(query, bounds).rowcount
                removed += gone
                if gone < BATCH:
                    break
        return removed

    def close(self) -> None:
        self._promised.close()
        self._file.close()


def _identity(c: sqlite3.Connection) -> str:
    row = c.execute("select name from identity").fetchone()
    return str(row[0]) if row else ""


def _spent(c: sqlite3.Connection, campaign_id: str, day: date) -> int:
    row = c.execute("select micros from spend where day = ? and campaign = ?", (str(day), campaign_id)).fetchone()
    return int(row[0]) if row else 0


def _outstanding(c: sqlite3.Connection, campaign_id: str, day: date) -> Outstanding:
    row = c.execute("select mean, variance, at from outstanding where day = ? and campaign = ?", (str(day), campaign_id)).fetchone()
    return Outstanding(*row) if row else Outstanding()


def _keep(c: sqlite3.Connection, campaign_id: str, day: date, claim: Outstanding) -> None:
    c.execute("insert or replace into outstanding values (?, ?, ?, ?, ?)", (str(day), campaign_id, claim.mean, claim.variance, claim.at))


def _counts(c: sqlite3.Connection, user_id: str, day: date, now: datetime) -> tuple[Counter[str], Counter[str]]:
    """Impressions of the user on the day by campaign: those that were seen, and those that are promised."""
    query = (
        "select campaign, sum(until is null), sum(until is not null) from places "
        "where day = ? and user = ? and (until is null or until > ?) group by campaign"
    )
    rows = c.execute(query, (str(day), user_id, now.timestamp())).fetchall()
    return Counter({str(k): seen for k, seen, _ in rows if seen}), Counter({str(k): promised for k, _, promised in rows if promised})
