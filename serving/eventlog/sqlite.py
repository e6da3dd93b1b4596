"""The event log in SQLite, write-ahead and synchronous: what was acknowledged survives a power cut; the newest shadow scores may not."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import msgspec

from serving.eventlog.log import AS_DECISION, AS_EVENT, Event, First
from serving.record.decision import Decision
from serving.stores.sqlite_file import SqliteFile

SCHEMA = """
create table if not exists decisions (id text primary key, at integer not null, record blob not null);
create index if not exists decisions_at on decisions (at);
create table if not exists events (
  id text primary key, received integer not null, record blob not null, place text not null, settled integer not null default 0);
create index if not exists events_received on events (received);
create index if not exists events_place on events (place);
create index if not exists events_open on events (received) where settled = 0;
create table if not exists late (id text primary key, received integer not null, record blob not null, why text not null);
create index if not exists late_received on late (received);
create table if not exists shadow (decision text, bundle text, scores blob not null, primary key (decision, bundle));
"""


BATCH: Final = 1_000
"""Rows that are removed in one transaction."""


def micros_of(moment: datetime) -> int:
    whole = moment.astimezone(UTC) - datetime(1970, 1, 1, tzinfo=UTC)
    return (whole.days * 86_400 + whole.seconds) * 1_000_000 + whole.microseconds


def moment_of(micros: int) -> datetime:
    return datetime.fromtimestamp(micros // 1_000_000, UTC).replace(microsecond=micros % 1_000_000)


def _place(decision_id: str, creative_id: str) -> str:
    return f"{decision_id}|{creative_id}"


class SqliteEventLog:
    def __init__(self, path: Path) -> None:
        self._file = SqliteFile(path, SCHEMA, durable=True)
        self._unheard = SqliteFile(path, SCHEMA, durable=False)
        """For shadows: they are not billed, and a commit that waits for the disk would keep the file locked for what is."""

    def append_decision(self, decision: Decision) -> None:
        row = (decision.decision_id, micros_of(decision.decided_at), msgspec.json.encode(decision))
        with self._file.transaction() as c:
            c.execute("insert or ignore into decisions values (?, ?, ?)", row)

    def append_events(self, events: Sequence[Event], received: datetime) -> list[bool]:
        with self._file.transaction() as c:
            at = micros_of(received)
            return [
                c.execute(
                    "insert or ignore into events (id, received, record, place) values (?, ?, ?, ?)",
                    (e.event_id, at, msgspec.json.encode(e), _place(e.decision_id, e.creative_id)),
                ).rowcount
                == 1
                for e in events
            ]

    def event(self, event_id: str) -> Event | None:
        row = self._file.connection.execute("select record from events where id = ?", (event_id,)).fetchone()
        return AS_EVENT.decode(row[0]) if row else None

    def settle(self, event_ids: Sequence[str]) -> None:
        with self._unheard.transaction() as c:  # what is lost of this in a power cut is settled again, and costs nothing
            c.executemany("update events set settled = 1 where id = ?", [(key,) for key in event_ids])

    def unsettled(self) -> list[tuple[Event, datetime]]:
        query = "select record, received from events where settled = 0 order by received, id"
        rows = self._file.connection.execute(query).fetchall()
        return [(AS_EVENT.decode(record), moment_of(at)) for record, at in rows]

    def happened(self, decision_id: str, creative_id: str) -> dict[str, First]:
        query = "select record, received from events where place = ? order by received, id"
        out: dict[str, First] = {}
        for record, at in self._file.connection.execute(query, (_place(decision_id, creative_id),)).fetchall():
            event = AS_EVENT.decode(record)
            out.setdefault(event.kind, First(event.ts, moment_of(at)))
        return out

    def append_late(self, events: Sequence[tuple[Event, str]], received: datetime) -> None:
        rows = [(e.event_id, micros_of(received), msgspec.json.encode(e), why) for e, why in events]
        with self._file.transaction() as c:
            c.executemany("insert or ignore into late values (?, ?, ?, ?)", rows)

    def late(self, since: datetime, until: datetime) -> Iterator[tuple[Event, str]]:
        query = "select record, why from late where received >= ? and received < ? order by received, id"
        for record, why in self._file.connection.execute(query, (micros_of(since), micros_of(until))).fetchall():
            yield AS_EVENT.decode(record), why

    def append_shadow(self, decision_id: str, bundle: str, scores: Sequence[float]) -> None:
        with self._unheard.transaction() as c:
            c.execute("insert or replace into shadow values (?, ?, ?)", (decision_id, bundle, msgspec.json.encode(list(scores))))

    def _with_shadow(self, record: bytes) -> Decision:
        decision = AS_DECISION.decode(record)
        rows = self._file.connection.execute("select bundle, scores from shadow where decision = ?", (decision.decision_id,))
        return replace(decision, shadow={b: tuple(msgspec.json.decode(s)) for b, s in rows})

    def decision(self, decision_id: str) -> Decision | None:
        row = self._file.connection.execute("select record from decisions where id = ?", (decision_id,)).fetchone()
        return self._with_shadow(row[0]) if row else None

    def decisions(self, since: datetime, until: datetime) -> Iterator[Decision]:
        query = "select record from decisions where at >= ? and at < ? order by at, id"
        for (record,) in self._file.connection.execute(query, (micros_of(since), micros_of(until))).fetchall():
            yield self._with_shadow(record)

    def events(self, since: datetime, until: datetime) -> Iterator[tuple[Event, datetime]]:
        query = "select record, received from events where received >= ? and received < ? order by received, id"
        for record, at in self._file.connection.execute(query, (micros_of(since), micros_of(until))).fetchall():
            yield AS_EVENT.decode(record), moment_of(at)

    def first(self) -> datetime | None:
        query = "select min(at) from (select min(at) as at from decisions union all select min(received) from events "
        found = self._file.connection.execute(query + "union all select min(received) from late)").fetchone()[0]
        return None if found is None else moment_of(found)

    def forget(self, until: datetime) -> int:
        return sum(
            self._forget(table, moment, until) for table, moment in (("decisions", "at"), ("events", "received"), ("late", "received"))
        )

    def _forget(self, table: str, moment: str, until: datetime) -> int:
        """A batch at a time: who serves gets the file in between."""
        removed = 0
        while True:
            with self._file.transaction() as c:
                query = f"select id from {table} where {moment} < ? order by {moment} limit {BATCH}"
                ids = c.execute(query, (micros_of(until),)).fetchall()
                c.executemany(f"delete from {table} where id = ?", ids)
                if table == "decisions":
                    c.executemany("delete from shadow where decision = ?", ids)
            removed += len(ids)
            if len(ids) < BATCH:
                return removed

    def close(self) -> None:
        self._unheard.close()
        self._file.close()
