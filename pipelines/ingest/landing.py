"""Rows into the event and catalogue tables: each lands once, whichever log brings it again, and the files are canonical.

A partition's file is sorted by (created_ts, key) and written by one writer, so the same set of rows gives the same bytes in
whatever order and however often it arrives. A key stands once over all days of a source: an event that comes again with other content
is a correction, which takes the place of the row before; that row is kept under replaced/, and no longer counts when it comes again.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import reduce
from typing import Final

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from feature_repo.home import Home
from pipelines.ingest.format import ROW
from pipelines.ingest.merge import Member, Step, holds_more, steps
from pipelines.ingest.ordinals import NAMES, without_ordinal
from pipelines.ingest.partitions import (
    KEYS,
    KNOWN,
    SCHEMAS,
    days_of,
    earliest,
    file_of,
    keys_of,
    read_rows,
    readable,
    refuse_cold,
    write_rows,
)
from pipelines.ingest.whereabouts import Whereabouts

ROOT: Final = "impressions"
"""The table of which others' rows come: they bear the ordinals of its rows."""


@dataclass(frozen=True)
class Landed:
    """The ROW of each row that brought something. fresh: its key was new. corrected: it took the place of another row of its key."""

    fresh: NDArray[np.int64]
    corrected: NDArray[np.int64]

    @property
    def rows(self) -> NDArray[np.int64]:
        return np.concatenate([self.fresh, self.corrected])


def _groups(name: str, table: pa.Table, numbered: bool) -> pd.Series:
    """Of each row what it shares with those that are alike in all but their ordinal: its key, where keys hold none."""
    if not numbered:
        return keys_of(name, table)
    alike = {c: without_ordinal(table[c].cast(pa.string())) for c in KEYS[name] if c in NAMES}
    return keys_of(name, pa.table({c: alike.get(c, table[c]) for c in KEYS[name]}))


def whereabouts(home: Home, name: str, source: str, numbered: bool = False) -> Whereabouts:
    """Of every group that a source has in a table."""
    found = Whereabouts()
    for day, path in readable(home, name, source).items():
        found.put(day, _groups(name, pq.read_table(path, columns=list(KEYS[name]), partitioning=None), numbered))
    return found


def land_events(
    home: Home, source: str, tables: Mapping[str, pa.Table], places: dict[str, Whereabouts] | None = None, numbered: bool = False
) -> dict[str, Landed]:
    """Puts the rows into their day's partition. A key that is there with the same content, or whose content was corrected before, brings
    nothing; with other content it replaces what is there. numbered: keys hold an ordinal, and rows that are alike are taken together
    (merge.py).

    places: where the keys of each table lie, for a caller who lands several batches; it is filled and kept up to date. A death half-way
    leaves a correction's old row under replaced/ alone or the new one in its place; the same rows landed again end the same. Raises
    Refused, and lands nothing, where a row would go into a day that lies in the cold tier, or out of one.
    """
    places, planned, longer = {} if places is None else places, {}, frozenset[str]()
    for name, table in sorted(tables.items(), key=lambda item: item[0] != ROOT):
        if name not in places:
            places[name] = whereabouts(home, name, source, numbered)
        planned[name] = _planned(home, source, name, table, places[name], numbered, longer)
        longer = planned[name].longer if name == ROOT else longer
    for name, of in planned.items():
        _write_history(home, source, name, of.corrected)
        _remember(home, source, name, of.delivered, of.lost, numbered)
        _write_days(home, source, name, of.coming, of.out, places[name], numbered)
    return {name: of.landed for name, of in planned.items()}


@dataclass(frozen=True)
class _Planned:
    """What is to be done to a table: rows that go in, (day, place in its file) of those that go out, which of these were corrected, and
    what was lost within the delivery."""

    coming: pa.Table
    out: list[tuple[date, int]]
    corrected: dict[date, pa.Table]
    delivered: pa.Table
    lost: dict[str, set[str]]
    landed: Landed
    longer: frozenset[str]
    """The groups of which the delivery is a longer copy."""


def _roots(name: str, table: pa.Table) -> dict[str, str]:
    """Of each group of rows that came of others the group of those."""
    if name == ROOT or "impression_id" not in table.column_names:
        return {}
    of = without_ordinal(table["impression_id"].cast(pa.string())).to_pylist()
    return dict(zip(_groups(name, table, True), of, strict=True))


def _planned(
    home: Home, source: str, name: str, delivered: pa.Table, place: Whereabouts, numbered: bool, longer: frozenset[str]
) -> _Planned:
    """longer: the groups of impressions of which the delivery is a longer copy, where the table is of what came of them."""
    table = earliest(name, [delivered])
    lost = _lost(name, delivered, table, numbered)
    rows, groups = table.select(SCHEMAS[name].names).cast(SCHEMAS[name]), _groups(name, table, numbered)
    held, days, index = _held(home, source, name, groups, place, numbered)
    keys, held_keys, held_groups = keys_of(name, table), keys_of(name, held), _groups(name, held, numbered)
    first = pd.Series(np.arange(len(held)), index=held_keys).groupby(level=0, sort=False).first()
    at = first.reindex(keys).to_numpy(dtype=float)
    same = np.zeros(len(table), bool)
    there = np.flatnonzero(~np.isnan(at))
    same[there] = _same(rows.take(pa.array(there)), held.take(pa.array(at[there].astype(np.int64))))
    known = groups.isin(set(held_groups)).to_numpy(dtype=bool)
    contested = set(groups[~same & known])
    new, taken = np.flatnonzero(~same & ~known), list[Step]()
    longer_here = set[str]()
    if contested:
        roots = _roots(name, rows) if numbered else {}
        ours = _members(rows, keys, groups, contested, numbered)
        theirs = _members(held, held_keys, held_groups, contested, numbered)
        before = _before(home, name, source, contested, numbered)
        for group, coming_in in ours.items():
            chosen = lost.get(group, set()) & {h.content for h in theirs[group]}  # this delivery holds what is held: its choice stands
            if holds_more(coming_in, theirs[group]):
                longer_here.add(group)
            taken += steps(coming_in, theirs[group], set() if chosen else before.get(group, set()), roots.get(group) in longer)
    coming = pa.concat_tables([rows.take(pa.array(new)), _named(rows, held, [s for s in taken if s.put], numbered)])
    out = [(days[s.out.at], index[s.out.at]) for s in taken if s.out]
    refuse_cold(home, name, {*days_of(coming), *(day for day, _ in out)})
    corrected = [s.out.at for s in taken if s.kind == "corrected" and s.out]
    number = table[ROW].to_numpy()
    fresh, mended = (np.array([s.put.at for s in taken if s.kind == kind and s.put], np.int64) for kind in ("fresh", "corrected"))
    landed = Landed(number[np.concatenate([new, fresh])], number[mended])
    return _Planned(coming, out, _by_day(held, days, corrected), delivered, lost, landed, frozenset(longer_here))


def _by_day(rows: pa.Table, days: Sequence[date], some: Sequence[int]) -> dict[date, pa.Table]:
    """Some of the rows, by their days."""
    return {day: rows.take(pa.array([i for i in some if days[i] == day])) for day in sorted({days[i] for i in some})}


def _lost(name: str, delivered: pa.Table, chosen: pa.Table, numbered: bool) -> dict[str, set[str]]:
    """By group, what rows said whose key another row of the same delivery has taken."""
    if len(delivered) == len(chosen):
        return {}
    keys = keys_of(name, delivered)
    twice = set(keys[keys.duplicated(keep=False)])

    def said(table: pa.Table) -> dict[str, set[str]]:
        rows, of = table.select(SCHEMAS[name].names).cast(SCHEMAS[name]), keys_of(name, table)
        return {g: {m.content for m in members} for g, members in _members(rows, of, of, twice, numbered).items()}

    kept = said(chosen)
    return {group: rest for group, contents in said(delivered).items() if (rest := contents - kept[group])}


def _remember(home: Home, source: str, name: str, delivered: pa.Table, lost: Mapping[str, set[str]], numbered: bool) -> None:
    """Keeps rows that were lost with those that were corrected: one of them that comes again by itself corrects nothing."""
    if not lost:
        return
    rows, keys = delivered.select(SCHEMAS[name].names).cast(SCHEMAS[name]), keys_of(name, delivered)
    before = _before(home, name, source, set(lost), numbered)
    of = _members(rows, keys, keys, set(lost), numbered)
    first = {(g, m.content): m.at for g, members in of.items() for m in members if m.content in lost[g] - before.get(g, set())}
    _write_history(home, source, name, _by_day(rows, list(days_of(rows)), sorted(first.values())))


def _held(
    home: Home, source: str, name: str, groups: pd.Series, place: Whereabouts, numbered: bool
) -> tuple[pa.Table, list[date], list[int]]:
    """The rows of these groups that are there; of each the day, and the place in that day's file."""
    wanted, parts, days, index = set(groups), [SCHEMAS[name].empty_table()], list[date](), list[int]()
    files = readable(home, name, source)
    for day in place.days(groups):
        present = read_rows(files.get(day, file_of(home, name, day, source)), name)
        among = np.flatnonzero(_groups(name, present, numbered).isin(wanted).to_numpy(dtype=bool))
        parts.append(present.take(pa.array(among)))
        days += [day] * len(among)
        index += among.tolist()
    return pa.concat_tables(parts), days, index


def _contents(rows: pa.Table, numbered: bool) -> list[str]:
    """All that each row says but its names, as one text."""
    said = [c for c in rows.column_names if not (numbered and c in NAMES)]
    return [repr(values) for values in zip(*(rows[c].to_pylist() for c in said), strict=True)]


def _members(rows: pa.Table, keys: pd.Series, groups: pd.Series, wanted: set[str], numbered: bool) -> dict[str, list[Member]]:
    """Of each wanted group its rows, in their order."""
    found: dict[str, list[Member]] = {}
    among = np.flatnonzero(groups.isin(wanted).to_numpy(dtype=bool))
    for i, content in zip(among.tolist(), _contents(rows.take(pa.array(among)), numbered), strict=True):
        found.setdefault(groups.iloc[i], []).append(Member(i, keys.iloc[i], content))
    return found


def _before(home: Home, name: str, source: str, groups: set[str], numbered: bool) -> dict[str, set[str]]:
    """What stood in some groups before it was corrected."""
    found: dict[str, set[str]] = {}
    for path in sorted((home.root / "replaced" / name).glob("day=*")):
        held = read_rows(path / f"{source}.parquet", name)
        for group, members in _members(held, keys_of(name, held), _groups(name, held, numbered), groups, numbered).items():
            found.setdefault(group, set()).update(m.content for m in members)
    return found


def _named(rows: pa.Table, held: pa.Table, taken: Sequence[Step], numbered: bool) -> pa.Table:
    """The rows that go in, each under the names of the row whose place it takes."""
    coming = rows.take(pa.array([s.put.at for s in taken if s.put], pa.int64()))
    if numbered and any(s.named is not s.put for s in taken):
        for at, column in enumerate(coming.column_names):
            if column in NAMES:
                told = [(held if s.out is s.named else rows)[column][s.named.at].as_py() for s in taken if s.named]
                coming = coming.set_column(at, coming.schema.field(at), pa.array(told, coming.schema.field(at).type))
    return coming


def _write_history(home: Home, source: str, name: str, out: Mapping[date, pa.Table]) -> None:
    for day, rows in out.items():
        path = home.replaced(name, day) / f"{source}.parquet"
        write_rows(path, name, pa.concat_tables([read_rows(path, name), rows]))


def _write_days(
    home: Home, source: str, name: str, coming: pa.Table, out: Sequence[tuple[date, int]], place: Whereabouts, numbered: bool
) -> None:
    """Writes the days anew that something goes out of or into. Those that lose rows come first: a death in between leaves no row twice."""
    into, leaving = days_of(coming), {day for day, _ in out}
    for day in [*sorted(leaving), *sorted(set(into) - leaving)]:
        path = file_of(home, name, day, source)
        present = read_rows(path, name)
        stays = ~np.isin(np.arange(len(present)), [i for d, i in out if d == day])
        whole = pa.concat_tables([present.filter(pa.array(stays)), coming.filter(pa.array(into == day))])
        write_rows(path, name, whole)
        place.put(day, _groups(name, whole, numbered))


def _same(one: pa.Table, other: pa.Table) -> NDArray[np.bool_]:
    """Whether each row of one is the other's row at its place, in all columns of the table."""

    def column(name: str) -> NDArray[np.bool_]:
        a, b = one[name].cast(other.schema.field(name).type), other[name]
        neither = pc.and_(pc.is_null(a, nan_is_null=True), pc.is_null(b, nan_is_null=True))
        return np.asarray(pc.or_(pc.fill_null(pc.equal(a, b), False), neither).to_numpy(), bool)

    return reduce(np.logical_and, (column(name) for name in other.column_names), np.ones(len(one), bool))


def land_seen(home: Home, source: str, tables: Mapping[str, pa.Table]) -> dict[str, pa.Table]:
    """Keeps one row a key and source: the earliest. A log that begins earlier moves the row to its earlier day.

    Gives, per table, the rows whose key was new.
    """
    added = {}
    for name, table in tables.items():
        schema = SCHEMAS[name]
        held = {day: read_rows(file_of(home, name, day, source), name) for day in home.days(name)}
        rows = earliest(name, [table])
        known = pd.concat([keys_of(name, part) for part in held.values()]) if held else pd.Series(dtype=object)
        coming = rows.select(schema.names).cast(schema)
        whole = earliest(name, [*held.values(), coming])
        days = days_of(whole)
        for day in sorted({*days, *(d for d, part in held.items() if len(part))}):
            part = whole.filter(pa.array(days == day))
            before = held.get(day, schema.empty_table())
            order = [(KNOWN, "ascending"), *((k, "ascending") for k in KEYS[name])]
            if not part.sort_by(order).equals(before.sort_by(order)):
                write_rows(file_of(home, name, day, source), name, part)
        added[name] = rows.filter(pa.array(~keys_of(name, rows).isin(known).to_numpy(dtype=bool)))
    return added
